package metasim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestHistoryDescribesAnUpload(t *testing.T) {
	s := startSim(t)
	form := formOf(field("messaging_product", "whatsapp"), field("type", "image/png"), file("a b.png", "image/png", png))
	a := s.post(form)
	digest := sha256.Sum256([]byte(png))
	want := Request{
		Time: s.manual.Now(), TraceID: a.header.Get("x-fb-trace-id"), Operation: OperationUpload, Method: "POST", Path: "/v25.0/" + phone1 + "/media",
		Headers:   []string{"Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "User-Agent"},
		UserAgent: "Go-http-client/1.1", ContentLength: int64(len(form)), BytesRead: int64(len(form)),
		BytesWritten: int64(len(a.body)), Status: 200, MediaID: a.fields(t)["id"].(string),
		Fields:   Fields{"messaging_product": "whatsapp", "type": "image/png"},
		FileName: "a b.png", FileType: "image/png", FileSize: int64(len(png)), SHA256: hex.EncodeToString(digest[:]),
	}
	// Written bytes are counted after the response has been sent.
	ignore := cmpopts.IgnoreFields(Request{}, "Duration", "BytesWritten")
	if diff := cmp.Diff([]Request{want}, s.Requests(), ignore); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTokensAreNeitherKeptNorLogged(t *testing.T) {
	const stranger = "a-token-that-nobody-made"
	var log bytes.Buffer
	s := startSim(t, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, token := range []string{token1, stranger} {
		query := url.Values{"access_token": {token}, "x": {token}, token: {"x"}, "ACCESS_TOKEN": {token}}.Encode()
		header := []string{"Authorization", "Bearer " + token, "User-Agent", token, "X-" + token, token}
		s.mustSend(http.MethodGet, "/v25.0/"+token+"?"+query, nil, header...)
		s.mustSend(http.MethodGet, downloadPath+"?"+query, nil, header...)
		s.mustSend(http.MethodGet, "/v25.0/"+phone1+"?access_token="+token, nil)
		for _, parts := range [][]string{
			{field("type", token), file(token+".png", "image/"+token, png)},
			{field(token, token)},
			{"--" + boundary + token},
		} {
			s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media?"+query, strings.NewReader(formOf(parts...)),
				append(header, "Content-Type", formType)...)
		}
	}
	s.client.CloseIdleConnections()
	remembered, err := json.Marshal(s.Requests())
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{token1, stranger} {
		if strings.Contains(strings.ToLower(string(remembered)), token) {
			t.Errorf("the history has %s:\n%s", token, remembered)
		}
	}
	s.Server.history.mu.Lock() // it is held while the last log line is written
	defer s.Server.history.mu.Unlock()
	for _, token := range []string{token1, stranger} {
		if strings.Contains(log.String(), token) {
			t.Errorf("the log has %s:\n%s", token, log.String())
		}
	}
	if !strings.Contains(log.String(), "operation=upload") {
		t.Errorf("the log has no line of an upload:\n%s", log.String())
	}
}

func TestHistoryIsBoundedAndCountsWhatItDrops(t *testing.T) {
	h := &history{changed: &broadcaster{}}
	first := h.add(Request{Path: "/first"})
	for range historySize + 9 {
		h.add(Request{Path: "/"})
	}
	last := h.add(Request{})
	h.update(first, func(r *Request) { r.Status = 200 })
	h.update(last, func(r *Request) { r.Path = "/last" })
	list := h.list()
	if len(list) != historySize || list[historySize-1].Path != "/last" || h.droppedCount() != 11 {
		t.Errorf("%d entries, the last is %s, %d dropped", len(list), list[len(list)-1].Path, h.droppedCount())
	}
	h.clear()
	if len(h.list()) != 0 || h.droppedCount() != 0 {
		t.Error("clear leaves something")
	}
}
