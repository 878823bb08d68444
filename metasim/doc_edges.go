// # Flows
//
//	POST   /{version}/{account}/flows         create_flow: name, categories, [flow_json, publish, clone_flow_id, endpoint_uri] → {"id","success","validation_errors"}
//	GET    /{version}/{account}/flows         flows: ?fields=&limit=&after=&before=
//	POST   /{version}/{account}/migrate_flows migrate_flows: source_waba_id, [source_flow_names]
//	GET    /{version}/{flow}?fields=          flow; preview.invalidate(true) makes a new link
//	POST   /{version}/{flow}                  update_flow: [name, categories, endpoint_uri, application_id]
//	DELETE /{version}/{flow}                  delete_flow, of a draft
//	GET    /{version}/{flow}/assets           flow_assets, with a download_url that needs no token and lives 5 minutes
//	POST   /{version}/{flow}/assets           update_flow_assets: file, name=flow.json, asset_type=FLOW_JSON
//	POST   /{version}/{flow}/publish          publish_flow
//	POST   /{version}/{flow}/deprecate        deprecate_flow
//	GET    /{version}/{phone number}/whatsapp_business_encryption   encryption_key
//	POST   /{version}/{phone number}/whatsapp_business_encryption   update_encryption_key: business_public_key
//
// A flow is DRAFT, PUBLISHED, THROTTLED, BLOCKED or DEPRECATED; a change makes it DRAFT
// again. Each new status is a webhook of the field flows. Server.SetFlowStatus throttles
// and blocks a flow, as Meta's monitoring does, and Server.AnswerFlow sends what a person
// has entered. A message with a flow is compared with it: the flow must exist, be
// published or sent with the mode draft, and have the screen that flow_action_payload
// names. At most 10000 flows are kept. They outlive the Server like media.
//
// The Flow JSON is checked as Meta documents it: its version, screens, components with
// their members, actions and routing model. Meta's texts are known for a few problems;
// the codes are Meta's. Lines and columns are counted from 1, columns in characters, and
// the end is the last character. At most 100 problems are reported. Expressions in texts,
// the types of data in them, and pictures are not checked.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - A flow that cannot be published at once (publish) is refused with code 139002, and
//     not made.
//   - DEPRECATED and BLOCKED flows cannot be changed (139001).
//   - A message with a flow that does not exist, is a draft or lacks the screen is code
//     131009.
//   - Code 139000 is the response for an account whose AccountReviewStatus is REJECTED.
//   - The endpoint of a flow is not called: use a fault for 139002 with subcode 4233014.
//   - A message opens the flow as it is, not as it was when the message was sent.
//
// # Datasets
//
//	POST   /{version}/{account}/dataset       create_dataset → {"id"}, the same each time
//	GET    /{version}/{account}/dataset       dataset → {"id"}, or {} without one
//	POST   /{version}/{dataset}/events        send_events: data → {"events_received","messages","fbtrace_id"}
//
// An event is refused if it is more than 7 days old (subcode 2804003) or more than 10
// minutes in the future, if a purchase has no currency or value, if its user_data lack
// ctwa_clid or the account (2804050), and if no message of a person to the account
// has had the ctwa_clid in its referral in the last 90 days (2804087). If one event of a
// request is wrong, none is kept. Names that Meta does not document are a warning. The
// last 10000 events and 65536 clicks are kept.
//
// # Phone numbers
//
//	POST   /{version}/{account}/phone_numbers             create_phone_number: cc, phone_number, verified_name → {"id"}
//	POST   /{version}/{phone number}/request_code         request_code: code_method, language
//	POST   /{version}/{phone number}/verify_code          verify_code: code
//	POST   /{version}/{phone number}/register             register: pin, [data_localization_region]
//	POST   /{version}/{phone number}/deregister           deregister
//	POST   /{version}/{phone number}/whatsapp_business_profile   update_business_profile
//
// A number that is made is UNVERIFIED, PENDING when its code is verified, CONNECTED when it
// is registered and DISCONNECTED when it is deregistered; only a CONNECTED one sends. No
// code is sent to anybody: Server.Numbers and the control API show it. It lives 10 minutes,
// and 5 are sent in an hour (136024). The first registration sets the PIN, later ones need
// it (133005; 133008 after 5 wrong ones in an hour; PhoneNumber.PIN). A number is
// registered and deregistered 10 times in 72 hours, failures included (133016). An account
// has at most 20 numbers. Server.ChangeNumberState reviews a name, and sets the status, the
// rating or the limit of a number, as Meta does, with the webhooks of the fields
// phone_number_name_update and phone_number_quality_update. What has become of numbers
// outlives the Server like media; a reset makes them what the configuration says.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - A code that is wrong or has expired is code 136025, and a code for a number that is
//     verified 136024.
//   - A name that is accepted counts at once, without another registration.
//   - Numbers are neither migrated nor verified in advance; backup is not simulated.
//
// # Signup
//
//	GET    /{version}/oauth/access_token    app_access_token, or POST: client_id, client_secret, code → {"access_token","token_type"}
//	GET    /{version}/debug_token           debug_token: input_token
//	GET    /{version}/{business}/owned_whatsapp_business_accounts    owned_accounts, of a BusinessAccount.OwnerBusinessID
//	GET    /{version}/{business}/client_whatsapp_business_accounts   client_accounts, always empty
//
// Server.Signup makes a code, as a business that completes the dialog of embedded signup
// does. It is exchanged once, within 30 seconds, for a token that has access to the
// account and does not expire. At most 1000 codes wait and 10000 tokens are kept; tokens
// outlive the Server like media, codes do not.
//
// # Smaller edges
//
//	POST, GET          /{version}/{phone number}/message_qrdls            create_qr_code (with code: change it), qr_codes
//	POST, GET, DELETE  /{version}/{phone number}/message_qrdls/{code}     update_qr_code, qr_code, delete_qr_code
//	POST, DELETE, GET  /{version}/{phone number}/block_users              block_users, unblock_users, blocked_users
//	POST, GET          /{version}/{phone number}/conversational_automation   update_conversational_automation, conversational_automation
//	POST, GET          /{version}/{phone number}/whatsapp_commerce_settings  update_commerce_settings, commerce_settings
//	POST, GET, DELETE  /{version}/{phone number}/username                 update_username, username, delete_username
//	GET                /{version}/{phone number}/username_suggestions     username_suggestions
//	GET                /{version}/{account}/{kind}_analytics              analytics: call, conversation, group, pricing, template, template_group
//
// A number has at most 2000 QR codes; the URL of the picture leads nowhere. Who has written
// within 24 hours can be blocked; messages to a blocked person are code 130403, and
// Server.Receive refuses theirs. Usernames are approved at once. Analytics have no data
// points. All of it outlives the Server like media.
//
// # Settings and calls
//
//	GET    /{version}/{phone number}/settings          settings: calling, payload_encryption, storage_configuration, user_identity_change
//	POST   /{version}/{phone number}/settings          update_settings: any of them; members that a request lacks stay
//	POST   /{version}/{phone number}/calls             calls: action connect, pre_accept, accept, reject or terminate
//	GET    /{version}/{phone number}/call_permissions  call_permissions: user_wa_id, or recipient
//
// A number takes part in calls if its settings enable them; otherwise code 138000. If
// PhoneNumber.MessagingLimitTier is TIER_50 or TIER_250, they cannot be enabled (138015).
// Times of call_hours have four digits, a range begins before it ends, and a day of the
// week has two ranges that do not overlap; names of time zones are not checked.
// A person calls with Server.ReceiveCall, and accepts, rejects or ends a call with
// Server.ChangeCall. A business needs the permission of the person (138006), which a
// message of type call_permission_request asks for, once a day and twice a week (138009),
// and Server.AnswerCallPermission gives: for 7 days, or for good. Webhooks of the field
// calls report calls. Session descriptions begin with v=0 and are otherwise not read:
// no sound is simulated. The last 10000 calls are kept.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - A call that is accepted, rejected or prepared again is code 138003; one that does not
//     exist or has ended is 131009.
//   - Nobody answers for a minute, by the simulator's clock: the call ends as FAILED. That
//     is noticed when the clock is changed, once a minute by Run, and by requests about calls.
//   - A business calls a person 10 times in 24 hours (138012), and 1000 at once (138002).
//   - SIP, recordings and video are settings only.
//
// # The control API of the edges
//
// The control API has, besides what the section on it lists:
//
//	POST   /signup               {} or {"waba_id":"1"} → a code of embedded signup (type Signup)
//	GET    /numbers              {"numbers":[…]} of all accounts (type Number)
//	GET    /numbers/{id}         the number, with the code that was sent to it, or 404
//	POST   /numbers/{id}         {"name_decision":"APPROVED"}, {"quality_rating":"RED"}, {"status":"BANNED"} (type NumberChange) → the number
//	GET    /calls                {"total":0,"calls":[…]}: the newest 1000, newest last (type CallList)
//	POST   /calls/{id}/accept    {} or {"sdp":"v=0…"}; also reject and terminate: what the person does → the call
//	POST   /people/{wa_id}/calls {} or {"sdp":"v=0…"}: the person calls → the call
//	POST   /people/{wa_id}/call_permission   {"response":"accept","is_permanent":true} → 204
//	GET    /conversions          {"total":0,"conversions":[…]}: the newest 1000, newest last (type ConversionList)
//	GET    /flows                {"total":0,"flows":[…]}: the newest 1000, newest first (type FlowList)
//	GET    /flows/{id}           the flow, or 404
//	POST   /flows/{id}/status    {"status":"THROTTLED"}, BLOCKED or PUBLISHED → the flow
//	POST   /people/{wa_id}/flow  {"response":{"name":"Ann"}} answers the newest message with a flow, or message_id (type FlowAnswer)
package metasim
