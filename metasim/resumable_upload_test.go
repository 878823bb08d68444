package metasim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	app1 = "302290129340398"
	app2 = "402290129340398"
)

// startResumable starts a simulator in which each account has an app.
func startResumable(t *testing.T, change ...func(*Config)) *sim {
	t.Helper()
	return startSim(t, append([]func(*Config){func(c *Config) {
		c.BusinessAccounts[0].AppID, c.BusinessAccounts[1].AppID = app1, app2
	}}, change...)...)
}

// beginSession requests a session with a query in pairs of name and value.
func (s *sim) beginSession(pairs ...string) response {
	s.t.Helper()
	query := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		query.Add(pairs[i], pairs[i+1])
	}
	return s.mustSend(http.MethodPost, "/v25.0/"+app1+"/uploads?"+query.Encode(), nil, "Authorization", "Bearer "+token1)
}

// mustBegin creates a session and returns the id in the response.
func (s *sim) mustBegin(name, fileType string, size int) string {
	s.t.Helper()
	a := s.beginSession("file_name", name, "file_length", strconv.Itoa(size), "file_type", fileType)
	id, ok := a.fields(s.t)["id"].(string)
	if a.status != http.StatusOK || !ok {
		s.t.Fatalf("begin: %d %s", a.status, a.body)
	}
	return id
}

// sendBytes posts bytes of a file.
func (s *sim) sendBytes(session string, offset int, body io.Reader, header ...string) (response, error) {
	s.t.Helper()
	return s.send(http.MethodPost, "/v25.0/"+session, body, append([]string{
		"Authorization", "OAuth " + token1, "file_offset", strconv.Itoa(offset)}, header...)...)
}

func (s *sim) mustSendBytes(session string, offset int, body string, header ...string) response {
	s.t.Helper()
	a, err := s.sendBytes(session, offset, strings.NewReader(body), header...)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// arrived returns the offset of a session.
func (s *sim) arrived(session string) int {
	s.t.Helper()
	a := s.get("/v25.0/" + session)
	var status sessionStatus
	if err := json.Unmarshal([]byte(a.body), &status); err != nil || a.status != http.StatusOK || status.ID != session {
		s.t.Fatalf("status of %s: %d %s", session, a.status, a.body)
	}
	return int(status.FileOffset)
}

// handleOf returns the handle in the response to the last bytes.
func (s *sim) handleOf(a response) Handle {
	s.t.Helper()
	h, _ := a.fields(s.t)["h"].(string)
	handle, ok := s.Handle(h)
	if a.status != http.StatusOK || !ok {
		s.t.Fatalf("no handle: %d %s", a.status, a.body)
	}
	return handle
}

func digestOf(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])
}

func TestResumableUploadReturnsAHandle(t *testing.T) {
	tests := map[string]struct{ fileType, content, prefix string }{
		"pdf":  {"application/pdf", pdf, "4::YXBwbGljYXRpb24vcGRm:"},
		"jpeg": {"image/jpeg", jpeg, "4::aW1hZ2UvanBlZw==:"},
		"jpg":  {"image/jpg", jpeg, "4::aW1hZ2UvanBn:"},
		"png":  {"image/png", png, "4::aW1hZ2UvcG5n:"},
		"mp4":  {"video/mp4", mp4, "4::dmlkZW8vbXA0:"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t)
			session := s.mustBegin("a b.bin", test.fileType, len(test.content))
			if !regexp.MustCompile(`^upload:[A-Za-z0-9_=-]+\?sig=AR[A-Za-z0-9_-]+$`).MatchString(session) {
				t.Errorf("session %q", session)
			}
			a := s.mustSendBytes(session, 0, test.content, "Content-Type", "application/x-www-form-urlencoded")
			got := s.handleOf(a)
			want := Handle{
				Handle: got.Handle, AppID: app1, MIMEType: test.fileType, FileName: "a b.bin", Size: int64(len(test.content)),
				SHA256: digestOf(test.content), Created: s.manual.Now(), Expires: s.manual.Now().Add(24 * time.Hour),
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !strings.HasPrefix(got.Handle, test.prefix) || strings.Contains(got.Handle, "\n") || len(a.fields(t)) != 1 {
				t.Errorf("answer %s", a.body)
			}
			last := s.lastRequest()
			if last.Operation != OperationUploadBytes || last.FileSize != want.Size || last.SHA256 != want.SHA256 ||
				last.Handle != got.Handle || last.FileName != "a b.bin" || last.FileType != test.fileType {
				t.Errorf("history: %+v", last)
			}
		})
	}
}

func TestHandlesOfTwoLinesAreFoundVerbatim(t *testing.T) {
	s := startResumable(t, func(c *Config) { c.MultilineHandles = true })
	a := s.mustSendBytes(s.mustBegin("", "image/png", len(png)), 0, png)
	handle := s.handleOf(a)
	if !regexp.MustCompile(`^4::[^\n]+\n4::[^\n]+$`).MatchString(handle.Handle) || !strings.Contains(a.body, `\n`) {
		t.Errorf("handle %q", handle.Handle)
	}
	if _, ok := s.Handle(strings.ReplaceAll(handle.Handle, "\n", "")); ok {
		t.Error("a handle without its line feed is accepted")
	}
}

func TestSessionsWithInvalidParametersAreRefused(t *testing.T) {
	good := map[string]string{"file_name": "a.png", "file_length": "76", "file_type": "image/png"}
	tests := map[string]struct{ name, value, message string }{
		"no length":        {"file_length", "", "(#100) The parameter file_length is required."},
		"no type":          {"file_type", "", "(#100) The parameter file_type is required."},
		"empty file":       {"file_length", "0", `(#100) Param file_length must be a number of bytes greater than 0 - got "0".`},
		"negative length":  {"file_length", "-1", `(#100) Param file_length must be a number of bytes greater than 0 - got "-1".`},
		"fraction":         {"file_length", "1.5", `(#100) Param file_length must be a number of bytes greater than 0 - got "1.5".`},
		"other type":       {"file_type", "image/webp", `(#100) Param file_type must be one of {application/pdf, image/jpeg, image/jpg, image/png, video/mp4} - got "image/webp".`},
		"type with params": {"file_type", "image/png; x=1", `(#100) Param file_type must be one of {application/pdf, image/jpeg, image/jpg, image/png, video/mp4} - got "image/png; x=1".`},
		"long name":        {"file_name", strings.Repeat("x", 256), "(#100) Param file_name must have at most 255 bytes."},
		"too large":        {"file_length", "5242881", "(#100) Invalid parameter"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t)
			var pairs []string
			for n, v := range good {
				if n != test.name {
					pairs = append(pairs, n, v)
				}
			}
			a := s.beginSession(append(pairs, test.name, test.value)...)
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Code != 100 || e.Message != test.message {
				t.Errorf("%d %s", a.status, a.body)
			}
			if name == "too large" && e.UserTitle != "File Too Large" {
				t.Errorf("%s", a.body)
			}
		})
	}
}

func TestSessionsEnforceTheLimitOfEachType(t *testing.T) {
	s := startResumable(t)
	for fileType, limit := range map[string]int{
		"application/pdf": 100 << 20, "image/jpg": 5 << 20, "image/jpeg": 5 << 20, "image/png": 5 << 20, "video/mp4": 16 << 20,
	} {
		s.mustBegin("", fileType, limit)
		if a := s.beginSession("file_length", strconv.Itoa(limit+1), "file_type", fileType); a.refusal(t).Error.UserTitle != "File Too Large" {
			t.Errorf("%s: %d %s", fileType, a.status, a.body)
		}
	}
}

func TestSessionsRequireTheirTokenAndScheme(t *testing.T) {
	s := startResumable(t, func(c *Config) {
		c.BusinessAccounts = append(c.BusinessAccounts, BusinessAccount{ID: "999", Token: "third", AppID: app1})
	})
	session := s.mustBegin("", "image/png", len(png))
	begin := "/v25.0/" + app1 + "/uploads?file_length=9&file_type=image/png"
	unsigned, _, _ := strings.Cut(session, "?")
	tests := map[string]struct {
		method, target, authorization string
		status, code, subcode         int
	}{
		"begin as OAuth":           {"POST", begin, "OAuth " + token1, 200, 0, 0},
		"begin for a shared app":   {"POST", begin, "Bearer third", 200, 0, 0},
		"begin without a token":    {"POST", begin, "", 401, 104, 0},
		"begin, token in query":    {"POST", begin + "&access_token=" + token1, "", 200, 0, 0},
		"begin with a bad token":   {"POST", begin, "OAuth nonsense", 401, 190, 0},
		"begin for another's app":  {"POST", strings.Replace(begin, app1, app2, 1), "Bearer " + token1, 400, 100, 33},
		"begin for no app":         {"POST", strings.Replace(begin, app1, phone1, 1), "Bearer " + token1, 400, 100, 33},
		"bytes as Bearer":          {"POST", "/v25.0/" + session, "Bearer " + token1, 200, 0, 0},
		"bytes, token in query":    {"POST", "/v25.0/" + session + "&access_token=" + token1, "", 200, 0, 0},
		"bytes with another token": {"POST", "/v25.0/" + session + "&access_token=third", "OAuth " + token1, 400, 100, 33},
		"bytes of another's":       {"POST", "/v25.0/" + session, "OAuth third", 400, 100, 33},
		"bytes of no session":      {"POST", "/v25.0/upload:abc?sig=x", "OAuth " + token1, 400, 100, 33},
		"bytes without sig":        {"POST", "/v25.0/" + unsigned, "OAuth " + token1, 400, 100, 0},
		"bytes with a wrong sig":   {"POST", "/v25.0/" + session + "x", "OAuth " + token1, 400, 100, 0},
		"status as OAuth":          {"GET", "/v25.0/" + session, "OAuth " + token1, 200, 0, 0},
		"status as Bearer":         {"GET", "/v25.0/" + session, "Bearer " + token1, 200, 0, 0},
		"status of another's":      {"GET", "/v25.0/" + session, "OAuth third", 400, 100, 33},
		"status with a wrong sig":  {"GET", "/v25.0/" + unsigned + "?sig=x", "OAuth " + token1, 400, 100, 0},
		"delete is no operation":   {"DELETE", "/v25.0/" + session, "Bearer " + token1, 400, 100, 33},
		"OAuth for something else": {"GET", "/v25.0/" + phone1, "OAuth " + token1, 200, 0, 0},
		"another scheme":           {"GET", "/v25.0/" + phone1, "Basic " + token1, 401, 104, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.mustSend(test.method, test.target, nil, "Authorization", test.authorization, "file_offset", "0")
			e := a.refusal(t).Error
			if a.status != test.status || e.Code != test.code || e.Subcode != test.subcode {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	if n := s.arrived(session); n != 0 {
		t.Errorf("%d bytes arrived", n)
	}
}

func TestBytesAreAcceptedAtTheRightOffsetOnly(t *testing.T) {
	s := startResumable(t)
	session := s.mustBegin("", "image/png", len(png))
	if a := s.mustSendBytes(session, 0, png[:3]); a.status != http.StatusOK || a.body != fmt.Sprintf(`{"id":"%s","file_offset":3}`, session) {
		t.Fatalf("a part: %d %s", a.status, a.body)
	}
	for _, offset := range []int{0, 2, 4, len(png), math.MaxInt64} {
		a := s.mustSendBytes(session, offset, png[3:])
		want := fmt.Sprintf("(#100) Param file_offset must be 3, the number of bytes that have arrived - got %d.", offset)
		if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != 100 || e.Message != want {
			t.Errorf("%d: %d %s", offset, a.status, a.body)
		}
	}
	for _, offset := range []string{"", "x", "-1", "3.0", "9223372036854775808"} {
		a := s.mustSend(http.MethodPost, "/v25.0/"+session, strings.NewReader(png[3:]), "Authorization", "OAuth "+token1, "file_offset", offset)
		if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != 100 {
			t.Errorf("%q: %d %s", offset, a.status, a.body)
		}
	}
	a := s.mustSend(http.MethodPost, "/v25.0/"+session, strings.NewReader(png[3:]), "Authorization", "OAuth "+token1)
	if e := a.refusal(t).Error; e.Message != "(#100) Param file_offset must be 3, the number of bytes that have arrived - got 0." {
		t.Errorf("no offset, which is 0: %d %s", a.status, a.body)
	}
	if handle := s.handleOf(s.mustSendBytes(session, 3, png[3:])); handle.SHA256 != digestOf(png) {
		t.Errorf("%+v", handle)
	}
}

func TestMoreBytesThanDeclaredAreRefused(t *testing.T) {
	s := startResumable(t)
	session := s.mustBegin("", "image/png", len(png))
	chunked := struct{ io.Reader }{strings.NewReader(png + "!")}
	for name, body := range map[string]io.Reader{"declared": strings.NewReader(png + "!"), "chunked": chunked} {
		a, err := s.sendBytes(session, 0, body)
		if err != nil {
			t.Fatal(err)
		}
		if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != 100 || e.Data == nil || !strings.Contains(e.Data.Details, "more bytes") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if n := s.arrived(session); n != 0 {
		t.Errorf("%d bytes arrived", n)
	}
	s.handleOf(s.mustSendBytes(session, 0, png))
}

func TestBodiesThatAreNotTheFileAreRefused(t *testing.T) {
	s := startResumable(t, strict)
	session := s.mustBegin("a.png", "image/png", len(png))
	for _, header := range [][]string{{"Content-Type", formType}, {"Content-Encoding", "gzip"}} {
		if a := s.mustSendBytes(session, 0, png, header...); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", header, a.status, a.body)
		}
	}
	if n := s.arrived(session); n != 0 {
		t.Errorf("%d bytes arrived", n)
	}
}

// The content is checked as soon as enough of it has arrived, in however many
// requests.
func TestContentThatIsNotOfItsTypeEndsTheSession(t *testing.T) {
	for name, pieces := range map[string][]string{
		"at once":   {"<html><body>403"},
		"in pieces": {"<", "html>", "<body>403"},
		"long":      {"<html>" + strings.Repeat("x", 5000)},
	} {
		t.Run(name, func(t *testing.T) {
			s := startResumable(t, strict)
			content := strings.Join(pieces, "")
			session := s.mustBegin("a.jpg", "image/jpeg", len(content))
			var a response
			sent := 0
			for _, piece := range pieces {
				a = s.mustSendBytes(session, sent, piece)
				sent += len(piece)
			}
			e := a.refusal(t).Error
			if a.status != http.StatusBadRequest || e.Data == nil ||
				!strings.HasPrefix(e.Data.Details, "Image file uploaded with mimetype as image/jpeg, however on processing it is of type text/html. Please choose a different file.") {
				t.Errorf("%d %s", a.status, a.body)
			}
			if e := s.get("/v25.0/" + session).refusal(t).Error; e.Subcode != 33 {
				t.Errorf("the session lives on: %+v", e)
			}
			assertNothingStored(t, s)
		})
	}
	s := startResumable(t)
	s.handleOf(s.mustSendBytes(s.mustBegin("", "image/png", 6), 0, "<html>"))
	s.wantWarnings(warnMislabelled)
}

func TestFaultsApplyToResumableUploads(t *testing.T) {
	s := startResumable(t)
	session := s.mustBegin("", "image/png", len(png))
	for operation, send := range map[Operation]func() (response, error){
		OperationUploadSession: func() (response, error) {
			return s.send("POST", "/v25.0/"+app1+"/uploads?file_length=9&file_type=image/png", nil, "Authorization", "Bearer "+token1)
		},
		OperationUploadBytes: func() (response, error) { return s.sendBytes(session, 0, strings.NewReader(png[:1])) },
		OperationUploadStatus: func() (response, error) {
			return s.send("GET", "/v25.0/"+session, nil, "Authorization", "OAuth "+token1)
		},
	} {
		s.fault(Fault{Operation: operation, ErrorCode: 131016, Times: 1})
		if a, err := send(); err != nil || a.status != 500 || a.refusal(t).Error.Code != 131016 {
			t.Errorf("%s: %d %s, %v", operation, a.status, a.body, err)
		}
		cut := s.fault(Fault{Operation: operation, CutAfterBytes: -1}) // unlimited, since net/http retries
		if a, err := send(); err == nil {
			t.Errorf("%s, cut: %d %s", operation, a.status, a.body)
		}
		s.RemoveFault(cut.ID)
	}
	if n := s.arrived(session); n != 0 {
		t.Errorf("%d bytes arrived", n)
	}
	var total atomic.Int64
	s.sleep = func(_ context.Context, d time.Duration) error {
		total.Add(int64(d))
		return nil
	}
	s.fault(Fault{Operation: OperationUploadBytes, Latency: time.Minute, BandwidthBytesPerSecond: 10, Times: 1})
	s.handleOf(s.mustSendBytes(session, 0, png))
	if want := time.Minute + time.Duration(len(png))*100*time.Millisecond; time.Duration(total.Load()) < want {
		t.Errorf("waited %v, want %v", time.Duration(total.Load()), want)
	}
}

func TestControlAPIShowsHandles(t *testing.T) {
	s := startResumable(t)
	control := startControl(t, s)
	if a := s.mustSend(http.MethodGet, control+"/handles", nil); strings.Join(strings.Fields(a.body), "") != `{"total":0,"handles":[]}` {
		t.Errorf("none: %s", a.body)
	}
	first := s.handleOf(s.mustSendBytes(s.mustBegin("a.png", "image/png", len(png)), 0, png))
	s.manual.advance(time.Second)
	second := s.handleOf(s.mustSendBytes(s.mustBegin("", "application/pdf", len(pdf)), 0, pdf))
	var got HandleList
	if err := json.Unmarshal([]byte(s.mustSend(http.MethodGet, control+"/handles", nil).body), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(HandleList{Total: 2, Handles: []Handle{first, second}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTokensOfResumableUploadsAreNeitherKeptNorLogged(t *testing.T) {
	var log bytes.Buffer
	s := New(Config{
		Logger:           slog.New(slog.NewTextHandler(&log, nil)),
		BusinessAccounts: []BusinessAccount{{ID: account1, Token: token1, AppID: app1}},
	})
	defer s.Close()
	send := func(method, target string, body io.Reader) string {
		r := httptest.NewRequest(method, target, body)
		r.Header.Set("Authorization", "OAuth "+token1)
		r.Header.Set("file_offset", "0")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	answer := send("POST", "/v25.0/"+app1+"/uploads?file_length="+strconv.Itoa(len(png))+"&file_type=image/png&file_name="+token1+"&access_token="+token1, nil)
	var session struct{ ID string }
	if err := json.Unmarshal([]byte(answer), &session); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	_, sig, _ := strings.Cut(session.ID, "?sig=")
	send("POST", "/v25.0/"+session.ID, strings.NewReader(png))
	send("GET", "/v25.0/"+session.ID, nil)
	escaped := "/v25.0/" + strings.Replace(session.ID, "?", "%3F", 1)
	if answer := send("GET", escaped, nil); !strings.Contains(answer, "does not exist") {
		t.Errorf("an escaped question mark: %s", answer)
	}
	send("DELETE", escaped, nil)
	send("POST", "/v25.0/"+app1+"/uploads?file_length="+token1+"&file_type="+token1, nil)
	remembered, err := json.Marshal(s.Requests())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(remembered), log.String()} {
		if strings.Contains(text, token1) || strings.Contains(text, sig) {
			t.Errorf("a token or a signature is in\n%s", text)
		}
	}
	list := s.Requests()
	if len(list) != 6 || list[0].FileName != redacted || list[1].SHA256 != digestOf(png) || list[1].FileSize != int64(len(png)) {
		t.Errorf("history: %s", remembered)
	}
}

func TestResumableUploadStreamsInConstantMemory(t *testing.T) {
	const size = 64 << 20
	s := startResumable(t, func(c *Config) { c.Storage = NewDiscardStorage() })
	session := s.mustBegin("", "application/pdf", size)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	a, err := s.sendBytes(session, 0, io.MultiReader(strings.NewReader(pdf), io.LimitReader(endless('x'), int64(size-len(pdf)))))
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if handle := s.handleOf(a); handle.Size != size {
		t.Errorf("%+v", handle)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated for an upload of %d", allocated, size)
	}
}

func TestAppIDsAreChecked(t *testing.T) {
	account := func(id, app string) BusinessAccount { return BusinessAccount{ID: id, Token: "t", AppID: app} }
	tests := map[string]struct {
		accounts []BusinessAccount
		mention  string
	}{
		"shared":        {[]BusinessAccount{account("1", "3"), account("2", "3")}, ""},
		"none":          {[]BusinessAccount{account("1", "")}, ""},
		"not digits":    {[]BusinessAccount{account("1", "app")}, "app id"},
		"two secrets":   {[]BusinessAccount{{ID: "1", Token: "t", AppID: "5", AppSecret: "a"}, {ID: "2", Token: "t", AppID: "5", AppSecret: "b"}}, "two secrets"},
		"no app":        {[]BusinessAccount{{ID: "1", Token: "t", AppSecret: "a"}}, "without an AppID"},
		"an account's":  {[]BusinessAccount{account("1", "2"), account("2", "")}, "app id"},
		"its account's": {[]BusinessAccount{account("1", "1")}, "app id"},
	}
	for name, test := range tests {
		err := Config{BusinessAccounts: test.accounts}.Validate()
		if (err == nil) != (test.mention == "") || err != nil && !strings.Contains(err.Error(), test.mention) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
