// Calls of Meta's API for what is managed there, and what belongs to a linked account.

package social

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/graph"
	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// metaTimeout bounds the requests to Meta of one call together.
const metaTimeout = 90 * time.Second

// maxMetaTraces bounds the trace ids of Meta that the entry of a call has.
const maxMetaTraces = 16

// maxOwned bounds how many templates, flows and datasets are remembered with the business
// account that they belong to.
const maxOwned = 4096

// maxUnsettled bounds how many calls are remembered after which Meta may have events.
const maxUnsettled = 1024

// meta returns the client of Meta's API for the call: its requests are steps of the
// call, and the call's entry has their trace ids.
func (c *call) meta(ctx context.Context) *graph.Client {
	return c.config.Graph.Observed(func(x graph.Exchange) {
		if x.TraceID != "" && len(c.report.MetaTraces) < maxMetaTraces {
			c.report.MetaTraces = append(c.report.MetaTraces, x.TraceID)
		}
		entry := x.Entry()
		entry.Span = c.entry.Span.Child()
		entry.Trace, entry.Account, entry.AccessKey, entry.PhoneNumberID = c.entry.Trace, c.caller.accountID, c.caller.accessKeyID, c.entry.PhoneNumberID
		c.config.Activity.Record(ctx, entry)
	})
}

// A metaCall is a call of an operation that is carried out at Meta. Such operations are
// its methods.
type metaCall struct {
	*call
	meta   *graph.Client
	given  string // the account, or the phone number, as the caller named it
	wabaID string // Meta's id of the account
	token  secret.Secret
	sender state.Sender // if the call names a phone number
}

// handleAtMeta returns the handler of an operation that is carried out at Meta, for
// the account or the phone number that its input names. Its requests to Meta must end
// within metaTimeout.
func handleAtMeta[In, Out any](
	api socialmessaging.API[In, Out],
	method func(m *metaCall, ctx context.Context, in *In) (*Out, error),
	needs ...func(in *In) []policy.Request,
) handler {
	return handle(api, atMeta(api, method), needs...)
}

// atMeta returns an operation that is carried out at Meta as a method of a call.
func atMeta[In, Out any](api socialmessaging.API[In, Out], method func(m *metaCall, ctx context.Context, in *In) (*Out, error)) func(c *call, ctx context.Context, in *In) (*Out, error) {
	return func(c *call, ctx context.Context, in *In) (*Out, error) {
		given, kind := api.Resource(in)
		m := &metaCall{call: c, meta: c.meta(ctx), given: given}
		if kind == socialmessaging.ResourcePhoneNumber {
			sender, err := c.sender(ctx, given)
			if err != nil {
				return nil, err
			}
			m.sender, m.wabaID, m.token = sender, sender.BusinessAccountMetaID, sender.Token
			c.entry.PhoneNumberID = sender.ID
		} else {
			owner, err := c.owner(ctx, given)
			if err != nil {
				return nil, err
			}
			m.wabaID, m.token = owner.MetaID, owner.Token
		}
		ctx, cancel := context.WithTimeout(ctx, metaTimeout)
		defer cancel()
		return method(m, ctx, in)
	}
}

// A nodeKind is a kind of nodes at Meta.
type nodeKind string

const (
	templateNode nodeKind = "template"
	flowNode     nodeKind = "flow"
	datasetNode  nodeKind = "dataset"
)

// An ownedNode is a node of Meta's and the business account that it belongs to, by
// Meta's ids. Nodes do not move between business accounts.
type ownedNode struct {
	kind                  nodeKind
	businessAccountID, id string
}

// owns remembers that a node belongs to the account.
func (m *metaCall) owns(kind nodeKind, id string) {
	m.owned.Add(ownedNode{kind, m.wabaID, id}, struct{}{})
}

// isOwn reports whether a node is known to be of a kind and to belong to the account.
func (m *metaCall) isOwn(kind nodeKind, id string) bool {
	_, known := m.owned.Get(ownedNode{kind, m.wabaID, id})
	return known
}

// isMissing reports whether Meta says that there is no such node, or that the node with
// the id is of another kind, which has not the fields that were requested.
func (m *metaCall) isMissing(kind nodeKind, id string, err error) bool {
	refusal, ok := errors.AsType[*graph.Error](err)
	return ok && refusal.Code == 100 && (refusal.Subcode == 33 || strings.Contains(refusal.Message, "nonexisting field") && !m.isOwn(kind, id))
}

// unsettled returns the error of a change at Meta. If Meta may have made the change in
// spite of the error, the fault says so, and then how to find out.
func (c *call) unsettled(err error, howToFindOut string) error {
	if err == nil || !mayHaveHappened(err) {
		return err
	}
	c.report.Ambiguous = true
	return fail(socialmessaging.KindDependency, err, "%s", unconfirmed(err)+" "+howToFindOut)
}

// opaqueCodes are errors after which Meta may have made the change all the same
// (docs/references.md#graph-templates).
var opaqueCodes = []int{1, 99}

// mayHaveHappened reports whether Meta may have made a change in spite of an error.
func mayHaveHappened(err error) bool {
	refusal, ok := errors.AsType[*graph.Error](err)
	return graph.IsAmbiguous(err) || ok && (slices.Contains(opaqueCodes, refusal.Code) || refusal.Code == 0 && refusal.Status >= 500)
}

func unconfirmed(err error) string {
	if refusal, ok := errors.AsType[*graph.Error](err); ok {
		return "WhatsApp (Meta) failed (" + refusal.Summary() + "), and may have made the change all the same."
	}
	return "WhatsApp (Meta's Graph API) received the whole request but did not confirm it, so it may have succeeded."
}

// kindNames names the kinds of JSON.
var kindNames = map[jsontext.Kind]string{'{': "object", '[': "array", '"': "string", '0': "number", 't': "boolean", 'f': "boolean", 'n': "null"}

// checkJSON checks a blob that must be JSON of a kind: '{' for an object, '[' for an
// array. member is its name in the API.
func checkJSON(member string, blob []byte, kind jsontext.Kind, example string) error {
	decoder := jsontext.NewDecoder(bytes.NewReader(blob)) // strict: ferry must not read something else than Meta does
	value, err := decoder.ReadValue()
	given := value.Kind()
	if err == nil {
		if _, err = decoder.ReadToken(); err == nil {
			err = errors.New("more text follows")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err == nil && given == kind {
		return nil
	}
	decoded, notBase64 := base64.StdEncoding.DecodeString(strings.TrimSpace(string(blob)))
	if notBase64 == nil && jsontext.Value(decoded).IsValid() {
		return fail(socialmessaging.KindInvalidParameters, nil, "%s is base64 within base64. Pass the JSON itself to the SDK, which encodes it.", member)
	}
	if err != nil {
		return fail(socialmessaging.KindInvalidParameters, err, "%s is not JSON: %s. It must be in Meta's form, such as %s.", member, strings.TrimPrefix(err.Error(), "jsontext: "), example)
	}
	return fail(socialmessaging.KindInvalidParameters, nil, "%s is a JSON %s; expected an %s in Meta's form, such as %s.", member, kindNames[given], kindNames[kind], example)
}

// jsonOf returns JSON in which no more is escaped than must be.
func jsonOf(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// textOrNil returns nil for a text that is empty.
func textOrNil[T ~string](text T) *string {
	if text == "" {
		return nil
	}
	return new(string(text))
}
