package metasim

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The life of a message: accepted, sent, delivered and read, or failed. Each step is
// due at a time of the simulator's clock, and reported by a webhook.

// The statuses of a message.
const (
	statusAccepted  = "accepted" // in the response only, of templates
	statusSent      = "sent"
	statusDelivered = "delivered"
	statusRead      = "read"
	statusPlayed    = "played"
	statusFailed    = "failed"
)

// step is what happens to a message next.
type step string

const (
	stepFetch   step = "fetch" // the links
	stepSend    step = "send"  // or fail
	stepDeliver step = "deliver"
	stepRead    step = "read"
	stepPlay    step = "play"
)

// MessageDelays are the times between the steps of a message, by the simulator's
// clock. A negative one means that the step, and what follows, does not happen by
// itself but by Server.SetStatus.
type MessageDelays struct {
	Sent      time.Duration // from the response to sent or failed; default 50 ms
	Delivered time.Duration // from sent to delivered; default 50 ms
	Read      time.Duration // from delivered to read; default 200 ms
	Played    time.Duration // from read to played, of voice messages; default 200 ms
}

func (d MessageDelays) withDefaults() MessageDelays {
	d.Sent = cmp.Or(d.Sent, 50*time.Millisecond)
	d.Delivered = cmp.Or(d.Delivered, 50*time.Millisecond)
	d.Read = cmp.Or(d.Read, 200*time.Millisecond)
	d.Played = cmp.Or(d.Played, 200*time.Millisecond)
	return d
}

// clockPoll is how often the clock is read while a step is due later: Config.Clock
// need not run as fast as real time.
const clockPoll = 20 * time.Millisecond

// accept accepts a message, if the limits of its number allow one more.
func (s *Server) accept(c *call, d draft) (Message, *apiError) {
	p := s.phone(c.id)
	if code := s.limiter.take(s.Now(), s.limitsOf(p), p.ID, d.recipient.key()); code != 0 {
		c.reportUsage(1)
		return Message{}, s.errorFor(code)
	}
	row := messageRow{
		Message: Message{
			ID: s.newMessageID(d.recipient.key(), false), PhoneNumberID: p.ID, AccountID: p.accountID,
			Recipient: truncate(d.recipient.input), WAID: d.recipient.waID, UserID: d.recipient.userID,
			Type: d.kind, Category: d.category(), ContextID: d.context, CallbackData: d.callback,
			Version: c.version, TraceID: c.traceID, Created: s.Now().Round(0), Status: statusAccepted,
		},
		Step: stepSend,
	}
	if c.fault != nil {
		row.FailLater = c.fault.FailLater
	}
	if d.template != nil {
		row.Template = d.template.Name
	}
	if content := json.RawMessage(c.secrets.redact(d.raw)); len(content) <= maxMessageContent && json.Valid(content) {
		row.Content = content
	}
	if d.kind == "reaction" {
		row.TargetID = text(d.content["message_id"])
	}
	if d.kind == "audio" {
		row.Voice, _ = boolean(scalar(d.content["voice"]))
	}
	for _, reference := range d.media {
		row.Media = append(row.Media, messageMedia{reference.kind, reference.id, reference.link})
	}
	s.plan(&row, s.cfg.MessageDelays.Sent)
	if row.Step != "" && slices.ContainsFunc(row.Media, func(file messageMedia) bool { return file.Link != "" }) {
		row.Step = stepFetch
	}
	if err := s.messages.add(row); err != nil {
		return Message{}, c.storageError(err)
	}
	c.update(func(r *Request) { r.MessageID = row.ID })
	return row.Message, nil
}

// category returns what the message is charged as.
func (d draft) category() string {
	if d.template == nil {
		return "service"
	}
	return strings.ToLower(cmp.Or(d.template.Category, "UTILITY"))
}

// plan makes the step of a message due after a delay, or never if that is negative.
func (s *Server) plan(row *messageRow, delay time.Duration) {
	if delay < 0 {
		row.Step = ""
		return
	}
	row.Due = s.Now().Round(0).Add(delay)
}

// advanceMessages carries out the steps of messages when they are due, until ctx is
// done.
func (s *Server) advanceMessages(ctx context.Context) error {
	fetches := s.newFetches(ctx)
	defer fetches.wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		next := s.advanceDue(fetches)
		var wait <-chan time.Time
		if clock := s.Clock(); !next.IsZero() && clock.Running {
			timer.Reset(min(clockPoll, s.clock.until(next)))
			wait = timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.messages.wake:
		case <-wait:
		}
	}
}

// advanceDue carries out the steps that are due, and returns when the next one is.
func (s *Server) advanceDue(fetches *fetches) (next time.Time) {
	for {
		id, next := s.messages.due(s.Now())
		if id == "" {
			return next
		}
		row, ok := s.messages.find(id)
		if ok && row.Step == stepFetch {
			fetches.start(row)
			continue
		}
		if ok {
			s.advance(row)
		}
		s.messages.done()
	}
}

// advance carries out the next step of a message.
func (s *Server) advance(row messageRow) {
	var fault *StatusChange
	if row.Step == stepSend {
		fault = s.deliveryFault(row)
	}
	s.changeMessage(row.ID, func(now *messageRow) bool {
		if now.Step != row.Step || !now.Due.Equal(row.Due) { // it was changed meanwhile
			return false
		}
		s.takeStep(now, fault)
		return true
	})
}

// takeStep changes a message by its step, and plans the next one.
func (s *Server) takeStep(row *messageRow, fault *StatusChange) {
	delays := s.cfg.MessageDelays
	switch row.Step {
	case stepSend:
		if fault != nil {
			s.report(row, *fault)
			return
		}
		s.report(row, StatusChange{Status: statusSent})
		if row.Type != "reaction" { // whose only status is sent
			row.Step = stepDeliver
			s.plan(row, delays.Delivered)
		}
	case stepDeliver:
		if s.addressee(row.Message).Offline { // until resumeMessages
			row.Offline = true
			return
		}
		s.report(row, StatusChange{Status: statusDelivered})
		row.Step = stepRead
		s.plan(row, delays.Read)
	case stepRead:
		s.report(row, StatusChange{Status: statusRead})
		if row.Voice {
			row.Step = stepPlay
			s.plan(row, delays.Played)
		}
	case stepPlay:
		s.report(row, StatusChange{Status: statusPlayed})
	}
}

// report adds a status to a message, which has no next step then.
func (s *Server) report(row *messageRow, change StatusChange) {
	change.Time = s.Now().Round(0)
	row.Status, row.Step, row.Offline = change.Status, "", false
	row.Statuses = append(row.Statuses, change)
}

// changeMessage changes a message, and reports the status that it has got.
func (s *Server) changeMessage(id string, apply func(*messageRow) bool) bool {
	before := 0
	row, changed, err := s.messages.change(id, func(row *messageRow) bool {
		before = len(row.Statuses)
		return apply(row)
	})
	s.logStorage(err)
	if changed && len(row.Statuses) > before {
		s.observeStatus(row)
		s.notifyStatus(row)
	}
	return changed
}

// SetStatus gives a message a status: sent, delivered, read, played or failed. code is
// Meta's error code of failed, and 0 otherwise. The message does not change by itself
// any more.
func (s *Server) SetStatus(wamid, status string, code int) error {
	change := StatusChange{Status: status}
	switch status {
	case statusSent, statusDelivered, statusRead, statusPlayed:
		if code != 0 {
			return fmt.Errorf("metasim: status %s has no error code; use %s", status, statusFailed)
		}
	case statusFailed:
		change = failure(cmp.Or(code, 131000), "")
	default:
		return fmt.Errorf("metasim: status %q is none of %s, %s, %s, %s, %s", truncate(status), statusSent, statusDelivered, statusRead, statusPlayed, statusFailed)
	}
	found := s.changeMessage(wamid, func(row *messageRow) bool {
		s.report(row, change)
		return true
	})
	if !found {
		return fmt.Errorf("metasim: there is no message %s", truncate(wamid))
	}
	return nil
}
