package object

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"ferry/internal/guard"
	"ferry/internal/secret"
)

// StoreConfig is one S3-compatible store.
type StoreConfig struct {
	// Buckets are the bucket names this store holds, as patterns with * (any
	// run of characters) and ? (one). The first store that matches a bucket
	// serves it. Default: every bucket.
	Buckets []string
	// Endpoint is http:// or https:// and a host with an optional port, nothing
	// else. Presigned URLs may name it too. Default: AWS S3 of Region.
	Endpoint string
	// Region signs the requests and, with no Endpoint, picks AWS's. Default:
	// Config.DefaultRegion, then us-east-1 if there is an Endpoint.
	Region string
	// PathStyle puts the bucket into the path and not into the host name.
	PathStyle bool
	// AccessKeyID and SecretAccessKey sign the requests, with SessionToken if
	// they are temporary. Default: the AWS SDK's chain of providers
	// (environment, shared files, web identity, container).
	AccessKeyID     string
	SecretAccessKey secret.Secret
	SessionToken    secret.Secret
	// UseInstanceProfile adds the EC2 metadata service to that chain.
	// Default: it is never asked.
	UseInstanceProfile bool
}

// Config configures an [Opener].
type Config struct {
	// Stores in the order in which they are asked for a bucket. Default: AWS S3
	// of DefaultRegion for every bucket, with the SDK's chain of credentials.
	Stores []StoreConfig
	// DefaultRegion is the Region of stores that name none.
	DefaultRegion string

	// AllowedHosts are hosts that presigned URLs may name besides AWS S3 and
	// the endpoints of Stores: host, host:port or *.suffix (one label or more),
	// always https. Their addresses must be public. Default: none.
	AllowedHosts []string
	// AllowAnyPublicHost lets presigned URLs name any host on port 443. It
	// widens hosts, never addresses. Default: false.
	AllowAnyPublicHost bool
	// Proxy returns the proxy for a request to a store or a [Link], as that of
	// [http.Transport] does. Presigned URLs never go through a proxy, since the
	// guard would not see their addresses. Default: no proxy.
	Proxy func(*http.Request) (*url.URL, error)
	// Guard dials the stores, and the hosts of presigned URLs. Default: one that
	// knows no addresses of its own.
	Guard *guard.Guard
	// RootCAs verify the stores and the hosts of presigned URLs. Default: the system's.
	RootCAs *x509.CertPool

	// MaxSize is the most bytes that an object may have. Default: 100 MiB,
	// WhatsApp's largest limit (documents).
	MaxSize int64
	// MultipartThreshold is the size in bytes above which an object is written to
	// a store in parts of 5 MiB, of which 16 are held at once, one for each
	// object; further objects wait. Default: 64 MiB.
	MultipartThreshold int64
	// TLSTimeout bounds the TLS handshake. Default: 5 s.
	TLSTimeout time.Duration
	// HeaderTimeout bounds the wait for the headers of an answer. Default: 15 s.
	HeaderTimeout time.Duration
	// OpenTimeout bounds the whole of Open, the SDK's retries included. Default: 60 s.
	OpenTimeout time.Duration
	// RetryBackoff is the longest wait between the SDK's attempts at a store. Default: 2 s.
	RetryBackoff time.Duration
	// MinRate is the slowest rate at which a body may arrive, in bytes per second:
	// MinRate × StallWindow bytes must arrive within each StallWindow that is spent
	// in Read. The time between two Reads does not count. Default: 10 KiB/s.
	MinRate int64
	// StallWindow is the time over which MinRate is measured. Default: 10 s.
	StallWindow time.Duration
	// Now is the clock by which an expired URL is told from a badly signed one.
	// Default: time.Now.
	Now func() time.Time
}

func (c Config) withDefaults() Config {
	if len(c.Stores) == 0 {
		c.Stores = []StoreConfig{{}}
	}
	c.Stores = append([]StoreConfig(nil), c.Stores...)
	for i := range c.Stores {
		c.Stores[i] = c.Stores[i].withDefaults(c.DefaultRegion)
	}
	orDefault(&c.MaxSize, 100<<20)
	orDefault(&c.MultipartThreshold, 64<<20)
	orDefault(&c.TLSTimeout, 5*time.Second)
	orDefault(&c.HeaderTimeout, 15*time.Second)
	orDefault(&c.OpenTimeout, 60*time.Second)
	orDefault(&c.RetryBackoff, 2*time.Second)
	orDefault(&c.MinRate, 10<<10)
	orDefault(&c.StallWindow, 10*time.Second)
	if c.Guard == nil {
		c.Guard = guard.New(guard.Config{})
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func orDefault[T int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

func (s StoreConfig) withDefaults(region string) StoreConfig {
	if len(s.Buckets) == 0 {
		s.Buckets = []string{"*"}
	}
	if s.Region == "" {
		s.Region = region
	}
	if s.Region == "" && s.Endpoint != "" {
		s.Region = "us-east-1"
	}
	return s
}

// check gives every mistake of c at once, or the hosts that presigned URLs may name.
func (c Config) check() (hostList, error) {
	var errs []error
	hosts := hostList{anyPublic: c.AllowAnyPublicHost}
	for i, s := range c.Stores {
		rule, err := s.check()
		for _, err := range splitErrors(err) {
			errs = append(errs, fmt.Errorf("store %d: %w", i+1, err))
		}
		if s.Endpoint != "" {
			hosts.rules = append(hosts.rules, rule)
		}
	}
	for _, pattern := range c.AllowedHosts {
		rule, err := parseAllowedHost(pattern)
		if err != nil {
			errs = append(errs, err)
		}
		hosts.rules = append(hosts.rules, rule)
	}
	for name, value := range map[string]int64{
		"MaxSize": c.MaxSize, "MultipartThreshold": c.MultipartThreshold, "MinRate": c.MinRate, "StallWindow": int64(c.StallWindow),
		"TLSTimeout": int64(c.TLSTimeout), "HeaderTimeout": int64(c.HeaderTimeout), "OpenTimeout": int64(c.OpenTimeout),
		"RetryBackoff": int64(c.RetryBackoff),
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative", name))
		}
	}
	return hosts, errors.Join(errs...)
}

// check gives every mistake of s at once, or the rule for presigned URLs on its endpoint.
func (s StoreConfig) check() (hostRule, error) {
	var errs []error
	for _, pattern := range s.Buckets {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" || strings.Trim(pattern, "abcdefghijklmnopqrstuvwxyz0123456789.-*?") != "" {
			errs = append(errs, fmt.Errorf("bucket pattern %q: use the characters of bucket names, * and ?", pattern))
		}
	}
	if s.Region == "" {
		errs = append(errs, errors.New("no Region: name one, or a DefaultRegion"))
	} else if !isLabel(s.Region) {
		errs = append(errs, fmt.Errorf("region %q is not a Region name", s.Region))
	}
	if (s.AccessKeyID == "") != s.SecretAccessKey.IsZero() {
		errs = append(errs, errors.New("an access key id and a secret access key belong together"))
	}
	if s.AccessKeyID == "" && !s.SessionToken.IsZero() {
		errs = append(errs, errors.New("a session token needs an access key id and a secret access key"))
	}
	if s.AccessKeyID != "" && s.UseInstanceProfile {
		errs = append(errs, errors.New("use either an access key or the instance profile"))
	}
	rule := hostRule{reach: guard.Named, buckets: !s.PathStyle, store: &s}
	if s.Endpoint != "" {
		parts, err := splitURL(strings.TrimSuffix(s.Endpoint, "/") + "/")
		if err != nil || parts.path != "/" || parts.hasQuery {
			errs = append(errs, fmt.Errorf("endpoint %q: want http:// or https:// and a host in canonical form, with an optional port and nothing more", s.Endpoint))
		}
		rule.endpoint = parts.endpoint
	}
	return rule, errors.Join(errs...)
}

// unjoined gives the mistakes of a joined error, each of which gets a line of its own.
func splitErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// tls is the TLS configuration of every outgoing connection. A server name of
// "" is filled in by net/http from the URL.
func (c Config) tls(serverName string) *tls.Config {
	return &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12, ServerName: serverName}
}
