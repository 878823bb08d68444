package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"

	"ferry/internal/event"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/outbox"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/internal/transfer"
	"ferry/metasim"
)

// preparation is a receiver with a Preparer on real parts: the simulator of WhatsApp, an
// S3 server, and an outbox.
type preparation struct {
	*hook
	simulator *metasim.Server
	meta      *httptest.Server
	bucket    *s3mem.Backend
	preparer  *event.Preparer
	delivered chan state.Event // to the destinations of the account, in order
	attempted chan error       // how attempts to prepare an event have ended
}

func newPreparation(t *testing.T, engine statetest.Engine, now func() time.Time) *preparation {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p := &preparation{hook: newReceiver(t, engine.Open(t), func(c *event.ReceiverConfig) { c.Now = now }), bucket: s3mem.New(), delivered: make(chan state.Event, 100), attempted: make(chan error, 1000)}
	p.simulator = metasim.New(metasim.Config{BusinessAccounts: []metasim.BusinessAccount{{ID: "100", Token: "EAA-token", PhoneNumbers: []metasim.PhoneNumber{{ID: "1"}}}}})
	meta := httptest.NewServer(p.simulator)
	p.meta = meta
	t.Cleanup(func() {
		_ = p.simulator.Close()
		meta.Close()
	})
	must(p.bucket.CreateBucket(t.Context(), "archive"))
	store := httptest.NewServer(gofakes3.New(p.bucket).Server())
	t.Cleanup(store.Close)
	client, err := graph.New(graph.Config{BaseURL: meta.URL})
	must(err)
	t.Cleanup(client.Close)
	objects, err := object.New(t.Context(), object.Config{RetryBackoff: time.Millisecond, Stores: []object.StoreConfig{{
		Endpoint: store.URL, PathStyle: true, AccessKeyID: "KEY", SecretAccessKey: secret.New("secret-key"),
	}}})
	must(err)
	t.Cleanup(objects.Close)
	transfers, err := transfer.New(transfer.Config{State: p.state, Graph: client, Objects: objects})
	must(err)
	p.preparer, err = event.NewPreparer(event.PreparerConfig{State: p.state, Transfers: transfers, Objects: objects, Route: toAll, Region: "eu-west-1", Now: now})
	must(err)
	return p
}

// run runs an outbox until the test ends. send is called for messages.
func (p *preparation) run(send func(d outbox.Delivery) error) {
	p.t.Helper()
	o, err := outbox.New(outbox.Config{Store: p.state, Poll: 10 * time.Millisecond, Drain: time.Second,
		Once: func(d string) bool { return strings.HasPrefix(d, state.SendPrefix) },
		Deliver: func(ctx context.Context, d outbox.Delivery) error {
			switch {
			case state.IsPreparation(d.Destination):
				err := p.preparer.Deliver(ctx, d)
				p.attempted <- err
				return err
			case strings.HasPrefix(d.Destination, state.SendPrefix):
				if !d.Interrupted {
					if err := p.state.BeginDelivery(ctx, d); err != nil {
						return err
					}
				}
				return send(d)
			}
			e, err := p.state.Event(ctx, d.EventID)
			if err == nil {
				p.delivered <- e
			}
			return err
		}})
	if err != nil {
		p.t.Fatal(err)
	}
	p.state.OnDeliveries(func(destinations []string) { o.Wake(destinations...) })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	p.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
	})
}

// next returns the next event that is delivered, with what its envelope says.
func (p *preparation) next(wantName string) (e state.Event, messageID string, media []map[string]any) {
	p.t.Helper()
	select {
	case e = <-p.delivered:
	case <-time.After(time.Minute):
		p.t.Fatalf("no event %s was delivered", wantName)
	}
	var read struct {
		MessageID  string
		FerryMedia []map[string]any
	}
	if err := json.Unmarshal(e.Body, &read); err != nil || e.Name != wantName {
		p.t.Fatalf("%s was delivered, %v; expected %s", e.Name, err, wantName)
	}
	return e, read.MessageID, read.FerryMedia
}

func noSend(outbox.Delivery) error { return outbox.ErrNever }

func TestFileOfAnInboundMessageIsStoredBeforeItsEventIsDelivered(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		p := newPreparation(t, engine, time.Now)
		if err := p.state.SetArchive(t.Context(), p.linked.AccountID, state.Archive{Bucket: "archive", Prefix: "in/"}); err != nil {
			t.Fatal(err)
		}
		picture := bytes.Repeat([]byte("picture "), 1000)
		received, err := p.simulator.Receive("1", metasim.Inbound{From: "491511234567", Image: &metasim.InboundMedia{Content: picture, MIMEType: "image/jpeg"}})
		if err != nil {
			t.Fatal(err)
		}
		image := func(id, wamid string) string {
			return messages(`"messages":[{"from":"4915","id":"` + wamid + `","type":"image","image":{"id":"` + id + `","mime_type":"image\/jpeg"}}]`)
		}
		p.run(noSend)
		p.want(200, bodyWith(image(received.MediaID, "wamid.P"), messages(text("wamid.Q"))))
		_, _, media := p.next("message.image")
		want := fmt.Sprintf("[map[fileSize:%d mediaId:%s mimeType:image/jpeg uri:s3://archive/in/%[2]s.jpeg]]", len(picture), received.MediaID)
		if got := fmt.Sprint(media); got != want {
			t.Errorf("ferryMedia is %s; expected %s", got, want)
		}
		stored, err := p.bucket.GetObject(t.Context(), "archive", "in/"+received.MediaID+".jpeg", nil)
		if err != nil {
			t.Fatal(err)
		}
		if data, err := io.ReadAll(stored.Contents); err != nil || !bytes.Equal(data, picture) {
			t.Errorf("the object has %d bytes, %v", len(data), err)
		}
		if _, _, media := p.next("message.text"); media != nil { // in order, behind the picture
			t.Errorf("a text has media: %v", media)
		}
		for id, reason := range map[string]string{"999": "WhatsApp (Meta) rejected the request", "../../me": "The media id is not one of WhatsApp's."} {
			p.want(200, bodyWith(image(id, "wamid."+reason)))
			if _, _, media := p.next("message.image"); len(media) != 1 || media[0]["mediaId"] != id || !strings.HasPrefix(fmt.Sprint(media[0]["error"]), reason) || media[0]["uri"] != nil {
				t.Errorf("for %s, ferryMedia is %v", id, media)
			}
		}
	})
}

// TestEventGoesWithoutAFileThatCannotBeStoredInTime moves the clock.
func TestEventGoesWithoutAFileThatCannotBeStoredInTime(t *testing.T) {
	var late atomic.Int64
	p := newPreparation(t, statetest.SQLite, func() time.Time { return time.Now().Add(time.Duration(late.Load())) })
	if err := p.state.SetArchive(t.Context(), p.linked.AccountID, state.Archive{Bucket: "archive"}); err != nil {
		t.Fatal(err)
	}
	p.meta.Close() // WhatsApp cannot be reached
	p.run(noSend)
	p.want(200, bodyWith(messages(`"messages":[{"from":"4915","id":"wamid.P","type":"audio","audio":{"id":"77"}}]`)))
	if err := <-p.attempted; err == nil {
		t.Error("the event was delivered at once")
	}
	late.Store(int64(11 * time.Minute))
	if _, _, media := p.next("message.audio"); len(media) != 1 || media[0]["error"] == nil {
		t.Errorf("ferryMedia is %v", media)
	}
}

// TestStatusThatIsFasterThanMetasResponseNamesItsMessage forces the race: the webhook
// comes while the message is being sent, and other events of the conversation follow.
func TestStatusThatIsFasterThanMetasResponseNamesItsMessage(t *testing.T) {
	for name, conclude := range map[string]func(p *preparation, id string) error{
		"with a response": func(p *preparation, id string) error { return p.state.MessageSent(t.Context(), id, "wamid.S") },
		"of an unknown outcome": func(p *preparation, id string) error {
			return p.state.MessageFailed(t.Context(), id, state.MessageUnknown, "none")
		},
	} {
		t.Run(name, func(t *testing.T) {
			statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
				p := newPreparation(t, engine, time.Now)
				id := p.sent("")
				p.run(func(d outbox.Delivery) error {
					p.want(200, bodyWith(messages(`"statuses":[{"id":"wamid.S","status":"sent","timestamp":"`+fmt.Sprint(time.Now().Unix())+`","recipient_id":"4915"}]`), messages(text("wamid.I"))))
					if err := <-p.attempted; err == nil {
						t.Error("the status was delivered before the response was recorded")
					}
					return conclude(p, d.EventID)
				})
				if name == "of an unknown outcome" {
					if e, messageID, _ := p.next("status.accepted"); messageID != id || e.MessageID != id || e.WAMID != "wamid.S" {
						t.Errorf("the message %q was accepted as %q", messageID, e.WAMID)
					}
				}
				if e, messageID, _ := p.next("status.sent"); messageID != id || e.MessageID != id {
					t.Errorf("the status has the message id %q and %q; expected %q", messageID, e.MessageID, id)
				}
				if _, messageID, _ := p.next("message.text"); messageID != "" {
					t.Errorf("an inbound message has the message id %q", messageID)
				}
				if m, err := p.state.Message(t.Context(), id); err != nil || m.Status != state.MessageSent || m.WAMID != "wamid.S" {
					t.Errorf("the message is %q, %q, %v", m.Status, m.WAMID, err)
				}
			})
		})
	}
}
