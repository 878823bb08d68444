package transfer_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/activity"
	"ferry/internal/admin"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/internal/transfer"
	"ferry/metasim"
)

const account = "111122223333"

// world is an engine on real parts, with no API around it: the simulator of
// WhatsApp, SQLite in memory, and a store.
type world struct {
	t         *testing.T
	engine    *transfer.Engine
	state     *state.DB
	simulator *metasim.Server
	store     *store
	objects   *object.Opener
	graph     *graph.Client
	metaURL   string
	storeURL  string
	sender    state.Sender
	owner     state.BusinessAccount
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, store: &store{objects: make(map[string]stored)}}
	w.simulator = metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{
		ID: "100", AppID: "500", Token: "EAA-token", PhoneNumbers: []metasim.PhoneNumber{{ID: "1"}},
	}}})
	meta := httptest.NewServer(w.simulator)
	t.Cleanup(func() {
		_ = w.simulator.Close() // ends the waits of faults, for which the server waits
		meta.Close()
	})
	w.metaURL = meta.URL
	client, err := graph.New(graph.Config{BaseURL: meta.URL})
	w.must(err)
	t.Cleanup(client.Close)
	w.graph = client

	keyset, err := secret.GenerateKeyset()
	w.must(err)
	sealer, err := secret.NewSealer(keyset)
	w.must(err)
	w.state, err = state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: sealer})
	w.must(err)
	t.Cleanup(func() { _ = w.state.Close() })
	_, err = admin.CreateAccessKey(t.Context(), w.state, account, "app", admin.FullAccessPolicy)
	w.must(err)
	linked, err := admin.LinkAccount(t.Context(), client, w.state, admin.Link{AccountID: account, MetaID: "100", AppID: "500", Token: secret.New("EAA-token")})
	w.must(err)
	w.sender, err = w.state.Sender(t.Context(), account, linked.PhoneNumbers[0].ID)
	w.must(err)
	w.owner, err = w.state.Owner(t.Context(), account, linked.ID)
	w.must(err)

	server := httptest.NewServer(w.store)
	t.Cleanup(server.Close)
	w.storeURL = server.URL
	w.objects, err = object.New(t.Context(), object.Config{RetryBackoff: time.Millisecond, Stores: []object.StoreConfig{{
		Endpoint: server.URL, PathStyle: true, AccessKeyID: "KEY", SecretAccessKey: secret.New("secret-key"),
	}}})
	w.must(err)
	t.Cleanup(w.objects.Close)
	w.engine, err = transfer.New(transfer.Config{State: w.state, Graph: client, Objects: w.objects})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// job posts an object of the store.
func (w *world) job(key string) transfer.Job {
	w.t.Helper()
	file, err := w.objects.File("media", key)
	w.must(err)
	return transfer.Job{AccountID: account, Sender: w.sender, Owner: w.owner, Source: file}
}

// requests counts the requests to the simulator of one operation.
func (w *world) requests(operation metasim.Operation) (n int) {
	for _, request := range w.simulator.Requests() {
		if request.Operation == operation {
			n++
		}
	}
	return n
}

// store is an S3 server with one bucket, which may be made to fail.
type store struct {
	mu       sync.Mutex
	objects  map[string]stored
	requests []string // method and range of each request for an object
	// fail serves a request instead of the store.
	fail func(w http.ResponseWriter, r *http.Request, object stored) (served bool)
}

type stored struct {
	contentType string
	data        []byte
}

func (s *store) put(key, contentType string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[key] = stored{contentType, data}
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/media/")
	s.mu.Lock()
	object, there := s.objects[key]
	fail := s.fail
	s.requests = append(s.requests, strings.TrimSpace(r.Method+" "+r.Header.Get("Range")))
	s.mu.Unlock()
	switch {
	case (there || r.Method == http.MethodPut) && fail != nil && fail(w, r, object):
	case r.Method == http.MethodPut:
		data, _ := io.ReadAll(r.Body)
		s.put(key, r.Header.Get("Content-Type"), data)
	case !there:
		w.WriteHeader(http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", object.contentType)
		w.Header().Set("ETag", etag(object))
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(object.data))
	}
}

func etag(object stored) string { return fmt.Sprintf(`"%d-%x"`, len(object.data), object.data[:4]) }

// sent returns the requests for objects so far.
func (s *store) sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

func (s *store) failWith(fail func(w http.ResponseWriter, r *http.Request, object stored) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

// forget drops the requests so far.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

// presign returns a presigned URL of an object.
func (w *world) presign(key string) string {
	w.t.Helper()
	client := s3.New(s3.Options{
		Region: "us-east-1", BaseEndpoint: &w.storeURL, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("KEY", "secret-key", ""),
	})
	signed, err := s3.NewPresignClient(client).PresignGetObject(w.t.Context(), &s3.GetObjectInput{Bucket: aws.String("media"), Key: &key})
	w.must(err)
	return signed.URL
}

// observeMeta makes an engine whose requests to Meta are observed when their response is there.
func (w *world) observeMeta(observe func(operation string)) {
	w.t.Helper()
	var err error
	w.engine, err = transfer.New(transfer.Config{
		State: w.state, Graph: w.graph, Objects: w.objects,
		Activity: activity.NewRecorder(slog.New(observer{slog.DiscardHandler, observe})),
	})
	w.must(err)
}

// observer is a log that calls a function for each request to Meta.
type observer struct {
	slog.Handler
	observe func(operation string)
}

func (observer) Enabled(context.Context, slog.Level) bool { return true }

func (o observer) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if record.Message == string(activity.Graph) && a.Key == "operation" {
			o.observe(a.Value.String())
		}
		return true
	})
	return nil
}
