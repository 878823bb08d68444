package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ferry/internal/postgrestest"
	"ferry/socialmessaging"
)

const (
	replicaCount = 3
	replicaKills = 3  // FERRY_KILLS sets another number
	eventSlots   = 8  // lanes of one destination that a server works at the same time
	turnLength   = 20 // deliveries of a lane that may have been made and not recorded yet (outbox.TurnLength)
)

// A cluster is several servers over one PostgreSQL database, behind one address. Files are
// uploaded and messages sent through it, and webhooks posted to it; the events are delivered
// to a receiver of the test.
type cluster struct {
	*crashRig
	postgres *postgrestest.Server
	s3       *s3Server
	bucket   string
	balancer *balancer
	replicas []*server
	stopLoad func()
	uses     int // calls at one server itself

	uploadMu sync.Mutex
	uploaded []string // media ids that were returned
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := newCluster(t, plainBuild)
	for i := range replicaCount {
		c.start(i)
	}
	return c
}

// newCluster returns a cluster without servers, whose database has been set up.
func newCluster(t *testing.T, b *build) *cluster {
	t.Helper()
	postgres := startPostgres(t, postgrestest.Config{})
	c := &cluster{crashRig: newCrashRig(t, b, postgres.TCPURL("ferry")), postgres: postgres, s3: sharedS3(t), balancer: startBalancer(t, replicaCount), replicas: make([]*server, replicaCount)}
	c.retries = true
	c.url.Store(&c.balancer.url)
	c.bucket = c.s3.bucket(t, "media")
	file := sampleFile(t, "sample.png")
	c.s3.put(t, c.bucket, "a.png", file.Data, file.ContentType)
	c.env = append(c.env, fmt.Sprintf(`FERRY_DESTINATION={"name":"program","type":"https","url":%q,"private":true,"slots":%d,"secrets":["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],"accounts":[%q]}`,
		c.startReceiver(), eventSlots, account))
	return c
}

// startReceiver runs the caller's program that receives events. It writes them to the file
// that the rig reads, in the form that the rig expects.
func (c *cluster) startReceiver() (url string) {
	file, err := os.Create(c.events)
	if err != nil {
		c.t.Fatal(err)
	}
	var mu sync.Mutex
	receiver := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the server was killed
		}
		line, err := json.Marshal(map[string]any{"id": r.Header.Get("webhook-id"), "event": json.RawMessage(body)})
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			_, err = file.Write(append(line, '\n'))
		}
		if err != nil {
			c.t.Errorf("an event is not what was expected: %v: %.200s", err, body)
		}
	}))
	receiver.TLS = &tls.Config{Certificates: []tls.Certificate{trusted(c.t).pair}, MinVersion: tls.VersionTLS12}
	receiver.StartTLS()
	c.t.Cleanup(func() {
		receiver.CloseClientConnections()
		receiver.Close()
		file.Close()
	})
	return receiver.URL + "/events"
}

// start starts a server in a place, and adds it to those behind the address when it is
// ready. Its program is that of the installation.
func (c *cluster) start(i int, args ...string) *server {
	c.t.Helper()
	s := c.serve(append([]string{"--media-rate=0", c.s3.store().flag()}, args...)...)
	address := strings.TrimPrefix(s.url, "http://")
	c.replicas[i] = s
	c.balancer.servers[i].Store(&address)
	return s
}

// load uploads files, sends messages and posts webhooks until stop.
func (c *cluster) load() {
	stopRest := c.startLoad()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() {
			client := retryingClient(c.balancer.url, c.key)
			for ctx.Err() == nil {
				output, err := client.PostWhatsAppMessageMedia(context.WithoutCancel(ctx), fromBucket(c.phone, c.bucket, "a.png"))
				if err == nil {
					c.uploadMu.Lock()
					c.uploaded = append(c.uploaded, *output.MediaId)
					c.uploadMu.Unlock()
				} else if exception, ok := socialmessaging.AsException(err); ok && exception.Status < http.StatusInternalServerError {
					c.t.Errorf("an upload was refused: %v", err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	c.stopLoad = sync.OnceFunc(func() {
		cancel()
		stopRest()
		group.Wait()
	})
	c.t.Cleanup(c.stopLoad)
}

// awaitProgress waits until something of each kind is acknowledged.
func (c *cluster) awaitProgress() {
	c.t.Helper()
	count := func() int {
		c.uploadMu.Lock()
		defer c.uploadMu.Unlock()
		return len(c.uploaded)
	}
	before := count()
	c.awaitAcknowledged(20)
	eventually(c.t, "an upload is acknowledged", func() bool { return count() > before })
}

// checkAll ends the load and checks that nothing is lost that was acknowledged: uploads are
// recorded, and at Meta; messages were sent once, or are reported as failed; webhooks are
// events, which the receiver has. Events that were being delivered by servers that were
// killed may be delivered twice.
func (c *cluster) checkAll(what string, kills int) {
	c.t.Helper()
	c.stopLoad()
	c.check()
	wantRecorded(c.t, c.postgres, c.uploaded)
	for _, id := range c.uploaded {
		c.sim.media(id)
	}
	duplicates := 0
	for id, count := range c.outcomes.messages {
		duplicates += count - 1
		if count > 1+kills {
			c.t.Errorf("the message %s was delivered %d times", id, count)
		}
	}
	if most := kills * eventSlots * turnLength; duplicates > most {
		c.t.Errorf("%d deliveries were repeated; at most %d were not recorded when servers were killed", duplicates, most)
	}
	c.report(what, c.balancer.url)
	c.t.Logf("uploads: %d acknowledged, all recorded and at Meta", len(c.uploaded))
}

func TestReplicaThatIsKilledLosesNothing(t *testing.T) {
	c := startCluster(t)
	kills := replicaKills
	if text := os.Getenv("FERRY_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FERRY_KILLS is %q; expected a number", text)
		}
	}
	c.load()
	for i := range kills {
		c.awaitProgress()
		c.replicas[i%replicaCount].kill()
		c.awaitProgress() // the others continue
		c.start(i % replicaCount)
	}
	c.awaitProgress()
	c.checkAll(fmt.Sprintf("%d kills of one of %d servers", kills, replicaCount), kills)
}

func TestDatabaseOfReplicasThatIsRestartedLosesNothing(t *testing.T) {
	c := startCluster(t)
	c.load()
	ready := func(status int) func() bool {
		return func() bool {
			return !slices.ContainsFunc(c.replicas, func(s *server) bool { return !answers(s.url+"/readyz", status) })
		}
	}
	for range 2 {
		c.awaitProgress()
		if err := c.postgres.Shutdown(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "/readyz of all servers answers 503", ready(http.StatusServiceUnavailable))
		if err := c.postgres.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "/readyz of all servers answers 200", ready(http.StatusOK))
		c.awaitProgress()
	}
	c.checkAll("2 restarts of the database", 2*replicaCount)
}
