// Package metasim imitates Meta's WhatsApp Cloud API, offline: media upload,
// retrieval, download and deletion, resumable upload, and the reads that
// linking an account needs. It is an independent statement of that API, shares no code with any
// client of it, and is stricter than Meta on purpose: a client that passes
// here has no luck to thank for it. It is not for production.
//
//	sim := metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{
//		ID: "102290129340398", Token: "test-token",
//		PhoneNumbers: []metasim.PhoneNumber{{ID: "106540352242922"}},
//	}}})
//	defer sim.Close()
//	graph := httptest.NewServer(sim)             // the imitated API
//	control := httptest.NewServer(sim.Control()) // what tests ask and change
//
// # The Graph API
//
//	POST   /{version}/{phone number}/media         upload: multipart/form-data → {"id"}
//	GET    /{version}/{media}[?phone_number_id=]   retrieve: address, type, SHA-256, size
//	DELETE /{version}/{media}[?phone_number_id=]   delete → {"success":true}
//	GET    {address}                               download: bytes, ranges
//	POST   /{version}/{app}/uploads                ?file_length=&file_type=[&file_name=] → {"id":"upload:…?sig=…"}
//	POST   /{version}/upload:{session}?sig=        bytes, from the header file_offset on → {"h":"4::…"}
//	GET    /{version}/upload:{session}?sig=        how much has arrived → {"id","file_offset"}
//	GET    /{version}/{account}?fields=            the account
//	GET    /{version}/{account}/phone_numbers      ?fields=&limit=&after=&before=
//	GET    /{version}/{phone number}?fields=       one number
//
// Versions v21.0 to v26.0 are live; older ones fall forward to v21.0, as the
// header facebook-api-version tells; others do not exist. Errors have Meta's
// envelope, codes and, where they are known, Meta's words.
//
// Media are kept in memory and end with the Server, unless Config.Storage is a
// NewDirectoryStorage: a later Server on the same directory serves them again,
// until they are deleted or expire. One Server at a time may use a directory.
// Download addresses do not outlive the Server that gave them.
//
// # Resumable upload
//
// A session belongs to the app (BusinessAccount.AppID) and to the token that
// began it, and takes application/pdf, image/jpeg, image/jpg, image/png and
// video/mp4. Whatever ends a body early, the bytes that have arrived stay; the
// next ones must begin where they end. The bytes that complete the file are
// answered with its handle, for which Server.Handle tells size and SHA-256.
//
// Meta's behaviour is not known in these points; the choices are:
//
//   - A whole body that does not complete the file is answered like the
//     question for the status.
//   - A request of the session ends an earlier one that still reads bytes, even
//     if it only asks for the status: the offset that is answered stays true.
//   - Whoever missed the handle asks again with no bytes at the offset of the
//     end, and gets the same one.
//   - A wrong offset is 400, code 100, and names the right one. A body that is
//     longer than what is missing is refused, and none of it is kept if its
//     Content-Length says so. The session lives on after both.
//   - Bytes that contradict the type, known after 4 KiB or at the end, end the
//     session, and so does a storage that fails.
//   - A session that does not exist, has expired or is another token's is 400,
//     code 100, subcode 33; a wrong sig is 400, code 100.
//   - Sessions end 24 hours after they began, handles 24 hours after the last
//     byte, both with the Server, whatever the storage. At most 1000 sessions
//     are open and 65536 handles kept; one more is 500, code 131000.
//   - Handles have one line, and two with Config.MultilineHandles.
//
// # Stricter than Meta
//
//   - A file without a name that fits its declared type, or whose first bytes
//     contradict it, is refused at once (400, code 100, the details of the
//     webhook that Meta would send later). Config.AcceptMislabelled turns this
//     off; a part without any file name is no file either way. How Meta
//     recognises files is not known; see below.
//   - The form: no field but messaging_product, file, type and ttl_minutes,
//     each once; no preamble, no bytes after the closing boundary, no transfer
//     encoding of parts, CRLF line ends, at most 16 parts.
//   - The limits of size hold at upload for every type: image 5 MiB, audio and
//     video 16 MiB, document 100 MiB, sticker 500 KiB animated, 100 KiB static.
//   - The token counts in the header "Authorization: Bearer" only, and only
//     for the accounts that it was made for. The bytes of a resumable upload
//     take "Authorization: OAuth" instead; its session and status take both. The version is mandatory. A slash
//     at the end of a path is not forgiven.
//   - An upload session takes its parameters in the query, each once, and no
//     others; access_token is allowed there and does not count. file_offset is
//     mandatory. Its bytes must be what file_type says (AcceptMislabelled turns
//     this off); the extension of file_name is not looked at.
//   - Pages hold 3 rows unless Config.PageSize says otherwise. paging.next
//     has no token in it.
//   - The media host answers every refusal with the same bare 404; the reason
//     is in the history.
//
// # What bytes a type may have
//
// Meta processes a file after the upload, and where it finds another type than
// the declared one it says so later. What it finds is known for a few types
// only; the choices are, from the first 4 KiB:
//
//   - MP4 and 3GP are one container, and Meta lists the same codecs for both:
//     a brand that does not name one kind of content fits video/mp4, audio/mp4
//     and video/3gpp. Apple's and Adobe's brands of sound and of video fit one
//     of them, QuickTime, HEIC and 3GPP2 none.
//   - Ogg must hold Opus and nothing else.
//   - AAC and MP3 may stand behind an ID3 tag; what follows the tag decides,
//     and where that is not to be seen, both are possible. MP3 may stand behind
//     other bytes, if three frames follow each other.
//   - "%PDF-" may stand anywhere in the first 1024 bytes of a PDF, if these do
//     not begin another type's file. Text may mention it, but not begin with it.
//   - Office files are recognised by their container only: a ZIP may be any of
//     the three new types, OLE2 any of the old ones, and any of the new ones
//     with a password.
//   - Text may be in any encoding. Bytes of 0, 7, 8, 11 and 26 do no harm among
//     letters, since Meta delivers documents of any type; other control
//     characters make it binary, unless it has a byte order mark.
//
// # Not imitated
//
// Messages, webhooks, templates, flows, signup, registration, subscribed_apps
// and debug_token; rate limits (ask for them with a fault); codecs, dimensions and durations; what becomes of a file after the upload
// (131053); the seven days of inbound media and the one hour of No-Storage
// numbers; permissions finer than a token per account; HTTP caching, ETags of
// the API, batch requests and sub-fields in braces. An Opus stream may be stereo,
// and not the only one. The field type of an upload is not looked at, as at
// Meta. ttl_minutes shortens the life of any file, though Meta takes it for
// No-Storage numbers only.
//
// # The control API
//
// Server.Control answers JSON on a listener of its own. Errors are
// {"error":"…"}; members that are not known are refused with 400.
//
//	GET    /health        {"status":"ok","media":0,"requests":0,"faults":0}
//	GET    /requests      {"dropped":0,"requests":[…]}: the last 1000, newest last (type Request)
//	DELETE /requests      204; forgets the history
//	GET    /faults        {"faults":[…]} with the counters matched and applied
//	POST   /faults        201 and the fault with its id; 400 for one that makes no sense
//	GET    /faults/{id}   the fault, or 404
//	DELETE /faults/{id}   204, or 404
//	DELETE /faults        204; removes all
//	GET    /media         {"total":0,"media":[…]}: the newest 1000, newest last (type Media)
//	GET    /media/{id}    the file's description, or 404
//	GET    /handles       {"total":0,"handles":[…]}: the newest 1000, newest last (type Handle)
//	POST   /reset         204; media, upload sessions, handles (on disk, too), history and faults are gone, accounts stay
//
// A fault is an object with the members of type Fault, latency in the member
// latency_ms. Some that are useful:
//
//	{"operation":"upload","error_code":131016,"times":2}         two uploads fail, the third succeeds
//	{"operation":"upload","error_code":80007}                    throttled until removed
//	{"operation":"upload","cut_after_bytes":65536,"times":1}     the connection breaks under the upload
//	{"operation":"upload","lose_answer":true}                    stored, but the answer never comes
//	{"operation":"download","cut_after_bytes":1000,"times":1}    the connection breaks under the download
//	{"operation":"upload_bytes","cut_after_bytes":1000,"times":1} 1000 bytes of a resumable upload stay
//	{"operation":"upload","body":"<html>Sorry</html>"}           200 with HTML
//	{"operation":"upload","body":"{}"}                           200 without an id
//	{"operation":"upload","body":"{\"id\":\"12"}                 200 with half a JSON
//	{"latency_ms":250,"probability":0.1}                         every tenth request is slow
//	{"operation":"upload","bandwidth_bytes_per_second":1048576}  a slow line
//
// No token and no sig is ever kept in the history or logged.
package metasim
