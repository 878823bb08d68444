package metasim

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	historySize = 1000 // requests that are kept
	maxMissing  = 256  // names of what the simulator lacks
)

// Request is an entry of the history: a request to the Graph API. It contains no
// token: values of headers are not kept, and a token anywhere else is replaced
// by [redacted].
type Request struct {
	Time          time.Time     `json:"time"`     // of the simulator's clock
	TraceID       string        `json:"trace_id"` // header x-fb-trace-id of the response, and fbtrace_id of an error
	Operation     Operation     `json:"operation"`
	Method        string        `json:"method"`
	Path          string        `json:"path"`
	Query         string        `json:"query"`   // encoded again
	Headers       []string      `json:"headers"` // names only, sorted
	UserAgent     string        `json:"user_agent"`
	ContentLength int64         `json:"content_length"` // declared; -1 for a chunked body
	BytesRead     int64         `json:"bytes_read"`     // of the body
	BytesWritten  int64         `json:"bytes_written"`  // of the response's body
	Status        int           `json:"status"`         // 0 before the response, and if the connection was cut instead
	Reason        string        `json:"reason"`         // why the request was refused; empty on success
	Warnings      []Warning     `json:"warnings"`       // what Meta accepts but a careful client does not send; at most 32
	NotSimulated  string        `json:"not_simulated"`  // what the simulator lacks, such as "POST /{phone_number}/register"; empty if nothing
	Duration      time.Duration `json:"duration_ns"`    // until the response began; after its end, until then
	FaultID       string        `json:"fault_id"`       // of the fault that was applied, if any
	Cut           bool          `json:"cut"`            // the connection was cut on purpose
	MediaID       string        `json:"media_id"`       // that an upload made
	MessageID     string        `json:"message_id"`     // of the message that was sent or marked as read
	Handle        string        `json:"handle"`         // that a resumable upload made
	Fields        Fields        `json:"fields"`         // parameters of the body, without the file; at most 32
	FileName      string        `json:"file_name"`      // of the file in the form or of the session, as declared
	FileType      string        `json:"file_type"`      // Content-Type of the file's part, or type of the session, as declared
	FileSize      int64         `json:"file_size"`      // bytes of the file that have arrived; of a resumable upload, in all requests
	SHA256        string        `json:"sha256"`         // hex; empty unless the whole file has arrived
}

// Fields are the parameters of a form or of JSON by name.
type Fields map[string]string

const redacted = "[redacted]"

// history is a bounded list of requests.
type history struct {
	changed *broadcaster

	mu      sync.Mutex
	entries []*Request
	dropped int
	missing map[string]int // requests by what the simulator lacked
}

func (h *history) add(r Request) *Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.entries) == historySize {
		h.entries = slices.Delete(h.entries, 0, 1)
		h.dropped++
	}
	h.entries = append(h.entries, &r)
	return &r
}

// update changes an entry. Changing one that has been dropped is harmless.
func (h *history) update(entry *Request, change func(*Request)) {
	defer h.changed.broadcast()
	h.mu.Lock()
	defer h.mu.Unlock()
	change(entry)
}

func (h *history) list() []Request {
	list, _ := h.listWithDropped()
	return list
}

// listWithDropped returns the entries, and the number of those before them.
func (h *history) listWithDropped() (list []Request, dropped int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	list = make([]Request, len(h.entries))
	for i, entry := range h.entries {
		list[i] = *entry
		list[i].Fields = maps.Clone(entry.Fields)
		list[i].Headers = slices.Clone(entry.Headers)
		list[i].Warnings = slices.Clone(entry.Warnings)
	}
	return list, h.dropped
}

func (h *history) droppedCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.dropped
}

// countMissing counts a request for something that the simulator lacks.
func (h *history) countMissing(what string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.missing == nil {
		h.missing = map[string]int{}
	}
	if _, known := h.missing[what]; !known && len(h.missing) >= maxMissing {
		what = "other"
	}
	h.missing[what]++
}

func (h *history) missingCounts() map[string]int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.missing)
}

func (h *history) clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries, h.dropped, h.missing = nil, 0, nil
}

// secrets are the tokens of a request and of the accounts, and the signature of an
// upload session if it is not in the query.
type secrets struct {
	tokens   []string
	replacer *strings.Replacer
}

func (s *Server) secretsOf(r *http.Request) secrets {
	tokens := slices.Concat(slices.Collect(maps.Keys(s.tokens)), s.secretTexts)
	for _, value := range r.Header.Values("Authorization") {
		_, credentials, found := strings.Cut(value, " ")
		if !found {
			credentials = value
		}
		tokens = append(tokens, strings.TrimSpace(credentials))
	}
	tokens = append(tokens, r.URL.Query()["access_token"]...)
	if _, sig, found := strings.Cut(r.URL.Path, "?sig="); found { // escaped by mistake
		tokens = append(tokens, sig)
	}
	return secrets{}.with(tokens...)
}

// with returns the secrets and the tokens.
func (s secrets) with(tokens ...string) secrets {
	tokens = slices.Concat(s.tokens, tokens)
	tokens = slices.DeleteFunc(tokens, func(token string) bool { return token == "" })
	slices.SortFunc(tokens, func(a, b string) int { return len(b) - len(a) }) // a token may be the beginning of another
	var pairs []string
	for _, token := range tokens {
		pairs = append(pairs, token, redacted)
	}
	return secrets{tokens, strings.NewReplacer(pairs...)}
}

// redact replaces the tokens in a text.
func (s secrets) redact(text string) string { return s.replacer.Replace(text) }

// redactName replaces the name of a header that contains a token. net/http has
// changed the case of its letters.
func (s secrets) redactName(name string) string {
	for _, token := range s.tokens {
		if strings.Contains(strings.ToLower(name), strings.ToLower(token)) {
			return redacted
		}
	}
	return name
}

// redactQuery encodes a query again, without tokens.
func redactQuery(raw string, redact func(string) string) string {
	values, err := url.ParseQuery(raw)
	if err != nil && len(values) == 0 {
		return ""
	}
	clean := url.Values{}
	for name, list := range values {
		for _, value := range list {
			if strings.EqualFold(name, "access_token") || name == "sig" || slices.Contains(secretParameters, name) {
				value = redacted
			}
			clean.Add(redact(name), redact(value))
		}
	}
	return clean.Encode()
}
