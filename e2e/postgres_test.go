package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/postgrestest"
	"ferry/socialmessaging"
)

// startPostgres starts a server of PostgreSQL that listens on TCP, with a database "ferry".
func startPostgres(t testing.TB, config postgrestest.Config) *postgrestest.Server {
	t.Helper()
	config.TCP = true
	server, err := postgrestest.Start(t.Context(), config)
	if errors.Is(err, postgrestest.ErrMissing) {
		missing := missingOnMachine
		if installsPackages() {
			missing = missingTool
		}
		missing(t, "PostgreSQL", "'make system' installs it as root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	if err := server.CreateDatabase(t.Context(), "ferry"); err != nil {
		t.Fatal(err)
	}
	return server
}

// inDatabase returns the first column of a query of ferry's database.
func inDatabase(t testing.TB, server *postgrestest.Server, query string) []string {
	t.Helper()
	texts, err := server.Query(t.Context(), "ferry", query)
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// Two servers find an empty database at the same time, and then share their state.
func TestServersThatStartTogetherShareADatabase(t *testing.T) {
	postgres := startPostgres(t, postgrestest.Config{})
	s3 := sharedS3(t)
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	in.env = append(in.env, "FERRY_DATABASE="+postgres.TCPURL("ferry"))
	var servers []*server
	for range 2 {
		p := start(t, in.program, in.env, "serve", "--listen", "127.0.0.1:0", "--log-format", "json", s3.store().flag())
		servers = append(servers, &server{process: p})
	}
	for _, s := range servers {
		s.url = "http://" + s.waitMessage("serving").Address
		eventually(t, "/readyz answers 200", func() bool { return answers(s.url+"/readyz", http.StatusOK) })
	}
	key := in.createKey(account)
	phone := in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	bucket, file := s3.bucket(t, "media"), sampleFile(t, "sample.png")
	s3.put(t, bucket, "a.png", file.Data, file.ContentType)
	one, other := goClient(servers[0].url, key), goClient(servers[1].url, key)
	posted, err := one.PostWhatsAppMessageMedia(t.Context(), fromBucket(phone, bucket, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.DeleteWhatsAppMessageMedia(t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: posted.MediaId, OriginationPhoneNumberId: &phone}); err != nil {
		t.Errorf("deleting through the other server: %v", err)
	}
	mustRun(t, in.env, in.program, "key", "delete", key.id)
	time.Sleep(time.Second) // for which a key may be cached
	for i, client := range []*socialmessaging.Client{one, other} {
		if _, err := client.PostWhatsAppMessageMedia(t.Context(), fromBucket(phone, bucket, "a.png")); err == nil {
			t.Errorf("server %d accepts a key that was deleted", i+1)
		}
	}
	for _, s := range servers {
		if strings.Contains(s.stderr.String(), postgrestest.Password) {
			t.Error("the log has the password of the database")
		}
	}
}

// uploads are the media ids that calls returned, and the number of calls that failed.
type uploads struct {
	mu     sync.Mutex
	ids    []string
	failed atomic.Int64
	end    func() // ends the calls and waits for them
}

// startUploads uploads one file repeatedly, until the test or stop ends it. Each call must
// succeed, or fail with 503 and a time to retry.
func startUploads(w *world, key string, workers int) *uploads {
	end, group := make(chan struct{}), new(sync.WaitGroup)
	u := &uploads{end: sync.OnceFunc(func() { close(end); group.Wait() })}
	w.t.Cleanup(u.end)
	for range workers {
		group.Go(func() {
			client := w.client()
			for {
				select {
				case <-end:
					return
				default:
				}
				output, err := client.PostWhatsAppMessageMedia(context.Background(), w.fromBucket(key))
				if err == nil {
					u.mu.Lock()
					u.ids = append(u.ids, *output.MediaId)
					u.mu.Unlock()
					continue
				}
				if exception, ok := socialmessaging.AsException(err); !ok || exception.Status != http.StatusServiceUnavailable {
					w.t.Errorf("an upload while the database is down: %v", err)
				}
				u.failed.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	return u
}

// stop ends the uploads and returns the media ids that were returned.
func (u *uploads) stop() []string {
	u.end()
	return u.ids
}

func (u *uploads) succeeded() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.ids)
}

// wantRecorded checks that the database has the records of uploads.
func wantRecorded(t testing.TB, postgres *postgrestest.Server, ids []string) {
	t.Helper()
	recorded := inDatabase(t, postgres, `SELECT id FROM media`)
	for _, id := range ids {
		if !slices.Contains(recorded, id) {
			t.Errorf("the upload %s was acknowledged, and is not recorded", id)
		}
	}
	if len(ids) == 0 {
		t.Error("no upload succeeded")
	}
}

func newPostgresWorld(t testing.TB, database string) *world {
	t.Helper()
	w := newWorld(t, worldOptions{database: database, args: []string{"--media-rate=0"}})
	file := sampleFile(t, "sample.png")
	w.s3.put(t, w.bucket, "a.png", file.Data, file.ContentType)
	return w
}

func TestDatabaseThatIsKilledAndStartedAgainUnderLoad(t *testing.T) {
	postgres := startPostgres(t, postgrestest.Config{})
	w := newPostgresWorld(t, postgres.TCPURL("ferry"))
	load := startUploads(w, "a.png", 4)
	for range 3 {
		before := load.succeeded()
		eventually(t, "uploads succeed", func() bool { return load.succeeded() > before+10 })
		if err := postgres.Kill(); err != nil {
			t.Fatal(err)
		}
		failed := load.failed.Load()
		eventually(t, "uploads fail", func() bool { return load.failed.Load() > failed })
		eventually(t, "/readyz answers 503", func() bool { return answers(w.ferry.url+"/readyz", http.StatusServiceUnavailable) })
		if !answers(w.ferry.url+"/livez", http.StatusOK) {
			t.Error("/livez does not answer 200 while the database is down")
		}
		if err := postgres.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "/readyz answers 200", func() bool { return answers(w.ferry.url+"/readyz", http.StatusOK) })
	}
	before := load.succeeded()
	eventually(t, "uploads succeed again", func() bool { return load.succeeded() > before })
	ids := load.stop()
	wantRecorded(t, postgres, ids)
	if rows := inDatabase(t, postgres, `SELECT count(*) FROM media`); rows[0] != fmt.Sprint(len(ids)) {
		t.Logf("%d uploads were acknowledged; %s are recorded", len(ids), rows[0])
	}
}

func TestNetworkBetweenServerAndDatabase(t *testing.T) {
	for name, toxic := range map[string]string{
		"is slow":                       `"name":"bad","type":"latency","attributes":{"latency":150,"jitter":50}`,
		"resets connections":            `"name":"bad","type":"reset_peer","attributes":{"timeout":20}`,
		"passes on a few bytes":         `"name":"bad","type":"limit_data","attributes":{"bytes":3000}`,
		"cuts everything into pieces":   `"name":"bad","type":"slicer","attributes":{"average_size":20,"size_variation":10,"delay":10}`,
		"passes on nothing for a while": `"name":"bad","type":"timeout","attributes":{"timeout":0}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			postgres := startPostgres(t, postgrestest.Config{})
			direct := postgres.TCPURL("ferry")
			between := startProxy(t, fmt.Sprintf("tcp://127.0.0.1:%d", postgres.Port))
			w := newPostgresWorld(t, strings.Replace(direct, fmt.Sprintf("127.0.0.1:%d", postgres.Port), strings.TrimPrefix(between.url, "tcp://"), 1))
			load := startUploads(w, "a.png", 4)
			eventually(t, "uploads succeed", func() bool { return load.succeeded() > 10 })
			between.add(toFerry, toxic)
			if before := load.succeeded(); name == "is slow" || strings.HasPrefix(name, "cuts") {
				eventually(t, "uploads still succeed", func() bool { return load.succeeded() > before+4 })
			} else {
				failed := load.failed.Load()
				// A call that reads, writes and asks whether it has written may wait for each.
				within(t, 2*time.Minute, "uploads fail", func() bool { return load.failed.Load() > failed })
			}
			if err := between.toxics.RemoveToxic(t.Context(), "bad"); err != nil {
				t.Fatal(err)
			}
			before := load.succeeded()
			eventually(t, "uploads succeed without a restart", func() bool { return load.succeeded() > before+10 })
			wantRecorded(t, postgres, load.stop())
		})
	}
}

func TestCertificateOfTheDatabaseIsVerified(t *testing.T) {
	directory := t.TempDir()
	for _, name := range []string{"server", "other"} {
		if _, _, err := makeCertificateFiles(directory+"/"+name+".pem", directory+"/"+name+"-key.pem", time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{}
	for _, name := range []string{"server.pem", "server-key.pem"} {
		data, err := os.ReadFile(directory + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	postgres := startPostgres(t, postgrestest.Config{Files: files, Settings: []string{
		"ssl=on", "ssl_cert_file=../server.pem", "ssl_key_file=../server-key.pem", "listen_addresses=127.0.0.1,127.0.0.2",
	}})
	url := func(host, root string) string {
		return strings.NewReplacer("127.0.0.1", host, "sslmode=disable", "sslmode=verify-full&sslrootcert="+directory+"/"+root+".pem").Replace(postgres.TCPURL("ferry"))
	}
	w := newPostgresWorld(t, url("127.0.0.1", "server"))
	w.post(w.fromBucket("a.png"))
	if encrypted := inDatabase(t, postgres, `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'ferry'`); !slices.Equal(encrypted, []string{"t"}) {
		t.Errorf("the connections of ferry are encrypted: %q", encrypted)
	}
	for name, c := range map[string]struct{ url, want string }{
		"a certificate of another authority": {url("127.0.0.1", "other"), "certificate"},
		"a certificate of another name":      {url("127.0.0.2", "server"), "certificate is valid for 127.0.0.1, not 127.0.0.2"},
	} {
		_, stderr, status := run(t, append(w.in.env, "FERRY_DATABASE="+c.url), "", w.in.program, "key", "list")
		if status == 0 || !strings.Contains(stderr, c.want) || strings.Contains(stderr, postgrestest.Password) {
			t.Errorf("%s: status %d, %s", name, status, stderr)
		}
	}
}
