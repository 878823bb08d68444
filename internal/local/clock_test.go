package local_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/event"
	"ferry/internal/local"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// attempts is a destination that fails until the world's clock shows a time.
type attempts struct {
	clock func() time.Time

	mu     sync.Mutex
	works  time.Time
	failed []time.Time
	lines  []string
}

func (a *attempts) write(line []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock()
	if now.Before(a.works) {
		a.failed = append(a.failed, now)
		return errors.New("the destination is down")
	}
	a.lines = append(a.lines, string(line))
	return nil
}

func say(t *testing.T, world *local.World, from, text string) {
	t.Helper()
	if _, err := world.Simulator.Receive(world.MetaPhoneNumberID, metasim.Inbound{From: from, Text: &metasim.InboundText{Body: text}}); err != nil {
		t.Fatal(err)
	}
}

func sendText(t *testing.T, world *local.World, to, text string) {
	t.Helper()
	_, err := apiClient(world, world.Region).SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: aws.String(world.PhoneNumberID), MetaApiVersion: aws.String("v23.0"),
		Message: fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+%s","type":"text","text":{"body":%q}}`, to, text),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func advance(t *testing.T, world *local.World, d time.Duration) {
	t.Helper()
	if _, err := world.Simulator.AdvanceClock(d); err != nil {
		t.Fatal(err)
	}
}

// The gateway's retries and the simulator's statuses happen at their times, in order, and
// all of them have happened when the clock has been advanced.
func TestGatewayLivesByTheClockOfTheSimulator(t *testing.T) {
	const user = "16505551234"
	down := &attempts{}
	world := startWith(t, local.Config{Stdout: down.write, Destinations: []event.Destination{{Name: "lines", Type: event.Stdout, Accounts: []string{local.AccountID}}}})
	down.mu.Lock()
	down.clock = world.Simulator.Now
	down.mu.Unlock()
	stopped, err := world.Simulator.StopClock()
	if err != nil {
		t.Fatal(err)
	}
	down.mu.Lock()
	down.works = stopped.Time.Add(20 * time.Hour)
	down.mu.Unlock()
	say(t, world, user, "Hello")
	sendText(t, world, user, "in time")
	advance(t, world, 25*time.Hour)
	if now := world.Simulator.Clock(); now.Running || !now.Time.Equal(stopped.Time.Add(25*time.Hour)) {
		t.Errorf("the clock shows %+v", now)
	}
	down.mu.Lock()
	failed, lines := down.failed, strings.Join(down.lines, "\n")
	down.mu.Unlock()
	if len(failed) < 10 {
		t.Errorf("only %d attempts in 20 hours: %v", len(failed), failed)
	}
	for i, at := range failed {
		if i > 0 && at.Before(failed[i-1]) {
			t.Errorf("an attempt at %v follows one at %v", at, failed[i-1])
		}
	}
	for _, want := range []string{`Hello`, `\"status\":\"delivered\"`} {
		if !strings.Contains(lines, want) {
			t.Errorf("%s did not arrive: %s", want, lines)
		}
	}
	sendText(t, world, user, "too late")
	advance(t, world, time.Minute)
	messages := world.Simulator.Messages()
	if last := messages[len(messages)-1]; last.Status != "failed" || last.Statuses[len(last.Statuses)-1].Code != 131047 {
		t.Errorf("a text after the 24 hours: %+v", last)
	}
}

// A message that waits for a limit of Meta is sent when the clock has passed it.
func TestLimitsOfMetaFollowTheClock(t *testing.T) {
	const user, count = "16505551234", 60
	world := startWith(t, local.Config{})
	if _, err := world.Simulator.StopClock(); err != nil {
		t.Fatal(err)
	}
	say(t, world, user, "Hello")
	for i := range count {
		sendText(t, world, user, fmt.Sprint(i))
	}
	advance(t, world, 10*time.Minute) // 45 at once, then one each 6 s
	delivered := 0
	for _, message := range world.Simulator.Messages() {
		if message.Status == "delivered" || message.Status == "read" {
			delivered++
		}
	}
	if delivered != count {
		t.Errorf("%d of %d messages were delivered", delivered, count)
	}
}

func TestFastClockIsFollowed(t *testing.T) {
	const user = "16505551234"
	lines := make(chan string, 100)
	failures := 3
	world := startWith(t, local.Config{Destinations: []event.Destination{{Name: "lines", Type: event.Stdout, Accounts: []string{local.AccountID}}}, Stdout: func(line []byte) error {
		if failures--; failures >= 0 {
			return errors.New("the destination is down")
		}
		lines <- string(line)
		return nil
	}})
	if _, err := world.Simulator.RunClockAt(3600); err != nil {
		t.Fatal(err)
	}
	say(t, world, user, "Hello")
	sendText(t, world, user, "Hi")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := world.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitMessage, To: user, Status: "delivered"}); err != nil {
		t.Fatal(err)
	}
	for line := ""; !strings.Contains(line, "Hello"); {
		select {
		case line = <-lines:
		case <-ctx.Done():
			t.Fatal("the event did not arrive")
		}
	}
}

// What a person has written before the clock is advanced is an event before, also when the
// world has only just started.
func TestAdvanceRightAfterTheStartWaitsForWebhooks(t *testing.T) {
	for range 20 {
		world := start(t, "")
		before := world.Simulator.Now()
		if _, err := world.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: "16505551234", Text: &metasim.InboundText{Body: "Hello"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := world.Simulator.AdvanceClock(25 * time.Hour); err != nil {
			t.Fatal(err)
		}
		hooks := world.Simulator.Webhooks().Webhooks
		if len(hooks) != 1 || hooks[0].State != metasim.WebhookDelivered || hooks[0].Attempts[0].Time.Sub(before) > time.Hour {
			t.Errorf("the webhooks are %+v", hooks)
		}
		if err := world.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Messages and events do not wait for a time that the clock had before it was set back.
func TestClockThatIsSetBackLetsMessagesGo(t *testing.T) {
	for name, back := range map[string]func(*local.World) error{
		"set": func(w *local.World) error {
			_, err := w.Simulator.SetClock(time.Now())
			return err
		},
		"reset": func(w *local.World) error { return w.Reset(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			world := start(t, "")
			defer func() { _ = world.Close() }()
			send := func() {
				t.Helper()
				mark := world.Simulator.Mark()
				_, err := apiClient(world, "us-east-1").SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
					OriginationPhoneNumberId: &world.PhoneNumberID, MetaApiVersion: aws.String(local.GraphVersion),
					Message: []byte(`{"messaging_product":"whatsapp","to":"+16505551234","type":"text","text":{"body":"Hello"}}`),
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if _, err := world.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitMessage, Since: mark}); err != nil {
					t.Fatalf("the message was not sent: %v", err)
				}
			}
			if _, err := world.Simulator.AdvanceClock(48 * time.Hour); err != nil {
				t.Fatal(err)
			}
			send()
			if err := back(world); err != nil {
				t.Fatal(err)
			}
			send()
			send()
		})
	}
}
