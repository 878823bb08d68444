package social_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/activity"
	"ferry/internal/admin"
	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/internal/transfer"
	"ferry/metasim"
	"ferry/socialmessaging"
)

const (
	account   = "111122223333"
	stranger  = "444455556666"
	bucket    = "media"
	metaToken = "EAA-token-canary"
	s3Secret  = "s3-secret-canary"
)

// world is the API on real parts: the simulator of WhatsApp, an S3 server that
// checks signatures, SQLite in memory.
type world struct {
	t         *testing.T
	service   *social.Service
	state     *state.DB
	simulator *metasim.Server
	graphURL  string
	graph     *graph.Client
	messages  *message.Sender
	s3        *s3.Client
	api       *httptest.Server
	log       *logBuffer
	key       state.AccessKey // of account, may do everything
	left      chan struct{}   // has an element for each caller that has disconnected, once the API knows it
	phone     string          // AWS's id of a linked number
	waba      string          // AWS's id of the linked account
}

// settings are what a world is made with.
type settings struct {
	api          social.Config
	transfers    transfer.Config
	objects      *object.Opener // of both
	database     state.Config
	destinations []event.Destination // of the configuration
	governor     message.GovernorConfig
}

// newWorld makes a world. adjust may change its settings before it is made.
func newWorld(t *testing.T, adjust ...func(*settings)) *world {
	t.Helper()
	w := &world{t: t, log: &logBuffer{}, left: make(chan struct{}, 100)}
	w.startSimulator()
	objects := w.startS3()

	client, err := graph.New(graph.Config{BaseURL: w.graphURL})
	w.must(err)
	w.graph = client
	t.Cleanup(client.Close)
	sealer := statetest.Sealer(t)
	record := activity.NewRecorder(slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	config := settings{
		objects:   objects,
		transfers: transfer.Config{Graph: client, Activity: record},
		api:       social.Config{Sealer: sealer, Activity: record, Graph: client},
		database:  state.Config{Path: statetest.OncePath(t), Sealer: sealer},
	}
	for _, f := range adjust {
		f(&config)
	}
	w.state, err = state.Open(t.Context(), config.database)
	w.must(err)
	t.Cleanup(func() { _ = w.state.Close() })
	config.transfers.State, config.api.State = w.state, w.state
	config.transfers.Objects, config.api.Objects = config.objects, config.objects
	config.api.Events, err = event.NewRouter(event.RouterConfig{State: w.state, Destinations: config.destinations})
	w.must(err)
	config.api.Transfers, err = transfer.New(config.transfers)
	w.must(err)
	config.governor.State = w.state
	governor, err := message.NewGovernor(config.governor)
	w.must(err)
	w.messages, err = message.New(message.Config{State: w.state, Graph: client, Governor: governor, Route: config.api.Events.Route, Activity: record,
		Begin: func(context.Context, outbox.Delivery) error { return nil }}) // there is no outbox
	w.must(err)
	config.api.Messages = w.messages
	w.service, err = social.New(config.api)
	w.must(err)
	t.Cleanup(func() { w.service.Stop(social.ErrStopped) })
	w.api = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		stay := context.AfterFunc(r.Context(), func() { w.left <- struct{}{} })
		defer stay()
		w.service.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.api.Close)

	linked, err := admin.LinkAccount(t.Context(), client, w.state, admin.Link{AccountID: account, MetaID: "100", AppID: "500", Token: secret.New(metaToken)})
	w.must(err)
	w.waba, w.phone = social.BusinessAccountID(linked), social.PhoneNumberID(linked.PhoneNumbers[0])
	w.key = w.newKey(account, admin.FullAccessPolicy)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) startSimulator() {
	w.simulator = metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{
		ID: "100", AppID: "500", Name: "Lucky Shrub", Token: metaToken, BusinessVerificationStatus: "not_verified",
		PhoneNumbers: []metasim.PhoneNumber{{ID: "1", DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Shrub"}},
	}, { // is not linked, although the token sees it
		ID: "200", AppID: "500", Name: "Another", Token: metaToken,
	}}})
	server := httptest.NewServer(w.simulator)
	w.graphURL = server.URL
	w.t.Cleanup(func() {
		_ = w.simulator.Close() // ends the waits of faults, for which the server waits
		server.Close()
	})
}

func (w *world) startS3() *object.Opener {
	server := httptest.NewServer(gofakes3.New(s3mem.New(), gofakes3.WithV4Auth(map[string]string{"S3KEY": s3Secret})).Server())
	w.t.Cleanup(server.Close)
	w.s3 = s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: &server.URL, UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("S3KEY", s3Secret, "")})
	_, err := w.s3.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	w.must(err)
	objects, err := object.New(w.t.Context(), object.Config{Stores: []object.StoreConfig{
		{Buckets: []string{"wrong-secret"}, Endpoint: server.URL, PathStyle: true, AccessKeyID: "S3KEY", SecretAccessKey: secret.New("not it")},
		{Endpoint: server.URL, PathStyle: true, AccessKeyID: "S3KEY", SecretAccessKey: secret.New(s3Secret)},
	}})
	w.must(err)
	w.t.Cleanup(objects.Close)
	return objects
}

func (w *world) newKey(accountID string, policies ...string) state.AccessKey {
	w.t.Helper()
	key, err := admin.CreateAccessKey(w.t.Context(), w.state, accountID, "app", policies...)
	w.must(err)
	return key
}

func (w *world) put(key, contentType string, data []byte) {
	w.t.Helper()
	_, err := w.s3.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: &key, Body: bytes.NewReader(data), ContentType: &contentType})
	w.must(err)
}

func (w *world) presign(key string) string {
	w.t.Helper()
	signed, err := s3.NewPresignClient(w.s3).PresignGetObject(w.t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: &key})
	w.must(err)
	return signed.URL
}

// client calls the API with a key and does not retry.
func (w *world) client(key state.AccessKey) *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(w.api.URL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), ""),
	})
}

// post uploads an object of the bucket.
func (w *world) post(key string) (mediaID string, err error) {
	return w.postAs(w.t.Context(), w.key, &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &w.phone, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(bucket), Key: &key},
	})
}

func (w *world) postAs(ctx context.Context, key state.AccessKey, in *socialmessaging.PostWhatsAppMessageMediaInput) (string, error) {
	out, err := w.client(key).PostWhatsAppMessageMedia(ctx, in)
	if err != nil {
		return "", err
	}
	return *out.MediaId, nil
}

// logBuffer keeps what was logged; the server writes it from several goroutines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
