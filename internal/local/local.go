// Package local is a whole world on one machine: ferry's gateway, the
// simulator of WhatsApp's Cloud API and an S3 server, with a sample account
// linked and a bucket made. `ferry dev` and `ferry demo` run it.
//
// The gateway in it is the one of `ferry serve`. Only its addresses differ:
// the Graph API is the simulator, the store is the embedded S3 server.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sync/errgroup"

	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/guard"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/metasim"
)

// The sample account. The ids of Meta's are those of Meta's documentation.
const (
	AccountID = "111122223333"
	Bucket    = "ferry-media"

	keyName           = "developer"
	metaAccountID     = "102290129340398"
	metaPhoneNumberID = "106540352242922"
	metaAppID         = "634974688087057"
)

// Config says where the world lives.
type Config struct {
	Region   string       // of the API; default us-east-1
	PortBase int          // API, simulator, S3, console and simulator control on this port and the four after; 0 = free ports
	Data     string       // directory to keep everything in; "" = in memory
	Logger   *slog.Logger // default: discards
}

// Environment is a running world.
type Environment struct {
	Region       string
	APIURL       string // ferry
	SimulatorURL string // the Graph API
	ControlURL   string // the simulator's control API
	S3URL        string // the embedded S3 server

	AccessKeyID       string // for the API and for S3
	SecretAccessKey   secret.Secret
	BusinessAccountID string // AWS's id, "waba-…"
	PhoneNumberID     string // AWS's id, "phone-number-id-…"
	MetaPhoneNumberID string // Meta's id
	MetaToken         secret.Secret

	Gateway   *gateway.Gateway
	Simulator *metasim.Server

	config  Config
	own     guard.Own      // every listener but that of the embedded S3, which is a configured store
	running errgroup.Group // simulator, control API, S3
	served  chan error     // of the gateway: its error, then closed
	// Each ends one thing; they do nothing until it has started.
	stopParts, stop, cutOff context.CancelFunc
}

// Start starts a world. Everything answers when it returns.
func Start(ctx context.Context, config Config) (e *Environment, err error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	e = &Environment{Region: cmp.Or(config.Region, "us-east-1"), config: config, stopParts: func() {}, stop: func() {}, cutOff: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.Close())
		}
	}()
	listeners, err := listen(config.PortBase)
	if err != nil {
		return e, err
	}
	e.APIURL, e.SimulatorURL = "http://"+listeners.api.Addr().String(), "http://"+listeners.simulator.Addr().String()
	e.own.AddListener(listeners.simulator)
	e.own.AddListener(listeners.control)
	e.S3URL, e.ControlURL = "http://"+listeners.s3.Addr().String(), "http://"+listeners.control.Addr().String()

	if err := e.prepare(ctx); err != nil {
		listeners.close()
		return e, err
	}
	parts, stopParts := context.WithCancel(context.WithoutCancel(ctx))
	e.stopParts = stopParts
	if err := errors.Join(e.startSimulator(parts, listeners.simulator, listeners.control), e.startS3(parts, listeners.s3)); err != nil {
		listeners.close()
		return e, err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	hurry, cutOff := context.WithCancel(context.WithoutCancel(ctx))
	e.stop, e.cutOff, e.served = stop, cutOff, make(chan error, 1)
	go func() {
		e.served <- e.Gateway.Serve(serving, hurry, listeners.api)
		close(e.served)
	}()
	return e, e.linkSample(ctx)
}

// Wait waits for ctx to be done, then stops the gateway gracefully; it cuts
// off uploads in flight when hurry is done. It returns early when the gateway fails.
func (e *Environment) Wait(ctx, hurry context.Context) error {
	defer context.AfterFunc(hurry, e.cutOff)()
	select {
	case <-ctx.Done():
		e.stop()
		return <-e.served
	case err := <-e.served:
		return err
	}
}

// Close stops everything at once and closes it.
func (e *Environment) Close() error {
	var problems []error
	e.cutOff()
	e.stop()
	e.stopParts()
	problems = append(problems, e.running.Wait())
	if e.served != nil {
		if err := <-e.served; !errors.Is(err, gateway.ErrCutOff) {
			problems = append(problems, err)
		}
	}
	if e.Gateway != nil {
		problems = append(problems, e.Gateway.Close())
	}
	if e.Simulator != nil {
		problems = append(problems, e.Simulator.Close())
	}
	return errors.Join(problems...)
}

type listeners struct{ api, simulator, s3, control net.Listener }

func (l listeners) close() {
	for _, listener := range []net.Listener{l.api, l.simulator, l.s3, l.control} {
		if listener != nil {
			_ = listener.Close()
		}
	}
}

func listen(base int) (l listeners, err error) {
	for offset, listener := range map[int]*net.Listener{0: &l.api, 1: &l.simulator, 2: &l.s3, 4: &l.control} { // 3 is the console's
		port := 0
		if base != 0 {
			port = base + offset
		}
		if *listener, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err != nil {
			l.close()
			return listeners{}, fmt.Errorf("%w; choose other ports with --port-base", err)
		}
	}
	return l, nil
}

// prepare opens the gateway, and finds or makes the sample's key and token.
func (e *Environment) prepare(ctx context.Context) error {
	if e.config.Data != "" {
		if err := os.MkdirAll(e.config.Data, 0o700); err != nil {
			return err
		}
	}
	sealer, err := e.openKeyset()
	if err != nil {
		return err
	}
	db, err := state.Open(ctx, state.Config{Path: e.path("ferry.db", state.Memory), Sealer: sealer})
	if err != nil {
		return err
	}
	if err := e.sampleKey(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	e.Gateway, err = gateway.Open(ctx, gateway.Config{
		State:   db,
		Sealer:  sealer,
		Graph:   graph.Config{BaseURL: e.SimulatorURL, UserAgent: "ferry-dev"},
		Objects: object.Config{Stores: []object.StoreConfig{{Endpoint: e.S3URL, Region: e.Region, PathStyle: true, AccessKeyID: e.AccessKeyID, SecretAccessKey: e.SecretAccessKey}}},
		API:     social.Config{Region: e.Region},
		Own:     &e.own,
		Logger:  e.config.Logger,
	})
	return err
}

// path gives a file of the data directory, or what stands for it in memory.
func (e *Environment) path(name, inMemory string) string {
	if e.config.Data == "" {
		return inMemory
	}
	return filepath.Join(e.config.Data, name)
}

// openKeyset reads the keyset of the data directory, or makes one.
func (e *Environment) openKeyset() (*secret.Sealer, error) {
	path := e.path("keyset.json", "")
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
