// Package metasim simulates Meta's WhatsApp Cloud API, offline: messages, webhooks,
// the people who write and read, media upload, retrieval, download and deletion,
// resumable upload, message templates, and the reads that linking an account needs. It is an independent implementation of that API and
// shares no code with any client of it. It accepts what Meta accepts; what a careful
// client does not send is a warning in the history, and with Config.Strict a
// refusal, so that a client does not pass by luck. It is not for production.
//
//	sim := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
//		ID: "102290129340398", Token: "test-token",
//		PhoneNumbers: []metasim.PhoneNumber{{ID: "106540352242922"}},
//	}}})
//	defer sim.Close()
//	graph := httptest.NewServer(sim)             // the simulated API
//	control := httptest.NewServer(sim.Control()) // for tests in other processes
//
// A Server is an http.Handler; Server.Run serves both APIs on two listeners. Statuses
// and webhooks need Run or, for a program that serves the handlers itself,
// Server.RunBackground.
//
// The module is called ferry, which is not an address. A program in another
// module needs a copy of the repository, here at PATH, and once:
//
//	go mod edit -require=ferry@v0.0.0 -replace=ferry=PATH
//	go mod tidy
//
// # The Graph API
//
//	POST   /{version}/{phone number}/media         upload: multipart/form-data → {"id"}
//	GET    /{version}/{media}[?phone_number_id=]   retrieve: URL, type, SHA-256, size
//	DELETE /{version}/{media}[?phone_number_id=]   delete → {"success":true}
//	GET    {URL}                                   download: bytes, ranges
//	POST   /{version}/{phone number}/messages      send_message: a message → contacts and id; or a message was read → {"success":true}
//	POST   /{version}/{app}/uploads                upload_session: file_length, file_type, [file_name] → {"id":"upload:…?sig=…"}
//	POST   /{version}/upload:{session}?sig=        upload_bytes: from the header file_offset on → {"h":"4::…"}
//	GET    /{version}/upload:{session}?sig=        upload_status: how much has arrived → {"id","file_offset"}
//	GET    /{version}/{account}?fields=            account
//	GET    /{version}/{account}/phone_numbers      phone_numbers: ?fields=&limit=&after=&before=&summary=&sort=&filtering=
//	POST   /{version}/{account}/message_templates  create_template: name, language, category, components, … → {"id","status","category"}
//	GET    /{version}/{account}/message_templates  templates: ?fields=&limit=&after=&before=&summary=&name=&status=&category=&language=&content=…
//	DELETE /{version}/{account}/message_templates  delete_templates: ?name=, ?name=&hsm_id=, or ?hsm_ids=[…] → {"success":true}
//	POST   /{version}/{account}/upsert_message_templates    upsert_templates: authentication templates in several languages
//	GET    /{version}/{account}/message_template_previews   preview_templates: their texts
//	GET    /{version}/{template}?fields=           template
//	POST   /{version}/{template}                   edit_template: [category, components, …] → {"success":true,"id","name","category"}
//	POST   /{version}/{template}/unpause           unpause_template → {"success":true}
//	GET    /{version}/message_template_library     template_library: ?search=&topic=&usecase=&industry=&language=&name=
//	GET    /{version}/{account}/subscribed_apps    subscribed_apps
//	POST   /{version}/{account}/subscribed_apps    subscribe_app: [override_callback_uri, verify_token] → {"success":true}
//	DELETE /{version}/{account}/subscribed_apps    unsubscribe_app → {"success":true}
//	POST   /{version}/oauth/access_token           app_access_token, or GET: client_id, client_secret, grant_type=client_credentials
//	GET    /{version}/{app}/subscriptions          app_subscriptions, with the token APP_ID|APP_SECRET
//	POST   /{version}/{app}/subscriptions          subscribe_to_fields: object, callback_url, verify_token, [fields]
//	DELETE /{version}/{app}/subscriptions          unsubscribe_from_fields: [fields]
//	POST   /{version}/{phone number}               update_phone_number: pin, new_display_name, webhook_configuration
//	GET    /{version}/{phone number}?fields=       phone_number
//	GET    /{version}/{phone number}/whatsapp_business_profile   business_profile
//	GET    /{version}/                             root: an error that tells whether the token is valid
//
// Parameters may be in the query, in a form (urlencoded or multipart) and in a JSON
// object, whose numbers and booleans count as their text. The body counts before the
// query, and the last value before earlier ones. A body of parameters has at most
// 64 KiB, and that of a message 512 KiB. The token may be in the header Authorization, with the scheme Bearer or
// OAuth, or in the parameter access_token, which counts before the header. The media
// host, from which files are downloaded, accepts the header only. The parameter
// appsecret_proof is verified, also with appsecret_time, if BusinessAccount.AppSecret is
// set; it must be in the query, or in a form before the file.
//
// Versions v21.0 to v26.0 are live. An older one, and a path without a version, are
// answered by v21.0, as the header facebook-api-version says. Versions up to v36.0
// may have been released since, and respond under their own name; others do not
// exist. Errors have Meta's envelope, codes and, where they are known, Meta's words.
// Every response has the headers of Graph; x-fb-trace-id is the fbtrace_id of an
// error and the trace_id of the history.
//
// # Messages
//
// A message is checked in this order, and the first thing that is wrong is the error:
// product, recipient, type, the form of the content, the state of the phone number, media
// ids, the template, the limits. Then the response has the wamid, which is standard
// base64 of the recipient and 18 characters. What Meta checks later fails later, as a
// status: the 24-hour window (131047), people who are not on WhatsApp or block the
// business (131026), the target of a reaction (131009), files and links (131053).
//
// A message is sent, delivered and read 50, 100 and 300 ms after the response
// (Config.MessageDelays), by the simulator's clock; a voice message is then played, and a
// reaction is sent only. A person who is offline gets the messages later, in order.
// Server.SetStatus gives a message another status. Server.Messages and Message have the
// last 10000 messages with their statuses. They outlive the Server like media, and
// continue.
//
//   - The 24 hours begin with each message of the person (Server.Receive). Without one,
//     only templates arrive; with Config.OpenWindows, the hours also begin when the
//     simulator meets the person for the first time.
//   - Header, body and buttons of a message are compared with its template; of cards and
//     offers, the form only.
//   - The limits are 80 messages a second from a phone number (130429), and 45 at once to
//     one person with one more each 6 s (131056): Config.MessageLimits. They follow the
//     simulator's clock. If it is set back, they begin anew.
//   - A number of the sender's country may lack the country code. How Meta notices that is
//     not known: here, if it begins with 0, or has ten digits as North American ones do.
//   - A file is read after the response: its first 4 KiB, the header of a picture, and
//     whether an MP4 is fragmented. Codecs, dimensions and durations are not checked.
//   - A link is fetched after the response, with one GET that follows no redirect, within
//     10 s. By default only hosts of this machine are called; a link to another one
//     counts as good, and Message.Notes says so (Config.LinkHosts). What Meta reports if
//     nobody responds is not known: here code 500.
//   - If a link is too large, the words of the error are those for inbound files.
//   - The id in a reaction, in a context or in a read receipt need not be one that the
//     simulator knows; a reaction fails if it is to one that was sent 30 days ago.
//   - A pin is refused with code 130501, because it needs a group.
//
// # Templates
//
// An account has hello_world, the templates of BusinessAccount.Templates, and those that
// clients create. A new one is checked in Meta's order: parameters, name and language,
// members of components, samples of headers (handles of the simulator's own resumable
// uploads, for the account's app), lengths, formats, buttons, variables, the right to
// send codes (BusinessVerificationStatus), the name, and the number of templates: 6000,
// or 250 of a business that is not verified. An account may create 100 in an hour
// (Config.TemplatesPerHour).
//
// A template is PENDING until it is reviewed: approved 1 s later by the simulator's clock
// (Config.TemplateReview), or by Server.ChangeTemplate and the control API if that is
// negative. ChangeTemplate also pauses it (for 3 hours, then 6, then it is disabled),
// rates its quality and changes its category, 24 hours after the notice. Each change is
// a webhook. Only an APPROVED template can be sent. Templates outlive the Server like
// media. At most 65536 are kept.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - Two variables side by side are accepted, and rejected by the review with
//     INVALID_FORMAT. There must be a word for each variable (2388293).
//   - A template that was approved has the status PENDING_DELETION when it is deleted,
//     which its webhook says; it is in no list, and its name is blocked for 30 days
//     (2388023). One that was never approved is DELETED, and its name is free. Subcode
//     2388025 is not used.
//   - Deleting an unknown template is code 100, subcode 2593002. Neither a sample nor a
//     disabled template can be deleted (2388094).
//   - The subcode for another category of the same name is not known: there is none.
//   - An edited template is PENDING until it is reviewed, and cannot be sent meanwhile.
//     hello_world cannot be edited.
//   - The webhook about the end of a pause has the event APPROVED and the title UNPAUSE.
//     Only a pause by pacing is ended by unpause.
//   - A handle of another app, or that has expired, is like a missing one (2388273).
//   - Too many buttons, and their wrong order, are 2388060; a text of a header or body
//     that is wrong otherwise is 2388072, of a footer 2388073.
//   - The parameter name of the list may be a part of the name, so that a client which
//     takes the first row for the one that it looks for is noticed.
//   - A refused creation does not count for the limit of an hour.
//   - The sample of a header has a URL of Meta's in reads, which the simulator does not
//     serve. The texts of authentication templates are the simulator's, in English,
//     Spanish and Portuguese; so is the library. Types of its parameters are not checked.
//
// # Webhooks
//
// The app of an account (BusinessAccount.AppID) is subscribed to it from the start, and
// receives a POST of JSON for each message of a person, and for each status of a
// message that was sent. It is sent to the override of the phone number, or that of the
// account, or the app's callback URL (Config.WebhookURL, Server.SetAppWebhook, or POST
// /{app}/subscriptions). Fields about the account or its templates always go to the
// app's. Callback URLs may be http. Handshake and body are Meta's: the body is ASCII,
// with \uXXXX in lower case and \/, and X-Hub-Signature-256 is the HMAC-SHA256 of its
// bytes with BusinessAccount.AppSecret.
//
// A response other than 200, or none within 10 s, is a failure. The webhook is sent
// again 5 s later, then after twice the time, and so on up to 12 hours, for seven days
// (Config.WebhookRetry; how Meta spaces the attempts is not known). Webhooks of a phone
// number are sent one after the other, in order, but one that fails does not hold up
// the others (Config.WebhookConcurrency). At most 50000 wait; one more drops the oldest,
// with a warning in the log. Those that wait end with the Server.
//
// WebhookDelivery makes deliveries bad: in batches, twice, late, in another order, not
// at all, or with a wrong signature. A batch has several entries, changes and messages,
// so that a client that reads the first only is noticed. Server.Webhooks has the last
// 1000 with their attempts, also those that nobody is subscribed to.
//
// # People
//
// A Person is one for each phone number of the business and wa_id, and exists from the
// first message on, with a BSUID that is the same for all numbers of a portfolio
// (BusinessAccount.OwnerBusinessID). Server.Receive, or the control API, sends a message
// of a person, of any type that Meta has. Its file, which may be a sample of the
// simulator's, is a media like any other, but for seven days, and the webhook has its
// id, its SHA-256 in base64, and the URL of its download if Config.MediaURL, Config.PublicURL
// or Run's listener says where that is. People and subscriptions outlive the Server like media.
// At most 65536 people are remembered; further ones have the defaults each time.
//
// Server.Wait, or the control API, waits for a message, webhook or request.
//
// # Fields
//
// A request names the fields that it reads, and those of a field in braces:
//
//	?fields=name,phone_numbers.limit(2){display_phone_number,throughput{level}}
//
// Nodes have the fields that Meta documents. Those of an account and of a phone
// number have the values of BusinessAccount, PhoneNumber and their Fields. A list
// that is read as a field has the parameters of its path as modifiers; the modifier
// as(name) renames a field. The text has at most 16 KiB, and braces in braces to a
// depth of 8. Other modifiers are ignored.
//
// # Requests that are not simulated
//
// A request that Meta would carry out and the simulator would not is refused with
// status 501 and the type NotSimulated, which Meta does not use. The message and
// Request.NotSimulated name what is missing. A fault with a Body responds in its
// place. What Meta does not have either is code 2500 or 100, as at Meta.
//
// # State
//
// Bytes of files are kept in a Storage, and what is known of media, handles and
// messages, and the clock, in a RecordStore. By default both are in memory and end with
// the Server. With a NewDirectoryStorage in Config.Storage, both outlive it: a
// later Server on the same directory serves media and handles again, until they
// are deleted or expire. One Server at a time may use a directory. Records that
// are damaged are reported in the log and deleted. Upload sessions, download
// URLs, faults and the history always end with the Server.
//
// # The clock
//
// Media, download URLs, upload sessions and handles expire by a clock that runs
// with Config.Clock until it is set, advanced, stopped or made faster (Server.SetClock,
// AdvanceClock, StopClock, RunClock and RunClockAt, or the control API). An advance
// happens in steps: the clock stops at each moment at which something is due, such as the
// status of a message or the next delivery of a webhook, until that has been done. A
// program that lives by the same clock is waited for, too (Config.ClockFollower). The
// clock outlives a restart if the state does. What has expired is removed when the clock is
// changed, once a minute by Run, and once an hour by uploads. Latency and
// bandwidth of faults are real time.
//
// # Resumable upload
//
// A session belongs to the app (BusinessAccount.AppID) and to the token that
// created it, and accepts application/pdf, image/jpeg, image/jpg, image/png and
// video/mp4. Whatever ends a body early, the bytes that have arrived stay; the
// next ones must start where they end. The response to the bytes that complete
// the file has its handle, for which Server.Handle returns size and SHA-256.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - The response to a whole body that does not complete the file is that of
//     upload_status.
//   - A request of the session ends an earlier one that still reads bytes, even
//     if it is only upload_status: the offset in its response stays true.
//   - A client that missed the handle sends an empty body at the final offset,
//     and gets the same handle.
//   - file_offset is 0 if it is missing. A wrong one is 400, code 100, and the error
//     names the right one. A body that is longer than what is missing is refused, and
//     none of it is kept if its Content-Length says so. The session continues after both.
//   - A storage that fails ends the session. With Strict, so do bytes that contradict
//     the type, known after 4 KiB or at the end. The extension of file_name is not
//     checked.
//   - A session that does not exist, has expired or is another token's is 400,
//     code 100, subcode 33; a wrong sig is 400, code 100.
//   - Sessions expire 24 hours after their creation, handles 24 hours after the
//     last byte. At most 1000 sessions are open and 65536 handles kept; one more
//     is 500, code 131000.
//   - Handles have one line, and two with Config.MultilineHandles.
//
// # Warnings and Config.Strict
//
// These are accepted with a warning (Request.Warnings), and refused with
// Config.Strict by an error that says so. WarningCodes has the details.
//
//	token_in_query, token_in_body   use the header Authorization
//	token_scheme                    Bearer, but OAuth for the bytes of a resumable upload
//	token_twice                     different tokens in the header and in a parameter
//	no_version, expired_version, newer_version
//	trailing_slash                  at the end of the path
//	parameter_place                 not where Meta documents it
//	parameter_twice, parameter_empty, parameter_unknown
//	body_ignored                    neither a form nor JSON
//	form_framing                    bytes around the form, or a bad boundary
//	part_encoding                   Content-Transfer-Encoding of a part
//	type_mismatch                   the field type of an upload is not that of the part
//	mislabelled                     name or first bytes contradict the declared type
//	offset_missing, form_as_bytes   of the bytes of a resumable upload
//	member_unknown, member_null     of a message
//	member_ignored                  for another type of message, or another member counts
//	contact_name                    formatted_name alone
//	country_code                    of the recipient is missing
//
// With Strict, pages have 3 rows unless Config.PageSize says otherwise.
//
// These are refused, although Meta's behaviour is not known:
//
//   - A form that is not complete, has other line ends than CRLF, more than 64 parts
//     or a field of more than 4 KiB; a compressed body.
//   - Size limits apply at upload for every type: image 5 MiB, audio and video
//     16 MiB, document 100 MiB, sticker 500 KiB animated, 100 KiB static.
//   - An empty file, and a part without a file name, are no file. The file_name of a
//     resumable upload has at most 255 bytes.
//   - A token has access to its accounts only.
//   - The media host refuses everything with the same 404 without details; the
//     reason is in the history.
//
// # What bytes a type may have
//
// Meta processes a file after the upload, and reports later if it finds another
// type than the declared one. What it finds is known for a few types only; the
// choices are, from the first 4 KiB:
//
//   - MP4 and 3GP are one container, and Meta lists the same codecs for both:
//     a brand that does not name one kind of content fits video/mp4, audio/mp4
//     and video/3gpp. Apple's and Adobe's brands for audio and for video fit one
//     of them; QuickTime, HEIC and 3GPP2 fit none.
//   - Ogg must contain Opus and nothing else.
//   - AAC and MP3 may follow an ID3 tag; the bytes after the tag decide, and
//     where the first 4 KiB do not show them, both are possible. MP3 may follow
//     other bytes, if three frames follow each other.
//   - "%PDF-" may be anywhere in the first 1024 bytes of a PDF, if these are
//     not the beginning of another type's file. Text may mention it, but not
//     begin with it.
//   - Office files are recognised by their container only: a ZIP may be any of
//     the three new types, OLE2 any of the old ones, and any of the new ones
//     with a password.
//   - Text may be in any encoding. Bytes of 0, 7, 8, 11 and 26 are accepted among
//     letters, since Meta delivers documents of any type; other control
//     characters make it binary, unless it has a byte order mark.
//
// # Not simulated
//
// Archives, migration, comparison and pacing of templates, writes to accounts, groups,
// and migration of numbers; limits of requests other than messages (use a fault); portfolio
// limits; catalogues and payments behind messages; the sound of calls; codecs, dimensions and
// durations; the cache of links, which Meta keeps for ten minutes; the
// one hour of No-Storage numbers; client certificates of webhooks; permissions finer than a
// token per account; HTTP caching, ETags of the API, batch requests, and the
// parameters ids, method, metadata, callback and suppress_http_code. The parameters
// pretty, locale, format, debug and sdk are ignored. An Opus stream
// may be stereo, and not the only one. The field type of an upload is not checked, as
// at Meta. ttl_minutes shortens the life of any file, though Meta accepts it for
// No-Storage numbers only.
//
// # Web pages
//
// No request to the control API is signed, and a token of the Graph API may be
// known. So that no web page that a developer visits can call them, both accept
// only their own host names (421 otherwise; Config.Hosts adds names), and no request
// that a browser sends for a page of another origin (403; Config.Origins adds
// origins). Addresses are accepted as host names, since no DNS stands behind them,
// but on a loopback connection only those of loopback.
//
// # The control API
//
// Server.Control is JSON over HTTP, for a listener of its own. A Go program
// calls it with a ControlClient. Errors are {"error":"…"}; unknown members are
// refused with 400. Every POST needs the header Content-Type: application/json:
//
//	curl -H 'Content-Type: application/json' -d '{"operation":"upload","error_code":80007}' "$FERRY_SIMULATOR_CONTROL_URL/faults"
//	curl -H 'Content-Type: application/json' -X POST "$FERRY_SIMULATOR_CONTROL_URL/reset"
//
//	GET    /health        {"status":"ok","media":0,"requests":0,"faults":0,"not_simulated":0} (type Health)
//	GET    /requests      {"dropped":0,"requests":[…]}: the last 1000, newest last (type History), with
//	                      their "warnings" and what is "not_simulated"; the member "not_simulated" of the
//	                      whole counts requests by what the simulator lacks
//	DELETE /requests      204; empties the history
//	GET    /faults        {"faults":[…]} with the counters matched and applied
//	POST   /faults        201 and the fault with its id; 400 for an invalid fault. With ?dry_run=true
//	                      nothing is added: {"requests":[…]} are those of the history that match
//	GET    /faults/{id}   the fault, or 404
//	DELETE /faults/{id}   204, or 404
//	DELETE /faults        204; removes all
//	GET    /media         {"total":0,"media":[…]}: the newest 1000, newest last (type MediaList)
//	GET    /media/{id}    the file's description, or 404
//	GET    /messages      {"total":0,"messages":[…]}: that were sent; the newest 1000, newest last (type MessageList)
//	GET    /messages/{id} the message with its statuses, or 404
//	POST   /messages/{id}/status   {"status":"failed","code":131026} → 204; the message gets the status
//	GET    /templates     {"total":0,"templates":[…]} of ?business_account_id=, or of all; the newest 1000, newest last (type TemplateList)
//	POST   /templates     {"business_account_id": ID, "template": {…}}: puts it, see Server.PutTemplate
//	GET    /templates/{id}          the template, or 404
//	POST   /templates/{id}          changes it as Meta does (type TemplateChange) → the template
//	GET    /template_review         {"after_ms":1000}: how long reviews take
//	POST   /template_review         changes it; -1 leaves reviews to POST /templates/{id}
//	GET    /people        {"people":[…]} of ?phone_number_id=, or of all (type Person)
//	GET    /people/{wa_id}           the person, or 404
//	POST   /people/{wa_id}           changes the person (type PersonChange), who exists from then on
//	POST   /people/{wa_id}/messages  sends a message of the person (type Inbound) → type Received
//	POST   /people/{wa_id}/read      {"message_id":"wamid.…"} → 204; the person reads it
//	POST   /people/{wa_id}/number    {"wa_id":"16505559999"} → the person with the new number
//	GET    /webhooks      {"queued":0,"dropped":0,"webhooks":[…]}: the last 1000, newest last, with their attempts
//	DELETE /webhooks      204; empties the history
//	POST   /webhooks      {"field":"account_update","value":{…}} → 204; sends a webhook of any field (type WebhookUpdate)
//	GET    /webhooks/delivery   how webhooks are delivered (type WebhookDelivery)
//	POST   /webhooks/delivery   changes it, as a whole
//	GET    /tokens              when the access tokens expire (type TokenExpiry)
//	POST   /tokens              {"after_ms": 60000} or {"expires": TIME}: they expire; {} means never
//	GET    /apps          {"apps":[…]}: the callback URL of each app
//	POST   /apps          {"url":"http://…","verify_token":"…"}: of all apps, or of app_id, after the handshake
//	GET    /wait          waits for events (see below)
//	GET    /_ferry/await  the same; 204 when there are too few after the timeout
//	POST   /_ferry/mark   {"mark":"…"}: for since= of the two
//	GET    /handles       {"total":0,"handles":[…]}: the newest 1000, newest last (type HandleList)
//	GET    /clock         {"time":"2026-11-29T08:30:00Z","running":true,"speed":1} (type Clock)
//	POST   /clock         the clock after the change; 400 for an invalid change
//	GET    /export        the whole state as lines of JSON, with files (see Server.Export)
//	POST   /import        204; replaces the state by an exported one; 400, and no change, for one that is damaged
//	POST   /reset         204; removes media, upload sessions and handles, also from the storage,
//	                      messages, templates but those of the configuration, people, webhooks and
//	                      subscriptions, the history and the faults;
//	                      the clock runs with Config.Clock; accounts stay
//
// A change of the clock has any of these members. They apply together,
// in this order:
//
//	{"time":"2027-01-01T00:00:00Z"}   sets the clock; years 1970 to 2199
//	{"advance_ms":2592000000}         moves it forward, here by 30 days, in steps; the response
//	                                  comes when what is due by then has been done
//	{"running":false}                 stops it; true lets it run on from its time
//	{"speed":60}                      makes it as fast as that while it is running: 0.001 to 3600
//
// Paths of people have the parameter phone_number_id; the default is the first phone
// number. Messages of people look like those in webhooks; a type alone is enough for
// most, and "content" is a file in base64:
//
//	{"type":"image"}
//	{"text":{"body":"Hello"},"context":{"id":"wamid.…"}}
//	{"document":{"filename":"a.pdf","mime_type":"application/pdf","content":"JVBERi0…"}}
//	{"interactive":{"button_reply":{"id":"yes","title":"Yes"}}}
//
// Changes of a template:
//
//	{"status":"APPROVED"}                        approves it, or ends a pause
//	{"status":"REJECTED","reason":"SCAM"}
//	{"status":"PAUSED"}                          for low quality; with "pacing":true until it is unpaused
//	{"quality":"RED"}
//	{"category":"MARKETING"}                     in 24 hours; with "at_once":true now
//
// Examples of how webhooks are delivered:
//
//	{}                                           as Meta usually does
//	{"duplicate":1,"times":1}                    the next webhook is sent twice
//	{"batch_size":10}                            ten updates in one, or what there is after a second
//	{"disorder":0.2,"lose":0.1,"delay_ms":500}
//	{"signature":"wrong"}                        or "missing", or "old" with an old_secret
//
// GET /wait responds as soon as there are events, or were already, with
// {"messages":[…]}, {"webhooks":[…]} or {"requests":[…]}, and with 408 after the
// timeout, which is at most 1m:
//
//	/wait?for=message&to=16505551234&status=read&timeout=5s   also id=, type=, contains=, since=
//	/wait?for=webhook&state=delivered&field=messages&contains=wamid.…&count=3   also attempts=, since=
//	/wait?for=request&operation=send_message   also since=
//
// A fault is an object with the members of type Fault, and latency_ms. Examples:
//
//	{"operation":"upload","error_code":131016,"times":2}         two uploads fail, the third succeeds
//	{"operation":"upload","error_code":80007}                    throttled until removed
//	{"operation":"upload","cut_after_bytes":65536,"times":1}     the connection breaks during the upload
//	{"operation":"upload","lose_answer":true}                    stored, but the response is lost
//	{"operation":"download","cut_after_bytes":1000,"times":1}    the connection breaks during the download
//	{"operation":"upload_bytes","cut_after_bytes":1000,"times":1} 1000 bytes of a resumable upload stay
//	{"operation":"upload","body":"<html>Sorry</html>"}           200 with HTML
//	{"operation":"upload","body":"{}"}                           200 without an id
//	{"operation":"upload","body":"{\"id\":\"12"}                 200 with half a JSON
//	{"operation":"send_message","error_code":131056,"times":1}   one message is throttled
//	{"operation":"send_message","lose_answer":true}              sent, but the response is lost
//	{"operation":"create_template","lose_answer":true}           created, but the response is lost: the next try is 2388024
//	{"operation":"send_message","fail_later":131049,"times":1}   one message is accepted and not delivered
//	{"latency_ms":250,"probability":0.1}                         every tenth request is slow
//	{"operation":"upload","bandwidth_bytes_per_second":1048576}  a slow line
//
// No token and no sig is ever kept in the history or logged.
package metasim
