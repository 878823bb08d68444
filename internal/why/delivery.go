package why

import (
	"fmt"
	"slices"
	"strings"

	"ferry/internal/activity"
)

// delivery sets stations 6 to 9.
func (j *joiner) delivery() {
	if j.Message == nil {
		refused := j.last(func(e *activity.Entry) bool { return e.Kind == activity.Message && e.Outcome.IsFailure() })
		if refused != nil {
			next := "Change the message as the text says, and send it again."
			if strings.Contains(refused.Text, "uploaded for another phone number") {
				next = "Upload the file for the number that sends: ferry media post --phone-number-id ID SOURCE"
			}
			j.set(6, Stopped, next, "The message was not accepted, request "+refused.Trace+".", refused.Text)
		} else if len(j.Events) > 0 { // what WhatsApp has reported, such as a message of a person
			first := j.Events[0]
			j.set(7, OK, "", "WhatsApp has reported "+first.Name+" "+clock(first.Created))
			j.events()
		}
		return
	}
	j.send()
	if j.stations[5].Sign == Stopped || j.Message.Status == "queued" {
		j.events()
		return
	}
	j.whatsApp()
	j.events()
}

// send sets station 6.
func (j *joiner) send() {
	m := j.Message
	attempt := j.last(func(e *activity.Entry) bool { return e.Kind == activity.Send && e.MessageID == m.ID })
	facts := []string{"SendWhatsAppMessage " + clock(m.Created) + ", message " + m.ID}
	if m.WAMID != "" {
		facts = append(facts, "at Meta "+m.WAMID)
	}
	switch {
	case m.Status == "queued":
		next := "It waits for its turn, for Meta's limits, or for its phone number to be released: ferry events show " + m.ID
		if attempt != nil && attempt.Text != "" {
			facts = append(facts, "The last attempt: "+attempt.Text)
		}
		j.set(6, Finding, next, facts...)
	case m.Status == "unknown":
		j.set(6, Stopped, "WhatsApp may have the message. Ask the recipient, or wait for a status, before you send it again.", append(facts, m.Error)...)
	case m.Status == "failed" && m.WAMID == "":
		code := codeOf(attempt, m.Error)
		j.set(6, Stopped, advice(code), append(facts, m.Error)...)
	default:
		j.set(6, OK, "", facts...)
	}
}

// codeOf returns Meta's code of a failure; 0 means that there is none.
func codeOf(e *activity.Entry, text string) int {
	if e != nil && e.Code != "" {
		return digitsOf(strings.TrimPrefix(e.Code, "meta-"))
	}
	return digitsOf(strings.TrimPrefix(text, "code "))
}

// whatsApp sets station 7.
func (j *joiner) whatsApp() {
	m := j.Message
	var facts []string
	for _, e := range j.Events {
		if name, ok := strings.CutPrefix(e.Name, "status."); ok {
			facts = append(facts, name+" "+clock(e.Created))
		}
	}
	switch m.Status {
	case "failed":
		failed := j.last(func(e *activity.Entry) bool { return e.Kind == activity.Event && e.Operation == "status.failed" })
		code := codeOf(failed, m.Error)
		next := advice(code)
		if inspection := j.stations[2]; isMediaCode(code) && inspection.Sign == Finding {
			next = inspection.Next + " — then upload and send the new file"
			if at := strings.LastIndex(inspection.Next, ": "); at >= 0 { // the command is the end of the text
				next = "Mend the file, upload it again, and send the new media id" + inspection.Next[at:]
			}
		}
		j.set(7, Stopped, next, append(facts, "failed "+m.Error)...)
	case "accepted":
		j.set(7, Unknown, "Meta has accepted the message, and no status has come. The phone may be offline; if no status ever comes, Meta's webhook does not reach this server. "+
			"It needs a callback URL in Meta's dashboard, its verify token (--webhook-verify-token), the app secret (--app-secret), and a subscription: ferry account link --subscribe", facts...)
	case "sent":
		j.set(7, Unknown, "WhatsApp has the message; the phone is offline, or the person has blocked the number, which WhatsApp does not say.", facts...)
	default:
		j.set(7, OK, "", facts...)
	}
}

// deciding returns the event that stations 8 and 9 are about: the first one that a
// destination does not have, because later ones wait for it, or else the last one; nil
// means that there is none.
func (j *joiner) deciding() *Event {
	var last *Event
	for i, e := range j.Events {
		if j.Message != nil && !strings.HasPrefix(e.Name, "status.") && !strings.HasPrefix(e.Name, "message.") {
			continue
		}
		last = &j.Events[i]
		if slices.ContainsFunc(e.Deliveries, func(d Delivery) bool { return d.State == "waiting" || d.State == "dead" }) {
			return last
		}
	}
	return last
}

// events sets stations 8 and 9.
func (j *joiner) events() {
	last := j.deciding()
	if last == nil {
		return
	}
	if len(last.Deliveries) == 0 {
		j.set(8, Finding, "The event goes nowhere, because no destination is set: start the server with --destination, or call PutWhatsAppBusinessAccountEventDestinations.", last.Name+", event "+last.ID)
		return
	}
	sign, next := OK, ""
	var facts []string
	for _, d := range last.Deliveries {
		text := fmt.Sprintf("%s → %s: %s, attempts: %d", last.Name, d.Destination, d.State, d.Attempts)
		if d.Error != "" {
			text += ": " + d.Error
		}
		facts = append(facts, text)
		switch {
		case d.Held != "":
			sign, next = Stopped, "The destination is held ("+d.Held+"). Let its deliveries continue: ferry events release "+d.Destination
		case d.State == "dead":
			sign, next = Stopped, "Repair the destination, then deliver the event again: ferry events replay --id "+last.ID
		case d.State == "waiting" && sign == OK:
			sign, next = Finding, "The delivery is tried again by itself: ferry events show "+last.ID
		}
	}
	j.set(8, sign, next, append(facts, "event "+last.ID)...)
	j.program(last)
}

// program sets station 9: what the receiver of the event answered.
func (j *joiner) program(last *Event) {
	attempt := j.last(func(e *activity.Entry) bool { return e.Kind == activity.Attempt && e.EventID == last.ID })
	switch {
	case attempt == nil:
		j.set(9, Unknown, "", "The journal has no attempt to deliver the event; it keeps "+j.Kept+".")
	case attempt.Outcome.IsFailure():
		j.set(9, NotReached, "", fmt.Sprintf("The last attempt failed: %s", attempt.Text))
	default:
		j.set(9, Unknown, "", fmt.Sprintf("The destination accepted the event after %d ms; what the program did with it is not known to the server.", attempt.Took.Milliseconds()))
	}
}
