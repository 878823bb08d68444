package e2e

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/postgrestest"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// crashes is how often a server is killed; FERRY_KILLS sets another number.
const crashes = 50

// webhookRate is the number of webhooks per second that are posted meanwhile.
const webhookRate = 500

// What a server has acknowledged before it is killed at a random moment is there after
// the last start: webhooks, which it answered with 200, and messages, whose id it has
// returned.
func TestAServerThatIsKilledLosesNothing(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		killServers(t, "")
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		killServers(t, startPostgres(t, postgrestest.Config{}).TCPURL("ferry"))
	})
}

// crashRig posts webhooks to a server and sends messages through it, while it is killed
// and started again.
type crashRig struct {
	*installation
	key       accessKey
	phone     string // AWS's id
	retries   bool   // the client of messages repeats failed calls, as the SDKs of AWS do
	events    string // file that events are delivered to
	secret    string // of the app
	url       atomic.Pointer[string]
	number    atomic.Int64
	refused   atomic.Int64 // webhooks that were answered with 503
	mu        sync.Mutex
	received  map[string]bool      // ids at Meta of messages whose webhook was acknowledged
	sent      map[string]bool      // ids of messages that were accepted
	moments   map[string]time.Time // when each of both was acknowledged
	postGroup sync.WaitGroup

	outcomes outcomes // what was read of the file of events so far
	read     int64    // bytes of it
}

// The database of a server that goes on is killed, too: what it cannot store, it does not
// acknowledge, and it needs no restart.
func TestADatabaseThatIsKilledLosesNothing(t *testing.T) {
	postgres := startPostgres(t, postgrestest.Config{})
	r := newCrashRig(t, plainBuild, postgres.TCPURL("ferry"))
	server := r.serve()
	r.url.Store(&server.url)
	stop := r.startLoad()
	for range 2 {
		r.awaitAcknowledged(20)
		if err := postgres.Kill(); err != nil {
			t.Fatal(err)
		}
		refused := r.refused.Load()
		eventually(t, "webhooks are answered with 503", func() bool { return r.refused.Load() > refused })
		if err := postgres.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.awaitAcknowledged(20)
	stop()
	r.check()
	r.report("2 kills of the database", server.url)
}

func killServers(t *testing.T, database string) {
	kills := crashes
	if text := os.Getenv("FERRY_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("FERRY_KILLS is %q; expected a number", text)
		}
	}
	r := newCrashRig(t, plainBuild, database)
	stop := r.startLoad()
	for range kills {
		server := r.serve()
		r.url.Store(&server.url)
		moment := time.After(200*time.Millisecond + rand.N(600*time.Millisecond))
		r.awaitAcknowledged(1)
		<-moment
		server.kill()
	}
	stop()
	server := r.serve()
	r.url.Store(&server.url)
	r.check()
	r.report(fmt.Sprintf("%d kills", kills), server.url)
}

// newCrashRig returns a rig without a server. An empty database is an SQLite file.
func newCrashRig(t *testing.T, b *build, database string) *crashRig {
	in := install(t, b, startSimulator(t, metasim.Config{}))
	if database != "" {
		in.env = append(in.env, "FERRY_DATABASE="+database)
	}
	r := &crashRig{installation: in, events: in.file("events.jsonl"), secret: strings.Repeat("5ec2e7", 5), received: map[string]bool{}, sent: map[string]bool{}, moments: map[string]time.Time{},
		outcomes: outcomes{messages: map[string]int{}, statuses: map[string]string{}, ids: map[string]map[string]bool{}}}
	r.key = in.createKey(account)
	r.phone = in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	r.env = append(r.env, "FERRY_APP_SECRET="+r.secret, "FERRY_WEBHOOK_VERIFY_TOKEN=verify",
		"FERRY_DESTINATION="+fmt.Sprintf(`{"name":"log","type":"file","path":%q,"accounts":[%q]}`, r.events, account))

	return r
}

// startLoad posts webhooks and sends messages until stop is called.
func (r *crashRig) startLoad() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	r.postGroup.Go(func() { r.postWebhooks(ctx) })
	r.postGroup.Go(func() { r.sendMessages(ctx) })
	return func() {
		cancel()
		r.postGroup.Wait()
	}
}

// awaitAcknowledged waits until the server has acknowledged a number of webhooks, and a
// message.
func (r *crashRig) awaitAcknowledged(webhooks int) {
	r.t.Helper()
	count := func() (int, int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.received), len(r.sent)
	}
	received, sent := count()
	eventually(r.t, "webhooks and a message are acknowledged", func() bool {
		nowReceived, nowSent := count()
		return nowReceived >= received+webhooks && nowSent > sent
	})
}

// kill ends a process at once.
func (p *process) kill() {
	p.checked, p.killed = true, true
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// postWebhooks posts messages of people, each with an id of its own, and remembers those
// that were acknowledged.
func (r *crashRig) postWebhooks(ctx context.Context) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / webhookRate)
	defer tick.Stop()
	places := make(chan struct{}, 64)
	var group sync.WaitGroup
	defer group.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		url := r.url.Load()
		if url == nil {
			continue
		}
		id := fmt.Sprintf("wamid.%d", r.number.Add(1))
		body := webhookOf(id)
		places <- struct{}{}
		group.Go(func() {
			defer func() { <-places }()
			if r.post(ctx, client, *url, body) {
				r.mu.Lock()
				r.received[id], r.moments[id] = true, time.Now()
				r.mu.Unlock()
			}
		})
	}
}

// webhookOf returns a webhook with a message of one of 1,000 people.
func webhookOf(id string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":%q},"contacts":[{"profile":{"name":"A"},"wa_id":"1650555%04d"}],`+
		`"messages":[{"from":"1650555%04[3]d","id":%q,"timestamp":"1","type":"text","text":{"body":"hello"}}]},"field":"messages"}]}]}`,
		metaAccount, metaPhone, rand.N(1000), id)
}

// post posts one webhook and reports whether it was acknowledged.
func (r *crashRig) post(ctx context.Context, client *http.Client, url string, body []byte) bool {
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, url+"/webhooks/whatsapp", bytes.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return false
	}
	mac := hmac.New(sha256.New, []byte(r.secret))
	mac.Write(body)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return false // it was killed
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable {
		r.t.Errorf("a webhook was answered with %d", response.StatusCode)
	}
	if response.StatusCode == http.StatusServiceUnavailable {
		r.refused.Add(1)
	}
	return response.StatusCode == http.StatusOK
}

// sendMessages sends messages and remembers those that were accepted.
func (r *crashRig) sendMessages(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		time.Sleep(20 * time.Millisecond) // below the limit of the phone number, 80 messages per second
		url := r.url.Load()
		if url == nil {
			continue
		}
		message := fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+1650556%04d","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`, i)
		version := "v25.0"
		output, err := r.client(*url).SendWhatsAppMessage(context.WithoutCancel(ctx), &socialmessaging.SendWhatsAppMessageInput{
			OriginationPhoneNumberId: &r.phone, Message: message, MetaApiVersion: &version,
		})
		if err == nil {
			r.mu.Lock()
			r.sent[*output.MessageId], r.moments[*output.MessageId] = true, time.Now()
			r.mu.Unlock()
		}
	}
}

// client returns a client of the server.
func (r *crashRig) client(url string) *socialmessaging.Client {
	if r.retries {
		return retryingClient(url, r.key)
	}
	return goClient(url, r.key)
}

// outcomes are what the destination has received.
type outcomes struct {
	messages map[string]int             // deliveries of a person's message, by Meta's id
	statuses map[string]string          // accepted or failed, by the id of the message
	ids      map[string]map[string]bool // ids of the events of each of these
}

// readDelivered reads what the file of the destination has received since.
func (r *crashRig) readDelivered() {
	file, err := os.Open(r.events)
	if err != nil {
		return
	}
	defer file.Close()
	if _, err := file.Seek(r.read, io.SeekStart); err != nil {
		r.t.Fatal(err)
	}
	for lines := bufio.NewReader(file); ; {
		text, err := lines.ReadBytes('\n')
		if err != nil {
			return // the rest of a line may follow
		}
		r.read += int64(len(text))
		r.outcomes.addLine(r.t, text)
	}
}

// addLine adds a line of the file.
func (o outcomes) addLine(t testing.TB, text []byte) {
	var line struct {
		ID    string
		Event envelope
	}
	if json.Unmarshal(text, &line) != nil {
		return // a line that a kill has cut off: it is delivered again
	}
	decode(t, line.Event.Entry, &line.Event.entry)
	for _, change := range line.Event.entry.Changes {
		for _, message := range change.Value.Messages {
			o.messages[message.ID]++
			o.add(message.ID, line.ID)
		}
		for _, status := range change.Value.Statuses {
			if status.Status == "accepted" || status.Status == "failed" {
				o.statuses[line.Event.MessageID] = status.Status
				o.add(line.Event.MessageID, line.ID)
			}
		}
	}
}

func (o outcomes) add(what, id string) {
	if o.ids[what] == nil {
		o.ids[what] = map[string]bool{}
	}
	o.ids[what][id] = true
}

// check waits until everything that was acknowledged is delivered, and checks that it is
// one event and was sent once.
func (r *crashRig) check() {
	r.awaitDelivered()
	for id := range r.outcomes.messages {
		if events := len(r.outcomes.ids[id]); events != 1 {
			r.t.Errorf("the message %s was delivered as %d different events", id, events)
		}
	}
	r.checkSentOnce()
}

// awaitDelivered waits until everything that was acknowledged is delivered. What is missing
// must become less within each minute.
func (r *crashRig) awaitDelivered() {
	lost := func() (missing []string) {
		for id := range r.received {
			if r.outcomes.messages[id] == 0 {
				missing = append(missing, id)
			}
		}
		for id := range r.sent {
			if r.outcomes.statuses[id] == "" {
				missing = append(missing, id)
			}
		}
		return missing
	}
	least, limit := len(r.received)+len(r.sent), time.Now().Add(time.Minute)
	for ; ; time.Sleep(50 * time.Millisecond) {
		r.readDelivered()
		missing := lost()
		if len(missing) == 0 {
			break
		}
		if len(missing) < least {
			least, limit = len(missing), time.Now().Add(time.Minute)
		}
		if time.Now().After(limit) {
			r.t.Fatalf("%d of %d acknowledged webhooks and messages are lost, such as %s", len(missing), len(r.received)+len(r.sent), missing[0])
		}
	}
}

// report prints what has become of everything that was acknowledged. A message whose
// outcome at Meta is not known, because the server was killed while it was sent, is a dead
// letter; the destination of events takes all of them.
func (r *crashRig) report(what, url string) {
	duplicates, unknown := 0, 0
	for _, count := range r.outcomes.messages {
		duplicates += count - 1
	}
	for id := range r.sent {
		if r.outcomes.statuses[id] == "failed" {
			unknown++
		}
	}
	env := append(environment(r.directory), "AWS_ENDPOINT_URL_SOCIALMESSAGING="+url, "AWS_ACCESS_KEY_ID="+r.key.id, "AWS_SECRET_ACCESS_KEY="+r.key.secret, "AWS_REGION="+region)
	dead := 0
	for line := range strings.Lines(mustRun(r.t, env, r.program, "events", "destinations")) {
		if fields := strings.Fields(line); len(fields) > 2 && strings.HasPrefix(fields[0], "event/") {
			n, _ := strconv.Atoi(fields[2])
			dead += n
		}
	}
	if dead > 0 {
		r.t.Errorf("%d events are dead letters", dead)
	}
	r.t.Logf(`%s: %s
          acknowledged  delivered  dead-lettered  duplicates  lost
webhooks  %12d  %9d  %13d  %10d  %4d
messages  %12d  %9d  %13d  %10d  %4d`, r.t.Name(), what,
		len(r.received), len(r.received)-dead, dead, duplicates, 0, // check has counted what is lost
		len(r.sent), len(r.sent)-unknown, unknown, 0, 0)
}

// checkSentOnce checks that WhatsApp has received no message twice. Each message has a
// recipient of its own.
func (r *crashRig) checkSentOnce() {
	list, err := r.sim.control.Messages(r.t.Context())
	r.sim.must(err)
	count := map[string]int{}
	for _, message := range list.Messages {
		if count[message.Recipient]++; count[message.Recipient] == 2 {
			r.t.Errorf("the message to %s was sent twice", message.Recipient)
		}
	}
}
