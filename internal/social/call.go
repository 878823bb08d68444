// One call of the API: who makes it, what it may do, and what is known about it.

package social

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/internal/transfer"
	"ferry/socialmessaging"
)

// A call is one request on its way through the gate. The operations are its
// methods, so that they know who calls without a look into the context. Only
// the goroutine of the request uses it.
type call struct {
	*Service
	operation string // empty until the request is routed
	caller    caller // the zero caller until the signature is verified
	// sharedBy is the same for all attempts of one call of an SDK; empty if the SDK
	// did not mark them.
	sharedBy string
	isInside bool // no request: an Account makes it

	request *http.Request
	out     http.ResponseWriter // only a stream writes to it itself
	begun   time.Time

	entry  activity.Entry  // completed by finish
	report transfer.Report // of the transfer that the call made
	stack  string          // of a panic
}

// A caller is an access key whose signature was verified.
type caller struct {
	accountID   string // 12 digits
	region      string // that the request was signed for
	accessKeyID string
	arn         string // of the user: arn:aws:iam::111122223333:user/name
	policies    []*policy.Document
	userName    string         // as in arn
	expiresAt   time.Time      // of the access key; zero means never
	issuedAt    time.Time      // of the session token; zero means that there is none
	settings    state.Settings // of the account
}

// newCall returns the call of a request.
func (s *Service) newCall(r *http.Request) *call {
	return &call{Service: s, request: r, begun: time.Now(), entry: activity.Entry{Kind: activity.Call, Time: s.config.Now(), Trace: state.NewUUID(), Remote: r.RemoteAddr}}
}

// knownParts returns what the log may show of a request for an unknown operation:
// its method if that is HTTP's, and its path if an operation has it. Anything else
// is a stranger's text, or a secret that a misconfigured client put there.
func knownParts(r *http.Request) (parts []slog.Attr) {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		parts = append(parts, slog.String("method", r.Method))
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if _, known := corsMethods[path]; known {
		parts = append(parts, slog.String("path", path))
	}
	return parts
}

// maxPolicies bounds how many parsed policy documents are kept.
const maxPolicies = 1024

// newCaller returns the caller of a key in a region. Policies are parsed once, and kept by their text.
func (s *Service) newCaller(key state.AccessKey, region string) (caller, error) {
	c := caller{
		accountID: key.AccountID, region: region, accessKeyID: key.ID, arn: policy.UserARN(key.AccountID, key.Name),
		userName: key.Name, expiresAt: key.ExpiresAt, settings: key.Settings,
	}
	if key.IsTemporary() {
		c.issuedAt = key.CreatedAt
	}
	for _, text := range key.Policies {
		document, known := s.policies.Get(text)
		if !known {
			var err error
			if document, err = policy.Parse([]byte(text)); err != nil {
				return caller{}, fmt.Errorf("a stored policy of access key %s: %w", key.ID, err)
			}
			s.policies.Add(text, document)
		}
		c.policies = append(c.policies, document)
	}
	return c, nil
}

// resourceARN returns the ARN of a resource that the caller named, or "*".
func (c *call) resourceARN(name string, kind socialmessaging.ResourceKind) string {
	if kind == socialmessaging.ResourceAny || kind == socialmessaging.ResourceARN {
		return name
	}
	_, arn := c.resolve(resourceKind(kind), name)
	return arn
}

// authorise checks that the caller's policies allow all that a call needs. The first need is the operation itself if
// input, the input of the call, is not nil.
func (c *call) authorise(ctx context.Context, input any, needs ...policy.Request) error {
	for _, need := range needs {
		need.Context = c.context(ctx, input, need)
		input = nil
		decision, err := policy.Evaluate(c.caller.policies, need)
		if err != nil {
			return err
		}
		if !decision.Allowed() {
			return fail(socialmessaging.KindAccessDenied, c.whyDenied(need), "%s", decision.Message(c.caller.arn, need))
		}
	}
	return nil
}

// whyDenied returns what the log says about a denied need: the statement that denies it, or the first one that would
// allow it if its conditions were true; nil if there is none.
func (c *call) whyDenied(need policy.Request) error {
	decision, steps, err := policy.Explain(c.caller.policies, need)
	if err != nil {
		return err
	}
	for _, step := range steps {
		isReason := step.Deny && step.Reason == policy.Applies
		if decision.Outcome == policy.NoAllow {
			isReason = !step.Deny && step.Reason == policy.ConditionNotMet
		}
		if isReason {
			return errors.New(step.Text(fmt.Sprintf("policy %d", step.Document+1)))
		}
	}
	return nil
}

// job returns a transfer for the caller.
func (c *call) job(sender state.Sender) transfer.Job {
	return transfer.Job{
		Trace: c.entry.Trace, Span: c.entry.Span, AccountID: c.caller.accountID, AccessKeyID: c.caller.accessKeyID, UserName: c.caller.userName, Sender: sender,
		Reuse: c.caller.settings.Reuse, Verify: c.caller.settings.Verify || c.config.VerifyUploads,
		TextAsPlain: c.caller.settings.TextAsPlain || c.config.TextAsPlain, WillFail: c.config.WillFail,
	}
}

// finish records the call. f is its fault; nil means success.
func (c *call) finish(ctx context.Context, f *fault) {
	e := &c.entry
	e.Took = time.Since(c.begun)
	e.Account = c.caller.accountID
	if e.Operation = c.operation; c.operation == "" {
		e.Details = append(e.Details, knownParts(c.request)...)
	}
	c.report.Describe(e)
	e.Outcome, e.Status = activity.OK, http.StatusOK
	if f != nil {
		e.Status, e.Code, e.Text = f.status, f.code, f.message
		if f.cause != nil {
			e.Cause = f.cause.Error()
		}
		switch {
		case c.report.Ambiguous:
			e.Outcome = activity.Ambiguous
		case f.status >= http.StatusInternalServerError:
			e.Outcome = activity.Failed
		default:
			e.Outcome = activity.Refused
		}
	}
	if errors.Is(context.Cause(ctx), context.Canceled) { // by the caller, not by the server
		e.Details = append(e.Details, slog.Bool("caller_disconnected", true))
	}
	if c.stack != "" {
		e.Details = append(e.Details, slog.String("stack", c.stack))
	}
	c.config.Activity.Record(ctx, *e)
}

// attemptGrace is how long an upload or delete whose caller has disconnected
// continues, so that the SDK's retry can join it, and how long its success is
// kept for a caller whom the response may not have reached.
const attemptGrace = 5 * time.Second

// maxInvocation bounds the id by which an SDK marks the attempts of one call, a
// UUID, in bytes.
const maxInvocation = 64

// outcome is the result of an upload or delete that attempts of one call share.
type outcome struct {
	media  state.Media
	report transfer.Report
}

// once runs the work of a call, or waits for another attempt of the same call
// that is running it.
func (c *call) once(ctx context.Context, work func(ctx context.Context) (outcome, error)) (state.Media, error) {
	result, _, err := c.calls.Do(ctx, c.sharedBy, work)
	c.report = result.report
	return result.media, err
}
