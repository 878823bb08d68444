// Package doctor examines a server: what it needs, whether that is there, and what to do
// where it is not. It changes nothing, and sends nothing but questions, unless it is told to
// send test events.
//
//	doctor.go       Config, Result and Run
//	machine.go      the program, its certificate, its files, its network, its ports
//	database.go     the keyset, the database and its disk
//	meta.go         Meta's API, and the token of each business account
//	app.go          Meta's apps: their secrets and callback URLs
//	store.go        the stores
//	destination.go  the destinations of events
//	text.go         results for people
//
// A result says nothing secret: no token, no signature, no key, and no address but what
// the operator has configured.
package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/state"
)

const (
	checkTimeout = 15 * time.Second // for one check
	runTimeout   = 60 * time.Second // for all of them
	atOnce       = 8                // checks that run at the same time
	maxAccounts  = 50               // business accounts whose tokens are examined
	maxBuckets   = 10               // buckets of a store that are examined
	recentFiles  = 100              // uploads among which objects of the stores are looked for
)

// A Status is the outcome of a check.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warn    Status = "warn"    // it works, but not for long, or not as it should
	Fail    Status = "fail"    // it does not work
	Skipped Status = "skipped" // it could not be found out, and Found says why
)

// A Result is what a check has found.
type Result struct {
	Check   string `json:"check"`             // such as "token"
	Subject string `json:"subject,omitempty"` // what was examined; empty means the server itself
	Status  Status `json:"status"`
	Found   string `json:"found"`
	Fix     string `json:"fix,omitempty"` // what to do about a Warn or a Fail
}

// Options say what a run does beyond looking.
type Options struct {
	// TestEvents sends a test event to each destination.
	TestEvents bool `json:"testEvents,omitempty"`
	// Objects are objects, s3://BUCKET/KEY, with which stores are examined. Default: the
	// newest uploads that the database knows.
	Objects []string `json:"objects,omitempty"`
}

// Config is the server to examine. What is nil is not examined, and its error says why.
type Config struct {
	Version string // of this program
	// Mistakes are those of the configuration that no other field has; nil means none.
	Mistakes error

	Sealer    *secret.Sealer
	SealerErr error
	State     *state.DB
	StateErr  error

	Graph *graph.Client // required
	// Apps are Meta's apps with their secrets, and AppSecrets those of the webhooks.
	Apps        []graph.App
	AppSecrets  []event.AppSecret
	VerifyToken secret.Secret

	Objects *object.Opener   // nil if the configuration of the stores is invalid
	Events  *event.Deliverer // nil if its configuration is invalid, or the database cannot be opened

	// Connections and Transfers are the configured limits; 0 means that they are not examined.
	Connections, Transfers int
	// Listeners are the addresses of the server, for a program beside it. Default: none.
	Listeners []Listener

	// CertFile is the PEM file with the certificate of the API. Default: none.
	CertFile string
	// RootCAs verify the certificate of the callback URL. Default: the system's.
	RootCAs *x509.CertPool
	// Dial connects to the callback URL. Default: the machine's network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Proxy returns the proxy that the environment names for a request. Default:
	// http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// Now returns the time by which tokens expire. Default: time.Now.
	Now func() time.Time
}

// A check is one small examination. Its results are listed in their order.
type check func(ctx context.Context) []Result

// Run makes all checks, as many at a time as atOnce, and returns what they have found: in the
// same order every time.
func Run(ctx context.Context, config Config, options Options) []Result {
	if config.Proxy == nil {
		config.Proxy = http.ProxyFromEnvironment
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	x := &examination{config: config, options: options}
	results := runAll(ctx, x.foundations())
	x.learn(ctx, results)
	return append(results, runAll(ctx, x.dependents(ctx))...)
}

// An examination is one run.
type examination struct {
	config  Config
	options Options

	failed   map[string]bool // checks of the foundations, by name, a space and subject
	accounts []state.BusinessAccount
	more     int   // business accounts beyond maxAccounts
	listErr  error // why accounts are not known
}

// foundations are the checks that do not depend on others.
func (x *examination) foundations() []check {
	checks := []check{x.version, x.configuration, x.certificate, x.keyset, x.database, x.disk, x.files, x.network}
	for _, l := range x.config.Listeners {
		checks = append(checks, func(ctx context.Context) []Result { return x.listener(ctx, l) })
	}
	checks = append(checks, x.meta)
	if x.config.Objects != nil {
		for i := range x.config.Objects.Stores() {
			checks = append(checks, func(ctx context.Context) []Result { return x.storeReach(ctx, i) })
		}
	}
	return checks
}

// learn notes what the other checks depend on.
func (x *examination) learn(ctx context.Context, results []Result) {
	x.failed = make(map[string]bool)
	for _, r := range results {
		x.failed[r.Check+" "+r.Subject] = r.Status == Fail
	}
	if x.config.State == nil {
		x.listErr = errors.New("the database cannot be opened")
		return
	}
	if schema, err := x.config.State.Schema(ctx); err != nil || len(schema.Missing) > 0 {
		x.listErr = errors.New("the schema of the database is not that of this version")
		return
	}
	x.accounts, x.listErr = x.config.State.LinkedAccounts(ctx, "")
	if len(x.accounts) > maxAccounts {
		x.accounts, x.more = x.accounts[:maxAccounts], len(x.accounts)-maxAccounts
	}
}

// dependents are the checks that depend on the foundations.
func (x *examination) dependents(ctx context.Context) []check {
	checks := []check{x.accountList}
	for _, account := range x.accounts {
		checks = append(checks, func(ctx context.Context) []Result { return x.account(ctx, account) })
	}
	for _, app := range x.apps() {
		checks = append(checks, func(ctx context.Context) []Result { return x.app(ctx, app) })
	}
	if x.config.Objects == nil {
		checks = append(checks, func(context.Context) []Result {
			return []Result{skip("store", "", "the configuration of the stores is not valid")}
		})
	} else {
		targets := x.objects(ctx)
		for i := range x.config.Objects.Stores() {
			checks = append(checks, func(ctx context.Context) []Result { return x.store(ctx, i, targets[i]) })
		}
	}
	if x.config.Events == nil {
		checks = append(checks, func(context.Context) []Result {
			return []Result{skip("destination", "", "destinations need a valid configuration and the database")}
		})
	} else {
		for _, d := range x.config.Events.Router().Destinations() {
			checks = append(checks, func(ctx context.Context) []Result { return x.destination(ctx, d) })
		}
	}
	return checks
}

// runAll runs checks and returns their results in the order of the checks.
func runAll(ctx context.Context, checks []check) []Result {
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	found := make([][]Result, len(checks))
	for i, one := range checks {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			results := one(ctx)
			mu.Lock()
			defer mu.Unlock()
			found[i] = results
			return nil
		})
	}
	_ = group.Wait() // no check returns an error
	var all []Result
	for _, results := range found {
		all = append(all, results...)
	}
	return all
}

// Worst returns Fail if a check has failed, else Warn if one warns, else OK.
func Worst(results []Result) Status {
	worst := OK
	for _, r := range results {
		if r.Status == Fail || r.Status == Warn && worst == OK {
			worst = r.Status
		}
	}
	return worst
}

// The results of one line.

func ok(check, subject, found string) Result { return Result{check, subject, OK, found, ""} }

func warn(check, subject, found, fix string) Result {
	return Result{check, subject, Warn, found, fix}
}

func fail(check, subject, found, fix string) Result {
	return Result{check, subject, Fail, found, fix}
}

func skip(check, subject, why string) Result { return Result{check, subject, Skipped, why, ""} }
