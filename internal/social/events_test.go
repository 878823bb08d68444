package social_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/internal/control"
	"ferry/internal/social"
	"ferry/internal/state"
)

// control returns a client of ferry's own operations.
func (w *world) control(key state.AccessKey) *control.Client {
	return &control.Client{
		Endpoint: w.api.URL, Region: "us-east-1", HTTPClient: http.DefaultClient,
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), ""),
	}
}

// addEvents adds events that are made at the given time.
func (w *world) addEvents(at time.Time, accountID string, names ...string) {
	w.t.Helper()
	var events []state.Event
	for _, name := range names {
		events = append(events, state.Event{
			ID: fmt.Sprintf("%s-%d", name, at.UnixMilli()), AccountID: accountID, BusinessAccountID: "w", PhoneNumberID: "p", Kind: state.KindEvent, Name: name,
			Conversation: "p/1", MessageID: "m1", WAMID: "wamid.1", Body: []byte(`{"name":"` + name + `"}`), CreatedAt: at, Destinations: []string{"event/w/crm"},
		})
	}
	w.must(w.state.AddEvents(w.t.Context(), events))
}

func names(page *control.ListEventsOutput) string {
	var list []string
	for _, e := range page.Events {
		list = append(list, e.Name)
	}
	return strings.Join(list, " ")
}

func TestEventsAreListedPageByPage(t *testing.T) {
	w := newWorld(t)
	start := time.Now().Add(-time.Hour)
	w.addEvents(start, account, "a", "b", "c")
	w.addEvents(start.Add(time.Second), account, "d")
	client := w.control(w.key)
	input, all := control.ListEventsInput{Limit: 2, Body: true}, ""
	for range 3 {
		page, err := control.Do(t.Context(), client, control.ListEvents, input)
		w.must(err)
		all += names(page) + "|"
		input.After = page.Next
		for _, e := range page.Events {
			if want := `{"name":"` + e.Name + `"}`; string(e.Body) != want || len(e.Deliveries) != 1 || e.Deliveries[0].State != control.Waiting {
				t.Errorf("the event %s is %+v", e.Name, e)
			}
		}
	}
	if want := "a b|c d||"; all != want {
		t.Errorf("the pages are %q, want %q", all, want)
	}
	latest, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{Limit: 2, Latest: true})
	w.must(err)
	if names(latest) != "c d" {
		t.Errorf("the last events are %q, want c and d", names(latest))
	}
}

func TestEventsAreListedBackwardsWithoutLossAlsoOfOneMoment(t *testing.T) {
	w := newWorld(t)
	start := time.Now().Add(-time.Hour)
	w.addEvents(start, account, "a", "b", "c", "d") // all of one moment
	w.addEvents(start.Add(time.Second), account, "e")
	input, all := control.ListEventsInput{Limit: 2, Latest: true}, ""
	for range 4 {
		page, err := control.Do(t.Context(), w.control(w.key), control.ListEvents, input)
		w.must(err)
		all += names(page) + "|"
		if input.Before = page.Earlier; page.Earlier == "" {
			break
		}
	}
	if want := "d e|b c|a|"; all != want {
		t.Errorf("the pages are %q, want %q", all, want)
	}
	if _, err := control.Do(t.Context(), w.control(w.key), control.ListEvents, control.ListEventsInput{Before: "AAAAAAAAAAAA"}); err == nil {
		t.Error("before without latest was accepted")
	}
}

// The console reads and changes events with the same code as the API, and records what it does itself.
func TestAnAccountInsideTheProcessHasItsOwnEventsOnly(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now(), account, "own")
	inside, ctx := w.service.Account(account), t.Context()
	page, err := inside.ListEvents(ctx, control.ListEventsInput{Body: true})
	w.must(err)
	if names(&page) != "own" || len(page.Events[0].Body) == 0 {
		t.Errorf("listed %+v", page.Events)
	}
	foreign, err := w.service.Account("999999999999").ListEvents(ctx, control.ListEventsInput{})
	if err != nil || len(foreign.Events) != 0 {
		t.Errorf("another account sees %v, %v", foreign.Events, err)
	}
	_, err = inside.ReplayEvents(ctx, control.ChangeEventsInput{})
	if text, status, ok := social.Problem(err); !ok || status != http.StatusBadRequest || !strings.Contains(text, "filter is empty") {
		t.Errorf("an empty filter: %q, %d, %v", text, status, ok)
	}
	changed, err := inside.DiscardEvents(ctx, control.ChangeEventsInput{Filter: control.Filter{ID: page.Events[0].ID}})
	w.must(err)
	if changed.Changed != 1 {
		t.Errorf("changed %d", changed.Changed)
	}
}

func TestAnEventThatIsCommittedLateIsNotMissed(t *testing.T) {
	w := newWorld(t)
	now := time.Now()
	w.addEvents(now, account, "first")
	client := w.control(w.key)
	page, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{})
	w.must(err)
	w.addEvents(now.Add(-2*time.Second), account, "late") // made before the first one, and visible after it
	next, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{After: page.Next})
	w.must(err)
	if names(page) != "first" || names(next) != "late" {
		t.Errorf("the pages are %q and %q, want first and late", names(page), names(next))
	}
}

// The file of an inbound message may take minutes to store; other conversations go on.
func TestAnEventThatIsPreparedIsListedOnceAndComplete(t *testing.T) {
	w := newWorld(t)
	start := time.Now().Add(-time.Hour)
	prepared := state.Event{ID: "prepared", AccountID: account, Kind: state.KindEvent, Name: "message.image", Conversation: "p/2", Body: []byte(`{"file":"none"}`),
		CreatedAt: start, Destinations: []string{state.PrepareDestination(account)}}
	w.must(w.state.AddEvents(t.Context(), []state.Event{prepared}))
	w.addEvents(start.Add(time.Second), account, "other")
	client, follow := w.control(w.key), control.ListEventsInput{Complete: true, Body: true}
	next := func() string {
		t.Helper()
		page, err := control.Do(t.Context(), client, control.ListEvents, follow)
		w.must(err)
		follow.After = page.Next
		text := names(page)
		for _, e := range page.Events {
			if e.ID == prepared.ID {
				text += string(e.Body) + fmt.Sprint(e.CreatedAt.Equal(start.Truncate(time.Millisecond)))
			}
		}
		return text
	}
	got := []string{next(), next()}
	all, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{})
	w.must(err)
	prepared.Body, prepared.Destinations = []byte(`{"file":"stored"}`), []string{"event/w/crm"}
	for range 2 { // the second one repeats what a crash has cut off
		w.must(w.state.Forward(t.Context(), prepared))
		got = append(got, next())
	}
	latest, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{Latest: true, Complete: true, Limit: 1})
	w.must(err)
	since, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{Filter: control.Filter{Since: start.Add(time.Millisecond)}})
	w.must(err)
	got = append(got, names(all), names(latest), names(since))
	want := []string{"other", "", `message.image{"file":"stored"}true`, "", "message.image other", "message.image", "other"}
	if !slices.Equal(got, want) {
		t.Errorf("listed are %q, want %q", got, want)
	}
}

// It is what ferry events tail does: the last events, and then those that follow.
func TestTheListContinuesBehindItsLastEvents(t *testing.T) {
	for name, age := range map[string]time.Duration{"that are old": time.Hour, "that are new": time.Second} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			now := time.Now()
			w.addEvents(now.Add(-24*time.Hour), account, "history")
			w.addEvents(now.Add(-age), account, "a", "b", "c", "d")
			client := w.control(w.key)
			page, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{Latest: true, Limit: 2})
			w.must(err)
			got := []string{names(page)}
			w.addEvents(time.Now(), account, "e")
			for range 2 {
				page, err = control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{After: page.Next})
				w.must(err)
				got = append(got, names(page))
			}
			if want := []string{"c d", "e", ""}; !slices.Equal(got, want) {
				t.Errorf("listed are %q, want %q", got, want)
			}
		})
	}
}

// All events of a webhook have the same time, and there may be a thousand of them.
func TestManyEventsOfOneMomentAreListedPageByPage(t *testing.T) {
	for name, at := range map[string]time.Time{"long ago": time.Now().Add(-time.Hour), "now": time.Now()} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			var list []string
			for i := range 700 { // more than a cursor can name, and a page
				list = append(list, fmt.Sprintf("e%04d", i))
			}
			for some := range slices.Chunk(list, 100) {
				w.addEvents(at, account, some...)
			}
			client, input, seen := w.control(w.key), control.ListEventsInput{}, map[string]bool{}
			for range 8 {
				page, err := control.Do(t.Context(), client, control.ListEvents, input)
				w.must(err)
				for _, e := range page.Events {
					if seen[e.ID] {
						t.Fatalf("the event %s is listed twice", e.ID)
					}
					seen[e.ID] = true
				}
				input.After = page.Next
			}
			if len(seen) != 700 {
				t.Errorf("%d of 700 events are listed", len(seen))
			}
		})
	}
}

func TestListingWaitsForAnEvent(t *testing.T) {
	w := newWorld(t)
	client := w.control(w.key)
	page, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{})
	w.must(err)
	result := make(chan string, 1)
	go func() {
		page, err := control.Do(context.WithoutCancel(t.Context()), client, control.ListEvents, control.ListEventsInput{After: page.Next, Wait: 20})
		if err != nil {
			result <- err.Error()
			return
		}
		result <- names(page)
	}()
	w.addEvents(time.Now(), account, "status.sent")
	if got := <-result; got != "status.sent" {
		t.Errorf("the call returned %q, want the event", got)
	}
}

// Bodies have up to 2 MB; a page of a hundred of them would fill the memory.
func TestAPageOfEventsHasABoundedSize(t *testing.T) {
	w := newWorld(t)
	start := time.Now().Add(-time.Hour)
	large := `{"text":"` + strings.Repeat("x", 3<<20) + `"}`
	for i := range 4 {
		w.must(w.state.AddEvents(t.Context(), []state.Event{{ID: fmt.Sprint(i), AccountID: account, Kind: state.KindEvent, Name: "n", Conversation: "c",
			Body: []byte(large), CreatedAt: start.Add(time.Duration(i) * time.Second)}}))
	}
	client, pages := w.control(w.key), ""
	for _, input := range []control.ListEventsInput{{Body: true}, {Body: true, Latest: true}} {
		for range 3 {
			page, err := control.Do(t.Context(), client, control.ListEvents, input)
			w.must(err)
			for _, e := range page.Events {
				pages += e.ID
				if len(e.Body) != len(large) {
					t.Errorf("the body of %s has %d bytes, want %d", e.ID, len(e.Body), len(large))
				}
			}
			pages += "|"
			input.After, input.Latest = page.Next, false
		}
	}
	if want := "01|23||23|||"; pages != want {
		t.Errorf("the pages are %q, want %q", pages, want)
	}
}

func TestWaitingForEventsDoesNotHoldUpAStop(t *testing.T) {
	w := newWorld(t)
	result := make(chan error, 1)
	go func() {
		_, err := control.Do(context.WithoutCancel(t.Context()), w.control(w.key), control.ListEvents, control.ListEventsInput{Wait: 20})
		result <- err
	}()
	began := time.Now()
	w.service.Drain()
	if err := <-result; err != nil || time.Since(began) > 10*time.Second {
		t.Errorf("the call ended with %v after %v", err, time.Since(began))
	}
}

func TestEventsAreSelected(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now().Add(-time.Hour), account, "status.sent", "status.read", "message.image")
	for name, test := range map[string]struct {
		filter control.Filter
		want   string
	}{
		"by a pattern of the name":        {control.Filter{Name: "status.*"}, "status.read status.sent"},
		"an underscore is no pattern":     {control.Filter{Name: "status_*"}, ""},
		"by Meta's id":                    {control.Filter{ID: "wamid.1", Name: "*image"}, "message.image"},
		"by the id of the message":        {control.Filter{ID: "m1", Name: "*read"}, "status.read"},
		"by destination and state":        {control.Filter{Destination: "event/w/crm", State: control.Waiting, Name: "*sent"}, "status.sent"},
		"no delivery to this destination": {control.Filter{Destination: "event/w/other"}, ""},
		"by time":                         {control.Filter{Since: time.Now().Add(-time.Minute)}, ""},
		"by an age":                       {control.Filter{SinceAgeMS: time.Minute.Milliseconds()}, ""},
		"by ages":                         {control.Filter{SinceAgeMS: 2 * time.Hour.Milliseconds(), UntilAgeMS: time.Minute.Milliseconds(), Name: "*sent"}, "status.sent"},
		"messages only":                   {control.Filter{Kind: "message"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := control.Do(t.Context(), w.control(w.key), control.ListEvents, control.ListEventsInput{Filter: test.filter})
			w.must(err)
			if names(page) != test.want {
				t.Errorf("%q, want %q", names(page), test.want)
			}
		})
	}
}

func TestDeliveriesAreDiscardedAndReplayedOnce(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now().Add(-time.Hour), account, "a", "b")
	client, filter := w.control(w.key), control.ChangeEventsInput{Filter: control.Filter{ID: "m1"}}
	states := func() map[string]int64 {
		count, err := control.Do(t.Context(), client, control.CountEvents, control.CountEventsInput(filter))
		w.must(err)
		if count.Events != 2 {
			t.Errorf("%d events, want 2", count.Events)
		}
		return count.Deliveries
	}
	for _, step := range []struct {
		operation control.Operation[control.ChangeEventsInput, control.ChangeEventsOutput]
		changed   int64
		want      map[string]int64
	}{
		{control.ReplayEvents, 0, map[string]int64{"waiting": 2}}, // they wait already
		{control.DiscardEvents, 2, map[string]int64{"cancelled": 2}},
		{control.DiscardEvents, 0, map[string]int64{"cancelled": 2}},
		{control.ReplayEvents, 2, map[string]int64{"replayed": 2, "waiting": 2}},
		{control.ReplayEvents, 0, map[string]int64{"replayed": 2, "waiting": 2}},
	} {
		out, err := control.Do(t.Context(), client, step.operation, filter)
		w.must(err)
		if got := states(); out.Changed != step.changed || fmt.Sprint(got) != fmt.Sprint(step.want) {
			t.Errorf("%s changed %d, and then the deliveries are %v; want %d and %v", step.operation.Name, out.Changed, got, step.changed, step.want)
		}
	}
	_, err := control.Do(t.Context(), client, control.DiscardEvents, control.ChangeEventsInput{})
	if err == nil || !strings.Contains(err.Error(), "The filter is empty") {
		t.Errorf("without a filter: %v, want a refusal", err)
	}
}

func TestWhoFollowsTheListSeesAReplayOnce(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now().Add(-time.Hour), account, "old", "older")
	client, filter := w.control(w.key), control.Filter{Kind: "event"}
	after := ""
	next := func() (ids []string) {
		page, err := control.Do(t.Context(), client, control.ListEvents, control.ListEventsInput{Filter: filter, Complete: true, After: after})
		w.must(err)
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		after = page.Next
		return ids
	}
	first := next()
	if len(first) != 2 || len(next()) != 0 {
		t.Fatalf("%q are listed first", first)
	}
	for range 2 { // the second time at once
		for _, operation := range []control.Operation[control.ChangeEventsInput, control.ChangeEventsOutput]{control.DiscardEvents, control.ReplayEvents} {
			if out, err := control.Do(t.Context(), client, operation, control.ChangeEventsInput{Filter: filter}); err != nil || out.Changed != 2 {
				t.Fatal(operation.Name, out, err)
			}
			time.Sleep(3 * time.Millisecond) // times are in milliseconds
		}
		if ids := next(); !slices.Equal(ids, first) {
			t.Errorf("after the replay: %q, want %q", ids, first)
		}
		if ids := next(); len(ids) != 0 {
			t.Errorf("these are listed twice: %q", ids)
		}
	}
}

func TestADestinationIsHeldAndReleased(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now(), account, "a")
	client := w.control(w.key)
	held, err := control.Do(t.Context(), client, control.HoldDestination, control.HoldDestinationInput{Destination: "event/w/crm", Reason: "maintenance"})
	w.must(err)
	list, err := control.Do(t.Context(), client, control.ListDestinations, control.ListDestinationsInput{})
	w.must(err)
	if held.Waiting != 1 || len(list.Destinations) != 1 || list.Destinations[0].HeldReason != "maintenance" || list.Destinations[0].Waiting != 1 {
		t.Errorf("held %+v, listed %+v", held, list.Destinations)
	}
	_, err = control.Do(t.Context(), client, control.ReleaseDestination, control.ReleaseDestinationInput{Destination: "event/w/crm"})
	w.must(err)
	_, err = control.Do(t.Context(), client, control.ReleaseDestination, control.ReleaseDestinationInput{Destination: "event/w/crm"})
	if err == nil || !strings.Contains(err.Error(), "is not held") {
		t.Errorf("releasing it again: %v", err)
	}
	_, err = control.Do(t.Context(), client, control.HoldDestination, control.HoldDestinationInput{Destination: "event/w/other"})
	if err == nil || !strings.Contains(err.Error(), "No delivery of account") {
		t.Errorf("holding an unknown destination: %v", err)
	}
}

func TestFerrysOwnOperationsPassTheGate(t *testing.T) {
	w := newWorld(t)
	w.addEvents(time.Now(), account, "a")
	forged := w.key
	forged.ID = "AKIAUNKNOWNUNKNOWNXX"
	awsOnly := w.newKey(account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"}]}`)
	for name, test := range map[string]struct {
		key  state.AccessKey
		want string
	}{
		"an unknown key is refused":         {forged, "UnrecognizedClientException"},
		"a policy must allow the action":    {awsOnly, "is not authorized to perform: ferry:ListEvents"},
		"another account sees only its own": {w.newKey(stranger, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ferry:*","Resource":"*"}]}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			page, err := control.Do(t.Context(), w.control(test.key), control.ListEvents, control.ListEventsInput{})
			if test.want == "" {
				if err != nil || len(page.Events) != 0 {
					t.Errorf("%+v, %v; want no event", page, err)
				}
				return
			}
			if refused, ok := errors.AsType[*control.ResponseError](err); !ok || !strings.Contains(refused.Error(), test.want) {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
	type misspelled struct {
		Filtre string `json:"filtre"`
	}
	_, err := control.Do(t.Context(), w.control(w.key), control.Operation[misspelled, control.ListEventsOutput]{Name: "ListEvents"}, misspelled{"x"})
	if err == nil || !strings.Contains(err.Error(), "filtre") {
		t.Errorf("an unknown member: %v, want a refusal that names it", err)
	}
	for name, input := range map[string]control.ListEventsInput{
		"a limit": {Limit: 101}, "a wait": {Wait: 21}, "a cursor": {After: "AAAA"}, "a name": {Filter: control.Filter{Name: strings.Repeat("x", 257)}}, "wildcards": {Filter: control.Filter{Name: "*****"}}, "a cursor and the latest": {After: "AAAAAAAAAAAA", Latest: true},
	} {
		if _, err := control.Do(t.Context(), w.control(w.key), control.ListEvents, input); err == nil || !strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("%s out of bounds: %v, want a ValidationException", name, err)
		}
	}
}
