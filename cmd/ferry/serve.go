// ferry serve: the server.

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"ferry/internal/gateway"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/store"
)

// stateFlags say where the server's state is. Administration has them too.
type stateFlags struct {
	Database   string        `help:"SQLite file with the server's state; made when missing. Default: ${default}." default:"ferry.db" placeholder:"FILE" group:"State"`
	KeysetFile string        `help:"File with the keyset that seals secrets in the database ('ferry keyset create' makes one)." placeholder:"FILE" group:"State"`
	Keyset     secret.Secret `help:"The keyset itself, instead of a file; give it by the environment, where ps does not show it." placeholder:"JSON" group:"State"`
}

// sealer reads the keyset.
func (f stateFlags) sealer() (*secret.Sealer, error) {
	switch {
	case f.KeysetFile != "" && !f.Keyset.IsZero():
		return nil, errors.New("both --keyset-file and --keyset are given; give one")
	case f.KeysetFile != "":
		text, err := os.ReadFile(f.KeysetFile)
		if err != nil {
			return nil, fmt.Errorf("reading the keyset: %w", err)
		}
		return secret.NewSealer(secret.New(string(text)))
	case !f.Keyset.IsZero():
		return secret.NewSealer(f.Keyset)
	default:
		return nil, errors.New("there is no keyset, and ferry stores no secret in the clear: make one with 'ferry keyset create keyset.json', then give --keyset-file keyset.json")
	}
}

// open opens the database for administration or for the server.
func (f stateFlags) open(ctx context.Context) (*store.Store, *secret.Sealer, error) {
	sealer, err := f.sealer()
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, store.Config{Path: f.Database, Sealer: sealer})
	return db, sealer, err
}

// graphFlags say where Meta is.
type graphFlags struct {
	GraphURL     string `help:"Base URL of Meta's Graph API. Default: ${default}." default:"https://graph.facebook.com" placeholder:"URL" group:"Meta"`
	GraphVersion string `help:"Version of the Graph API. Default: ${default}." default:"v25.0" placeholder:"VERSION" group:"Meta"`
}

func (f graphFlags) config() graph.Config {
	return graph.Config{BaseURL: f.GraphURL, Version: f.GraphVersion, UserAgent: "ferry/" + version()}
}

type serveCommand struct {
	stateFlags
	graphFlags

	Listen       string        `help:"Address of the API. Default: ${default}." default:"127.0.0.1:4080" placeholder:"HOST:PORT" group:"Server"`
	TLSCert      string        `help:"PEM file with the certificate of the API." placeholder:"FILE" group:"Server"`
	TLSKey       string        `help:"PEM file with the certificate's key." placeholder:"FILE" group:"Server"`
	DrainDelay   time.Duration `help:"How long calls are still taken after the first stop signal, while /readyz says 503." default:"0s" group:"Server"`
	DrainTimeout time.Duration `help:"How long calls in flight may go on after that; a second signal ends at once." default:"30s" group:"Server"`

	Region             string        `help:"Region that callers sign for and that ARNs name." default:"us-east-1" group:"Limits"`
	MediaRate          int           `help:"Media calls that an account may make a second; 0 = no limit." default:"100" group:"Limits"`
	MaxUploads         int           `help:"Uploads in flight at once, of all accounts." default:"256" group:"Limits"`
	UploadTimeout      time.Duration `help:"How long one upload may take, retries included." default:"10m" group:"Limits"`
	WillFail           string        `help:"What becomes of a file that WhatsApp takes and then fails to deliver: refuse, or warn in the log. Default: ${default}." enum:"refuse,warn" default:"refuse" group:"Limits"`
	Store              storeList     `help:"An S3-compatible store, as JSON: {\"buckets\": [\"media-*\"], \"endpoint\": \"https://…\", \"region\": \"…\", \"path_style\": true, \"access_key_id\": \"…\", \"secret_access_key_file\": \"FILE\"}. Repeat for more; the first whose pattern matches a bucket serves it. Default: AWS S3 in --region with the SDK's credential chain." placeholder:"JSON" group:"Sources"`
	AllowHost          []string      `help:"Host that presigned URLs may name beside AWS S3 and the stores: host, host:port or *.suffix." placeholder:"HOST" group:"Sources"`
	AllowAnyPublicHost bool          `help:"Let presigned URLs name any public host." group:"Sources"`
}

func (c *serveCommand) config() gateway.Config {
	rate := c.MediaRate
	if rate <= 0 {
		rate = social.NoLimit
	}
	return gateway.Config{
		Graph:        c.graphFlags.config(),
		Objects:      object.Config{Stores: c.Store, DefaultRegion: c.Region, AllowedHosts: c.AllowHost, AllowAnyPublicHost: c.AllowAnyPublicHost},
		API:          social.Config{Region: c.Region, MediaPerSecond: rate, MaxUploads: c.MaxUploads, UploadTimeout: c.UploadTimeout, WillFail: c.WillFail},
		DrainDelay:   c.DrainDelay,
		DrainTimeout: c.DrainTimeout,
		CertFile:     c.TLSCert, KeyFile: c.TLSKey,
	}
}

// Run serves until the first signal, then drains.
func (c *serveCommand) Run(ctx context.Context, console *console) (err error) {
	config := c.config()
	config.Logger = console.log
	if config.Store, config.Sealer, err = c.open(ctx); err != nil {
		return err
	}
	g, err := gateway.Open(ctx, config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(err, g.Close())
	}
	console.log.Info("serving", "address", listener.Addr().String(), "tls", c.TLSCert != "", "region", c.Region, "graph", c.GraphURL, "version", version())
	return errors.Join(g.Serve(ctx, console.hurry, listener), g.Close())
}
