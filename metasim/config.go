package metasim

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	defaultMemory   = 256 << 20 // bytes kept by the default storage
	strictPageSize  = 3         // small on purpose: Graph's own default is 25
	defaultThrottle = 400       // the documentation of December 2025

	defaultWebhookRetry   = 5 * time.Second
	maxWebhookConcurrency = 64
)

// Config says what a Server simulates. The zero Config is usable; it has no
// account, so that every token is invalid.
type Config struct {
	// Clock is the source of the simulator's clock, by which media, download
	// URLs, upload sessions and handles expire. The control API and
	// Server.AdvanceClock, StopClock and SetClock change the simulator's clock.
	// The latency of faults is real time. Default time.Now.
	Clock func() time.Time

	// ClockFollower lives by the simulator's clock, and is waited for when the clock is
	// advanced. Default: nobody.
	ClockFollower ClockFollower

	// SweepInterval is how often Run and RunBackground remove what has expired, to
	// return its memory. What has expired is not found in any case. Default: 1 min.
	SweepInterval time.Duration

	// Logger receives one line per request, without tokens. Default: discard.
	Logger *slog.Logger

	// Observe is told what the Server does, and the people in it, as it happens. It is
	// called in the goroutine that does it, and must neither block nor call the Server.
	// Default: nobody is told.
	Observe func(Observation)

	// Storage keeps the uploaded bytes. Server.Close closes it. The files of a
	// PersistentStorage are there after a restart. Default
	// NewMemoryStorage(256 MiB).
	Storage Storage

	// Records keeps what is known of media and handles, and the clock, for a
	// later Server. Server.Close closes it. Default: the RecordStore of a
	// PersistentStorage; with another Storage the state ends with the Server.
	Records RecordStore

	// ControlPaths are further paths of the control API, by patterns of http.ServeMux, for
	// a program that the Server is a part of. Default: none.
	ControlPaths map[string]http.Handler

	// PublicURL (scheme://host[:port]) is the start of download URLs and of
	// paging links. Set it if clients reach the simulator through a proxy or a
	// mapped port. Default: taken from each request, namely its Host, and
	// https if it arrived over TLS. X-Forwarded-Proto and similar headers are
	// ignored, because any client can send them.
	PublicURL string

	// Strict refuses what Meta accepts but a careful client does not send, such
	// as a token in the query or a path without a version. Without Strict these
	// are warnings in the history (Request.Warnings). Default false: as lax as
	// Meta.
	Strict bool

	// Hosts are further host names by which clients reach the Server: names
	// without a port, or *.suffix. Requests with another Host are refused with
	// 421, so that no web page reaches the Server with a name that it resolves to
	// this machine. localhost, *.localhost, addresses, the host of PublicURL,
	// graph.facebook.com and lookaside.fbsbx.com are always accepted. Default: none.
	Hosts []string

	// Origins (scheme://host[:port]) are those whose web pages may call the
	// Server and its control API. Pages of other origins are refused with 403.
	// Default: none.
	Origins []string

	// Seed seeds ids and the probabilities of faults. 0, the default, means a random seed.
	// Servers with the same seed make the same ids in the same order, so that a file which
	// arrives during an Import may have the id of an imported one: Import then fails.
	Seed uint64

	// BusinessAccounts are the accounts that exist. Default: none.
	BusinessAccounts []BusinessAccount

	// MessageLimits bound the messages that each phone number sends.
	MessageLimits MessageLimits

	// MessageDelays are the times between the steps of a message.
	MessageDelays MessageDelays

	// TemplateReview is the time of the review of a new or edited template, by the
	// simulator's clock, after which it is approved. Negative leaves reviews to
	// Server.ChangeTemplate and the control API. Default 1 s.
	TemplateReview time.Duration

	// TemplatesPerHour is the number of templates that an account may create in an
	// hour; more are refused with code 80008. Negative means no limit. Default 100.
	TemplatesPerHour int

	// OpenWindows makes a person whom the simulator meets for the first time one who
	// has just written, so that any message reaches them for 24 hours. Default false:
	// as at Meta, only templates reach a person who has not written; other messages
	// fail with code 131047.
	OpenWindows bool

	// WebhookVersion is the version of the webhooks, which Meta's dashboard sets apart
	// from that of requests. Up to v23.0, statuses have a conversation. Default: the
	// newest.
	WebhookVersion string

	// LinkHosts are the hosts from which the links of messages are fetched, besides
	// localhost, *.localhost and loopback addresses: names without a port, *.suffix, or
	// "*" for all with a public address. Names and suffixes may have any address. A
	// link to another host is not fetched and counts as good, which Message.Notes says.
	// Default: none, so that a message makes the simulator call this machine only.
	LinkHosts []string

	// LinksPerMinute is the number of links that are fetched from one host in a
	// minute; more fail as at Meta. Default 0: no limit.
	LinksPerMinute int

	// ThrottleStatus is the HTTP status of throttling errors: 400, 403 or 429.
	// Which one Meta sends today is not known. Default 400.
	ThrottleStatus int

	// PageSize is the maximum number of rows in one page of a list, whatever
	// limit the request has. Graph does not promise full pages: a small PageSize
	// catches a client that reads the first page only. Default no maximum, but 3
	// with Strict.
	PageSize int

	// MultilineHandles makes the handles of resumable uploads two lines with a
	// line feed between them, as Meta's sometimes are. Default false: one line.
	MultilineHandles bool

	// WebhookURL is the callback URL of all apps, to which Run and RunBackground
	// deliver webhooks; see Server.SetAppWebhook. Default: none.
	WebhookURL string

	// WebhookVerifyToken is sent in the handshake by which WebhookURL is verified
	// before the first webhook. Default: no handshake.
	WebhookVerifyToken string

	// WebhookDelivery says how webhooks are delivered until Server.SetWebhookDelivery
	// changes it. Default: each update once, at once, in order, and signed.
	WebhookDelivery WebhookDelivery

	// WebhookConcurrency is the number of webhooks of one phone number that are
	// delivered at the same time: 1 to 64. With 1, webhooks of the number arrive in
	// order; with more, those of each person do. A webhook that is delivered again
	// after a failure is overtaken by others in any case. Default 1.
	WebhookConcurrency int

	// WebhookRetry is the time, by the simulator's clock, between the first delivery
	// of a webhook and its second, if the response to the first is not 200. It doubles
	// with each attempt, up to 12 hours, for seven days. Default 5 s.
	WebhookRetry time.Duration

	// MediaURL (scheme://host[:port]) is the start of the download URLs in webhooks,
	// which no request of a client can name. Default: PublicURL, or http and the address
	// on which Run serves the Graph API; without either, webhooks have no URL.
	MediaURL string

	// WebhookTransport sends webhooks and handshakes, for example with other roots of
	// trust. Default: a transport with the system's roots and the environment's proxy.
	WebhookTransport http.RoundTripper

	// LinkTransport fetches the links of messages that LinkHosts allows, for example
	// through a network in memory. Default: a transport that also checks that the
	// address is one that LinkHosts allows.
	LinkTransport http.RoundTripper
}

// A BusinessAccount is a WhatsApp Business Account (WABA).
type BusinessAccount struct {
	ID    string // decimal digits; required
	Token string // access token of this account; accounts may share one; required
	AppID string // decimal digits: of the app of resumable uploads; accounts may share one; empty means none

	// AppSecret is the secret of the app AppID, by which the parameter
	// appsecret_proof of a request is verified, and webhooks are signed. Accounts that
	// share the app have the same. Default: none; the parameter is then ignored, and
	// webhooks have no signature.
	AppSecret string

	Name                             string // default "Simulated Business"
	Currency                         string // ISO 4217; default "USD"
	TimezoneID                       string // Meta's number of the time zone; default "1"
	MessageTemplateNamespace         string // default "metasim_" + ID
	AccountReviewStatus              string // default "APPROVED"
	BusinessVerificationStatus       string // default "verified"
	Country                          string // ISO 3166; default "US"
	OwnershipType                    string // default "SELF"
	PrimaryBusinessLocation          string // default "US"
	MarketingMessagesOnboardingState string // default "ELIGIBLE"
	OwnerBusinessID                  string // default ID
	OwnerBusinessName                string // default Name
	CanSendMessage                   string // health: AVAILABLE, LIMITED or BLOCKED; default "AVAILABLE"

	// Fields are values of other fields of the account, by Meta's name and as
	// encoding/json would decode them: {"status": "ACTIVE"}. They replace the
	// simulator's; nil leaves a field out. Default: the simulator's values.
	Fields map[string]any

	// Templates are those that the account has from the start, besides hello_world.
	// They are not checked as those that clients create.
	Templates []Template

	PhoneNumbers []PhoneNumber
}

// A PhoneNumber is a business phone number of one account.
type PhoneNumber struct {
	ID string // decimal digits; required

	DisplayPhoneNumber     string // default "+1 631-555-5555"
	VerifiedName           string // default "Simulated Business"
	QualityRating          string // GREEN, YELLOW, RED, UNKNOWN; default "GREEN"
	CodeVerificationStatus string // default "VERIFIED"
	PlatformType           string // default "CLOUD_API"
	Status                 string // default "CONNECTED"
	NameStatus             string // default "APPROVED"
	ThroughputLevel        string // STANDARD, HIGH, NOT_APPLICABLE; default "STANDARD"
	MessagingLimitTier     string // default "TIER_250"
	AccountMode            string // LIVE or SANDBOX; default "LIVE"
	LastOnboardedTime      string // default "2026-01-01T00:00:00+0000"
	WebhookURL             string // in the field webhook_configuration, if the app has none; empty means none
	CanSendMessage         string // health: AVAILABLE, LIMITED or BLOCKED; default "AVAILABLE"

	// PIN is that of two-step verification: 6 digits. Registering the number again
	// requires it. Default: none, so that the first registration sets it.
	PIN string

	IsOfficialBusinessAccount bool

	// AllowedRecipients are the numbers to which a test number can send; others are
	// refused with code 131030. Default nil: any number.
	AllowedRecipients []string

	Fields map[string]any // as BusinessAccount.Fields
}

// Validate returns an error that lists every problem of the configuration. New
// panics with the same error.
func (c Config) Validate() error {
	var problems []error
	complain := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("metasim: "+format, args...))
	}
	for name, value := range map[string]string{"PublicURL": c.PublicURL, "MediaURL": c.MediaURL} {
		u, err := url.Parse(value)
		if value != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || strings.Trim(u.Path, "/") != "") {
			complain("%s %q is not scheme://host[:port]", name, value)
		}
	}
	if _, err := newAccess(c); err != nil {
		problems = append(problems, err)
	}
	switch c.ThrottleStatus {
	case 0, 400, 403, 429:
	default:
		complain("ThrottleStatus %d is none of 400, 403, 429", c.ThrottleStatus)
	}
	for _, problem := range slices.Concat(c.webhookProblems(), c.messageProblems()) {
		complain("%s", problem)
	}
	if c.PageSize < 0 {
		complain("PageSize %d is negative", c.PageSize)
	}
	seen := map[string]bool{}
	claim := func(what, id string) {
		if !isObjectID(id) {
			complain("%s id %q is not a number of 1 to 32 digits", what, id)
		} else if seen[id] {
			complain("%s id %q is used twice", what, id)
		}
		seen[id] = true
	}
	for _, a := range c.BusinessAccounts {
		claim("business account", a.ID)
		if a.Token == "" || strings.ContainsFunc(a.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
			complain("business account %s: the token is empty or has blanks", a.ID)
		}
		for _, name := range checkOverrides(a.fields(), a.Fields) {
			complain("business account %s: Fields has %q, which is not a field with a value of JSON", a.ID, name)
		}
		for _, p := range a.PhoneNumbers {
			claim("phone number", p.ID)
			if p.PIN != "" && !isPIN(p.PIN) {
				complain("phone number %s: the PIN does not have 6 digits", p.ID)
			}
			for _, name := range checkOverrides(p.fields(&a), p.Fields) {
				complain("phone number %s: Fields has %q, which is not a field with a value of JSON", p.ID, name)
			}
		}
	}
	secrets := map[string]string{}
	for _, a := range c.BusinessAccounts { // several accounts may have the same app
		if known, again := secrets[a.AppID]; again && known != a.AppSecret && a.AppID != "" {
			complain("app id %q has two secrets", a.AppID)
		}
		secrets[a.AppID] = a.AppSecret
		switch {
		case a.AppID == "" && a.AppSecret != "":
			complain("business account %s: there is an AppSecret without an AppID", a.ID)
		case a.AppID == "":
		case !isObjectID(a.AppID):
			complain("app id %q is not a number of 1 to 32 digits", a.AppID)
		case seen[a.AppID]:
			complain("app id %q is used for something else, too", a.AppID)
		}
	}
	return errors.Join(problems...)
}

// withDefaults returns the configuration with its defaults filled in.
func (c Config) withDefaults() Config {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Storage == nil {
		c.Storage = NewMemoryStorage(defaultMemory)
	}
	if persistent, ok := c.Storage.(PersistentStorage); ok && c.Records == nil {
		c.Records = persistent.RecordStore()
	}
	if c.SweepInterval <= 0 {
		c.SweepInterval = sweepInterval
	}
	if c.Records == nil {
		c.Records = NewMemoryRecords()
	}
	if c.ThrottleStatus == 0 {
		c.ThrottleStatus = defaultThrottle
	}
	c.MessageLimits.PairBurst = cmp.Or(c.MessageLimits.PairBurst, defaultPairBurst)
	c.MessageLimits.PairInterval = cmp.Or(c.MessageLimits.PairInterval, defaultPairInterval)
	c.MessageDelays = c.MessageDelays.withDefaults()
	c.TemplateReview = cmp.Or(c.TemplateReview, defaultTemplateReview)
	switch {
	case c.PageSize > 0:
	case c.Strict:
		c.PageSize = strictPageSize
	default:
		c.PageSize = maxPageLimit
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	c.MediaURL = cmp.Or(strings.TrimRight(c.MediaURL, "/"), c.PublicURL)
	c.WebhookConcurrency = cmp.Or(c.WebhookConcurrency, 1)
	c.WebhookRetry = cmp.Or(c.WebhookRetry, defaultWebhookRetry)
	return c
}

// webhookProblems returns what is wrong with the settings of webhooks.
func (c Config) webhookProblems() (problems []string) {
	if c.WebhookURL != "" {
		if _, err := parseCallback(c.WebhookURL); err != nil {
			problems = append(problems, "WebhookURL: "+err.Error())
		}
	}
	if err := c.WebhookDelivery.validate(); err != nil {
		problems = append(problems, "WebhookDelivery: "+strings.TrimPrefix(err.Error(), "metasim: "))
	}
	if c.WebhookConcurrency < 0 || c.WebhookConcurrency > maxWebhookConcurrency {
		problems = append(problems, fmt.Sprintf("WebhookConcurrency %d is not in 1 to %d", c.WebhookConcurrency, maxWebhookConcurrency))
	}
	if c.WebhookRetry < 0 {
		problems = append(problems, fmt.Sprintf("WebhookRetry %v is negative", c.WebhookRetry))
	}
	return problems
}

// isObjectID reports whether id has the form of a Graph object id.
func isObjectID(id string) bool {
	if id == "" || len(id) > 32 {
		return false
	}
	return !strings.ContainsFunc(id, func(r rune) bool { return r < '0' || r > '9' })
}
