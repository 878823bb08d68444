package metasim

import (
	"slices"
	"strings"
	"time"
)

// An Operation names something that the simulated API can do. Faults select
// requests by it, and the history records it.
type Operation string

// The operations. A request that is none of them has the empty one.
const (
	OperationUpload   Operation = "upload"
	OperationRetrieve Operation = "retrieve"
	OperationDelete   Operation = "delete"
	OperationDownload Operation = "download"

	OperationSendMessage Operation = "send_message"

	OperationUploadSession Operation = "upload_session"
	OperationUploadBytes   Operation = "upload_bytes"
	OperationUploadStatus  Operation = "upload_status"

	OperationAccount         Operation = "account"
	OperationPhoneNumbers    Operation = "phone_numbers"
	OperationSubscribedApps  Operation = "subscribed_apps"
	OperationSubscribeApp    Operation = "subscribe_app"
	OperationUnsubscribeApp  Operation = "unsubscribe_app"
	OperationPhoneNumber     Operation = "phone_number"
	OperationUpdateNumber    Operation = "update_phone_number"
	OperationBusinessProfile Operation = "business_profile"
	OperationRoot            Operation = "root"

	OperationCreateFlow          Operation = "create_flow"
	OperationFlows               Operation = "flows"
	OperationMigrateFlows        Operation = "migrate_flows"
	OperationFlow                Operation = "flow"
	OperationUpdateFlow          Operation = "update_flow"
	OperationDeleteFlow          Operation = "delete_flow"
	OperationFlowAssets          Operation = "flow_assets"
	OperationUpdateFlowAssets    Operation = "update_flow_assets"
	OperationPublishFlow         Operation = "publish_flow"
	OperationDeprecateFlow       Operation = "deprecate_flow"
	OperationDownloadFlow        Operation = "download_flow"
	OperationEncryptionKey       Operation = "encryption_key"
	OperationUpdateEncryptionKey Operation = "update_encryption_key"
	OperationCreateTemplate      Operation = "create_template"
	OperationTemplates           Operation = "templates"
	OperationDeleteTemplates     Operation = "delete_templates"
	OperationTemplate            Operation = "template"
	OperationEditTemplate        Operation = "edit_template"
	OperationUnpauseTemplate     Operation = "unpause_template"
	OperationUpsertTemplates     Operation = "upsert_templates"
	OperationPreviewTemplates    Operation = "preview_templates"
	OperationTemplateLibrary     Operation = "template_library"

	OperationCreateDataset Operation = "create_dataset"
	OperationDataset       Operation = "dataset"
	OperationSendEvents    Operation = "send_events"

	OperationSettings        Operation = "settings"
	OperationUpdateSettings  Operation = "update_settings"
	OperationCalls           Operation = "calls"
	OperationCallPermissions Operation = "call_permissions"

	OperationCreateNumber  Operation = "create_phone_number"
	OperationRequestCode   Operation = "request_code"
	OperationVerifyCode    Operation = "verify_code"
	OperationRegister      Operation = "register"
	OperationDeregister    Operation = "deregister"
	OperationUpdateProfile Operation = "update_business_profile"

	OperationDebugToken     Operation = "debug_token"
	OperationOwnedAccounts  Operation = "owned_accounts"
	OperationClientAccounts Operation = "client_accounts"

	OperationCreateQRCode        Operation = "create_qr_code"
	OperationQRCodes             Operation = "qr_codes"
	OperationUpdateQRCode        Operation = "update_qr_code"
	OperationQRCode              Operation = "qr_code"
	OperationDeleteQRCode        Operation = "delete_qr_code"
	OperationBlock               Operation = "block_users"
	OperationUnblock             Operation = "unblock_users"
	OperationBlocked             Operation = "blocked_users"
	OperationAutomation          Operation = "conversational_automation"
	OperationUpdateAutomation    Operation = "update_conversational_automation"
	OperationCommerce            Operation = "commerce_settings"
	OperationUpdateCommerce      Operation = "update_commerce_settings"
	OperationUsername            Operation = "username"
	OperationUpdateUsername      Operation = "update_username"
	OperationDeleteUsername      Operation = "delete_username"
	OperationUsernameSuggestions Operation = "username_suggestions"
	OperationAnalytics           Operation = "analytics"

	OperationAppToken              Operation = "app_access_token"
	OperationAppSubscriptions      Operation = "app_subscriptions"
	OperationSubscribeToFields     Operation = "subscribe_to_fields"
	OperationUnsubscribeFromFields Operation = "unsubscribe_from_fields"
)

// A nodeKind is a kind of object of the graph. Patterns name it in braces.
type nodeKind string

const (
	nodeAccount     nodeKind = "account"
	nodePhoneNumber nodeKind = "phone_number"
	nodeApp         nodeKind = "app"
	nodeMedia       nodeKind = "media"
	nodeSession     nodeKind = "session"
	nodeFlow        nodeKind = "flow"
	nodeDataset     nodeKind = "dataset"
	nodeBusiness    nodeKind = "business"
	elementQRCode   nodeKind = "qr_code" // which is no node
	nodeTemplate    nodeKind = "template"
)

const (
	sessionPrefix = "upload:"                         // of the id of an upload session
	downloadPath  = "/whatsapp_business/attachments/" // of the media host's URLs
	versionInPath = "{version}"                       // the version of the Graph API in patterns
)

// operation is a row of the table of operations.
type operation struct {
	name    Operation
	method  string // of HTTP
	pattern string // of the path; see parsePatterns
	auth    authentication
	serve   func(*Server, *call) (any, *apiError) // returns the JSON of the response; nil, nil if it has written one

	parameters []string // that it reads, besides commonParameters
	place      place    // where Meta documents them

	maxBody   int    // bytes of a body of parameters; 0 means maxParameterBody
	maxField  int    // bytes of a field of a form; 0 means maxFieldLength
	file      string // name of the parameter that may be a file in a form; empty means none
	takesFile bool   // the request's body is a file, which Fault.CutAfterBytes counts
	mediaHost bool   // on the media host, which refuses with a 404 in plain text

	segments []segment // of the pattern, behind the version
}

// pageParameters are those of every list.
var pageParameters = []string{"limit", "after", "before", "summary"}

// operations is everything that the simulated API can do. Routing,
// authentication, parameters, faults and the history read it. To add an operation,
// add a row and a method of Server, and remove it from unsimulated.go.
//
// Rows may have the same method, and patterns that differ in the kind of the node
// only. Then the kind of the object with the id in the path selects the row. If it
// is none of theirs, the first of these rows is selected, and refuses the id.
var operations = parsePatterns(slices.Concat(coreOperations, flowOperations, encryptionOperations, datasetOperations, settingsOperations, callOperations, numberOperations, profileOperations, signupOperations,
	qrOperations, blockOperations, numberEdgeOperations))

var coreOperations = []operation{
	{name: OperationUpload, method: "POST", pattern: "/{version}/{phone_number}/media", auth: ownersToken, serve: (*Server).upload,
		parameters: []string{"messaging_product", "type", "ttl_minutes"}, place: inBody, takesFile: true},
	{name: OperationRetrieve, method: "GET", pattern: "/{version}/{media}", auth: ownersToken, serve: (*Server).retrieve,
		parameters: []string{"phone_number_id"}, place: inQuery},
	{name: OperationDelete, method: "DELETE", pattern: "/{version}/{media}", auth: ownersToken, serve: (*Server).delete,
		parameters: []string{"phone_number_id"}, place: inQuery},
	{name: OperationDownload, method: "GET", pattern: downloadPath, auth: mediaHostToken, serve: (*Server).download, mediaHost: true},
	{name: OperationDownload, method: "HEAD", pattern: downloadPath, auth: mediaHostToken, serve: (*Server).download, mediaHost: true},

	{name: OperationSendMessage, method: "POST", pattern: "/{version}/{phone_number}/messages", auth: ownersToken, serve: (*Server).sendMessage,
		parameters: messageParameters, place: inBody, maxBody: maxMessageBody},

	{name: OperationUploadSession, method: "POST", pattern: "/{version}/{app}/uploads", auth: ownersUploadToken, serve: (*Server).createSession,
		parameters: []string{"file_name", "file_length", "file_type"}, place: inQuery},
	{name: OperationUploadBytes, method: "POST", pattern: "/{version}/upload:{session}", auth: sessionBytesToken, serve: (*Server).uploadBytes, takesFile: true},
	{name: OperationUploadStatus, method: "GET", pattern: "/{version}/upload:{session}", auth: sessionToken, serve: (*Server).uploadStatus},

	{name: OperationAccount, method: "GET", pattern: "/{version}/{account}", auth: ownersToken, serve: (*Server).account},
	{name: OperationPhoneNumbers, method: "GET", pattern: "/{version}/{account}/phone_numbers", auth: ownersToken, serve: (*Server).phoneNumbers,
		parameters: append([]string{"filtering", "sort"}, pageParameters...), place: inQuery},
	{name: OperationSubscribedApps, method: "GET", pattern: "/{version}/{account}/subscribed_apps", auth: ownersToken, serve: (*Server).subscribedApps,
		parameters: pageParameters, place: inQuery},
	{name: OperationSubscribeApp, method: "POST", pattern: "/{version}/{account}/subscribed_apps", auth: ownersToken, serve: (*Server).subscribeApp,
		parameters: []string{"override_callback_uri", "verify_token"}, place: inBody},
	{name: OperationUnsubscribeApp, method: "DELETE", pattern: "/{version}/{account}/subscribed_apps", auth: ownersToken, serve: (*Server).unsubscribeApp},
	{name: OperationAppSubscriptions, method: "GET", pattern: "/{version}/{app}/subscriptions", auth: appToken, serve: (*Server).appSubscriptions,
		parameters: pageParameters, place: inQuery},
	{name: OperationSubscribeToFields, method: "POST", pattern: "/{version}/{app}/subscriptions", auth: appToken, serve: (*Server).subscribeToFields,
		parameters: []string{"object", "callback_url", "verify_token", "include_values"}, place: inBody},
	{name: OperationUnsubscribeFromFields, method: "DELETE", pattern: "/{version}/{app}/subscriptions", auth: appToken, serve: (*Server).unsubscribeFromFields,
		parameters: []string{"object"}, place: inQuery},
	{name: OperationUpdateNumber, method: "POST", pattern: "/{version}/{phone_number}", auth: ownersToken, serve: (*Server).updatePhoneNumber,
		parameters: append([]string{"webhook_configuration"}, otherNumberParameters...), place: inBody},
	{name: OperationPhoneNumber, method: "GET", pattern: "/{version}/{phone_number}", auth: ownersToken, serve: (*Server).phoneNumber},
	{name: OperationBusinessProfile, method: "GET", pattern: "/{version}/{phone_number}/whatsapp_business_profile", auth: ownersToken, serve: (*Server).businessProfile,
		parameters: pageParameters, place: inQuery},
	{name: OperationCreateTemplate, method: "POST", pattern: "/{version}/{account}/message_templates", auth: ownersToken, serve: (*Server).createTemplate,
		parameters: templateParameters, place: inBody, maxBody: maxTemplateBody},
	{name: OperationTemplates, method: "GET", pattern: "/{version}/{account}/message_templates", auth: ownersToken, serve: (*Server).listTemplates,
		parameters: listTemplateParameters, place: inQuery},
	{name: OperationDeleteTemplates, method: "DELETE", pattern: "/{version}/{account}/message_templates", auth: ownersToken, serve: (*Server).deleteTemplates,
		parameters: []string{"name", "hsm_id", "hsm_ids"}, place: inQuery},
	{name: OperationUpsertTemplates, method: "POST", pattern: "/{version}/{account}/upsert_message_templates", auth: ownersToken, serve: (*Server).upsertTemplates,
		parameters: append([]string{"languages"}, templateParameters...), place: inBody},
	{name: OperationPreviewTemplates, method: "GET", pattern: "/{version}/{account}/message_template_previews", auth: ownersToken, serve: (*Server).previewTemplates,
		parameters: append([]string{"category", "languages", "language", "add_security_recommendation", "code_expiration_minutes", "button_types"}, pageParameters...), place: inQuery},
	{name: OperationEditTemplate, method: "POST", pattern: "/{version}/{template}", auth: ownersToken, serve: (*Server).editTemplate,
		parameters: editParameters, place: inBody, maxBody: maxTemplateBody},
	{name: OperationTemplate, method: "GET", pattern: "/{version}/{template}", auth: ownersToken, serve: (*Server).readTemplateNode},
	{name: OperationUnpauseTemplate, method: "POST", pattern: "/{version}/{template}/unpause", auth: ownersToken, serve: (*Server).unpauseTemplate},
	{name: OperationTemplateLibrary, method: "GET", pattern: "/{version}/message_template_library", auth: anyToken, serve: (*Server).listLibrary,
		parameters: libraryParameters, place: inQuery},
	{name: OperationAppToken, method: "GET", pattern: "/{version}/oauth/access_token", auth: optionalToken, serve: (*Server).appAccessToken,
		parameters: appTokenParameters, place: inQuery},
	{name: OperationAppToken, method: "POST", pattern: "/{version}/oauth/access_token", auth: optionalToken, serve: (*Server).appAccessToken,
		parameters: appTokenParameters, place: inBody},
	{name: OperationRoot, method: "GET", pattern: "/{version}", auth: optionalToken, serve: (*Server).root},
}

// known reports whether a row has the name.
func (o Operation) known() bool {
	for i := range operations {
		if operations[i].name == o {
			return true
		}
	}
	return false
}

// segment is an element of a pattern: a text, followed by an id if kind is not
// empty.
type segment struct {
	text string
	kind nodeKind
}

// parsePatterns fills in the segments of the rows. Each element of a pattern is a
// text, {kind}, or a text followed by {kind}. A pattern names at most one node.
// Those of the Graph API begin with {version}, which is no segment.
func parsePatterns(rows []operation) []operation {
	for i := range rows {
		elements := strings.Split(strings.TrimPrefix(rows[i].pattern, "/"), "/")
		if elements[0] == versionInPath {
			elements = elements[1:]
		}
		for _, element := range elements {
			text, kind, _ := strings.Cut(strings.TrimSuffix(element, "}"), "{")
			rows[i].segments = append(rows[i].segments, segment{text, nodeKind(kind)})
		}
	}
	return rows
}

// node returns the kind of the node that the operation's path names, or "".
func (o *operation) node() nodeKind {
	for _, s := range o.segments {
		if s.kind != "" {
			return s.kind
		}
	}
	return ""
}

// match compares the elements of a path, without the version, with the pattern. It
// returns the element that names the node, or "" if the pattern has none.
func (o *operation) match(elements []string) (id string, ok bool) {
	if len(elements) != len(o.segments) {
		return "", false
	}
	for i, s := range o.segments {
		rest, found := strings.CutPrefix(elements[i], s.text)
		switch {
		case !found:
			return "", false
		case s.kind == "":
			found = rest == ""
		case s.kind == elementQRCode:
			found = rest != ""
		case s.kind == nodeSession:
			id = elements[i]
		default:
			id, found = rest, isObjectID(rest)
		}
		if !found {
			return "", false
		}
	}
	return id, true
}

// node returns the kind of the object with an id, and the ids of the accounts that
// it belongs to. The kind is empty if there is no such object; an object that has
// expired belongs to no account.
func (s *Server) node(id string) (kind nodeKind, owners []string) {
	if _, ok := s.accounts[id]; ok {
		return nodeAccount, []string{id}
	}
	if p := s.phone(id); p != nil {
		return nodePhoneNumber, []string{p.accountID}
	}
	if owners := s.apps[id]; len(owners) > 0 {
		return nodeApp, owners
	}
	if row, ok := s.flows.rows.find(id, time.Time{}); ok {
		return nodeFlow, []string{row.AccountID}
	}
	if row, ok := s.datasets.rows.find(id, time.Time{}); ok {
		return nodeDataset, []string{row.AccountID}
	}
	if file, ok := s.Media(id); ok {
		_, owners := s.node(file.PhoneNumberID)
		return nodeMedia, owners
	}
	if t, ok := s.findTemplate(id); ok {
		return nodeTemplate, []string{t.AccountID}
	}
	if s.media.has(id) {
		return nodeMedia, nil
	}
	return "", nil
}

// Operations returns the names of all operations, sorted: those that a fault may have.
func Operations() []Operation {
	var names []Operation
	for i := range operations {
		names = append(names, operations[i].name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
