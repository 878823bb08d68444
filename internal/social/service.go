// Package social is the API: what each operation does, and the gate that every
// request passes. Read gate.go first, then media.go.
//
//	gate.go       the gate, and the table that binds operations to methods
//	media.go      media of messages: post, get, delete
//	message.go    messages
//	template.go, template_library.go, template_media.go  templates, and their media
//	flow.go, publickey.go  flows, and the keys of what they exchange
//	conversion.go datasets and conversion events
//	account.go    linked accounts and phone numbers
//	signup.go     what links an account
//	calling.go    calls, and the settings of phone numbers for them
//	tag.go        tags of linked accounts and phone numbers
//	condition.go  what the conditions of policies may ask about a call
//	proxy.go      where a request comes from
//	eventdestination.go  where the events of a linked account go
//	inside.go     ferry's own operations without a request, for the console
//	call.go       one call: who makes it, what it may do, what is known about it
//	meta.go       calls of Meta's API, and what belongs to a linked account there
//	page.go       pages of lists, and their tokens
//	rate.go       how many calls an account may make per second
//	arn.go        ids and ARNs
//	fault.go      what an error becomes on the wire
//
// The files themselves are moved by internal/transfer.
package social

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"ferry/internal/activity"
	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/journal"
	"ferry/internal/kms"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/once"
	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/sigv4"
	"ferry/internal/state"
	"ferry/internal/transfer"
	"ferry/socialmessaging"
)

// Config is what a Service works with.
type Config struct {
	State     *state.DB        // required
	Transfers *transfer.Engine // required
	Objects   *object.Opener   // required
	Messages  *message.Sender  // required
	Graph     *graph.Client    // required; for what is managed at Meta
	// Events knows the destinations that callers may choose. Default: SNS topics, and
	// none of the configuration.
	Events *event.Router
	// Apps are those of Meta's whose sign-ups AssociateWhatsAppBusinessAccount can finish.
	// Default: none.
	Apps   []graph.App
	Sealer *secret.Sealer // required; seals page tokens
	// The region that signatures must be made for and that ARNs name; default us-east-1.
	Region string
	// Whether signatures may be made for any region. ARNs in a response then name the
	// region that its request was signed for, and ARNs in a request may name any.
	AnyRegion bool
	// AllowsOrigin reports whether web pages of an origin may call the API; those of
	// others are refused. Default: all may, as AWS's model says.
	AllowsOrigin func(origin string) bool
	// AllowsHost reports whether a request names the server by one of its own host
	// names; others are refused. Default: every name is accepted, because a web page
	// that lets its name stand for the server's address has no key.
	AllowsHost func(r *http.Request) bool
	// Proxies are the addresses of proxies in front of the API whose X-Forwarded-For and X-Forwarded-Proto say
	// where a request comes from, for aws:SourceIp and aws:SecureTransport in policies. Default: none; the
	// headers are not read.
	Proxies []netip.Prefix
	// Calls of each media operation that an account may make per second, with
	// bursts of as many; default 100, AWS's quota; or NoLimit.
	MediaPerSecond int
	// What happens to a file that WhatsApp would accept and then fail to deliver;
	// default transfer.RefuseWillFail.
	WillFail transfer.WillFail
	// Whether the uploads of all accounts are verified: WhatsApp's SHA-256 is
	// compared with that of the bytes that were sent. Default: only those of
	// accounts that have it turned on.
	VerifyUploads bool
	// Whether text formats such as CSV are sent as text/plain, under their own names,
	// for all accounts. Default: only for accounts that have it turned on.
	TextAsPlain bool
	// KMS says how the keys that callers name by their ARNs are read. Default: they are
	// refused, with NoKMS.
	KMS *kms.Config
	// NoKMS is a sentence that says why. Default: that the server is not configured for it.
	NoKMS    string
	Activity *activity.Recorder // default: drops the entries
	Journal  *journal.Journal   // what ListEntries and Why read; default: one that stays empty
	Now      func() time.Time   // default time.Now
	// SignatureNow returns the time that clients sign requests with. Default: time.Now,
	// or Now if that is set.
	SignatureNow func() time.Time
}

var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

func (c Config) withDefaults() (Config, error) {
	var problems []error
	if c.State == nil || c.Transfers == nil || c.Objects == nil || c.Messages == nil || c.Graph == nil || c.Sealer == nil {
		problems = append(problems, errors.New("social: State, Transfers, Objects, Messages, Graph and Sealer are required"))
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if !regionForm.MatchString(c.Region) {
		problems = append(problems, fmt.Errorf("the region is %q; expected a name such as us-east-1", c.Region))
	}
	if c.WillFail == "" {
		c.WillFail = transfer.RefuseWillFail
	}
	if c.WillFail != transfer.RefuseWillFail && c.WillFail != transfer.WarnWillFail {
		problems = append(problems, fmt.Errorf("WillFail is %q; expected %s or %s", c.WillFail, transfer.RefuseWillFail, transfer.WarnWillFail))
	}
	if c.MediaPerSecond == 0 {
		c.MediaPerSecond = DefaultMediaPerSecond
	}
	if c.NoKMS == "" {
		c.NoKMS = "This server is not configured to read keys of KMS."
	}
	if c.SignatureNow == nil {
		c.SignatureNow = c.Now
	}
	if c.SignatureNow == nil {
		c.SignatureNow = time.Now
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Journal == nil {
		c.Journal = journal.New(journal.Config{})
	}
	if c.Events == nil && c.State != nil {
		var err error
		c.Events, err = event.NewRouter(event.RouterConfig{State: c.State, Region: c.Region, AnyRegion: c.AnyRegion})
		problems = append(problems, err)
	}
	return c, errors.Join(problems...)
}

// Service implements the operations and is the http.Handler of the API.
type Service struct {
	config   Config
	routes   map[string]handler
	verifier sigv4.Verifier
	rates    rates
	calls    once.Group[outcome] // uploads and deletes, by the SDK call that they are for
	policies *lru.Cache[string, *policy.Document]
	owned    *lru.Cache[ownedNode, struct{}] // what is known to belong to a business account at Meta
	kms      *kms.Client                     // nil if keys of KMS are refused
	// unsettledCalls are calls after which Meta may have conversion events or signals of calls, by sharedBy.
	unsettledCalls *lru.Cache[string, *fault]

	waits    atomic.Int64  // calls that wait for events
	streams  atomic.Int64  // calls of stream
	draining chan struct{} // closed by Drain
	drain    sync.Once
}

// New makes a Service.
func New(config Config) (*Service, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	policies, err := lru.New[string, *policy.Document](maxPolicies)
	if err != nil {
		return nil, err
	}
	owned, err := lru.New[ownedNode, struct{}](maxOwned)
	if err != nil {
		return nil, err
	}
	var keys *kms.Client
	if config.KMS != nil {
		if keys, err = kms.New(*config.KMS); err != nil {
			return nil, err
		}
	}
	unsettled, err := lru.New[string, *fault](maxUnsettled)
	if err != nil {
		return nil, err
	}
	return &Service{
		policies: policies,
		owned:    owned,
		kms:      keys,

		unsettledCalls: unsettled,

		config:   config,
		routes:   routes(),
		verifier: sigv4.Verifier{Service: socialmessaging.SigningName, Region: config.Region, AnyRegion: config.AnyRegion, Keys: sigv4.NewSigningKeys()},
		rates:    rates{perSecond: config.MediaPerSecond},
		calls:    once.Group[outcome]{Grace: attemptGrace},
		draining: make(chan struct{}),
	}, nil
}

// Drain ends the calls that wait for something to happen, which would hold up a stop.
// They return what there is.
func (s *Service) Drain() { s.drain.Do(func() { close(s.draining) }) }

// isDraining reports whether Drain was called.
func (s *Service) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// Stop ends the uploads and deletes in progress with a cause, also those whose
// callers have disconnected. It does not wait for them.
func (s *Service) Stop(cause error) { s.calls.Stop(cause) }
