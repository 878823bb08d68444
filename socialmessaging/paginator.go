// The paginators of the list operations.

package socialmessaging

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// PaginatorOptions configure a Paginator.
type PaginatorOptions struct {
	// Entries per page. 0 means the service's default.
	Limit int32
	// True stops at a page whose NextToken is that of the page before.
	StopOnDuplicateToken bool
}

// A Paginator returns the pages of a list operation one after another.
type Paginator[In, Out any] struct {
	options PaginatorOptions
	list    func(context.Context, *In, ...func(*Options)) (*Out, error)
	params  In
	in      func(*In) (token **string, limit **int32)
	out     func(*Out) (token *string)
	token   *string
	started bool
}

// newPaginator returns a Paginator. in and out return the members of the shapes
// that hold the page's token and its size.
func newPaginator[In, Out any](
	list func(context.Context, *In, ...func(*Options)) (*Out, error), params *In, optFns []func(*PaginatorOptions),
	in func(*In) (token **string, limit **int32), out func(*Out) *string,
) *Paginator[In, Out] {
	p := &Paginator[In, Out]{list: list, in: in, out: out}
	if params != nil {
		p.params = *params
	}
	token, limit := in(&p.params)
	p.token, p.options.Limit = *token, aws.ToInt32(*limit)
	for _, f := range optFns {
		f(&p.options)
	}
	return p
}

// HasMorePages reports whether NextPage has another page to return.
func (p *Paginator[In, Out]) HasMorePages() bool { return !p.started || aws.ToString(p.token) != "" }

// NextPage returns the next page.
func (p *Paginator[In, Out]) NextPage(ctx context.Context, optFns ...func(*Options)) (*Out, error) {
	if !p.HasMorePages() {
		return nil, errors.New("no more pages available")
	}
	params := p.params
	token, limit := p.in(&params)
	*token, *limit = p.token, nil
	if p.options.Limit > 0 {
		*limit = &p.options.Limit
	}
	page, err := p.list(ctx, &params, optFns...)
	if err != nil {
		return nil, err
	}
	next := p.out(page)
	if p.options.StopOnDuplicateToken && p.token != nil && aws.ToString(next) == *p.token {
		next = nil
	}
	p.started, p.token = true, next
	return page, nil
}

// ListLinkedWhatsAppBusinessAccountsAPIClient is a client that has the operation ListLinkedWhatsAppBusinessAccounts.
type ListLinkedWhatsAppBusinessAccountsAPIClient interface {
	ListLinkedWhatsAppBusinessAccounts(context.Context, *ListLinkedWhatsAppBusinessAccountsInput, ...func(*Options)) (*ListLinkedWhatsAppBusinessAccountsOutput, error)
}

// ListLinkedWhatsAppBusinessAccountsPaginator returns the pages of ListLinkedWhatsAppBusinessAccounts.
type ListLinkedWhatsAppBusinessAccountsPaginator = Paginator[ListLinkedWhatsAppBusinessAccountsInput, ListLinkedWhatsAppBusinessAccountsOutput]

// ListLinkedWhatsAppBusinessAccountsPaginatorOptions configure a ListLinkedWhatsAppBusinessAccountsPaginator.
type ListLinkedWhatsAppBusinessAccountsPaginatorOptions = PaginatorOptions

// NewListLinkedWhatsAppBusinessAccountsPaginator returns a paginator of ListLinkedWhatsAppBusinessAccounts.
func NewListLinkedWhatsAppBusinessAccountsPaginator(client ListLinkedWhatsAppBusinessAccountsAPIClient, params *ListLinkedWhatsAppBusinessAccountsInput, optFns ...func(*ListLinkedWhatsAppBusinessAccountsPaginatorOptions)) *ListLinkedWhatsAppBusinessAccountsPaginator {
	return newPaginator(client.ListLinkedWhatsAppBusinessAccounts, params, optFns,
		func(in *ListLinkedWhatsAppBusinessAccountsInput) (**string, **int32) {
			return &in.NextToken, &in.MaxResults
		},
		func(out *ListLinkedWhatsAppBusinessAccountsOutput) *string { return out.NextToken })
}

// ListWhatsAppFlowAssetsAPIClient is a client that has the operation ListWhatsAppFlowAssets.
type ListWhatsAppFlowAssetsAPIClient interface {
	ListWhatsAppFlowAssets(context.Context, *ListWhatsAppFlowAssetsInput, ...func(*Options)) (*ListWhatsAppFlowAssetsOutput, error)
}

// ListWhatsAppFlowAssetsPaginator returns the pages of ListWhatsAppFlowAssets.
type ListWhatsAppFlowAssetsPaginator = Paginator[ListWhatsAppFlowAssetsInput, ListWhatsAppFlowAssetsOutput]

// ListWhatsAppFlowAssetsPaginatorOptions configure a ListWhatsAppFlowAssetsPaginator.
type ListWhatsAppFlowAssetsPaginatorOptions = PaginatorOptions

// NewListWhatsAppFlowAssetsPaginator returns a paginator of ListWhatsAppFlowAssets.
func NewListWhatsAppFlowAssetsPaginator(client ListWhatsAppFlowAssetsAPIClient, params *ListWhatsAppFlowAssetsInput, optFns ...func(*ListWhatsAppFlowAssetsPaginatorOptions)) *ListWhatsAppFlowAssetsPaginator {
	return newPaginator(client.ListWhatsAppFlowAssets, params, optFns,
		func(in *ListWhatsAppFlowAssetsInput) (**string, **int32) { return &in.NextToken, &in.MaxResults },
		func(out *ListWhatsAppFlowAssetsOutput) *string { return out.NextToken })
}

// ListWhatsAppFlowsAPIClient is a client that has the operation ListWhatsAppFlows.
type ListWhatsAppFlowsAPIClient interface {
	ListWhatsAppFlows(context.Context, *ListWhatsAppFlowsInput, ...func(*Options)) (*ListWhatsAppFlowsOutput, error)
}

// ListWhatsAppFlowsPaginator returns the pages of ListWhatsAppFlows.
type ListWhatsAppFlowsPaginator = Paginator[ListWhatsAppFlowsInput, ListWhatsAppFlowsOutput]

// ListWhatsAppFlowsPaginatorOptions configure a ListWhatsAppFlowsPaginator.
type ListWhatsAppFlowsPaginatorOptions = PaginatorOptions

// NewListWhatsAppFlowsPaginator returns a paginator of ListWhatsAppFlows.
func NewListWhatsAppFlowsPaginator(client ListWhatsAppFlowsAPIClient, params *ListWhatsAppFlowsInput, optFns ...func(*ListWhatsAppFlowsPaginatorOptions)) *ListWhatsAppFlowsPaginator {
	return newPaginator(client.ListWhatsAppFlows, params, optFns,
		func(in *ListWhatsAppFlowsInput) (**string, **int32) { return &in.NextToken, &in.MaxResults },
		func(out *ListWhatsAppFlowsOutput) *string { return out.NextToken })
}

// ListWhatsAppMessageTemplatesAPIClient is a client that has the operation ListWhatsAppMessageTemplates.
type ListWhatsAppMessageTemplatesAPIClient interface {
	ListWhatsAppMessageTemplates(context.Context, *ListWhatsAppMessageTemplatesInput, ...func(*Options)) (*ListWhatsAppMessageTemplatesOutput, error)
}

// ListWhatsAppMessageTemplatesPaginator returns the pages of ListWhatsAppMessageTemplates.
type ListWhatsAppMessageTemplatesPaginator = Paginator[ListWhatsAppMessageTemplatesInput, ListWhatsAppMessageTemplatesOutput]

// ListWhatsAppMessageTemplatesPaginatorOptions configure a ListWhatsAppMessageTemplatesPaginator.
type ListWhatsAppMessageTemplatesPaginatorOptions = PaginatorOptions

// NewListWhatsAppMessageTemplatesPaginator returns a paginator of ListWhatsAppMessageTemplates.
func NewListWhatsAppMessageTemplatesPaginator(client ListWhatsAppMessageTemplatesAPIClient, params *ListWhatsAppMessageTemplatesInput, optFns ...func(*ListWhatsAppMessageTemplatesPaginatorOptions)) *ListWhatsAppMessageTemplatesPaginator {
	return newPaginator(client.ListWhatsAppMessageTemplates, params, optFns,
		func(in *ListWhatsAppMessageTemplatesInput) (**string, **int32) { return &in.NextToken, &in.MaxResults },
		func(out *ListWhatsAppMessageTemplatesOutput) *string { return out.NextToken })
}

// ListWhatsAppTemplateLibraryAPIClient is a client that has the operation ListWhatsAppTemplateLibrary.
type ListWhatsAppTemplateLibraryAPIClient interface {
	ListWhatsAppTemplateLibrary(context.Context, *ListWhatsAppTemplateLibraryInput, ...func(*Options)) (*ListWhatsAppTemplateLibraryOutput, error)
}

// ListWhatsAppTemplateLibraryPaginator returns the pages of ListWhatsAppTemplateLibrary.
type ListWhatsAppTemplateLibraryPaginator = Paginator[ListWhatsAppTemplateLibraryInput, ListWhatsAppTemplateLibraryOutput]

// ListWhatsAppTemplateLibraryPaginatorOptions configure a ListWhatsAppTemplateLibraryPaginator.
type ListWhatsAppTemplateLibraryPaginatorOptions = PaginatorOptions

// NewListWhatsAppTemplateLibraryPaginator returns a paginator of ListWhatsAppTemplateLibrary.
func NewListWhatsAppTemplateLibraryPaginator(client ListWhatsAppTemplateLibraryAPIClient, params *ListWhatsAppTemplateLibraryInput, optFns ...func(*ListWhatsAppTemplateLibraryPaginatorOptions)) *ListWhatsAppTemplateLibraryPaginator {
	return newPaginator(client.ListWhatsAppTemplateLibrary, params, optFns,
		func(in *ListWhatsAppTemplateLibraryInput) (**string, **int32) { return &in.NextToken, &in.MaxResults },
		func(out *ListWhatsAppTemplateLibraryOutput) *string { return out.NextToken })
}
