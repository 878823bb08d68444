// Package local runs a complete world on one machine, for `ferry dev` and
// `ferry demo`: ferry's gateway, the simulator of WhatsApp's Cloud API and an S3
// server, with a linked sample account and a bucket.
//
// The gateway is that of `ferry serve`. Only its addresses differ: the Graph API
// is the simulator, and the store is the embedded S3 server.
package local

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/rclone/gofakes3"
	"golang.org/x/sync/errgroup"

	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/guard"
	"ferry/internal/memnet"
	"ferry/internal/secret"
	"ferry/internal/seed"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/tracing"
	"ferry/metasim"
)

// Config configures a world.
type Config struct {
	// Region is the one AWS region that the API accepts. Default: all of them; ARNs
	// that are not part of a response then name us-east-1.
	Region string
	// PortBase is the port of the API; the simulator, S3 and the simulator's
	// control API use the ports +1, +2 and +4, the console +3.
	// 0 means free ports.
	PortBase int
	// Listen is the address on which all servers listen. Default: loopback, over IPv4
	// and IPv6.
	Listen string
	// Network is a network in memory on which all servers listen, at ports of its own;
	// PortBase and Listen are ignored. Default: the machine's network.
	Network *memnet.Network
	// Hosts are further names and addresses by which programs reach the servers, as in
	// a container: without a port, or *.suffix. The first is part of all URLs unless
	// it is a suffix. localhost, *.localhost and loopback addresses are always
	// accepted. Default: none; 127.0.0.1 is part of all URLs.
	Hosts []string
	// SimulatorURL is scheme://host[:port] by which programs reach the simulator, as
	// through a proxy. Download URLs begin with it. Default: what each request names.
	SimulatorURL string
	// Origins (scheme://host[:port]) are those whose web pages may call all servers.
	// Pages of this machine may call the API and S3. Everybody knows the key of the
	// sample account, so its signature does not protect these. Default: none.
	Origins []string
	// TLS serves everything over https, with a certificate for Hosts, localhost,
	// *.localhost, 127.0.0.1 and ::1 that is created when the world starts.
	TLS bool
	// SystemRoots is a PEM file with the certificate authorities that programs on this
	// machine trust. Default: none.
	SystemRoots string
	// Strict makes the simulator refuse what Meta accepts but a careful client does
	// not send.
	Strict bool
	// API configures the API, except for Region, AnyRegion, AllowsOrigin and
	// AllowsHost, which follow from the other fields.
	API social.Config
	// LinkToID uploads the files that messages link to, also those on this machine, and
	// sends them by their ids.
	LinkToID bool
	// Archive is where the files of inbound messages are stored. Default: nowhere.
	Archive state.Archive
	// Destinations are those of events, in the configuration. Default: none.
	Destinations []event.Destination
	// Version is that of the program. Default: none.
	Version string
	// SNSEndpoint is the URL of what stands for Amazon SNS. Default: none, which means
	// that SNS topics are refused: nothing is sent to AWS.
	SNSEndpoint string
	// KMSEndpoint is the URL of what stands for AWS KMS. Default: none, which means that
	// keys of KMS are refused.
	KMSEndpoint string
	// Stdout writes a line to standard output, for destinations. Default: it fails.
	Stdout func(line []byte) error
	// Data is the directory of all state. Empty means in memory.
	Data string
	// Database is the path or the URL of a new database. Default: a file in Data, or in
	// memory.
	Database string
	// Console makes the console of the world, which runs while the world does. Default:
	// there is none.
	Console func(*World, *gateway.Gateway) (http.Handler, error)
	// Metrics says where the metrics of the gateway are served. The world closes the
	// listener. Default: nowhere.
	Metrics gateway.Metrics
	// Tracer exports the traces of the gateway. Whoever opened it closes it, after the world.
	// Default: none.
	Tracer *tracing.Tracer
	// Load is the file of a world, as Save writes it, in which the world begins. Data must
	// then be empty. Default: none.
	Load string
	// Seed is a directory whose accounts, keys, people, templates and objects the world has
	// beside the sample account; docs/development.md describes it. Start then returns an
	// error that is a [seed.Error] if the directory is invalid. Of a world that is loaded, only
	// the accounts and keys are those of the directory. Default: none.
	Seed string
	// Logger receives the log of all servers. Default: discarded.
	Logger *slog.Logger
}

// World is a running world.
type World struct {
	Region       string // that programs should use
	APIURL       string // ferry's API
	SimulatorURL string // the simulated Graph API
	ControlURL   string // the simulator's control API
	S3URL        string // the embedded S3 server
	ConsoleURL   string // the console, if there is one

	AccessKeyID       string // for the API and for S3
	SecretAccessKey   secret.Secret
	BusinessAccountID string // AWS's id, "waba-…"
	PhoneNumberID     string // AWS's id of the first number, "phone-number-id-…"
	MetaPhoneNumberID string // Meta's id of the same number
	MetaToken         secret.Secret

	Gateway   *gateway.Gateway
	Simulator *metasim.Server

	config        Config
	state         *state.DB
	buckets       gofakes3.Backend             // of the embedded S3 server
	changing      sync.Mutex                   // held while the world is emptied or another one is loaded
	examining     sync.Mutex                   // held by Examine
	file          *os.File                     // Config.Load
	section       *io.SectionReader            // of file: what is the simulator's
	seed          *seed.Seed                   // of Config.Seed; may be nil
	seedAgain     sync.Mutex                   // held by SeedAgain
	seeding       atomic.Pointer[seedState]    // nil means that the seed is done
	owners        map[string]numberOwner       // of phone numbers
	templateFiles map[string]seed.TemplateFile // as they were read, by path
	watching      context.Context              // done when templates of the seed are no longer watched
	endWatch      context.CancelFunc
	discard       bool // the data directory is emptied: it has half of a world
	access        gateway.Access
	urls          urls       // by which this process reaches its servers
	authority     *authority // nil means plain http
	temporary     string     // directory of the authority's files if there is no data directory
	listeners     listeners
	own           guard.Own // all listeners except the embedded S3 server, which is a configured store
	follower      follower
	group         *errgroup.Group         // gateway, simulator, S3 server
	failed        context.Context         // done when one of them has failed
	drain         context.CancelCauseFunc // drains the gateway
	waited        bool                    // Wait has returned what failed
}

// Start starts a world. When it returns, all servers are ready.
func Start(ctx context.Context, config Config) (*World, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	w := &World{
		Region: cmp.Or(config.Region, "us-east-1"), config: config,
		AccessKeyID: AccessKeyID, SecretAccessKey: secret.New(secretAccessKey),
		BusinessAccountID: BusinessAccountID, PhoneNumberID: PhoneNumberID,
		MetaPhoneNumberID: MetaPhoneNumberID, MetaToken: secret.New(metaToken),
	}
	w.group, w.failed = errgroup.WithContext(context.WithoutCancel(ctx))
	w.watching, w.endWatch = context.WithCancel(w.failed)
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// start opens everything and serves it.
func (w *World) start(ctx context.Context) (err error) {
	if err := w.readSeed(); err != nil {
		return err
	}
	if w.config.Load != "" {
		if err := w.openWorldFile(); err != nil {
			return err
		}
	}
	w.owners = w.numberOwners()
	w.announceSeed()
	if w.config.Data != "" {
		if err := os.MkdirAll(w.config.Data, 0o700); err != nil {
			return err
		}
	}
	if w.access, err = gateway.NewAccess(w.names(), w.config.Origins); err != nil {
		return err
	}
	if err := w.openListeners(); err != nil {
		return err
	}
	if err := w.openSimulator(); err != nil { // it has the clock of the gateway
		return err
	}
	if err := w.openGateway(ctx); err != nil {
		return err
	}
	s3, err := w.openS3(ctx)
	if err != nil {
		return err
	}
	if w.config.Load != "" {
		if err := w.loadWorld(ctx); err != nil {
			return err
		}
	}
	// The gateway needs the others until it has drained.
	others, endOthers := context.WithCancel(w.failed)
	draining, drain := context.WithCancelCause(context.WithoutCancel(ctx))
	w.drain = drain
	w.group.Go(func() error {
		defer endOthers()
		defer context.AfterFunc(w.failed, func() { w.Stop(context.Cause(w.failed)) })()
		return w.Gateway.Run(draining)
	})
	w.group.Go(func() error { return w.Simulator.Run(others, w.listeners.simulator, w.listeners.control) })
	select {
	case <-w.Simulator.Running(): // so that its clock can be advanced at once
	case <-w.failed.Done():
	}
	w.group.Go(func() error { return serve(others, "S3 server", w.listeners.s3, s3, w.config.Logger) })
	return w.plant(ctx)
}

// Wait waits until ctx is done or something has failed. Then it drains the
// gateway, stops everything and returns what failed.
func (w *World) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
	case <-w.failed.Done():
	}
	w.endWatch()
	w.drain(context.Cause(ctx))
	w.waited = true
	return w.group.Wait()
}

// Failed returns a channel that is closed when something has failed; Wait returns what.
func (w *World) Failed() <-chan struct{} { return w.failed.Done() }

// Stop ends everything in progress at once, with a cause that the gateway's
// calls see. Wait then returns [gateway.ErrCutOff] if there were calls.
func (w *World) Stop(cause error) { w.Gateway.Stop(cause) }

// Close stops everything at once and closes it. It returns what failed, unless
// Wait did.
func (w *World) Close() error {
	var problems []error
	w.endWatch()
	if w.Gateway != nil {
		w.Stop(errors.New("the local world was closed"))
	}
	if err := w.group.Wait(); !w.waited && !errors.Is(err, gateway.ErrCutOff) {
		problems = append(problems, err)
	}
	if w.Gateway != nil {
		problems = append(problems, w.Gateway.Close())
	}
	if w.Simulator != nil {
		problems = append(problems, w.Simulator.Close())
	}
	w.listeners.close()
	if w.config.Metrics.Listener != nil {
		_ = w.config.Metrics.Listener.Close() // which the gateway has done, if it came to that
	}
	if w.temporary != "" {
		problems = append(problems, os.RemoveAll(w.temporary))
	}
	if w.file != nil {
		_ = w.file.Close() // which loadWorld has done, if it came to that
	}
	if w.discard {
		problems = append(problems, w.emptyData())
	}
	return errors.Join(problems...)
}

// path returns the path of a file in the data directory, or inMemory if there is
// no directory.
func (w *World) path(name, inMemory string) string {
	if w.config.Data == "" {
		return inMemory
	}
	return filepath.Join(w.config.Data, name)
}

// openKeyset reads the keyset in the data directory, or creates one.
func (w *World) openKeyset() (*secret.Sealer, error) {
	path := w.path("keyset.json", "")
	if path != "" {
		text, err := os.ReadFile(path)
		if err == nil {
			return secret.NewSealer(secret.New(string(text)))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return nil, err
	}
	if path != "" {
		if err := os.WriteFile(path, []byte(keyset.Reveal()), 0o600); err != nil {
			return nil, err
		}
	}
	return secret.NewSealer(keyset)
}
