// The table of operations: one row each, read by the server for routing,
// limits and authorisation, and by the client for requests.

package socialmessaging

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
)

// An Operation is one operation of the service. [Operations] lists all that
// exist.
type Operation struct {
	Name       string           // As in the service model, in IAM actions, logs and on the command line.
	Method     string           // HTTP method.
	Path       string           // Exact path. No operation of this service has a path parameter.
	Exceptions []*ExceptionKind // The modelled exceptions that the operation declares.

	input, output *shape
	maxBody       int64
	resource      *member // Of the input: names the resource to authorise. Nil means "*".
}

// Action returns the IAM action that a caller needs: "social-messaging:" and the name.
func (o *Operation) Action() string { return SigningName + ":" + o.Name }

// MaxBody returns the largest request body of the operation, in bytes. It is
// derived from the input: every blob, in base64, and every string of more than
// 4,096 code points, each escaped as \uXXXX, at its largest, and 64 KiB for
// everything else. Lists and maps without a limit in the model share these 64 KiB.
func (o *Operation) MaxBody() int64 { return o.maxBody }

// Blobs returns the names of the members of the input that are blobs: bytes, which are
// in base64 on the wire. All blobs of the model contain JSON of Meta's.
func (o *Operation) Blobs() []string {
	var names []string
	for _, m := range o.input.members {
		if o.input.goType.FieldByIndex(m.index).Type == reflect.TypeFor[[]byte]() {
			names = append(names, m.name)
		}
	}
	return names
}

// A ResourceKind is a kind of resource that a policy can name.
type ResourceKind string

// The kinds of resources.
const (
	ResourceAny             ResourceKind = "*"               // The operation is not about one resource.
	ResourcePhoneNumber     ResourceKind = "phone-number-id" // An id "phone-number-id-…" or its ARN.
	ResourceBusinessAccount ResourceKind = "waba"            // An id "waba-…" or its ARN.
	ResourceARN             ResourceKind = "arn"             // An ARN of either of them.
)

// resourceTypes are the model types of the members that name a resource.
var resourceTypes = map[string]ResourceKind{
	"Arn":                             ResourceARN,
	"LinkedWhatsAppBusinessAccountId": ResourceBusinessAccount,
	"WhatsAppPhoneNumberId":           ResourcePhoneNumber,
}

// Resource returns what a policy must allow the operation on: the value of the
// input's member that names a resource, and its kind. The member is found by
// its model type; an operation has at most one. For
// [AssociateWhatsAppBusinessAccount] and [ListLinkedWhatsAppBusinessAccounts],
// which have none, it returns "*" and ResourceAny. The tag operations name a
// resource of any kind by ARN. The input is a pointer to the operation's input
// struct that has passed Validate.
func (o *Operation) Resource(input any) (value string, kind ResourceKind) {
	if o.resource == nil {
		return "*", ResourceAny
	}
	kind = resourceTypes[o.resource.constraint.Name]
	if text, _ := reflect.ValueOf(input).Elem().FieldByIndex(o.resource.index).Interface().(*string); text != nil {
		value = *text
	}
	return value, kind
}

// value returns the struct behind input, a pointer to s's Go type.
func (o *Operation) value(s *shape, input any) (reflect.Value, error) {
	pointer := reflect.ValueOf(input)
	if !pointer.IsValid() || pointer.Type() != reflect.PointerTo(s.goType) || pointer.IsNil() {
		return reflect.Value{}, fmt.Errorf("socialmessaging: %s: expected a *%s, not %T", o.Name, s.goType.Name(), input)
	}
	return pointer.Elem(), nil
}

// An API binds an operation to its Go shapes, so that the compiler checks that
// a server method or a client call has the right ones.
type API[In, Out any] struct{ *Operation }

// define makes a row. The operation's name is that of its input without "Input".
func define[In, Out any](method, path string, exceptions []*ExceptionKind) API[In, Out] {
	input := shapeOf(reflect.TypeFor[In]())
	o := &Operation{
		Name:   strings.TrimSuffix(input.goType.Name(), "Input"),
		Method: method, Path: path, Exceptions: exceptions,
		input: input, output: shapeOf(reflect.TypeFor[Out]()), maxBody: maxBodyOf(input),
	}
	for i, m := range input.members {
		if m.constraint == nil || resourceTypes[m.constraint.Name] == "" {
			continue
		}
		if o.resource != nil {
			panic("socialmessaging: " + o.Name + " has two members that name a resource")
		}
		o.resource = &input.members[i]
	}
	return API[In, Out]{o}
}

// The operations, typed with their inputs and outputs. [Operations] lists them.
var (
	AssociateWhatsAppBusinessAccount               = define[AssociateWhatsAppBusinessAccountInput, AssociateWhatsAppBusinessAccountOutput](http.MethodPost, "/v1/whatsapp/signup", signupExceptions)
	CreateWhatsAppDataset                          = define[CreateWhatsAppDatasetInput, CreateWhatsAppDatasetOutput](http.MethodPost, "/v1/whatsapp/waba/dataset", metaExceptions)
	CreateWhatsAppFlow                             = define[CreateWhatsAppFlowInput, CreateWhatsAppFlowOutput](http.MethodPost, "/v1/whatsapp/flow/create", metaExceptions)
	CreateWhatsAppMessageTemplate                  = define[CreateWhatsAppMessageTemplateInput, CreateWhatsAppMessageTemplateOutput](http.MethodPost, "/v1/whatsapp/template/put", metaExceptions)
	CreateWhatsAppMessageTemplateFromLibrary       = define[CreateWhatsAppMessageTemplateFromLibraryInput, CreateWhatsAppMessageTemplateFromLibraryOutput](http.MethodPost, "/v1/whatsapp/template/create", metaExceptions)
	CreateWhatsAppMessageTemplateMedia             = define[CreateWhatsAppMessageTemplateMediaInput, CreateWhatsAppMessageTemplateMediaOutput](http.MethodPost, "/v1/whatsapp/template/media", metaExceptions)
	DeleteWhatsAppFlow                             = define[DeleteWhatsAppFlowInput, DeleteWhatsAppFlowOutput](http.MethodDelete, "/v1/whatsapp/flow", metaExceptions)
	DeleteWhatsAppMessageMedia                     = define[DeleteWhatsAppMessageMediaInput, DeleteWhatsAppMessageMediaOutput](http.MethodDelete, "/v1/whatsapp/media", metaExceptions)
	DeleteWhatsAppMessageTemplate                  = define[DeleteWhatsAppMessageTemplateInput, DeleteWhatsAppMessageTemplateOutput](http.MethodDelete, "/v1/whatsapp/template", metaExceptions)
	DeprecateWhatsAppFlow                          = define[DeprecateWhatsAppFlowInput, DeprecateWhatsAppFlowOutput](http.MethodPost, "/v1/whatsapp/flow/deprecate", metaExceptions)
	DisassociateWhatsAppBusinessAccount            = define[DisassociateWhatsAppBusinessAccountInput, DisassociateWhatsAppBusinessAccountOutput](http.MethodDelete, "/v1/whatsapp/waba/disassociate", unlinkExceptions)
	GetLinkedWhatsAppBusinessAccount               = define[GetLinkedWhatsAppBusinessAccountInput, GetLinkedWhatsAppBusinessAccountOutput](http.MethodGet, "/v1/whatsapp/waba/details", readExceptions)
	GetLinkedWhatsAppBusinessAccountPhoneNumber    = define[GetLinkedWhatsAppBusinessAccountPhoneNumberInput, GetLinkedWhatsAppBusinessAccountPhoneNumberOutput](http.MethodGet, "/v1/whatsapp/waba/phone/details", readExceptions)
	GetWhatsAppBusinessPublicKey                   = define[GetWhatsAppBusinessPublicKeyInput, GetWhatsAppBusinessPublicKeyOutput](http.MethodGet, "/v1/whatsapp/business-public-key", metaExceptions)
	GetWhatsAppCallPermission                      = define[GetWhatsAppCallPermissionInput, GetWhatsAppCallPermissionOutput](http.MethodPost, "/v1/whatsapp/call/permission/get", metaExceptions)
	GetWhatsAppFlow                                = define[GetWhatsAppFlowInput, GetWhatsAppFlowOutput](http.MethodGet, "/v1/whatsapp/flow", metaExceptions)
	GetWhatsAppFlowPreview                         = define[GetWhatsAppFlowPreviewInput, GetWhatsAppFlowPreviewOutput](http.MethodGet, "/v1/whatsapp/flow/preview", metaExceptions)
	GetWhatsAppMessageMedia                        = define[GetWhatsAppMessageMediaInput, GetWhatsAppMessageMediaOutput](http.MethodPost, "/v1/whatsapp/media/get", metaExceptions)
	GetWhatsAppMessageTemplate                     = define[GetWhatsAppMessageTemplateInput, GetWhatsAppMessageTemplateOutput](http.MethodGet, "/v1/whatsapp/template", metaExceptions)
	ListLinkedWhatsAppBusinessAccounts             = define[ListLinkedWhatsAppBusinessAccountsInput, ListLinkedWhatsAppBusinessAccountsOutput](http.MethodGet, "/v1/whatsapp/waba/list", listExceptions)
	ListTagsForResource                            = define[ListTagsForResourceInput, ListTagsForResourceOutput](http.MethodGet, "/v1/tags/list", baseExceptions)
	ListWhatsAppFlowAssets                         = define[ListWhatsAppFlowAssetsInput, ListWhatsAppFlowAssetsOutput](http.MethodGet, "/v1/whatsapp/flow/assets", metaExceptions)
	ListWhatsAppFlows                              = define[ListWhatsAppFlowsInput, ListWhatsAppFlowsOutput](http.MethodGet, "/v1/whatsapp/flow/list", metaExceptions)
	ListWhatsAppMessageTemplates                   = define[ListWhatsAppMessageTemplatesInput, ListWhatsAppMessageTemplatesOutput](http.MethodGet, "/v1/whatsapp/template/list", metaExceptions)
	ListWhatsAppTemplateLibrary                    = define[ListWhatsAppTemplateLibraryInput, ListWhatsAppTemplateLibraryOutput](http.MethodPost, "/v1/whatsapp/template/library", metaExceptions)
	PostWhatsAppMessageMedia                       = define[PostWhatsAppMessageMediaInput, PostWhatsAppMessageMediaOutput](http.MethodPost, "/v1/whatsapp/media", metaExceptions)
	PublishWhatsAppFlow                            = define[PublishWhatsAppFlowInput, PublishWhatsAppFlowOutput](http.MethodPost, "/v1/whatsapp/flow/publish", metaExceptions)
	PutWhatsAppBusinessAccountEventDestinations    = define[PutWhatsAppBusinessAccountEventDestinationsInput, PutWhatsAppBusinessAccountEventDestinationsOutput](http.MethodPut, "/v1/whatsapp/waba/eventdestinations", baseExceptions)
	PutWhatsAppBusinessPublicKey                   = define[PutWhatsAppBusinessPublicKeyInput, PutWhatsAppBusinessPublicKeyOutput](http.MethodPut, "/v1/whatsapp/business-public-key", metaExceptions)
	SendWhatsAppCallEvent                          = define[SendWhatsAppCallEventInput, SendWhatsAppCallEventOutput](http.MethodPost, "/v1/whatsapp/call/event", callExceptions)
	SendWhatsAppConversionEvent                    = define[SendWhatsAppConversionEventInput, SendWhatsAppConversionEventOutput](http.MethodPost, "/v1/whatsapp/waba/dataset/events", metaExceptions)
	SendWhatsAppMessage                            = define[SendWhatsAppMessageInput, SendWhatsAppMessageOutput](http.MethodPost, "/v1/whatsapp/send", readExceptions)
	TagResource                                    = define[TagResourceInput, TagResourceOutput](http.MethodPost, "/v1/tags/tag-resource", baseExceptions)
	UntagResource                                  = define[UntagResourceInput, UntagResourceOutput](http.MethodPost, "/v1/tags/untag-resource", baseExceptions)
	UpdateLinkedWhatsAppBusinessAccountPhoneNumber = define[UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput, UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput](http.MethodPut, "/v1/whatsapp/waba/phone", metaExceptions)
	UpdateWhatsAppFlow                             = define[UpdateWhatsAppFlowInput, UpdateWhatsAppFlowOutput](http.MethodPost, "/v1/whatsapp/flow/update", metaExceptions)
	UpdateWhatsAppFlowAssets                       = define[UpdateWhatsAppFlowAssetsInput, UpdateWhatsAppFlowAssetsOutput](http.MethodPost, "/v1/whatsapp/flow/assets/update", metaExceptions)
	UpdateWhatsAppMessageTemplate                  = define[UpdateWhatsAppMessageTemplateInput, UpdateWhatsAppMessageTemplateOutput](http.MethodPost, "/v1/whatsapp/template", metaExceptions)
)

// Operations is the table: every operation of the model, in alphabetical order.
var Operations = []*Operation{
	AssociateWhatsAppBusinessAccount.Operation,
	CreateWhatsAppDataset.Operation,
	CreateWhatsAppFlow.Operation,
	CreateWhatsAppMessageTemplate.Operation,
	CreateWhatsAppMessageTemplateFromLibrary.Operation,
	CreateWhatsAppMessageTemplateMedia.Operation,
	DeleteWhatsAppFlow.Operation,
	DeleteWhatsAppMessageMedia.Operation,
	DeleteWhatsAppMessageTemplate.Operation,
	DeprecateWhatsAppFlow.Operation,
	DisassociateWhatsAppBusinessAccount.Operation,
	GetLinkedWhatsAppBusinessAccount.Operation,
	GetLinkedWhatsAppBusinessAccountPhoneNumber.Operation,
	GetWhatsAppBusinessPublicKey.Operation,
	GetWhatsAppCallPermission.Operation,
	GetWhatsAppFlow.Operation,
	GetWhatsAppFlowPreview.Operation,
	GetWhatsAppMessageMedia.Operation,
	GetWhatsAppMessageTemplate.Operation,
	ListLinkedWhatsAppBusinessAccounts.Operation,
	ListTagsForResource.Operation,
	ListWhatsAppFlowAssets.Operation,
	ListWhatsAppFlows.Operation,
	ListWhatsAppMessageTemplates.Operation,
	ListWhatsAppTemplateLibrary.Operation,
	PostWhatsAppMessageMedia.Operation,
	PublishWhatsAppFlow.Operation,
	PutWhatsAppBusinessAccountEventDestinations.Operation,
	PutWhatsAppBusinessPublicKey.Operation,
	SendWhatsAppCallEvent.Operation,
	SendWhatsAppConversionEvent.Operation,
	SendWhatsAppMessage.Operation,
	TagResource.Operation,
	UntagResource.Operation,
	UpdateLinkedWhatsAppBusinessAccountPhoneNumber.Operation,
	UpdateWhatsAppFlow.Operation,
	UpdateWhatsAppFlowAssets.Operation,
	UpdateWhatsAppMessageTemplate.Operation,
}

// OperationByName returns the operation of a name.
func OperationByName(name string) (*Operation, bool) {
	for _, operation := range Operations {
		if operation.Name == name {
			return operation, true
		}
	}
	return nil, false
}
