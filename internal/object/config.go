package object

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"ferry/internal/guard"
	"ferry/internal/secret"
)

// StoreConfig configures one S3-compatible store.
type StoreConfig struct {
	// Buckets are patterns for the names of the buckets in this store, with * for
	// any number of characters and ? for one. The first store with a matching
	// pattern serves a bucket. Default: every bucket.
	Buckets []string
	// Endpoint is http:// or https:// and a host with an optional port, and nothing
	// else. Presigned URLs may name it too. Default: AWS S3 in Region.
	Endpoint string
	// Aliases are further addresses of the store, in the form of Endpoint, that
	// presigned URLs may name. A request to one is sent to Endpoint, with the alias in
	// its Host header, whatever the alias resolves to. Default: none.
	Aliases []string
	// Region is the Region that requests are signed for and, if Endpoint is empty,
	// the Region of AWS S3. Default: Config.DefaultRegion, then us-east-1 if there
	// is an Endpoint.
	Region string
	// PathStyle puts the bucket into the path instead of the host name.
	PathStyle bool
	// AccessKeyID and SecretAccessKey sign the requests, together with SessionToken
	// if they are temporary. Default: the AWS SDK's credential chain (environment,
	// shared files, web identity, container).
	AccessKeyID     string
	SecretAccessKey secret.Secret
	SessionToken    secret.Secret
	// LiteralKeys says that slashes at the beginning of a key, and several in a row, are
	// part of it, as on AWS S3. Other stores may merge them and so return an object that
	// the caller's policy was not evaluated for; without LiteralKeys, such keys are
	// refused there. Default: true without an Endpoint, else false.
	LiteralKeys bool
	// RequestPayer accepts on behalf of ferry's account to pay for requests to
	// requester-pays buckets. Default: false.
	RequestPayer bool
	// ExpectedBucketOwner is the AWS account, of 12 digits, that must own the buckets;
	// the store refuses requests to others. Default: any.
	ExpectedBucketOwner string
	// VerifyChecksums requests the checksum that the store keeps for an object, and
	// verifies the bytes that are read against it. Default: false.
	VerifyChecksums bool
	// UseInstanceProfile adds the EC2 metadata service to that chain. Default:
	// false, which means that it never receives a request.
	UseInstanceProfile bool
}

// Config configures an [Opener].
type Config struct {
	// Stores are matched with a bucket in this order. Default: AWS S3 in
	// DefaultRegion for every bucket, with the SDK's credential chain.
	Stores []StoreConfig
	// DefaultRegion is the Region of stores without a Region.
	DefaultRegion string

	// AllowedHosts are the hosts that presigned URLs may name in addition to AWS S3
	// and the endpoints of Stores: host, host:port or *.suffix (one label or more),
	// over https only. Their addresses must be public. Default: none.
	AllowedHosts []string
	// AllowAnyPublicHost allows presigned URLs to name any host on port 443. The
	// rules for addresses stay the same. Default: false.
	AllowAnyPublicHost bool
	// ExceptHosts are hosts, each with all names below it, that AllowAnyPublicHost and the
	// links of messages do not include. AllowedHosts may still name them. Default: none.
	ExceptHosts []string
	// LinksInside allows the links of messages (PublicLink) to name private and loopback
	// addresses, too. It is for a world on one machine. Default: false.
	LinksInside bool
	// Proxy returns the proxy for a request to a store or a URL of the operator (Link),
	// like the field of [http.Transport]. Presigned URLs and the links of messages never
	// use a proxy, since the guard could not check their addresses. Default: no proxy.
	Proxy func(*http.Request) (*url.URL, error)
	// Guard dials the stores and the hosts of presigned URLs. Default: a guard
	// without own addresses.
	Guard *guard.Guard
	// RootCAs verify the certificates of stores and of presigned URLs' hosts.
	// Default: the system's.
	RootCAs *x509.CertPool

	// MaxSize is the limit for the size of an object that is written, in bytes. Objects
	// that are read have none here: package media knows the limit of each type.
	// Default: 100 MiB, which is WhatsApp's largest limit (for documents).
	MaxSize int64
	// MultipartThreshold is the size in bytes above which an object is written to a
	// store in parts of 5 MiB. At most 16 objects are written in parts at the same
	// time, each with one part in memory; further objects wait. Default: 64 MiB.
	MultipartThreshold int64
	// ReachTimeout is the time in which the host of a presigned URL must be resolved
	// and connected, retries and TLS handshake included. It is also the time after
	// which the error for a host that cannot be reached, or whose address is
	// forbidden, is returned, so that its time tells nothing about the network.
	// Default: 5 s.
	ReachTimeout time.Duration
	// TLSTimeout is the limit for the TLS handshake. Default: 5 s.
	TLSTimeout time.Duration
	// HeaderTimeout is the limit for the wait for a response's headers. Default: 15 s.
	HeaderTimeout time.Duration
	// OpenTimeout is the limit for Open, retries included. Default: 60 s.
	OpenTimeout time.Duration
	// RetryBackoff is the longest wait between two attempts at a store. Default: 2 s.
	RetryBackoff time.Duration
	// MinRate is the slowest rate at which a body may arrive, in bytes per second:
	// MinRate × StallWindow bytes must arrive within each StallWindow that is spent
	// in Read. The time between two Reads does not count. Default: 10 KiB/s.
	MinRate int64
	// StallWindow is the time over which MinRate is measured. Default: 10 s.
	StallWindow time.Duration
	// Now returns the current time, which tells an expired URL from a badly signed
	// one. Default: time.Now.
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
	orDefault(&c.ReachTimeout, 5*time.Second)
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

// check returns the list of hosts that presigned URLs may name. The error joins all
// mistakes in c.
func (c Config) check() (hostList, error) {
	var errs []error
	hosts := hostList{anyPublic: c.AllowAnyPublicHost, except: c.ExceptHosts}
	for i, s := range c.Stores {
		rule, err := s.check()
		aliases, aliasErr := s.aliasRules(rule)
		for _, err := range append(splitErrors(err), splitErrors(aliasErr)...) {
			errs = append(errs, fmt.Errorf("store %d: %w", i+1, err))
		}
		if s.Endpoint != "" {
			hosts.rules = append(append(hosts.rules, rule), aliases...)
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
		"ReachTimeout": int64(c.ReachTimeout), "TLSTimeout": int64(c.TLSTimeout), "HeaderTimeout": int64(c.HeaderTimeout), "OpenTimeout": int64(c.OpenTimeout),
		"RetryBackoff": int64(c.RetryBackoff),
	} {
		if value < 0 {
			errs = append(errs, fmt.Errorf("%s is negative", name))
		}
	}
	return hosts, errors.Join(errs...)
}

// check returns the rule for presigned URLs at the store's endpoint. The error joins
// all mistakes in s.
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
	if s.ExpectedBucketOwner != "" && !accountForm.MatchString(s.ExpectedBucketOwner) {
		errs = append(errs, fmt.Errorf("expected bucket owner %q: want the 12 digits of an AWS account", s.ExpectedBucketOwner))
	}
	if s.AccessKeyID != "" && s.UseInstanceProfile {
		errs = append(errs, errors.New("use either an access key or the instance profile"))
	}
	rule := hostRule{reach: guard.Named, buckets: !s.PathStyle, store: &s}
	if s.Endpoint != "" {
		var err error
		if rule.endpoint, err = parseEndpoint("endpoint", s.Endpoint); err != nil {
			errs = append(errs, err)
		}
		rule.dial = rule.endpoint
	}
	return rule, errors.Join(errs...)
}

// accountForm is the id of an AWS account.
var accountForm = regexp.MustCompile(`^[0-9]{12}$`)

// aliasRules returns the rules for presigned URLs at the store's aliases. rule is
// the one of its endpoint.
func (s StoreConfig) aliasRules(rule hostRule) (rules []hostRule, err error) {
	var errs []error
	if len(s.Aliases) > 0 && s.Endpoint == "" {
		errs = append(errs, errors.New("aliases need an endpoint"))
	}
	for _, alias := range s.Aliases {
		name, err := parseEndpoint("alias", alias)
		if err != nil {
			errs = append(errs, err)
		}
		rule.endpoint, rule.buckets = name, true
		rules = append(rules, rule)
	}
	return rules, errors.Join(errs...)
}

// parseEndpoint parses the address of a store.
func parseEndpoint(what, address string) (endpoint, error) {
	parts, err := splitURL(strings.TrimSuffix(address, "/") + "/")
	if err != nil || parts.path != "/" || parts.hasQuery {
		return endpoint{}, fmt.Errorf("%s %q: want http:// or https:// and a host in canonical form, with an optional port and nothing more", what, address)
	}
	return parts.endpoint, nil
}

// splitErrors returns the errors that err joins.
func splitErrors(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err != nil {
		return []error{err}
	}
	return nil
}

// tls returns the TLS configuration of an outgoing connection. If serverName is
// empty, net/http takes it from the URL.
func (c Config) tls(serverName string) *tls.Config {
	return &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12, ServerName: serverName}
}
