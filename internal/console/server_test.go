package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/activity"
	"ferry/internal/console"
	"ferry/internal/control"
	"ferry/internal/event"
	"ferry/internal/gateway"
	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/internal/social"
	"ferry/internal/state/statetest"
	"ferry/internal/transfer"
	"ferry/socialmessaging"
)

// server is the console of a whole world: gateway, simulator and S3.
type server struct {
	*world
	local *local.World
	down  atomic.Bool // the destination "lines" fails
}

// startServer starts a world with a console, and a destination of events.
func startServer(t *testing.T, change ...func(*console.Config)) *server {
	t.Helper()
	s := &server{world: &world{t: t, log: &lockedBuffer{}}}
	config := local.Config{
		Database: statetest.OncePath(t), API: social.Config{WillFail: transfer.WarnWillFail},
		Destinations: []event.Destination{{Name: "lines", Type: event.Stdout, Accounts: []string{local.AccountID}}},
		Stdout: func([]byte) error {
			if s.down.Load() {
				return errors.New("the disk of the receiver is full")
			}
			return nil
		},
		Console: func(w *local.World, g *gateway.Gateway) (http.Handler, error) {
			config := console.Config{
				State: g.State(), Activity: g.Activity(), Gateway: g, Simulator: w.Simulator,
				Sources: map[string]console.Source{"journal": g.Journal()},
			}
			for _, f := range change {
				f(&config)
			}
			return console.New(config)
		},
	}
	lw, err := local.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lw.Close(); err != nil {
			t.Error(err)
		}
	})
	s.local, s.url, s.db, s.sim = lw, lw.ConsoleURL, lw.Gateway.State(), lw.Simulator
	s.client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return s
}

// asServe makes the console that of ferry serve: with logins, and without a simulator.
func asServe(c *console.Config) { c.NeedsLogin, c.Simulator = true, nil }

func (s *server) api() *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{Region: s.local.Region, BaseEndpoint: &s.local.APIURL, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(s.local.AccessKeyID, s.local.SecretAccessKey.Reveal(), "")})
}

// put stores an object.
func (s *server) put(key string, content []byte) {
	s.t.Helper()
	client := s3.New(s3.Options{Region: s.local.Region, BaseEndpoint: &s.local.S3URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s.local.AccessKeyID, s.local.SecretAccessKey.Reveal(), "")})
	_, err := client.PutObject(s.t.Context(), &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &key, Body: strings.NewReader(string(content)), ContentType: aws.String("image/jpeg")})
	if err != nil {
		s.t.Fatal(err)
	}
}

// upload uploads an object, and returns its media id or the error.
func (s *server) uploadObject(key string) (string, error) {
	out, err := s.api().PostWhatsAppMessageMedia(s.t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &s.local.PhoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &key},
	})
	if err != nil {
		return "", err
	}
	return *out.MediaId, nil
}

// putPrint stores a picture that WhatsApp does not deliver.
func (s *server) putPrint() {
	s.t.Helper()
	for _, f := range sample.BadFiles() {
		if f.Name == "jpeg-cmyk.jpg" {
			s.put("print.jpg", f.Data)
		}
	}
}

// cmyk uploads the picture of putPrint.
func (s *server) cmyk() string {
	s.t.Helper()
	s.putPrint()
	id, err := s.uploadObject("print.jpg")
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

// sendTo sends a message to Anna, and returns its id.
func (s *server) sendTo(content map[string]any) string {
	s.t.Helper()
	content["messaging_product"], content["to"] = "whatsapp", "+"+anna
	text, err := json.Marshal(content)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := s.api().SendWhatsAppMessage(s.t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &s.local.PhoneNumberID, MetaApiVersion: aws.String("v23.0"), Message: text,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return *out.MessageId
}

func (s *server) sendText(text string) string {
	return s.sendTo(map[string]any{"type": "text", "text": map[string]any{"body": text}})
}

// await reads a page until it has all texts. What it waits for is an entry of the journal.
func (s *server) await(path string, headers []string, texts ...string) answer {
	s.t.Helper()
	end, cancel := context.WithTimeout(s.t.Context(), 20*time.Second)
	defer cancel()
	for {
		changed := s.local.Gateway.Journal().Changed()
		a := s.get(path, headers...)
		missing := ""
		for _, text := range texts {
			if !strings.Contains(a.body, text) {
				missing = text
			}
		}
		if missing == "" {
			return a
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // the database changes without an entry, too
		case <-end.Done():
			s.t.Fatalf("%q is not on %s: %d %s", missing, path, a.status, a.body)
		}
	}
}

func (s *server) record(entries ...activity.Entry) {
	for _, e := range entries {
		s.local.Gateway.Journal().Append(e)
	}
}

func (s *server) entriesOf(kind activity.Kind) []activity.Entry {
	s.t.Helper()
	entries, err := s.local.Gateway.Journal().Read(s.t.Context(), journal.Filter{Kinds: []activity.Kind{kind}})
	if err != nil {
		s.t.Fatal(err)
	}
	return entries
}

func (s *server) inside() social.Account { return s.local.Gateway.Service().Account(local.AccountID) }

// attribute returns the values of an attribute on a page, in order.
func attribute(a answer, name string) (values []string) {
	for _, match := range regexp.MustCompile(` `+name+`="([^"]*)"`).FindAllStringSubmatch(a.body, -1) {
		values = append(values, strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">").Replace(match[1]))
	}
	return values
}

func TestWhyPageSaysWhatTheCommandSays(t *testing.T) {
	s := startServer(t)
	media := s.cmyk()
	id := s.sendTo(map[string]any{"type": "image", "image": map[string]any{"id": media}})
	a := s.await("/why?id="+id, nil, "Stopped at station 7", "131053", "ffmpeg -i IN", " 9 Your program<", "what the program did with it", "status.failed → event/11112222333344445555666677778888/lines: delivered, attempts: 1")
	report, err := s.inside().Why(t.Context(), control.WhyInput{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	for _, station := range report.Stations {
		for _, fact := range station.Facts {
			if text := strings.NewReplacer("&#34;", `"`, "&#39;", "'", "&#43;", "+").Replace(a.body); !strings.Contains(text, fact) {
				t.Errorf("station %d: %q is not on the page", station.Number, fact)
			}
		}
	}
	for _, want := range []string{`href="/media/` + media + `"`, `href="/messages/wamid.`, `href="/trace/`, `href="/events/`, "print.jpg → " + anna, `data-copy="ffmpeg -i IN`, "data-copy=\"Why: " + id} {
		if !strings.Contains(a.body, want) {
			t.Errorf("%q is not on the page: %s", want, a.body)
		}
	}
	// An object, in both forms of the address, and a person lead to the same.
	for _, path := range []string{"/why?id=s3://ferry-media/print.jpg", "/why/s3:%2F%2Fferry-media%2Fprint.jpg", "/why?id=" + url.QueryEscape("+1 650-555-1234"), "/why/" + id} {
		s.get(path).want(t, http.StatusOK, "Stopped at station 7")
	}
	if a := s.get("/why/s3://ferry-media/print.jpg"); a.status >= 300 && a.status < 400 { // the router has cleaned the path
		s.get(a.header.Get("Location")).want(t, http.StatusOK, "Stopped at station 7")
	} else {
		a.want(t, http.StatusOK, "Stopped at station 7")
	}
	s.get("/why?id=nothing").want(t, http.StatusOK, "Not found", "The journal keeps")
	s.get("/why?id="+strings.Repeat("x", 2001)).want(t, http.StatusBadRequest, "id must be")
	s.get("/why").want(t, http.StatusOK, "nine stations")
}

func TestWhyPageListsWhatAPhoneNumberMayMean(t *testing.T) {
	s := startServer(t)
	ids := []string{s.sendText("one"), s.sendText("two")}
	a := s.await("/why?id=%2B"+anna, nil, "Which one?", "Choose one")
	links := strings.Join(attribute(a, "href"), " ")
	for _, id := range ids {
		if !strings.Contains(links, "/why?id="+id) {
			t.Errorf("%s is no candidate: %s", id, links)
		}
	}
}

func TestTimelineHasEachEntryOnceOverItsPages(t *testing.T) {
	s := startServer(t)
	for range 3*console.MaxTimeline - 10 {
		s.record(activity.Entry{Kind: activity.Fetch, Account: local.AccountID, Outcome: activity.OK, Operation: "open"})
	}
	seen := make(map[string]bool)
	path := "/timeline?kind=fetch"
	pages := 0
	for ; path != ""; pages++ {
		a := s.get(path)
		a.want(t, http.StatusOK)
		if live := strings.Contains(a.body, `id="entries-part" data-live="journal" data-hold`); live != (pages == 0) {
			t.Errorf("page %d is live: %v", pages, live)
		}
		for _, id := range attribute(a, "id") {
			if strings.HasPrefix(id, "e-") {
				if seen[id] {
					t.Errorf("%s is there twice", id)
				}
				seen[id] = true
			}
		}
		path = ""
		for _, link := range attribute(a, "href") {
			if strings.Contains(link, "before=") {
				path = link
			}
		}
	}
	if pages != 3 || len(seen) != 3*console.MaxTimeline-10 {
		t.Errorf("%d entries on %d pages", len(seen), pages)
	}
}

func TestTimelineIsFilteredByItsAddress(t *testing.T) {
	s := startServer(t)
	if _, err := s.sim.AdvanceClock(48 * time.Hour); err != nil { // ages are by the clock of the world
		t.Fatal(err)
	}
	now := s.sim.Now()
	s.record(
		activity.Entry{Kind: activity.Call, Account: local.AccountID, Trace: "r1", Operation: "CallA", Outcome: activity.OK, Time: now.Add(-2 * time.Hour), Person: anna},
		activity.Entry{Kind: activity.Graph, Account: local.AccountID, Trace: "r1", Operation: "GraphB", Outcome: activity.Failed, Time: now.Add(-time.Minute), Code: "meta-4", Text: "too fast"},
		activity.Entry{Kind: activity.Webhook, Trace: "r2", Operation: "HookC", Outcome: activity.Ambiguous, Time: now},
	)
	for query, want := range map[string]string{
		"": "CallA GraphB HookC", "kind=graph": "GraphB", "kind=graph&kind=webhook": "GraphB HookC", "failed=1": "GraphB HookC", "id=r1": "CallA GraphB", "since=1h": "GraphB HookC",
		"id=%2B1+650-555-1234": "CallA", "since=" + url.QueryEscape(now.Add(-90*time.Minute).UTC().Format(time.RFC3339)): "GraphB HookC", "kind=&id=&since=&failed=": "CallA GraphB HookC",
	} {
		a := s.get("/timeline?" + query)
		for _, operation := range []string{"CallA", "GraphB", "HookC"} {
			if got := strings.Contains(a.body, operation); got != strings.Contains(want, operation) || a.status != 200 {
				t.Errorf("%q: %d, has %s: %v", query, a.status, operation, got)
			}
		}
	}
	if a := s.get("/timeline?kind=webhook"); strings.Contains(a.body, "/why?id=r2") {
		t.Error("a webhook without a message leads to a report that knows nothing")
	}
	s.get("/timeline?failed=1").want(t, 200, "meta-4 too fast", "✗ failed", "? ambiguous", `href="/trace/r1"`, `data-why="r1"`, `href="/why?id=r1"`)
	for query, want := range map[string]string{"kind=gossip": "no kind &#34;gossip&#34;; expected one of", "since=tuesday": "expected an age such as 10m", "before=x": "expected the number", "before=-1": "expected the number", "account=1": "no account", "id=%ff": "not UTF-8"} {
		s.get("/timeline?"+query).want(t, http.StatusBadRequest, want)
	}
}
