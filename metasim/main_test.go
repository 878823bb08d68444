package metasim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	account1, token1 = "102290129340398", "token-of-the-first-account"
	account2, token2 = "202290129340398", "token-of-the-second-account"
	phone1           = "106540352242922"
	phone2           = "206540352242922"
	boundary         = "simulated-boundary"
	formType         = "multipart/form-data; boundary=" + boundary
)

// The shortest files that are recognised as their type.
var (
	png  = "\x89PNG\r\n\x1A\n" + strings.Repeat("pixels", 10)
	jpeg = "\xFF\xD8\xFF\xE0" + strings.Repeat("pixels", 10)
	pdf  = "%PDF-1.7\n" + strings.Repeat("words", 10)
	mp4  = "\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42" + strings.Repeat("frames", 10)
	opus = "OggS\x00\x02" + strings.Repeat("\x00", 20) + "\x01\x13" + "OpusHead\x01\x01" + strings.Repeat("\x00", 40)
)

// sim is a simulator on a real listener.
type sim struct {
	*Server
	t      *testing.T
	url    string
	client *http.Client
	manual *manualClock
}

// manualClock stands still until advance is called.
type manualClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *manualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// strict makes a simulator refuse what it otherwise warns of.
func strict(c *Config) { c.Strict = true }

func startSim(t *testing.T, change ...func(*Config)) *sim {
	t.Helper()
	clock := &manualClock{now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	cfg := Config{
		Clock: clock.Now,
		Seed:  1,
		BusinessAccounts: []BusinessAccount{
			{ID: account1, Token: token1, Name: "First", PhoneNumbers: []PhoneNumber{
				{ID: phone1, DisplayPhoneNumber: "+1 631-555-0001"}, {ID: "106540352242923"}, {ID: "106540352242924"},
				{ID: "106540352242925"}, {ID: "106540352242926"},
			}},
			{ID: account2, Token: token2, PhoneNumbers: []PhoneNumber{{ID: phone2}}},
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	s := New(cfg)
	listener := httptest.NewServer(s)
	t.Cleanup(func() {
		listener.Close()
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &sim{Server: s, t: t, url: listener.URL, client: listener.Client(), manual: clock}
}

// response is a response with its body read.
type response struct {
	status int
	header http.Header
	body   string
}

// fields decodes a JSON body.
func (a response) fields(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return v
}

// refusal decodes a Meta error.
func (a response) refusal(t *testing.T) envelope {
	t.Helper()
	var v envelope
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return v
}

// send sends a request with a header in pairs of name and value. A relative target
// is a path of the simulator.
func (s *sim) send(method, target string, body io.Reader, header ...string) (response, error) {
	if strings.HasPrefix(target, "/") {
		target = s.url + target
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, target, body)
	if err != nil {
		return response{}, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answered, err := s.client.Do(r)
	if err != nil {
		return response{}, err
	}
	defer answered.Body.Close()
	content, err := io.ReadAll(answered.Body)
	return response{answered.StatusCode, answered.Header, string(content)}, err
}

func (s *sim) mustSend(method, target string, body io.Reader, header ...string) response {
	s.t.Helper()
	a, err := s.send(method, target, body, header...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

func (s *sim) get(target string, header ...string) response {
	s.t.Helper()
	return s.mustSend(http.MethodGet, target, nil, append([]string{"Authorization", "Bearer " + token1}, header...)...)
}

// post uploads a raw form to the first number.
func (s *sim) post(form string) response {
	s.t.Helper()
	return s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", strings.NewReader(form),
		"Authorization", "Bearer "+token1, "Content-Type", formType)
}

// mustUpload uploads a file and returns its id.
func (s *sim) mustUpload(name, contentType, content string) string {
	s.t.Helper()
	a := s.post(formOf(field("messaging_product", "whatsapp"), file(name, contentType, content)))
	id, ok := a.fields(s.t)["id"].(string)
	if a.status != http.StatusOK || !ok {
		s.t.Fatalf("upload of %s: %d %s", name, a.status, a.body)
	}
	return id
}

func (s *sim) lastRequest() Request {
	s.t.Helper()
	list := s.Requests()
	if len(list) == 0 {
		s.t.Fatal("the history is empty")
	}
	return list[len(list)-1]
}

// wantWarnings checks the codes of the last request's warnings, which is to have
// succeeded.
func (s *sim) wantWarnings(codes ...string) {
	s.t.Helper()
	last := s.lastRequest()
	if got := warningCodes(last.Warnings); got != strings.Join(codes, ",") || last.Status >= 400 {
		s.t.Errorf("%s %s: status %d (%s), warnings %q, want %q", last.Method, last.Path, last.Status, last.Reason, got, strings.Join(codes, ","))
	}
}

// field, file and part return parts of a form; formOf joins them.
func field(name, value string) string {
	return part("Content-Disposition: form-data; name=\""+name+"\"", value)
}

func file(name, contentType, content string) string {
	return part(fmt.Sprintf("Content-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\nContent-Type: %s",
		name, contentType), content)
}

func part(header, content string) string {
	return "--" + boundary + "\r\n" + header + "\r\n\r\n" + content + "\r\n"
}

func formOf(parts ...string) string {
	return strings.Join(parts, "") + "--" + boundary + "--\r\n"
}
