package graph

// Operations are the names of all requests: every Exchange.Operation is one of them.
var Operations = []string{
	"account", "app_subscriptions", "call", "call_permissions", "create_dataset", "create_flow", "create_template", "dataset", "delete", "delete_flow",
	"delete_template", "deprecate_flow", "download", "edit_flow", "edit_template", "exchange_code", "flow", "flow_assets", "flow_owner",
	"flow_preview", "flows", "inspect_token", "phone_numbers", "public_key", "publish_flow", "put_flow_json", "put_public_key",
	"put_settings", "register", "retrieve", "send", "send_events", "settings", "subscribe_app", "subscribed_apps", "template",
	"template_library", "templates", "upload", "upload_bytes", "upload_session", "upload_status",
}
