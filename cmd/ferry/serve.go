// ferry serve: the server.

package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/admission"
	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/transfer"
)

// stateFlags say where the server's state is. Administration commands have them, too.
type stateFlags struct {
	Database            secret.Secret `help:"SQLite file with the server's state, which is created if it is missing; or a PostgreSQL database, postgres://USER@HOST:PORT/NAME?sslmode=verify-full, which several servers may share. Set a URL with a password in the environment or the configuration file: the command line is visible to other users. Default: ${default}." default:"ferry.db" placeholder:"FILE|URL" group:"State"`
	DatabaseConnections int           `help:"Connections to PostgreSQL, half of which are for writing." default:"20" placeholder:"NUMBER" group:"State"`
	KeysetFile          string        `help:"File with the keyset that encrypts secrets in the database ('ferry keyset create' creates one)." placeholder:"FILE" group:"State"`
	KeysetKMSKey        string        `name:"keyset-kms-key" help:"ARN of the key of AWS KMS that has encrypted the keyset as a whole. The keyset must then be encrypted by this key. Default: none, the keyset is in the clear." placeholder:"ARN" group:"State"`
	Keyset              secret.Secret `help:"The keyset itself, instead of a file. Set it in the environment: the command line is visible to other users." placeholder:"JSON" group:"State"`
	kmsAccess
}

// sealer reads the keyset.
func (f stateFlags) sealer(ctx context.Context) (*secret.Sealer, error) {
	if f.KeysetFile != "" && !f.Keyset.IsZero() {
		return nil, errors.New("both --keyset-file and --keyset are set; set only one")
	}
	if f.KeysetFile == "" && f.Keyset.IsZero() {
		return nil, errors.New("there is no keyset to encrypt secrets with; create one with 'ferry keyset create keyset.json' and set --keyset-file keyset.json")
	}
	file, err := f.keysetFile()
	if err != nil {
		return nil, err
	}
	if f.KeysetFile != "" {
		return secret.OpenSealer(ctx, file)
	}
	return secret.UnwrapSealer(ctx, f.Keyset, file.Wrapper)
}

// keysetFile returns the file of --keyset-file, and what decrypts it.
func (f stateFlags) keysetFile() (secret.KeysetFile, error) {
	wrapper, err := f.wrapper("keyset-kms-key", f.KeysetKMSKey)
	return secret.KeysetFile{Path: f.KeysetFile, Wrapper: wrapper}, err
}

// config returns the configuration of the database.
func (f stateFlags) config(sealer *secret.Sealer) state.Config {
	return state.Config{Path: f.Database.Reveal(), Connections: f.DatabaseConnections, Sealer: sealer}
}

// checkDatabase reports whether the database's path is usable. It leaves no
// files behind, and does not connect to a server.
func (f stateFlags) checkDatabase() error {
	path := f.Database.Reveal()
	if path == state.Memory {
		return nil
	}
	if err := f.config(nil).CheckPath(); err != nil {
		return fmt.Errorf("--database: %w", err)
	}
	if state.IsPostgres(path) {
		if f.DatabaseConnections < 2 {
			return fmt.Errorf("--database-connections is %d; expected at least 2, one for reading and one for writing", f.DatabaseConnections)
		}
		return nil
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		err = file.Close()
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--database: %w", err)
	}
	// SQLite creates more files beside it.
	file, err = os.CreateTemp(filepath.Dir(path), ".ferry-*")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		err = failed.Err
	}
	if err != nil {
		return fmt.Errorf("--database %s: cannot create files in its directory: %w", path, err)
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

// open opens the database for administration.
func (f stateFlags) open(ctx context.Context) (*state.DB, error) {
	sealer, err := f.sealer(ctx)
	if err != nil {
		return nil, err
	}
	return state.Open(ctx, f.config(sealer))
}

// graphFlags say where Meta's Graph API is.
type graphFlags struct {
	GraphURL     string `help:"Base URL of Meta's Graph API. Default: ${default}." default:"https://graph.facebook.com" placeholder:"URL" group:"Meta"`
	GraphVersion string `help:"Version of the Graph API. Default: ${default}." default:"v25.0" placeholder:"VERSION" group:"Meta"`
}

func (f graphFlags) config() graph.Config {
	return graph.Config{BaseURL: f.GraphURL, Version: f.GraphVersion, UserAgent: "ferry/" + version()}
}

var graphVersionForm = regexp.MustCompile(`^v[0-9]+\.[0-9]+$`)

// check returns every problem of the flags.
func (f graphFlags) check() error {
	var problems []error
	if !graphVersionForm.MatchString(f.GraphVersion) {
		problems = append(problems, fmt.Errorf("--graph-version is %q; expected v and two numbers, such as v25.0", f.GraphVersion))
	}
	client, err := graph.New(f.config())
	if err == nil {
		client.Close()
	}
	return errors.Join(append(problems, err)...)
}

type serveCommand struct {
	stateFlags
	graphFlags
	webhookFlags
	eventFlags
	consoleFlags
	trustFlags
	metricsFlags

	keyset *secret.Sealer // that check has opened

	SNSInstanceProfile bool `name:"sns-instance-profile" help:"Publish to SNS topics that callers choose with the role of the EC2 instance (IMDS), if there are no other credentials." group:"Events"`

	Listen       string        `help:"Address of the API. Default: ${default}." default:"127.0.0.1:4080" placeholder:"HOST:PORT" group:"Server"`
	Host         []string      `help:"Host name by which clients call the health checks, such as ferry.example.com or *.example.com, in addition to localhost and addresses. May be repeated. The signed API answers to every name." placeholder:"NAME" group:"Server"`
	TLSCert      string        `help:"PEM file with the TLS certificate of the API. It is read again when it changes. Default: none, plain HTTP." placeholder:"FILE" group:"Server"`
	TLSKey       string        `help:"PEM file with the private key of the certificate." placeholder:"FILE" group:"Server"`
	PlainHTTP    bool          `help:"Serve plain HTTP on an address that is not loopback: only behind a proxy that encrypts." group:"Server"`
	TrustProxy   []string      `help:"Address or network of a proxy in front of the API, such as 10.0.0.7 or 10.1.0.0/24, whose X-Forwarded-For and X-Forwarded-Proto say where calls come from, for aws:SourceIp and aws:SecureTransport in policies. May be repeated. Default: none; the headers are not read." placeholder:"CIDR" group:"Server"`
	DrainDelay   time.Duration `help:"How long requests are still accepted after the first stop signal, while /readyz returns 503." default:"0s" group:"Server"`
	DrainTimeout time.Duration `help:"How long requests in progress may continue after that. A second stop signal ends them at once." default:"30s" group:"Server"`

	Region             string         `help:"AWS region of the API: callers sign requests for it, and it is part of ARNs." default:"us-east-1" group:"Limits"`
	MaxConnections     int            `help:"Connections from clients that may be open at the same time. Above that, connections on which no caller was verified are closed, the oldest ones first." default:"1024" group:"Limits"`
	MaxPerAddress      int            `name:"max-connections-per-address" help:"How many of them one IPv4 address, or one /64 network of IPv6 addresses, may have. Raise it behind a proxy. Default: half of --max-connections." placeholder:"NUMBER" group:"Limits"`
	MediaRate          int            `help:"Calls of each media operation per account and second; 0 means no limit." default:"100" group:"Limits"`
	MaxUploads         int            `help:"Transfers (uploads and downloads) in progress at the same time, over all accounts; one account may use three quarters of them, and every account gets at least one." default:"256" group:"Limits"`
	UploadTimeout      time.Duration  `help:"How long one upload or download may take, including retries." default:"10m" group:"Limits"`
	VerifyUploads      bool           `help:"Compare the SHA-256 that WhatsApp reports for each upload with that of the bytes that were sent, for all accounts; 'ferry account verify' turns it on for one." group:"Limits"`
	TextAsPlain        bool           `help:"Send text files of other types (CSV, JSON, XML, Markdown, vCard, iCalendar) as text/plain under their own names, for all accounts; 'ferry account text-as-plain' turns it on for one." group:"Limits"`
	LinkToID           bool           `help:"Upload the files that messages link to, and send the messages with media ids, for all accounts; 'ferry account link-to-id' turns it on for one." group:"Limits"`
	MessagesPerSecond  int            `help:"Messages that each phone number sends per second, over all processes: what Meta allows it." default:"80" group:"Limits"`
	NumberRate         map[string]int `name:"messages-per-second-of" help:"The same for one phone number, by its id: phone-number-id-…=1000. May be repeated." placeholder:"ID=NUMBER" group:"Limits"`
	MaxQueuedMessages  int            `help:"Messages of one phone number that may wait to be sent." default:"10000" group:"Limits"`
	WillFail           string         `help:"What to do with a file that WhatsApp accepts but then fails to deliver: refuse it, or warn in the log and upload it. Default: ${default}." enum:"refuse,warn" default:"refuse" group:"Limits"`
	JournalKeep        time.Duration  `help:"How long what happened is kept for 'ferry logs' and 'ferry why'; phone numbers are part of it. Default: ${default}, which is 7 days." default:"168h" group:"Limits"`
	JournalRows        int            `help:"How many entries of it are kept, each of about 1 KiB in the database." default:"100000" placeholder:"NUMBER" group:"Limits"`
	Store              storeList      `help:"An S3-compatible store, as JSON: {\"buckets\": [\"media-*\"], \"endpoint\": \"https://…\", \"region\": \"…\", \"path_style\": true, \"access_key_id\": \"…\", \"secret_access_key_file\": \"FILE\"}, and \"session_token\" if the key is temporary; \"literal_keys\": true if the store keeps leading and double slashes of keys; \"request_payer\": true to pay for requester-pays buckets; \"expected_bucket_owner\": \"ACCOUNT\"; \"verify_checksums\": true to compare each object with the checksum that the store keeps. Without a key, the store uses the AWS SDK's credential chain: environment, shared files, web identity, container; the role of the EC2 instance only with \"instance_profile\": true. May be repeated; a bucket is served by the first store with a pattern that matches its name. Default: AWS S3 in --region, with that chain." placeholder:"JSON" group:"Sources"`
	InstanceProfile    bool           `help:"Allow the default store to use the role of the EC2 instance (IMDS)." group:"Sources"`
	AllowHost          []string       `help:"Host that presigned URLs may name in addition to AWS S3 and the stores: host, host:port or *.suffix." placeholder:"HOST" group:"Sources"`
	AllowAnyPublicHost bool           `help:"Allow presigned URLs to name any public host, except those of Meta's Graph API." group:"Sources"`
}

func (c *serveCommand) config() gateway.Config {
	rate := c.MediaRate
	if rate == 0 {
		rate = social.NoLimit
	}
	stores := c.Store
	if len(stores) == 0 {
		stores = storeList{{UseInstanceProfile: c.InstanceProfile}}
	}
	proxies, _ := networks("trust-proxy", c.TrustProxy) // check has reported problems
	return gateway.Config{
		Version:      version(),
		Graph:        c.graphFlags.config(),
		Objects:      object.Config{Stores: stores, DefaultRegion: c.Region, AllowedHosts: c.AllowHost, AllowAnyPublicHost: c.AllowAnyPublicHost},
		API:          social.Config{Region: c.Region, Proxies: proxies, MediaPerSecond: rate, WillFail: transfer.WillFail(c.WillFail), VerifyUploads: c.VerifyUploads, TextAsPlain: c.TextAsPlain, KMS: new(c.kmsAccess.config())},
		Governor:     message.GovernorConfig{PerSecond: c.MessagesPerSecond, PerSecondOf: c.numberRates(), MaxQueued: c.MaxQueuedMessages},
		LinkToID:     c.LinkToID,
		Router:       event.RouterConfig{Destinations: c.Destination},
		Deliverer:    event.DelivererConfig{Topics: event.AWS{Endpoint: c.SNSEndpoint, UseInstanceProfile: c.SNSInstanceProfile}, UserAgent: "ferry/" + version()},
		Transfer:     transfer.Config{MaxTransfers: c.MaxUploads, Timeout: c.UploadTimeout},
		DrainDelay:   c.DrainDelay,
		DrainTimeout: c.DrainTimeout,
		Admission:    admission.Config{MaxConnections: c.MaxConnections, MaxPerAddress: c.MaxPerAddress, OnPressure: setCollection},
		CertFile:     c.TLSCert, KeyFile: c.TLSKey,
	}
}

// phoneNumberIDForm is the form of the ids of phone numbers.
var phoneNumberIDForm = regexp.MustCompile(`^phone-number-id-[0-9a-f]{32}$`)

// numberRates returns the messages per second of phone numbers by their ids in the
// database.
func (c *serveCommand) numberRates() map[string]int {
	rates := make(map[string]int, len(c.NumberRate))
	for id, rate := range c.NumberRate {
		rates[strings.TrimPrefix(id, "phone-number-id-")] = rate
	}
	return rates
}

var regionForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// check returns every problem of the configuration at once, before anything is
// created or sent.
func (c *serveCommand) check(ctx context.Context) error {
	var keysetErr error
	c.keyset, keysetErr = c.sealer(ctx)
	return errors.Join(c.checkDatabase(), keysetErr, c.checkSettings(ctx))
}

// checkSettings returns the problems of everything but the database and its keyset.
func (c *serveCommand) checkSettings(ctx context.Context) error {
	_, webhookErr := c.webhook()
	proxies, proxyErr := networks("trust-proxy", c.TrustProxy)
	if slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		proxyErr = errors.New("--trust-proxy is everybody's network, so that everybody could claim any address; expected that of the proxy, such as 10.0.0.7")
	}
	problems := []error{proxyErr, c.graphFlags.check(), c.checkCertificate(), c.checkLimits(), webhookErr, c.checkDestinations(), c.checkKMS(), c.consoleFlags.check(c.TLSCert != "", c.trustFlags)}
	objects := c.config().Objects
	if !regionForm.MatchString(c.Region) {
		problems = append(problems, fmt.Errorf("--region is %q; expected a name such as us-east-1", c.Region))
		objects.DefaultRegion = "us-east-1" // so that the problem is reported once, not for each store
	}
	if c.InstanceProfile && len(c.Store) > 0 {
		problems = append(problems, errors.New("--instance-profile applies to the default store, which --store replaces; set \"instance_profile\": true in a --store instead"))
	}
	if _, err := gateway.NewAccess(c.Host, nil); err != nil {
		problems = append(problems, fmt.Errorf("--host: %w", err))
	}
	opener, err := object.New(ctx, objects)
	if err == nil {
		opener.Close()
	}
	return errors.Join(append(problems, err)...)
}

func (c *serveCommand) checkCertificate() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key belong together; set both, or neither for plain HTTP")
	}
	if c.TLSCert == "" {
		return nil
	}
	if _, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
		return fmt.Errorf("--tls-cert, --tls-key: %w", err)
	}
	return nil
}

// checkPlainHTTP returns an error if others than this machine could read along.
func (c *serveCommand) checkPlainHTTP(flag, given string, listener net.Listener) error {
	address, isTCP := listener.Addr().(*net.TCPAddr)
	if c.TLSCert != "" || c.PlainHTTP || isTCP && address.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--%s %s: others could read and change plain HTTP on this address; set --tls-cert and --tls-key, "+
		"or --plain-http if a proxy in front of ferry encrypts the connections", flag, given)
}

func (c *serveCommand) checkLimits() error {
	var problems []error
	want := func(ok bool, flag string, value any, expected string) {
		if !ok {
			problems = append(problems, fmt.Errorf("--%s is %v; expected %s", flag, value, expected))
		}
	}
	want(c.MediaRate >= 0, "media-rate", c.MediaRate, "a number of calls, or 0 for no limit")
	want(c.MaxConnections > 0, "max-connections", c.MaxConnections, "at least 1")
	want(c.MaxPerAddress >= 0 && c.MaxPerAddress <= c.MaxConnections, "max-connections-per-address", c.MaxPerAddress, "at most --max-connections, or 0 for half of it")
	want(c.MaxUploads > 0, "max-uploads", c.MaxUploads, "at least 1")
	want(c.UploadTimeout > 0, "upload-timeout", c.UploadTimeout, "more than 0s, such as 10m")
	want(c.MessagesPerSecond > 0, "messages-per-second", c.MessagesPerSecond, "at least 1")
	for id, rate := range c.NumberRate {
		want(phoneNumberIDForm.MatchString(id) && rate > 0, "messages-per-second-of", id+"="+strconv.Itoa(rate), "phone-number-id- and 32 hexadecimal digits, = and a number of at least 1")
	}
	want(c.MaxQueuedMessages > 0, "max-queued-messages", c.MaxQueuedMessages, "at least 1")
	want(c.JournalKeep > 0, "journal-keep", c.JournalKeep, "more than 0s, such as 168h")
	want(c.JournalRows > 0, "journal-rows", c.JournalRows, "at least 1")
	want(c.DrainDelay >= 0, "drain-delay", c.DrainDelay, "0s or more")
	want(c.DrainTimeout > 0, "drain-timeout", c.DrainTimeout, "more than 0s, such as 30s")
	return errors.Join(problems...)
}

// processName returns a name of this process for operators: its host and its id.
func processName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s (process %d)", host, os.Getpid())
}

// refuseSampleKey closes the database and returns an error if it is one of ferry
// dev: everybody knows the secret of its access key.
func refuseSampleKey(ctx context.Context, db *state.DB) error {
	found, err := local.HasSampleKey(ctx, db)
	if found {
		err = fmt.Errorf("the database has the access key of ferry dev, %s, whose secret is public; use another database, or delete the key with 'ferry key delete %[1]s'", local.AccessKeyID)
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// gcPercent is the heap growth, in percent of the live heap, at which the
// garbage collector runs, unless GOGC sets another. The live heap of a server is
// a few MiB, so that Go's default of 100 collects several times per second under
// load, for a tenth of the CPU time of a small upload; docs/performance.md has
// the memory that this costs. pressedGCPercent applies while clients that are not
// verified make the live heap large.
const (
	gcPercent        = 400
	pressedGCPercent = 50
)

// setCollection sets the garbage collector.
func setCollection(isPressed bool) {
	switch {
	case os.Getenv("GOGC") != "": // the operator has
	case isPressed:
		debug.SetGCPercent(pressedGCPercent)
	default:
		debug.SetGCPercent(gcPercent)
	}
}

// Run serves until the first signal, then drains. It listens before it opens
// the database, so that a second server that is started by mistake does not get
// that far.
func (c *serveCommand) Run(ctx context.Context, terminal *terminal) error {
	terminal.outliveReaders()
	setCollection(false)
	problems := c.check(ctx)
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(problems, fmt.Errorf("--listen: %w", err))
	}
	config := c.config()
	var traceErr error
	if config.Tracer, traceErr = openTracer(ctx, terminal); traceErr != nil {
		problems = errors.Join(problems, traceErr)
	}
	defer func() { closeTracer(config.Tracer, terminal) }() // after the gateway, whose last spans it exports
	config.Webhook, _ = c.webhook()                         // check has reported what is wrong with it
	config.Webhook.Listener, err = c.listenForWebhooks()
	if problems = errors.Join(problems, c.checkPlainHTTP("listen", c.Listen, listener), err); problems != nil {
		return errors.Join(problems, closeAll(listener, config.Webhook.Listener))
	}
	config.Listener, config.Logger, config.Deliverer.Stdout = listener, terminal.log, terminal.out.JSONText
	if err := errors.Join(c.addMetrics(&config, terminal), c.addConsole(&config)); err != nil {
		return errors.Join(err, closeAll(listener, config.Webhook.Listener, config.Metrics.Listener, consoleListener(config)))
	}
	config.Sealer = c.keyset
	database := c.stateFlags.config(config.Sealer)
	database.CheckIntegrity, database.Logger, database.Server = true, terminal.log, processName()
	if config.State, err = state.Open(ctx, database); err == nil {
		err = refuseSampleKey(ctx, config.State)
		config.Journal = journal.New(journal.Config{Store: config.State, Keep: c.JournalKeep, Rows: c.JournalRows, Logger: terminal.log})
	}
	if err != nil {
		return errors.Join(err, closeAll(listener, config.Webhook.Listener, config.Metrics.Listener, consoleListener(config)))
	}
	g, err := gateway.Open(ctx, config)
	if err != nil {
		return err
	}
	debug.FreeOSMemory() // what the start has used: tables of packages, migrations
	terminal.log.Info("serving", "address", listener.Addr().String(), "tls", c.TLSCert != "", "webhooks", webhooksAt(config), "console", consoleAt(config), "metrics", metricsAt(config.Metrics), "traces", tracesTo(config.Tracer), "region", c.Region, "graph", c.GraphURL, "version", version())
	defer terminal.onAbort(g.Stop)()
	defer reportService(ctx, terminal)()
	err = errors.Join(g.Run(ctx), g.Close())
	terminal.logStopped(err)
	return err
}
