package graph_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ferry/internal/graph"
	"ferry/internal/secret"
)

const token = "EAA-canary-token"

// serve returns a client of a server with a test's handler, for responses that the
// simulator never sends.
func serve(t *testing.T, handler http.HandlerFunc) *graph.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	client, err := graph.New(graph.Config{BaseURL: server.URL, Version: "v25.0", ResponseTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		server.Close()
	})
	return client
}

func upload(body string) graph.Upload {
	return graph.Upload{
		PhoneNumberID: "106540352242922", Token: secret.New(token), FileName: `caf\é.txt`, ContentType: "text/plain",
		Size: int64(len(body)), Body: strings.NewReader(body),
	}
}

func TestFormIsWhatMetaReads(t *testing.T) {
	boundaries := map[string]bool{}
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/v25.0/106540352242922/media" || r.Header.Get("Authorization") != "Bearer "+token ||
			r.URL.RawQuery != "" || r.Header.Get("User-Agent") == "" || r.ProtoMajor != 1 || len(r.TransferEncoding) != 0 {
			t.Errorf("%s %s %v", r.Method, r.URL, r.Header)
		}
		_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || boundaries[parameters["boundary"]] {
			t.Errorf("%v, boundary %q", err, parameters["boundary"])
		}
		boundaries[parameters["boundary"]] = true
		counted := &counter{Reader: r.Body}
		form := multipart.NewReader(counted, parameters["boundary"])
		var names []string
		for {
			part, err := form.NextPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			value, _ := io.ReadAll(part)
			names = append(names, fmt.Sprintf("%s=%s;%s;%s", part.FormName(), value, part.FileName(), part.Header.Get("Content-Type")))
		}
		want := `messaging_product=whatsapp;; type=text/plain;; file=hello;caf\é.txt;text/plain`
		if got := strings.Join(names, " "); got != want {
			t.Errorf("form %s, want %s", got, want)
		}
		if _, _ = io.Copy(io.Discard, counted); counted.n != r.ContentLength {
			t.Errorf("Content-Length %d, body %d", r.ContentLength, counted.n)
		}
		_, _ = io.WriteString(w, `{"id":"1037543291543636","more":1}`)
	})
	for range 2 {
		if id, err := client.UploadMedia(t.Context(), upload("hello")); err != nil || id != "1037543291543636" {
			t.Errorf("%q, %v", id, err)
		}
	}
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func TestErrorIsReadWhateverItsShape(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
		want   graph.Error
	}{
		"all of it": {400, `{"error":{"message":"(#130429) Rate limit hit","type":"OAuthException","code":130429,"error_data":{"messaging_product":"whatsapp","details":"throughput"},"error_subcode":2494055,"fbtrace_id":"Az8"}}`,
			graph.Error{Status: 400, Code: 130429, Subcode: 2494055, Message: "(#130429) Rate limit hit", Details: "throughput", TraceID: "Az8"}},
		"details as text":          {400, `{"error":{"message":"m","code":1,"error_data":"plain"}}`, graph.Error{Status: 400, Code: 1, Message: "m", Details: "plain"}},
		"details of any kind":      {400, `{"error":{"message":"m","code":1,"error_data":[1]}}`, graph.Error{Status: 400, Code: 1, Message: "m"}},
		"text for the user":        {400, `{"error":{"message":"m","code":100,"error_user_title":"File Too Large","error_user_msg":"It is."}}`, graph.Error{Status: 400, Code: 100, Message: "m", Details: "File Too Large: It is.", UserText: "File Too Large: It is."}},
		"the token comes back":     {401, `{"error":{"message":"bad token ` + token + `","code":190}}`, graph.Error{Status: 401, Code: 190, Message: "bad token [secret]"}},
		"control characters":       {400, `{"error":{"message":"a\r\nb\u0000c","code":1}}`, graph.Error{Status: 400, Code: 1, Message: "a  b c"}},
		"a page":                   {502, `<html>`, graph.Error{Status: 502, Message: "HTTP status 502 with a response that is not an error of the Graph API"}},
		"nothing":                  {404, ``, graph.Error{Status: 404, Message: "HTTP status 404 with a response that is not an error of the Graph API"}},
		"a code that is a text":    {400, `{"error":{"message":"m","code":"1"}}`, graph.Error{Status: 400, Message: "m"}},
		"a subcode that is a text": {400, `{"error":{"message":"m","error_subcode":"33","code":130429}}`, graph.Error{Status: 400, Code: 130429, Message: "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			})
			_, err := client.UploadMedia(t.Context(), upload("hello"))
			got, ok := errors.AsType[*graph.Error](err)
			if !ok || *got != test.want {
				t.Errorf("%+v, want %+v", err, test.want)
			}
		})
	}
}

func TestAnswerThatMakesNoSenseIsUnreachable(t *testing.T) {
	for name, answer := range map[string]string{
		"not JSON": "<html>", "no id": "{}", "an id of a path": `{"id":"../me"}`, "an empty id": `{"id":""}`, "a number": `{"id":5}`,
		"too long an id": `{"id":"` + strings.Repeat("1", 101) + `"}`, "endless": `{"id":"` + strings.Repeat("1", 2<<20) + `"}`, "half": `{"id":"1`,
	} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				_, _ = io.WriteString(w, answer)
			})
			id, err := client.UploadMedia(t.Context(), upload("hello"))
			failed, ok := errors.AsType[*graph.UnreachableError](err)
			if !ok || !failed.BodySent || id != "" {
				t.Errorf("%q, %v", id, err)
			}
		})
	}
}

func TestBrokenConnectionTellsWhetherTheFileWasSent(t *testing.T) {
	large := strings.Repeat("x", 32<<20) // more than all buffers between
	for name, test := range map[string]struct {
		read int64
		sent bool
	}{"in the middle": {1 << 20, false}, "after the end": {64 << 20, true}} {
		t.Run(name, func(t *testing.T) {
			client := serve(t, func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.CopyN(io.Discard, r.Body, test.read)
				panic(http.ErrAbortHandler)
			})
			_, err := client.UploadMedia(t.Context(), upload(large))
			if failed, ok := errors.AsType[*graph.UnreachableError](err); !ok || failed.BodySent != test.sent {
				t.Errorf("%v, %+v", err, failed)
			}
		})
	}
}

func TestErrorOfTheSourceComesBack(t *testing.T) {
	broken := errors.New("the source broke")
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("the body ends as if it were whole")
		}
	})
	file := upload("hello")
	file.Size = 1 << 20
	file.Body = io.MultiReader(strings.NewReader("hello"), &failing{broken})
	if _, err := client.UploadMedia(t.Context(), file); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestTokenGoesNowhereElse(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked: %s %v", r.URL, r.Header)
	}))
	defer elsewhere.Close()
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		fmt.Fprintf(w, `{"id":"1","url":"%s/x","mime_type":"text/plain","sha256":"00","file_size":"5"}`, elsewhere.URL)
	})
	if _, err := client.UploadMedia(t.Context(), upload("hello")); err == nil {
		t.Error("a redirected upload succeeds")
	}
	media, err := client.Media(t.Context(), "1", "2", secret.New(token))
	if err != nil || media.Size != 5 {
		t.Fatalf("%+v, %v", media, err)
	}
	if _, err := client.Download(t.Context(), media, secret.New(token)); err == nil {
		t.Error("downloaded from another host")
	}
}

func TestNothingOfAnErrorShowsTheToken(t *testing.T) {
	client, err := graph.New(graph.Config{BaseURL: "http://127.0.0.1:1", ConnectTimeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.BusinessAccount(context.Background(), "1", secret.New(token))
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), token) {
		t.Errorf("%v", err)
	}
}

func TestBaseURLIsCheckedAtOnce(t *testing.T) {
	for base, valid := range map[string]bool{
		"": true, "https://graph.facebook.com": true, "http://127.0.0.1:4081/": true,
		"graph.facebook.com": false, "ftp://x": false, "https://": false, "https://x/v25.0": false, "::": false,
	} {
		if _, err := graph.New(graph.Config{BaseURL: base}); (err == nil) != valid {
			t.Errorf("%q: %v", base, err)
		}
	}
}
