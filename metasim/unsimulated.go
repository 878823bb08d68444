package metasim

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// unsimulatedEdges are the edges that Meta has and the simulator lacks: the path
// behind the id of a node, where * is any element, and the methods
// (docs/references.md#graph-openapi, docs/references.md#graph-waba).
var unsimulatedEdges = map[string]string{
	// Of a phone number.
	"assigned_users":            "GET POST DELETE",
	"business_compliance_info":  "GET POST",
	"contact_book":              "DELETE",
	"groups":                    "GET POST",
	"marketing_messages":        "POST",
	"message_history":           "GET",
	"messages_encrypted":        "POST",
	"official_business_account": "GET POST",
	"smb_app_data":              "POST",
	"thread_control":            "POST",

	// Of a WhatsApp Business Account.
	"activities":                                "GET",
	"audiences":                                 "GET",
	"business_messaging_feature_status":         "POST",
	"degrees_of_freedom_spec":                   "GET",
	"generate_payment_configuration_oauth_link": "POST",
	"in_progress_onbehalf_request":              "GET",
	"marketing_campaigns":                       "GET",
	"message_campaigns":                         "GET",
	"message_samples":                           "POST",
	"message_templates/archive":                 "POST",
	"message_templates/unarchive":               "POST",
	"migrate_message_templates":                 "POST",
	"obo_mobility_intent":                       "GET",
	"payment_configuration":                     "GET POST DELETE",
	"payment_configuration/*":                   "GET POST DELETE",
	"payment_configurations":                    "GET",
	"product_catalogs":                          "GET POST DELETE",
	"schedules":                                 "GET POST",
	"set_obo_mobility_intent":                   "POST",
	"set_solution_migration_intent":             "POST",
	"signups":                                   "GET POST",
	"solutions":                                 "GET",
	"template_groups":                           "GET POST",
	"template_performance_metrics":              "GET",
	"welcome_message_sequences":                 "GET POST DELETE",

	// Of a template, a flow, a group and a dataset.
	"compare":       "GET",
	"events":        "GET",
	"invite_link":   "GET POST",
	"join_requests": "GET POST DELETE",
	"metrics":       "GET",
	"participants":  "DELETE",

	// Of an app, a business and a user.
	"accounts":                             "GET POST",
	"add_phone_numbers":                    "POST",
	"assigned_whatsapp_business_accounts":  "GET",
	"connected_client_businesses":          "GET",
	"extendedcredits":                      "GET",
	"onboard_partners_to_mm_lite":          "POST",
	"parent-bsuid-accounts":                "GET",
	"preverified_numbers":                  "GET",
	"share_preverified_numbers":            "POST DELETE",
	"whatsapp_business_manager_migrations": "GET POST",
	"whatsapp_business_solution":           "POST",
	"whatsapp_business_solutions":          "GET",
}

// unsimulatedNodes are the methods of nodes that Meta has and the simulator lacks.
var unsimulatedNodes = map[nodeKind]string{
	nodeAccount: "POST",
	nodeApp:     "GET POST",
	nodeDataset: "GET",
}

// unsimulatedPaths are those without an id.
var unsimulatedPaths = map[string]string{
	"":                         "POST", // batch requests
	"app":                      "GET",
	"me":                       "GET",
	"me/*":                     "GET",
	"message_template_library": "POST",
	"signups/*":                "GET POST DELETE",
}

// unsimulatedFields are the fields of nodes that Meta has and the simulator lacks,
// besides the edges that can be read.
var unsimulatedFields = map[nodeKind][]string{
	nodeAccount:     {"linked_instagram_accounts", "marketing_messages_optimizations", "whatsapp_business_solutions"},
	nodePhoneNumber: {"whatsapp_business_api_data", "whatsapp_business_account", "accounts"},
}

// missingOperation names what Meta has and the simulator lacks, or returns "". The
// elements are those of a path behind the version; kind is that of its node, which
// the simulator may not know.
func missingOperation(method string, elements []string, kind nodeKind) string {
	has := func(methods string) bool { return slices.Contains(strings.Fields(methods), method) }
	switch {
	case len(elements) == 0 || !isObjectID(elements[0]):
		if path, methods := wildcard(unsimulatedPaths, elements); has(methods) {
			return method + " /" + path
		}
	case len(elements) == 1:
		if has(unsimulatedNodes[kind]) {
			return fmt.Sprintf("%s /{%s}", method, kind)
		}
	default:
		if path, methods := wildcard(unsimulatedEdges, elements[1:]); has(methods) {
			if kind == "" {
				kind = "id"
			}
			return fmt.Sprintf("%s /{%s}/%s", method, kind, path)
		}
	}
	return ""
}

// wildcard looks the path of the elements up, and then that with * as its last one.
func wildcard(table map[string]string, elements []string) (path, value string) {
	path = strings.Join(elements, "/")
	if value, ok := table[path]; ok || len(elements) < 2 {
		return path, value
	}
	path = strings.Join(elements[:len(elements)-1], "/") + "/*"
	return path, table[path]
}

// missingField reports whether Meta has a field of a node and the simulator lacks
// it. The edges that can be read are fields as well.
func missingField(kind nodeKind, name string) bool {
	return slices.Contains(unsimulatedFields[kind], name) ||
		slices.Contains(strings.Fields(unsimulatedEdges[name]), http.MethodGet)
}

// notSimulated refuses what Meta would carry out. It has a status and a type that
// Meta does not use, so that nobody takes the refusal for Meta's.
func (c *call) notSimulated(what, cure string) *apiError {
	c.update(func(r *Request) { r.NotSimulated = what })
	c.server.history.countMissing(what)
	return &apiError{
		status: http.StatusNotImplemented, kind: "NotSimulated", code: http.StatusNotImplemented,
		message: fmt.Sprintf("metasim does not simulate %s, which exists at Meta. %s", what, cure),
	}
}
