package object

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"sort"
	"strings"
)

// Kind classifies an error by who must act on it.
type Kind uint8

const (
	// NotFound: the store has no such object or bucket.
	NotFound Kind = iota + 1
	// Denied: no store is configured for the bucket, or the store refuses ferry's credentials.
	Denied
	// Invalid: the request cannot succeed as it is. The caller must change it.
	Invalid
	// Unavailable: the source failed, was too slow, or broke off. A retry may succeed.
	Unavailable
	// Changed: the object's ETag is not ifMatch.
	Changed
)

func (k Kind) String() string {
	names := [...]string{"unknown", "not found", "denied", "invalid", "unavailable", "changed"}
	if int(k) >= len(names) {
		return names[0]
	}
	return names[k]
}

// Error is the type of all errors that sources and bodies return.
type Error struct {
	Kind Kind
	// Message is for the caller: what failed (the store or the presigned URL). It
	// contains no query, signature, credentials or address.
	Message string
	// Fix is for the caller, too: what to do.
	Fix string
	// Code names the problem (problem.go). It is stable, and for programs.
	Code string
	// Cause is for the operator's log; nil if Message says everything. Its text has
	// no queries, secrets and addresses; errors.Is still finds the original error.
	Cause error

	noResponse bool   // there was no response, so that a retry may help
	location   string // where a Link is redirected to; empty if it is not redirected
}

// Error returns the text for the caller: Message, Fix and, in brackets, Code.
func (e *Error) Error() string { return e.Message + " " + e.Fix + " [" + e.Code + "]" }

func (e *Error) Unwrap() error { return e.Cause }

// scrubbed is an error that has only the identity of the original and a safe text.
type scrubbed struct {
	text string
	is   func(target error) bool
}

func (s *scrubbed) Error() string        { return s.text }
func (s *scrubbed) Is(target error) bool { return s.is(target) }

// scrubber removes secrets from the texts of errors. It keeps them in a closure,
// where no verb of fmt finds them; it would find them behind a pointer.
type scrubber struct{ hide func(text string) string }

// newScrubber returns a scrubber for secrets in each encoding in which an error may
// contain them. Texts shorter than 8 bytes ("true", "host") are not secrets.
func newScrubber(secrets ...string) scrubber {
	var all []string
	for _, s := range secrets {
		for _, spelling := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if len(spelling) >= 8 {
				all = append(all, spelling)
			}
		}
	}
	// A secret may be part of another one, so the longest come first.
	sort.Slice(all, func(i, j int) bool { return len(all[i]) > len(all[j]) })
	var pairs []string
	for _, hidden := range all {
		pairs = append(pairs, hidden, "[hidden]")
	}
	return scrubber{strings.NewReplacer(pairs...).Replace}
}

// querySecrets returns a query and each of its values, raw and decoded.
func querySecrets(rawQuery string) []string {
	secrets := []string{rawQuery}
	for pair := range strings.SplitSeq(rawQuery, "&") {
		_, value, _ := strings.Cut(pair, "=")
		secrets = append(secrets, value)
		if decoded, err := url.QueryUnescape(value); err == nil {
			secrets = append(secrets, decoded)
		}
	}
	return secrets
}

const maxCause = 500 // bytes of an error's text, part of which comes from the source

var (
	queryText   = regexp.MustCompile(`\?[^\s"'<>]+`)
	signedText  = regexp.MustCompile(`(?i)signature=[0-9a-f]{64}`) // of a request, in an Authorization header
	addressText = regexp.MustCompile(`[0-9A-Fa-f:.]{2,}(%[0-9A-Za-z]+)?`)
)

// Scrub returns an error of another service with a text that may be logged: without the
// secrets, in their usual spellings, and without signatures, queries and addresses. A service
// may repeat in its response what it was sent. It returns nil for nil.
func Scrub(err error, secrets ...string) error { return newScrubber(secrets...).error(err) }

// error returns err with a text that may be logged, or nil for nil.
func (s scrubber) error(err error) error {
	if err == nil {
		return nil
	}
	return &scrubbed{s.text(err.Error()), func(target error) bool { return errors.Is(err, target) }}
}

func (s scrubber) text(text string) string {
	if s.hide != nil {
		text = s.hide(text)
	}
	text = queryText.ReplaceAllString(text, "?[hidden]")
	text = signedText.ReplaceAllString(text, "Signature=[hidden]")
	text = addressText.ReplaceAllStringFunc(text, hideAddress)
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxCause {
		text = strings.ToValidUTF8(text[:maxCause], "") + "…"
	}
	return text
}

// hideAddress replaces an address, with or without a port, and returns anything
// else unchanged.
func hideAddress(candidate string) string {
	core := strings.TrimRight(candidate, ":.")
	rest := candidate[len(core):]
	if strings.HasSuffix(candidate, "::") {
		core, rest = candidate, ""
	}
	_, errAddr := netip.ParseAddr(core)
	_, errPort := netip.ParseAddrPort(core)
	if errAddr != nil && errPort != nil {
		return candidate
	}
	return "[address]" + rest
}

// origin makes the errors of one source or sink.
type origin struct {
	name     string // the subject of a sentence: "The presigned URL", "The store of bucket \"b\""
	scrubber scrubber
}
