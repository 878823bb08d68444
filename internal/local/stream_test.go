package local_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/local"
)

// openStream opens a stream of a client, which resumes after an entry unless that is "".
func openStream(t *testing.T, world *local.World, client *control.Client, after string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, world.APIURL+control.StreamPath, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after != "" {
		request.Header.Set("Last-Event-ID", after)
	}
	if client != nil {
		key, err := client.Credentials.Retrieve(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		empty := sha256.Sum256(nil)
		if err := v4.NewSigner().SignHTTP(t.Context(), key, request, hex.EncodeToString(empty[:]), "social-messaging", client.Region, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// nextEvent returns the next event of a stream, without comments.
func nextEvent(t *testing.T, in *bufio.Reader) string {
	t.Helper()
	event := ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("the stream has ended: %v", err)
		}
		switch {
		case line == "\n" && event != "":
			if len(event) > 300 {
				t.Errorf("an event of %d bytes: %s", len(event), event)
			}
			return event
		case line != "\n" && !strings.HasPrefix(line, ":"):
			event += line
		}
	}
}

func TestStreamHasTheIDsOfTheOwnEntriesAndResumes(t *testing.T) {
	world := startWith(t, local.Config{})
	response := openStream(t, world, developer(world), "")
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Fatalf("%s, %s", response.Status, got)
	}
	other := openStream(t, world, otherAccount(t, world), "0")
	own, foreign := bufio.NewReader(response.Body), bufio.NewReader(other.Body)
	say(t, world, person, "secret text")
	first := nextEvent(t, own)
	if !strings.Contains(first, `"kind":"phone","id":"wamid.`) || strings.Contains(first, person) || strings.Contains(first, "secret") {
		t.Errorf("the first event is %q", first)
	}
	id, _, _ := strings.Cut(strings.TrimPrefix(first, "id: "), "\n")
	second := nextEvent(t, own)
	again := bufio.NewReader(openStream(t, world, developer(world), id).Body)
	if got := nextEvent(t, again); got != second {
		t.Errorf("after %s it resumes with %q, want %q", id, got, second)
	}
	world.Gateway.Journal().Append(activity.Entry{Kind: activity.Admin, Account: "444455556666", Trace: "theirs"})
	if got := nextEvent(t, foreign); !strings.Contains(got, `"id":"theirs"`) {
		t.Errorf("the other account sees %q", got)
	}
}

func TestStreamSaysThatEntriesAreMissing(t *testing.T) {
	world := startWith(t, local.Config{})
	for range 10_010 {
		world.Gateway.Journal().Append(activity.Entry{Kind: activity.Admin, Account: local.AccountID})
	}
	first, _, err := world.Gateway.Journal().Bounds(t.Context())
	if err != nil || first < 2 {
		t.Fatalf("%d, %v", first, err)
	}
	in := bufio.NewReader(openStream(t, world, developer(world), "1").Body)
	if got, want := nextEvent(t, in), fmt.Sprintf("id: %d\nevent: gap\ndata: {}\n", first-1); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := nextEvent(t, in); !strings.HasPrefix(got, fmt.Sprintf("id: %d\n", first)) {
		t.Errorf("after the gap: %q", got)
	}
}

func TestStreamsAreSignedAndTheirNumberIsBounded(t *testing.T) {
	world := startWith(t, local.Config{})
	if response := openStream(t, world, nil, ""); response.StatusCode != http.StatusForbidden {
		t.Errorf("without a signature: %s", response.Status)
	}
	if response := openStream(t, world, developer(world), "x"); response.StatusCode != http.StatusBadRequest {
		t.Errorf("with a wrong Last-Event-ID: %s", response.Status)
	}
	for i := range 32 {
		if response := openStream(t, world, developer(world), ""); response.StatusCode != http.StatusOK {
			t.Fatalf("stream %d: %s", i+1, response.Status)
		}
	}
	if response := openStream(t, world, developer(world), ""); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("one more: %s", response.Status)
	}
}

func TestStreamEndsWhenTheServerStops(t *testing.T) {
	world := start(t, "")
	in := bufio.NewReader(openStream(t, world, developer(world), "").Body)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	begun := time.Now()
	if err := world.Wait(ended); err != nil || time.Since(begun) > 20*time.Second { // 30 s is the time for requests in progress
		t.Errorf("stopped after %v: %v", time.Since(begun), err)
	}
	if err := world.Close(); err != nil {
		t.Error(err)
	}
	for {
		if _, err := in.ReadString('\n'); err != nil {
			return
		}
	}
}

// A client that reads nothing is disconnected once what is sent to it finds no room. A
// million entries take the memory of the last ones.
func TestStreamThatIsNeverReadEndsAndHoldsUpNobody(t *testing.T) {
	world := startWith(t, local.Config{})
	for range 32 { // all streams that there may be
		if response := openStream(t, world, developer(world), ""); response.StatusCode != http.StatusOK {
			t.Fatal(response.Status)
		}
	}
	journal := world.Gateway.Journal()
	entry := activity.Entry{Kind: activity.Admin, Account: local.AccountID, Trace: strings.Repeat("t", 100)}
	for range 20_000 { // the ring is full
		journal.Append(entry)
	}
	before := heap()
	for range 1_000_000 {
		journal.Append(entry)
	}
	if first, last, err := journal.Bounds(t.Context()); err != nil || last-first >= 10_000 || last < 1_020_000 {
		t.Errorf("the journal has the entries %d to %d, %v", first, last, err)
	}
	if more := int64(heap()) - int64(before); more > 32<<20 {
		t.Errorf("a million entries take %d MiB", more>>20)
	}
	say(t, world, person, "still served")
	for { // each takes 10 s at most to end
		response := openStream(t, world, developer(world), "")
		if response.StatusCode == http.StatusOK {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// heap returns how much memory is in use.
func heap() uint64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
