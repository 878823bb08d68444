// Package social is the API: what each operation does, and the gate that every
// request passes. Read operation.go first, then media.go.
//
//	operation.go  the gate, and the table that binds operations to methods
//	media.go      PostWhatsAppMessageMedia
//	upload.go     one file on its way from its source to WhatsApp
//	inspect.go    what the file is and what is wrong with it
//	flight.go     the upload that attempts of one call share
//	reuse.go      the same bytes, the same media id
//	retrieve.go   GetWhatsAppMessageMedia, DeleteWhatsAppMessageMedia
//	template.go   CreateWhatsAppMessageTemplateMedia
//	account.go    linked accounts and phone numbers
//	caller.go     who calls, and whether they may
//	arn.go        ids and ARNs
//	fault.go      what an error becomes on the wire
//	audit.go      one log line a request
package social

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/policy"
	"ferry/internal/secret"
	"ferry/internal/sigv4"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// takeMediaCall takes one of the account's calls of this operation in this second.
func (s *Service) takeMediaCall(ctx context.Context) error {
	operation := auditOf(ctx).operation
	if s.quota.take(callerOf(ctx).accountID, operation) {
		return nil
	}
	return fail(socialmessaging.KindThrottledRequest, nil,
		"The account's quota of %d calls of %s a second is used up. Wait and send again.", s.config.MediaPerSecond, operation)
}

// NoLimit as a rate lets everything pass.
const NoLimit = -1

// Config is what a Service works with.
type Config struct {
	State   *state.DB      // required
	Graph   *graph.Client  // required
	Objects *object.Opener // required
	Sealer  *secret.Sealer // required; seals page tokens
	// The region that signatures must be made for and that ARNs name; default us-east-1.
	Region string
	// Calls of each media operation that an account may make a second, with
	// bursts of as many; default 100, AWS's quota; or NoLimit.
	MediaPerSecond int
	// Uploads in flight at once, of all accounts; default 256. One account gets
	// at most three quarters of them, so that it cannot shut the others out.
	MaxUploads int
	// How long one upload may take, retries included; default 10 minutes.
	UploadTimeout time.Duration
	// What becomes of a file that WhatsApp would take and then fail to deliver:
	// RefuseWillFail, the default, or WarnWillFail.
	WillFail string
	// Ends all work when it is done, that of callers who have gone too, with its
	// cause; default: nothing does.
	Until  context.Context
	Logger *slog.Logger     // default: discards
	Now    func() time.Time // default time.Now
}

var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

func (c Config) withDefaults() (Config, error) {
	var problems []error
	if c.State == nil || c.Graph == nil || c.Objects == nil || c.Sealer == nil {
		problems = append(problems, errors.New("social: State, Graph, Objects and Sealer are required"))
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if !regionForm.MatchString(c.Region) {
		problems = append(problems, errors.New("the region "+c.Region+" is not one; expected a name such as us-east-1"))
	}
	if c.WillFail == "" {
		c.WillFail = RefuseWillFail
	}
	if c.WillFail != RefuseWillFail && c.WillFail != WarnWillFail {
		problems = append(problems, fmt.Errorf("WillFail is %q; expected %s or %s", c.WillFail, RefuseWillFail, WarnWillFail))
	}
	if c.MediaPerSecond == 0 {
		c.MediaPerSecond = 100
	}
	if c.MaxUploads <= 0 {
		c.MaxUploads = 256
	}
	if c.UploadTimeout <= 0 {
		c.UploadTimeout = 10 * time.Minute
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Until == nil {
		c.Until = context.Background()
	}
	return c, errors.Join(problems...)
}

// Service implements the operations and is the http.Handler of the API.
type Service struct {
	config   Config
	routes   map[string]handler
	verifier sigv4.Verifier
	uploads  chan struct{} // one element for each upload in flight
	quota    quota
	flights  flights // by an SDK's call
	sharing  flights // uploads for reuse, by phone number and source
	lookups  lookups
	policies *lru.Cache[string, *policy.Document]
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
	return &Service{
		policies: policies,
		config:   config,
		routes:   routes(),
		verifier: sigv4.Verifier{Service: socialmessaging.SigningName, Region: config.Region},
		uploads:  make(chan struct{}, config.MaxUploads),
		flights:  flights{byCall: make(map[string]*flight), grace: retryGrace, until: config.Until},
		sharing:  flights{byCall: make(map[string]*flight), until: config.Until}, // those who wait are flights with a grace of their own
		lookups:  lookups{byObject: make(map[string]*lookupQueue)},
		quota:    quota{perSecond: config.MediaPerSecond, accounts: make(map[string]*usage)},
	}, nil
}

// beginUpload takes one of the account's calls of this second and one of the
// places for uploads, or says that there is none. end gives the place back.
func (s *Service) beginUpload(ctx context.Context) (end func(), err error) {
	if err := s.takeMediaCall(ctx); err != nil {
		return nil, err
	}
	account := callerOf(ctx).accountID
	if most := max(1, s.config.MaxUploads*3/4); !s.quota.begin(account, most) {
		return nil, fail(socialmessaging.KindThrottledRequest, nil,
			"The account has %d uploads in flight, as many as the server gives to one account. Wait and send again.", most)
	}
	select {
	case s.uploads <- struct{}{}:
		return func() {
			<-s.uploads
			s.quota.end(account)
		}, nil
	default:
		s.quota.end(account)
		return nil, fail(socialmessaging.KindThrottledRequest, nil,
			"The server has %d uploads in flight, as many as it takes. Wait and send again.", s.config.MaxUploads)
	}
}

// quota counts the media calls of each account. It holds one entry for each
// account that has called; accounts are made by the operator, so they are few.
type quota struct {
	perSecond int

	mu       sync.Mutex
	accounts map[string]*usage
}

// usage is what one account uses up.
type usage struct {
	rates    map[string]*rate.Limiter // by operation
	inFlight int
	retries  float64 // how many transfers may be begun again
}

const (
	// retryShare is how many transfers may be begun again for each one that is
	// begun: while everything fails, Meta and the stores get a tenth more than
	// they are asked for, not three times as much.
	retryShare = 0.1
	// retryReserve is how many may be begun again at first, and at most at once.
	retryReserve = 10
)

// of gives an account's entry. The caller holds mu.
func (q *quota) of(accountID string) *usage {
	u := q.accounts[accountID]
	if u == nil {
		u = &usage{rates: make(map[string]*rate.Limiter), retries: retryReserve}
		q.accounts[accountID] = u
	}
	return u
}

// take takes one of the account's calls of an operation in this second.
func (q *quota) take(accountID, operation string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(accountID)
	limiter := u.rates[operation]
	if limiter == nil {
		limiter = rate.NewLimiter(rate.Limit(q.perSecond), q.perSecond)
		if q.perSecond == NoLimit {
			limiter.SetLimit(rate.Inf)
		}
		u.rates[operation] = limiter
	}
	return limiter.Allow()
}

// began counts a transfer that was begun for the first time.
func (q *quota) began(accountID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(accountID)
	u.retries = min(u.retries+retryShare, retryReserve)
}

// mayRetry takes one of the account's transfers that may be begun again.
func (q *quota) mayRetry(accountID string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(accountID)
	if u.retries < 1 {
		return false
	}
	u.retries--
	return true
}

// begin takes one of the account's places for uploads; end gives it back.
func (q *quota) begin(accountID string, most int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	u := q.of(accountID)
	if u.inFlight >= most {
		return false
	}
	u.inFlight++
	return true
}

func (q *quota) end(accountID string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of(accountID).inFlight--
}
