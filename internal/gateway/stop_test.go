package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/internal/admin"
	"ferry/internal/gateway"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// logBuffer is a log that a test can read while it is being written.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A loggedUpload is what the log says of an upload.
type loggedUpload struct {
	Operation          string
	MediaID            string `json:"media_id"`
	CallerDisconnected bool   `json:"caller_disconnected"`
	Message            string
	Cause              string
	Status             int
}

// upload returns the log's only entry about an upload.
func (l *logBuffer) upload(t *testing.T) loggedUpload {
	t.Helper()
	var found []loggedUpload
	for line := range strings.Lines(l.String()) {
		var entry loggedUpload
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if entry.Operation == "PostWhatsAppMessageMedia" {
			found = append(found, entry)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d uploads are in the log, want 1:\n%s", len(found), l)
	}
	return found[0]
}

// uploading is a gateway with an upload of which Meta has received all bytes.
type uploading struct {
	*running
	log        *logBuffer
	phone      string // its id in the database
	respond    func() // makes Meta respond
	disconnect func() // disconnects the client and waits until the gateway knows
}

// startUploading starts it. The scheme is http, or https with HTTP/2.
func startUploading(t *testing.T, scheme string, drain time.Duration) *uploading {
	t.Helper()
	f := &uploading{log: new(logBuffer)}
	received, respond := make(chan struct{}), make(chan struct{})
	meta := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(received)
		select {
		case <-respond:
			_, _ = fmt.Fprint(w, `{"id":"4711"}`)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(meta.Close)
	f.respond = sync.OnceFunc(func() { close(respond) })
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "some text")
	}))
	t.Cleanup(bucket.Close)
	gone := make(chan struct{}, 1)
	f.running = start(t, func(c *gateway.Config, _ string) {
		c.Graph.BaseURL = meta.URL
		c.Objects.Stores = []object.StoreConfig{{Endpoint: bucket.URL, PathStyle: true, AccessKeyID: "a", SecretAccessKey: secret.New("b")}}
		c.Logger = slog.New(slog.NewJSONHandler(f.log, nil))
		c.DrainTimeout = drain
		if scheme == "https" {
			c.CertFile, c.KeyFile = certificate(t)
		}
	}, func(api http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			stay := context.AfterFunc(r.Context(), func() { gone <- struct{}{} })
			defer stay()
			api.ServeHTTP(w, r)
		})
	})
	linked, err := f.state.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: "1", Token: secret.New("t"), PhoneNumbers: []state.PhoneNumber{{MetaID: "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	f.phone = linked.PhoneNumbers[0].ID
	key, err := admin.CreateAccessKey(t.Context(), f.state, account, "app", admin.FullAccessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true} //nolint:gosec // the test's own certificate
	t.Cleanup(transport.CloseIdleConnections)
	client := socialmessaging.New(socialmessaging.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(scheme + "://" + f.address), Retryer: aws.NopRetryer{}, HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), ""),
	})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	f.disconnect = func() {
		cancel()
		<-gone
	}
	go func() {
		_, _ = client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: new(social.PhoneNumberID(linked.PhoneNumbers[0])),
			SourceS3File:             &socialmessaging.S3File{BucketName: aws.String("bucket"), Key: aws.String("a.txt")},
		})
	}()
	<-received
	return f
}

// certificate writes httptest's certificate and key to files.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	own := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}

func TestDrainWaitsForTheUploadOfADisconnectedClient(t *testing.T) {
	// net/http closes an HTTP/2 connection one second after announcing it.
	for scheme, patience := range map[string]time.Duration{"http": 50 * time.Millisecond, "https": 1500 * time.Millisecond} {
		t.Run(scheme, func(t *testing.T) {
			f := startUploading(t, scheme, time.Hour)
			f.disconnect()
			f.drain()
			select {
			case err := <-f.ended:
				t.Fatalf("it did not wait: %v\n%s", err, f.log)
			case <-time.After(patience): // a gateway that does not wait has stopped by then
			}
			f.respond()
			if err := <-f.ended; err != nil {
				t.Error(err)
			}
			if upload := f.log.upload(t); upload.MediaID != "4711" || !upload.CallerDisconnected || upload.Status != http.StatusOK {
				t.Errorf("the upload is logged as %+v", upload)
			}
			if _, err := f.state.Media(t.Context(), f.phone, "4711"); err != nil {
				t.Errorf("the upload was not recorded: %v", err)
			}
		})
	}
}

func TestUploadThatAStopCutsOffIsLogged(t *testing.T) {
	for _, row := range []struct {
		name                string
		disconnects, second bool
	}{
		{"second signal, connected client", false, true},
		{"second signal, disconnected client", true, true},
		{"drain timeout, connected client", false, false},
		{"drain timeout, disconnected client", true, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			drain, cause := 10*time.Millisecond, "drain timeout"
			if row.second {
				drain, cause = time.Hour, "a second signal"
			}
			f := startUploading(t, "http", drain)
			if row.disconnects {
				f.disconnect()
			}
			f.drain()
			if row.second {
				f.Stop(errors.New("a second signal"))
			}
			if err := <-f.ended; !errors.Is(err, gateway.ErrCutOff) {
				t.Error(err)
			}
			upload := f.log.upload(t)
			if !strings.Contains(upload.Message, "server was stopped") || !strings.Contains(upload.Cause, cause) {
				t.Errorf("the upload is logged as %+v", upload)
			}
			if upload.CallerDisconnected != row.disconnects {
				t.Errorf("the log says that the caller has disconnected: %t, want %t", upload.CallerDisconnected, row.disconnects)
			}
		})
	}
}
