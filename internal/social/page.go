// Pages of lists, and the tokens that continue them.

package social

import (
	"encoding/base64"
	"fmt"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/socialmessaging"
)

// defaultPage is the size of a page when the caller does not set one: the largest allowed.
const defaultPage = 100

// maxPageToken bounds a page token in bytes, as the model does.
const maxPageToken = 600

// sealPageToken returns a token for a position in a list. It is bound to the operation,
// to the caller's account, and to the resource and the query that the list is of: it can
// be neither made nor used for anything else.
func (c *call) sealPageToken(position string, query ...string) (string, error) {
	sealed, err := c.config.Sealer.Seal(secret.New(position), c.pagePlace(query)...)
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// openPageToken returns the position that a token stands for.
func (c *call) openPageToken(token string, query ...string) (string, error) {
	sealed, err := base64.RawURLEncoding.DecodeString(token)
	if err == nil {
		var position secret.Secret
		if position, err = c.config.Sealer.Open(sealed, c.pagePlace(query)...); err == nil {
			return position.Reveal(), nil
		}
	}
	return "", fail(socialmessaging.KindInvalidParameters, err,
		"nextToken is not one that this operation returned to this account for this list. Omit it to start from the first page.")
}

func (c *call) pagePlace(query []string) []string {
	return append([]string{"nextToken of " + c.operation, c.caller.accountID}, query...)
}

// metaPage returns a page of a list of Meta's, and the token of the next one. read
// reads a page of Meta's, which may have more entries than it should: the rest of them
// is then on the next pages. query is what the list is of.
func metaPage[T any](c *call, maxResults *int32, token *string, query []string, read func(graph.Page) (graph.List[T], error)) ([]T, *string, error) {
	page, skip := graph.Page{Limit: defaultPage}, 0
	if maxResults != nil {
		page.Limit = int(*maxResults)
	}
	if token != nil {
		position, err := c.openPageToken(*token, query...)
		if err != nil {
			return nil, nil, err
		}
		if _, err := fmt.Sscanf(position, "%d %q", &skip, &page.After); err != nil {
			return nil, nil, err
		}
	}
	list, err := read(page)
	if err != nil {
		return nil, nil, err
	}
	entries := list.Entries[min(skip, len(list.Entries)):]
	next := graph.Page{After: list.After}
	if len(entries) > page.Limit {
		entries, skip, next.After = entries[:page.Limit], skip+page.Limit, page.After
	} else {
		skip = 0
	}
	if skip == 0 && next.After == "" {
		return entries, nil, nil
	}
	sealed, err := c.sealPageToken(fmt.Sprintf("%d %q", skip, next.After), query...)
	if err == nil && len(sealed) > maxPageToken {
		err = fail(socialmessaging.KindDependency, nil, "WhatsApp (Meta) returned a cursor of %d bytes, which does not fit into a nextToken.", len(next.After))
	}
	return entries, &sealed, err
}
