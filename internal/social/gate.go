// The gate: the one path of every request, from bytes to bytes.
//
//	bounded body → signature → decode → validate → authorise → call → encode

package social

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/admission"
	"ferry/internal/policy"
	"ferry/internal/sigv4"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// emptyHash is the SHA-256 of an empty body.
const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// A handler binds an operation, a row of the contract's table or one of ferry's own,
// to the method that implements it.
type handler struct {
	method, path string
	name         string
	maxBody      int64 // largest request body, in bytes
	// call decodes, validates, authorises and runs. Nil means that ferry does not
	// implement the operation: it is answered with status 501.
	call func(ctx context.Context, c *call, body []byte, rawQuery string) (output any, err error)
}

// handle returns a handler. The caller's policies must allow the operation on
// the resource that the input names, and what the needs return: rights on
// S3 objects and roles. The needs are called with an input that has passed validation.
func handle[In, Out any](
	api socialmessaging.API[In, Out],
	method func(c *call, ctx context.Context, in *In) (*Out, error),
	needs ...func(in *In) []policy.Request,
) handler {
	o := api.Operation
	h := handler{method: o.Method, path: o.Path, name: o.Name, maxBody: o.MaxBody()}
	h.call = func(ctx context.Context, c *call, body []byte, rawQuery string) (any, error) {
		in := new(In)
		if err := api.Decode(in, body, rawQuery); err != nil {
			return nil, err
		}
		if err := api.Validate(in); err != nil {
			return nil, err
		}
		c.entry.Resource = c.resourceARN(api.Resource(in))
		rights := []policy.Request{{Action: api.Action(), Resource: c.entry.Resource}}
		for _, need := range needs {
			rights = append(rights, need(in)...)
		}
		if err := c.authorise(ctx, in, rights...); err != nil {
			return nil, err
		}
		return method(c, ctx, in)
	}
	return h
}

// handlers are the operations. To add one, see CONTRIBUTING.md.
var handlers = []handler{
	handle(socialmessaging.AssociateWhatsAppBusinessAccount, (*call).AssociateWhatsAppBusinessAccount, signupNeeds),
	handleAtMeta(socialmessaging.CreateWhatsAppDataset, (*metaCall).CreateWhatsAppDataset),
	handleAtMeta(socialmessaging.CreateWhatsAppFlow, (*metaCall).CreateWhatsAppFlow),
	handleAtMeta(socialmessaging.CreateWhatsAppMessageTemplate, (*metaCall).CreateWhatsAppMessageTemplate),
	handleAtMeta(socialmessaging.CreateWhatsAppMessageTemplateFromLibrary, (*metaCall).CreateWhatsAppMessageTemplateFromLibrary),
	handle(socialmessaging.CreateWhatsAppMessageTemplateMedia, (*call).CreateWhatsAppMessageTemplateMedia, templateMediaNeeds),
	handleAtMeta(socialmessaging.DeleteWhatsAppFlow, (*metaCall).DeleteWhatsAppFlow),
	handle(socialmessaging.DeleteWhatsAppMessageMedia, (*call).DeleteWhatsAppMessageMedia),
	handleAtMeta(socialmessaging.DeleteWhatsAppMessageTemplate, (*metaCall).DeleteWhatsAppMessageTemplate),
	handleAtMeta(socialmessaging.DeprecateWhatsAppFlow, (*metaCall).DeprecateWhatsAppFlow),
	handle(socialmessaging.DisassociateWhatsAppBusinessAccount, (*call).DisassociateWhatsAppBusinessAccount),
	handle(socialmessaging.GetLinkedWhatsAppBusinessAccount, (*call).GetLinkedWhatsAppBusinessAccount),
	handle(socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumber, (*call).GetLinkedWhatsAppBusinessAccountPhoneNumber),
	handleAtMeta(socialmessaging.GetWhatsAppBusinessPublicKey, (*metaCall).GetWhatsAppBusinessPublicKey),
	handleAtMeta(socialmessaging.GetWhatsAppFlow, (*metaCall).GetWhatsAppFlow),
	handleAtMeta(socialmessaging.GetWhatsAppFlowPreview, (*metaCall).GetWhatsAppFlowPreview),
	handle(socialmessaging.GetWhatsAppMessageMedia, (*call).GetWhatsAppMessageMedia),
	handleAtMeta(socialmessaging.GetWhatsAppMessageTemplate, (*metaCall).GetWhatsAppMessageTemplate),
	handle(socialmessaging.ListLinkedWhatsAppBusinessAccounts, (*call).ListLinkedWhatsAppBusinessAccounts),
	handle(socialmessaging.ListTagsForResource, (*call).ListTagsForResource),
	handleAtMeta(socialmessaging.ListWhatsAppFlowAssets, (*metaCall).ListWhatsAppFlowAssets),
	handleAtMeta(socialmessaging.ListWhatsAppFlows, (*metaCall).ListWhatsAppFlows),
	handleAtMeta(socialmessaging.ListWhatsAppMessageTemplates, (*metaCall).ListWhatsAppMessageTemplates),
	handleAtMeta(socialmessaging.ListWhatsAppTemplateLibrary, (*metaCall).ListWhatsAppTemplateLibrary),
	handle(socialmessaging.PostWhatsAppMessageMedia, (*call).PostWhatsAppMessageMedia, postMediaNeeds),
	handleAtMeta(socialmessaging.PublishWhatsAppFlow, (*metaCall).PublishWhatsAppFlow),
	handle(socialmessaging.PutWhatsAppBusinessAccountEventDestinations, (*call).PutWhatsAppBusinessAccountEventDestinations, eventDestinationNeeds),
	handleAtMeta(socialmessaging.PutWhatsAppBusinessPublicKey, (*metaCall).PutWhatsAppBusinessPublicKey, publicKeyNeeds),
	handleAtMeta(socialmessaging.SendWhatsAppConversionEvent, (*metaCall).SendWhatsAppConversionEvent),
	handle(socialmessaging.SendWhatsAppMessage, (*call).SendWhatsAppMessage),
	handleAtMeta(socialmessaging.GetWhatsAppCallPermission, (*metaCall).GetWhatsAppCallPermission),
	handleAtMeta(socialmessaging.SendWhatsAppCallEvent, (*metaCall).SendWhatsAppCallEvent),
	handleAtMeta(socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumber, (*metaCall).UpdateLinkedWhatsAppBusinessAccountPhoneNumber),
	handle(socialmessaging.TagResource, (*call).TagResource),
	handle(socialmessaging.UntagResource, (*call).UntagResource),
	handleAtMeta(socialmessaging.UpdateWhatsAppFlow, (*metaCall).UpdateWhatsAppFlow),
	handleAtMeta(socialmessaging.UpdateWhatsAppFlowAssets, (*metaCall).UpdateWhatsAppFlowAssets),
	handleAtMeta(socialmessaging.UpdateWhatsAppMessageTemplate, (*metaCall).UpdateWhatsAppMessageTemplate),
}

// routes finds a handler by method and exact path, such as "POST /v1/whatsapp/media".
// Every operation of the model has one, and every operation of ferry's own.
func routes() map[string]handler {
	table := make(map[string]handler, len(handlers)+len(ownHandlers)+1)
	for _, h := range slices.Concat(handlers, ownHandlers, []handler{streamHandler}) {
		table[h.method+" "+h.path] = h
	}
	return table
}

// ServeHTTP serves one request of the API.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.allowOrigin(w.Header(), r); err != nil {
		writeFault(w, state.NewUUID(), faultOf(r.Context(), err))
		return
	}
	if preflight(w, r) {
		return
	}
	c, ctx := s.newCall(r), r.Context()
	c.out = w
	output, err := c.serve(ctx, w, r)
	if output == streamEnd {
		c.finish(ctx, nil)
		return
	}
	var body []byte
	if err == nil {
		body, err = socialmessaging.Encode(output)
	}
	var failed *fault
	if err != nil {
		failed = faultOf(ctx, err)
		writeFault(w, c.entry.Trace, failed)
	} else {
		writeBody(w, c.entry.Trace, http.StatusOK, "application/json", body)
	}
	c.finish(ctx, failed)
}

// serve takes a request through the gate. It is the only way to an operation.
func (c *call) serve(ctx context.Context, w http.ResponseWriter, r *http.Request) (output any, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			c.stack = string(debug.Stack())
			err = fail(socialmessaging.KindInternalService, &panicError{panicked}, internalMessage)
		}
	}()
	h, err := c.route(r)
	if err != nil {
		return nil, err
	}
	c.operation = h.name
	body, err := c.authenticate(ctx, w, r, h)
	if err != nil {
		return nil, err
	}
	// Only now: strangers cannot fill the collector of traces.
	c.entry.Span = c.config.Activity.Begin(activity.ParseTraceParent(r.Header.Get("Traceparent")))
	return h.call(ctx, c, body, r.URL.RawQuery)
}

// route finds the operation of a request. The path must be an operation's,
// byte for byte as it came: no other spelling of it exists.
func (s *Service) route(r *http.Request) (handler, error) {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	h, known := s.routes[r.Method+" "+path]
	if !known {
		return handler{}, unknownOperation
	}
	return h, nil
}

// authenticate reads the body, up to its limit, and verifies the signature
// over it. A signature that declares the body's hash is verified before the
// body is read. For any other signature, everything that does not depend on the
// body is checked first, so that ferry never buffers the body of an unknown
// caller. It sets the caller of the call.
func (c *call) authenticate(ctx context.Context, w http.ResponseWriter, r *http.Request, h handler) ([]byte, error) {
	if r.ContentLength > h.maxBody {
		return nil, tooLarge(h)
	}
	if err := checkHeaders(r.Header); err != nil {
		return nil, err
	}
	signature, err := c.verifier.Parse(r, c.config.SignatureNow())
	if err != nil {
		if failed, ok := errors.AsType[*sigv4.Error](err); ok {
			c.entry.AccessKey = failed.ClaimedKey
		}
		return nil, err
	}
	c.entry.AccessKey = signature.AccessKeyID // as claimed, until it is verified
	key, err := c.config.State.AccessKey(ctx, signature.AccessKeyID)
	if errors.Is(err, state.ErrNotFound) || err == nil && key.IsDisabled() { // as on AWS, both are the same to the caller
		return nil, signature.VerifyUnknown(emptyHash)
	}
	if err != nil {
		return nil, err
	}
	known := sigv4.Key{Secret: key.Secret, TokenHash: key.TokenHash}
	if key.HasEnded(c.config.State.Clock()) {
		known.EndedAt = key.ExpiresAt
	}
	declared, isDeclared := signature.DeclaredPayloadHash()
	if isDeclared {
		if err := signature.Verify(known, declared); err != nil {
			return nil, err
		}
		admission.Verified(ctx)
	}
	body, real, err := readBody(w, r, h)
	if err != nil {
		return nil, err
	}
	if isDeclared {
		err = signature.VerifyPayload(real)
	} else {
		err = signature.Verify(known, real)
	}
	if err != nil {
		return nil, err
	}
	admission.Verified(ctx)
	c.config.State.KeyUsed(key.ID)
	if c.caller, err = c.newCaller(key, signature.Region); err != nil {
		return nil, err
	}
	c.sharedBy = sharedBy(r, key.ID, real)
	return body, nil
}

// sharedBy returns what all attempts of one call of an SDK have in common, in a form that
// is short and that every database stores as it is. It is empty if the request does not
// name its call with a short text of printable ASCII.
func sharedBy(r *http.Request, keyID, payload string) string {
	invocation := r.Header.Get("Amz-Sdk-Invocation-Id")
	isOther := func(b rune) bool { return b < ' ' || b > '~' }
	if invocation == "" || len(invocation) > maxInvocation || strings.ContainsFunc(invocation, isOther) {
		return ""
	}
	target := sha256.Sum256([]byte(r.Method + " " + r.RequestURI)) // a query may be long
	return keyID + " " + invocation + " " + hex.EncodeToString(target[:]) + " " + payload
}

// readBody reads the body, up to the operation's limit, and returns it with its
// SHA-256. The body of an operation without an implementation is hashed and not
// kept. readBody lifts the deadline that the server has set for the body.
func readBody(w http.ResponseWriter, r *http.Request, h handler) (body []byte, hash string, err error) {
	digest := sha256.New()
	limited := io.TeeReader(io.LimitReader(r.Body, h.maxBody+1), digest)
	var size int64
	if h.call == nil {
		size, err = io.Copy(io.Discard, limited)
	} else {
		body, err = io.ReadAll(limited)
		size = int64(len(body))
	}
	if err != nil {
		return nil, "", brokenBody(err)
	}
	if size > h.maxBody {
		return nil, "", tooLarge(h)
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a recorder in a test has none
	return body, hex.EncodeToString(digest.Sum(nil)), nil
}
