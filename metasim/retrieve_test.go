package metasim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// address retrieves a file and returns its download URL.
func (s *sim) address(id string) string {
	s.t.Helper()
	target, ok := s.get("/v25.0/" + id).fields(s.t)["url"].(string)
	if !ok {
		s.t.Fatalf("%s has no address", id)
	}
	return target
}

func TestRetrieveDescribesTheFile(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	digest := sha256.Sum256([]byte(png))
	for _, query := range []string{"", "?phone_number_id=" + phone1} {
		a := s.get("/v25.0/" + id + query)
		got := a.fields(t)
		address, _ := got["url"].(string)
		delete(got, "url")
		want := map[string]any{
			"messaging_product": "whatsapp", "mime_type": "image/png", "id": id,
			"sha256": hex.EncodeToString(digest[:]), "file_size": float64(len(png)),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
		u, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, s.url+"/whatsapp_business/attachments/?") {
			t.Fatalf("address %q: %v", address, err)
		}
		if want := strconv.FormatInt(s.manual.Now().Add(5*time.Minute).Unix(), 10); u.Query().Get("ext") != want {
			t.Errorf("ext %s, want %s", u.Query().Get("ext"), want)
		}
	}
}

func TestForwardedHeadersDoNotChangeDownloadURLs(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	a := s.get("/v25.0/"+id, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "elsewhere.example", "Forwarded", "proto=https;host=elsewhere.example")
	if address, _ := a.fields(t)["url"].(string); !strings.HasPrefix(address, s.url+"/") {
		t.Errorf("the download URL is %s, want one of %s", address, s.url)
	}
}

func TestDownloadURLsStartWithThePublicURL(t *testing.T) {
	s := startSim(t, func(c *Config) { c.PublicURL = "https://graph.example:8443/" })
	address := s.address(s.mustUpload("a.png", "image/png", png))
	if !strings.HasPrefix(address, "https://graph.example:8443/whatsapp_business/attachments/?") {
		t.Errorf("address %s", address)
	}
}

func TestMediaThatCannotBeReachedDoesNotExist(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	tests := map[string]struct{ method, id, query, token string }{
		"unknown":                {http.MethodGet, "123456789012345", "", token1},
		"another account's":      {http.MethodGet, id, "", token2},
		"other number":           {http.MethodGet, id, "?phone_number_id=" + phone2, token1},
		"delete unknown":         {http.MethodDelete, "123456789012345", "", token1},
		"delete another's":       {http.MethodDelete, id, "", token2},
		"delete for other":       {http.MethodDelete, id, "?phone_number_id=" + phone2, token1},
		"post to it":             {http.MethodPost, id, "", token1},
		"put to it":              {http.MethodPut, id, "", token1},
		"delete a number":        {http.MethodDelete, phone1, "", token1},
		"media of a number":      {http.MethodGet, phone1 + "/media", "", token1},
		"another's number":       {http.MethodGet, phone2, "", token1},
		"numbers of a number":    {http.MethodGet, phone1 + "/phone_numbers", "", token1},
		"another account itself": {http.MethodGet, account2, "", token1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.mustSend(test.method, "/v25.0/"+test.id+test.query, nil, "Authorization", "Bearer "+test.token)
			e := a.refusal(t).Error
			object, _, _ := strings.Cut(test.id, "/")
			want := "Unsupported " + strings.ToLower(test.method) + " request. Object with ID '" + object + "' does not exist, cannot be loaded due to missing permissions, or does not support this operation. Please read the Graph API documentation at https://developers.facebook.com/docs/graph-api"
			if a.status != 400 || e.Type != "GraphMethodException" || e.Code != 100 || e.Subcode != 33 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if diff := cmp.Diff(want, e.Message); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
	if _, ok := s.Media(id); !ok {
		t.Error("the file is gone")
	}
}

func TestDeleteSucceedsOnce(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	address := s.address(id)
	remove := func() response {
		return s.mustSend(http.MethodDelete, "/v25.0/"+id+"?phone_number_id="+phone1, nil, "Authorization", "Bearer "+token1)
	}
	if a := remove(); a.status != http.StatusOK || a.body != `{"success":true}` {
		t.Errorf("first: %d %s", a.status, a.body)
	}
	if e := remove().refusal(t).Error; e.Code != 100 || e.Subcode != 33 {
		t.Errorf("second: %+v", e)
	}
	if a := s.get(address); a.status != http.StatusNotFound {
		t.Errorf("download: %d", a.status)
	}
	assertNothingStored(t, s)
}

func TestDownloadReturnsTheBytes(t *testing.T) {
	content := pdf + strings.Repeat("0123456789", 100_000) // several chunks
	storages := map[string]func() Storage{
		"memory": func() Storage { return NewMemoryStorage(8 << 20) },
		"directory": func() Storage {
			d, err := NewDirectoryStorage(filepath.Join(t.TempDir(), "media"))
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
	}
	for name, open := range storages {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, func(c *Config) { c.Storage = open() })
			address := s.address(s.mustUpload("a.pdf", "application/pdf", content))
			a := s.get(address)
			if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/pdf" || a.body != content {
				t.Errorf("whole: status %d, %s, %d bytes", a.status, a.header.Get("Content-Type"), len(a.body))
			}
			a = s.get(address, "Range", "bytes=262140-262150")
			if a.status != http.StatusPartialContent || a.body != content[262140:262151] {
				t.Errorf("range: status %d, %q", a.status, a.body)
			}
			a = s.get(address, "Range", "bytes=-7", "If-Range", a.header.Get("ETag"))
			if a.status != http.StatusPartialContent || a.body != content[len(content)-7:] {
				t.Errorf("end: status %d, %q", a.status, a.body)
			}
			if a := s.get(address, "Range", "bytes=99999999-"); a.status != http.StatusRequestedRangeNotSatisfiable {
				t.Errorf("range behind the end: status %d", a.status)
			}
		})
	}
}

func TestDownloadRefusesEverythingElseWith404(t *testing.T) {
	s := startSim(t)
	address := s.address(s.mustUpload("a.png", "image/png", png))
	change := func(name, value string) string {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		query.Set(name, value)
		u.RawQuery = query.Encode()
		return u.String()
	}
	later := strconv.FormatInt(s.manual.Now().Add(time.Hour).Unix(), 10)
	tests := map[string]struct {
		address string
		header  []string
	}{
		"no token":          {address, nil},
		"bad token":         {address, []string{"Authorization", "Bearer nonsense"}},
		"another's token":   {address, []string{"Authorization", "Bearer " + token2}},
		"no user agent":     {address, []string{"Authorization", "Bearer " + token1, "User-Agent", ""}},
		"other hash":        {change("hash", "AAAA"), []string{"Authorization", "Bearer " + token1}},
		"longer life":       {change("ext", later), []string{"Authorization", "Bearer " + token1}},
		"other file":        {change("mid", "123"), []string{"Authorization", "Bearer " + token1}},
		"nothing but path":  {s.url + downloadPath, []string{"Authorization", "Bearer " + token1}},
		"token in the link": {change("access_token", token1), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := s.mustSend(http.MethodGet, test.address, nil, test.header...)
			if a.status != http.StatusNotFound || strings.Contains(a.body, "pixels") {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			if s.lastRequest().Reason == "" {
				t.Error("the history has no reason")
			}
		})
	}
	if a := s.mustSend(http.MethodPost, address, nil, "Authorization", "Bearer "+token1); a.status != http.StatusNotFound {
		t.Errorf("POST: status %d", a.status)
	}
}

func TestDownloadURLsAreValidForFiveMinutes(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	address := s.address(id)
	s.manual.advance(5*time.Minute - time.Second)
	if a := s.get(address); a.status != http.StatusOK {
		t.Errorf("before: %d", a.status)
	}
	s.manual.advance(time.Second)
	if a := s.get(address); a.status != http.StatusNotFound {
		t.Errorf("after: %d", a.status)
	}
	if a := s.get(s.address(id)); a.status != http.StatusOK {
		t.Errorf("with a new address: %d", a.status)
	}
}

func TestDiscardStorageReportsThatItKeepsNoBytes(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Storage = NewDiscardStorage() })
	id := s.mustUpload("a.png", "image/png", png)
	if file, ok := s.Media(id); !ok || file.Size != int64(len(png)) {
		t.Errorf("Media: %+v, %v", file, ok)
	}
	a := s.get(s.address(id))
	if e := a.refusal(t).Error; a.status != 500 || e.Code != 131000 || !strings.Contains(e.Data.Details, "storage keeps no bytes") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

func TestMemoryStorageRefusesWhatDoesNotFit(t *testing.T) {
	s := startSim(t, func(c *Config) { c.Storage = NewMemoryStorage(1 << 20) })
	first := s.mustUpload("a.png", "image/png", png+strings.Repeat("x", 700<<10))
	big := formOf(field("messaging_product", "whatsapp"), file("b.png", "image/png", png+strings.Repeat("x", 700<<10)))
	a := s.post(big)
	if e := a.refusal(t).Error; a.status != 500 || e.Code != 131000 || !strings.Contains(e.Data.Details, "memory storage of 1048576 bytes: storage is full") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	s.mustSend(http.MethodDelete, "/v25.0/"+first, nil, "Authorization", "Bearer "+token1)
	assertNothingStored(t, s)
	if a := s.post(big); a.status != http.StatusOK {
		t.Errorf("after making room: %d %s", a.status, a.body)
	}
}

func TestChunksReadAtAnyOffset(t *testing.T) {
	var c chunks
	var whole []byte
	for _, piece := range []string{"a", "bcd", "ef", "ghijklmnop"} {
		c.add([]byte(piece))
		whole = append(whole, piece...)
	}
	for off := range len(whole) + 2 {
		for size := 1; size <= len(whole)+1; size++ {
			got, want := make([]byte, size), make([]byte, size)
			n, err := c.ReadAt(got, int64(off))
			m, wantErr := bytes.NewReader(whole).ReadAt(want, int64(off))
			if n != m || err != wantErr || !bytes.Equal(got, want) {
				t.Fatalf("ReadAt(%d bytes, %d) = %d, %v; want %d, %v", size, off, n, err, m, wantErr)
			}
		}
	}
	if _, err := c.ReadAt(nil, -1); err == nil || err == io.EOF {
		t.Errorf("negative offset: %v", err)
	}
}
