// Meta's webhook: the verification of its address, and the POST that reports updates
// (docs/references.md#webhooks).

package event

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/admission"
	"ferry/internal/secret"
	"ferry/internal/state"
)

const (
	// maxWebhook bounds the body of a webhook, in bytes; Meta sends at most 3 MB.
	maxWebhook = 3 << 20
	// maxChallenge bounds the challenge of a verification, in bytes; Meta's is a number.
	maxChallenge = 1024
	// MaxAppSecrets bounds the secrets with which a signature is compared.
	MaxAppSecrets = 16
	// webhookRetryAfter is when Meta may send a webhook again that could not be stored.
	webhookRetryAfter = 5 * time.Second
)

// ReceiverConfig configures a Receiver.
type ReceiverConfig struct {
	// State is the database. Required.
	State *state.DB
	// Route sets the destinations of an event. Required.
	Route func(ctx context.Context, e *state.Event) error
	// Region is that of the ARNs in events. Default: us-east-1.
	Region string
	// AppSecrets are those of Meta's apps: a webhook must be signed with one of them.
	// Several are for their rotation, and for several apps. At least one is required,
	// and at most 16 are allowed.
	AppSecrets []AppSecret
	// VerifyToken is the text that Meta's dashboard sends when it verifies the
	// webhook's address. Default: none, and every verification is refused.
	VerifyToken secret.Secret
	Activity    *activity.Recorder // default: drops the entries
	Logger      *slog.Logger       // default: discards
	Now         func() time.Time   // default time.Now
}

// Receiver is the http.Handler of Meta's webhook. It is safe for concurrent use.
type Receiver struct {
	config  ReceiverConfig
	unknown unlinkedLog
}

// NewReceiver returns a Receiver.
func NewReceiver(config ReceiverConfig) (*Receiver, error) {
	if config.State == nil || config.Route == nil {
		return nil, errors.New("event: State and Route are required")
	}
	if err := CheckAppSecrets(config.AppSecrets); err != nil {
		return nil, err
	}
	if config.Region == "" {
		config.Region = "us-east-1"
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Receiver{config: config}, nil
}

// A refusal is the response to a request that is not accepted.
type refusal struct {
	status     int
	text       string // for whoever sent the request
	cause      error  // for the log; may be nil
	retryAfter time.Duration
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.cause }

func refuse(status int, format string, args ...any) *refusal {
	return &refusal{status: status, text: fmt.Sprintf(format, args...)}
}

// ServeHTTP serves one request of Meta's.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	begun := time.Now()
	entry := activity.Entry{Kind: activity.Webhook, Time: r.config.Now(), Trace: state.NewUUID(), Remote: request.RemoteAddr}
	body, err := r.serve(w, request, &entry)
	status := http.StatusOK
	if err != nil {
		var refused *refusal
		if !errors.As(err, &refused) {
			refused = &refusal{status: http.StatusInternalServerError, text: "The server failed. Its log has the cause under this request's id.", cause: err}
		}
		body, status = refused.text+"\n", refused.status
		entry.Text = refused.text
		if refused.cause != nil {
			entry.Cause = refused.cause.Error()
		}
		if refused.retryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(refused.retryAfter.Seconds())))
		}
		entry.Outcome = activity.Refused
		if status >= 500 {
			entry.Outcome = activity.Failed
		}
	} else {
		entry.Outcome = activity.OK
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(responseTimeout)) // a recorder in a test has none
	w.Header().Set("X-Request-Id", entry.Trace)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
	entry.Status, entry.Took = status, time.Since(begun)
	r.config.Activity.Record(request.Context(), entry)
}

// responseTimeout bounds how long Meta may take to accept a response.
const responseTimeout = 30 * time.Second

// serve returns the body of the response.
func (r *Receiver) serve(w http.ResponseWriter, request *http.Request, entry *activity.Entry) (body string, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v\n%s", panicked, debug.Stack())
		}
	}()
	switch request.Method {
	case http.MethodGet:
		entry.Operation = "verify"
		return r.verifyAddress(request)
	case http.MethodPost:
		entry.Operation = "receive"
		return "", r.receive(w, request, entry)
	}
	w.Header().Set("Allow", "GET, POST")
	return "", refuse(http.StatusMethodNotAllowed, "A webhook of WhatsApp is a GET or a POST.")
}

// verifyAddress answers the request by which Meta verifies that the address of the
// webhook belongs to whoever has set it in Meta's dashboard.
func (r *Receiver) verifyAddress(request *http.Request) (string, error) {
	query := request.URL.Query()
	token := r.config.VerifyToken
	if token.IsZero() {
		return "", refuse(http.StatusForbidden, "This server has no verify token. Set one with --webhook-verify-token, and enter the same text in Meta's dashboard.")
	}
	if query.Get("hub.mode") != "subscribe" || !sameText(query.Get("hub.verify_token"), token.Reveal()) {
		return "", refuse(http.StatusForbidden, "hub.mode must be subscribe, and hub.verify_token the text that this server was started with (--webhook-verify-token).")
	}
	challenge := query.Get("hub.challenge")
	if challenge == "" || len(challenge) > maxChallenge {
		return "", refuse(http.StatusBadRequest, "hub.challenge must have 1 to %d bytes.", maxChallenge)
	}
	return challenge, nil
}

// sameText compares texts in a time that depends on neither.
func sameText(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return hmac.Equal(x[:], y[:])
}

// receive takes a webhook: signature, updates, database. It returns nil only when
// everything that it reports is stored.
func (r *Receiver) receive(w http.ResponseWriter, request *http.Request, entry *activity.Entry) error {
	body, by, err := r.authenticate(w, request)
	if err != nil {
		return err
	}
	entry.Bytes, entry.Span = int64(len(body)), r.config.Activity.Begin(activity.Span{})
	// The last free space is for recording what became of messages, events and uploads.
	if err := r.config.State.Writable(request.Context()); err != nil {
		return unstored(err)
	}
	updates, err := splitWebhook(body)
	if errors.Is(err, errTooMany) || errors.Is(err, errTooLong) {
		return &refusal{status: http.StatusRequestEntityTooLarge, text: "The webhook is too large.", cause: err}
	}
	if err != nil {
		return &refusal{status: http.StatusBadRequest, text: "The webhook is signed but cannot be read.", cause: err}
	}
	return r.store(request.Context(), updates, by, entry)
}

// authenticate reads the body, verifies its signature, and returns who has signed it.
// Nothing of it is parsed before that.
func (r *Receiver) authenticate(w http.ResponseWriter, request *http.Request) ([]byte, signer, error) {
	if request.ContentLength > maxWebhook {
		return nil, signer{}, refuse(http.StatusRequestEntityTooLarge, "A webhook has at most %d bytes.", maxWebhook)
	}
	signature, ok := parseSignature(request.Header["X-Hub-Signature-256"])
	if !ok {
		return nil, signer{}, refuse(http.StatusUnauthorized, "The request needs one header X-Hub-Signature-256: sha256= and 64 hexadecimal digits in lower case.")
	}
	body, err := io.ReadAll(io.LimitReader(request.Body, maxWebhook+1))
	if errors.Is(err, admission.ErrBusy) {
		return nil, signer{}, &refusal{status: http.StatusServiceUnavailable, text: "The server is receiving more requests than it holds before their signatures are verified.",
			cause: err, retryAfter: webhookRetryAfter}
	}
	if err != nil {
		return nil, signer{}, &refusal{status: http.StatusBadRequest, text: "The body did not arrive completely.", cause: err}
	}
	if len(body) > maxWebhook {
		return nil, signer{}, refuse(http.StatusRequestEntityTooLarge, "A webhook has at most %d bytes.", maxWebhook)
	}
	by, isSigned := r.signedBy(body, signature)
	if !isSigned {
		return nil, signer{}, refuse(http.StatusUnauthorized, "The signature is not that of this body with an app secret of this server (--app-secret).")
	}
	admission.Verified(request.Context())
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a recorder in a test has none
	return body, by, nil
}

// parseSignature parses the header of a signature, of which there must be one. Meta's
// older header, X-Hub-Signature with SHA-1, does not count.
func parseSignature(headers []string) ([]byte, bool) {
	if len(headers) != 1 {
		return nil, false
	}
	digits, ok := strings.CutPrefix(headers[0], "sha256=")
	if !ok || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return nil, false
	}
	signature, err := hex.DecodeString(digits)
	return signature, err == nil
}
