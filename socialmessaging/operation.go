// The table of operations: one row each, read by the server for routing, by
// the client for requests, by the policy check for action names.

package socialmessaging

import (
	"net/http"
	"reflect"
)

// An Operation is one row of the service's table.
type Operation struct {
	Name       string           // as in the service model; IAM action, log field and command line too
	Method     string           // HTTP method
	Path       string           // exact path; no operation of this service has a path parameter
	Exceptions []*ExceptionKind // the modelled exceptions that the operation declares

	input, output *shape // nil while the operation is not built
}

// Action is the IAM action that a caller needs: "social-messaging:" and the name.
func (o *Operation) Action() string { return SigningName + ":" + o.Name }

// Built reports whether ferry implements the operation. One that is not built
// is answered with status 501.
func (o *Operation) Built() bool { return o.input != nil }

// An API binds an operation to its Go shapes, so that the compiler checks that
// a server method or a client call has the right ones.
type API[In, Out any] struct{ *Operation }

// define makes the row of an operation that is built.
func define[In, Out any](name, method, path string, exceptions []*ExceptionKind) API[In, Out] {
	return API[In, Out]{&Operation{
		Name: name, Method: method, Path: path, Exceptions: exceptions,
		input: shapeOf(reflect.TypeFor[In]()), output: shapeOf(reflect.TypeFor[Out]()),
	}}
}

// planned makes the row of an operation whose shapes are not there yet.
func planned(name, method, path string) *Operation {
	return &Operation{Name: name, Method: method, Path: path}
}

// The operations that are built.
var (
	CreateWhatsAppMessageTemplateMedia = define[CreateWhatsAppMessageTemplateMediaInput, CreateWhatsAppMessageTemplateMediaOutput](
		"CreateWhatsAppMessageTemplateMedia", http.MethodPost, "/v1/whatsapp/template/media", metaExceptions)
	DeleteWhatsAppMessageMedia = define[DeleteWhatsAppMessageMediaInput, DeleteWhatsAppMessageMediaOutput](
		"DeleteWhatsAppMessageMedia", http.MethodDelete, "/v1/whatsapp/media", metaExceptions)
	GetWhatsAppMessageMedia = define[GetWhatsAppMessageMediaInput, GetWhatsAppMessageMediaOutput](
		"GetWhatsAppMessageMedia", http.MethodPost, "/v1/whatsapp/media/get", metaExceptions)
	GetLinkedWhatsAppBusinessAccount = define[GetLinkedWhatsAppBusinessAccountInput, GetLinkedWhatsAppBusinessAccountOutput](
		"GetLinkedWhatsAppBusinessAccount", http.MethodGet, "/v1/whatsapp/waba/details", readExceptions)
	GetLinkedWhatsAppBusinessAccountPhoneNumber = define[GetLinkedWhatsAppBusinessAccountPhoneNumberInput, GetLinkedWhatsAppBusinessAccountPhoneNumberOutput](
		"GetLinkedWhatsAppBusinessAccountPhoneNumber", http.MethodGet, "/v1/whatsapp/waba/phone/details", readExceptions)
	ListLinkedWhatsAppBusinessAccounts = define[ListLinkedWhatsAppBusinessAccountsInput, ListLinkedWhatsAppBusinessAccountsOutput](
		"ListLinkedWhatsAppBusinessAccounts", http.MethodGet, "/v1/whatsapp/waba/list", listExceptions)
	PostWhatsAppMessageMedia = define[PostWhatsAppMessageMediaInput, PostWhatsAppMessageMediaOutput](
		"PostWhatsAppMessageMedia", http.MethodPost, "/v1/whatsapp/media", metaExceptions)
)

// Operations is the table: every operation of the model, in its order.
var Operations = []*Operation{
	planned("AssociateWhatsAppBusinessAccount", http.MethodPost, "/v1/whatsapp/signup"),
	planned("CreateWhatsAppDataset", http.MethodPost, "/v1/whatsapp/waba/dataset"),
	planned("CreateWhatsAppFlow", http.MethodPost, "/v1/whatsapp/flow/create"),
	planned("CreateWhatsAppMessageTemplate", http.MethodPost, "/v1/whatsapp/template/put"),
	planned("CreateWhatsAppMessageTemplateFromLibrary", http.MethodPost, "/v1/whatsapp/template/create"),
	CreateWhatsAppMessageTemplateMedia.Operation,
	planned("DeleteWhatsAppFlow", http.MethodDelete, "/v1/whatsapp/flow"),
	DeleteWhatsAppMessageMedia.Operation,
	planned("DeleteWhatsAppMessageTemplate", http.MethodDelete, "/v1/whatsapp/template"),
	planned("DeprecateWhatsAppFlow", http.MethodPost, "/v1/whatsapp/flow/deprecate"),
	planned("DisassociateWhatsAppBusinessAccount", http.MethodDelete, "/v1/whatsapp/waba/disassociate"),
	GetLinkedWhatsAppBusinessAccount.Operation,
	GetLinkedWhatsAppBusinessAccountPhoneNumber.Operation,
	planned("GetWhatsAppFlow", http.MethodGet, "/v1/whatsapp/flow"),
	planned("GetWhatsAppFlowPreview", http.MethodGet, "/v1/whatsapp/flow/preview"),
	GetWhatsAppMessageMedia.Operation,
	planned("GetWhatsAppMessageTemplate", http.MethodGet, "/v1/whatsapp/template"),
	ListLinkedWhatsAppBusinessAccounts.Operation,
	planned("ListTagsForResource", http.MethodGet, "/v1/tags/list"),
	planned("ListWhatsAppFlowAssets", http.MethodGet, "/v1/whatsapp/flow/assets"),
	planned("ListWhatsAppFlows", http.MethodGet, "/v1/whatsapp/flow/list"),
	planned("ListWhatsAppMessageTemplates", http.MethodGet, "/v1/whatsapp/template/list"),
	planned("ListWhatsAppTemplateLibrary", http.MethodPost, "/v1/whatsapp/template/library"),
	PostWhatsAppMessageMedia.Operation,
	planned("PublishWhatsAppFlow", http.MethodPost, "/v1/whatsapp/flow/publish"),
	planned("PutWhatsAppBusinessAccountEventDestinations", http.MethodPut, "/v1/whatsapp/waba/eventdestinations"),
	planned("SendWhatsAppConversionEvent", http.MethodPost, "/v1/whatsapp/waba/dataset/events"),
	planned("SendWhatsAppMessage", http.MethodPost, "/v1/whatsapp/send"),
	planned("TagResource", http.MethodPost, "/v1/tags/tag-resource"),
	planned("UntagResource", http.MethodPost, "/v1/tags/untag-resource"),
	planned("UpdateWhatsAppFlow", http.MethodPost, "/v1/whatsapp/flow/update"),
	planned("UpdateWhatsAppFlowAssets", http.MethodPost, "/v1/whatsapp/flow/assets/update"),
	planned("UpdateWhatsAppMessageTemplate", http.MethodPost, "/v1/whatsapp/template"),
}

// OperationByName finds a row of the table.
func OperationByName(name string) (*Operation, bool) {
	for _, operation := range Operations {
		if operation.Name == name {
			return operation, true
		}
	}
	return nil, false
}
