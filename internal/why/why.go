// Package why answers the question why a file or a message did not arrive. It joins what
// the journal and the database know of an id into nine stations, from the call to the
// caller's program; each has a sign, what is known, and the next step. It is pure: Facts go
// in, a Report comes out, and Text prints it.
//
//	why.go       Facts, Report and Join
//	upload.go    stations 1 to 5: call, object, inspection, upload, media id
//	delivery.go  stations 6 to 9: send, WhatsApp, event, the caller's program
//	codes.go     what Meta's error codes mean, and what to do about them
//	text.go      a report for people
package why

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/internal/activity"
)

// A Sign says what is known of a station.
type Sign string

// The signs of a station.
const (
	OK         Sign = "ok"          // ✓
	Finding    Sign = "finding"     // ! passed, and something is to be looked at
	Stopped    Sign = "stopped"     // ✗ it ended here
	NotReached Sign = "not-reached" // – it did not come to this, or nothing was to be done
	Unknown    Sign = "unknown"     // ? and Facts say why
)

// An Answer is the outcome of a report.
type Answer string

// The answers.
const (
	Arrived  Answer = "arrived"
	Waiting  Answer = "waiting"
	Halted   Answer = "stopped"
	NotFound Answer = "not-found"
	Choose   Answer = "choose" // the id has several candidates
)

// Report is what became of an id.
type Report struct {
	ID         string      `json:"id"`
	Answer     Answer      `json:"answer"`
	Verdict    string      `json:"verdict"`             // a sentence
	StoppedAt  int         `json:"stoppedAt,omitempty"` // the number of a station
	Subject    string      `json:"subject,omitempty"`   // "photo.jpg → 4915112345678"
	Stations   []Station   `json:"stations,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`

	// People are whose numbers are in the texts, for those who must not show them.
	People []string `json:"-"`
}

// Station is one of nine.
type Station struct {
	Number int      `json:"number"`
	Name   string   `json:"name"`
	Sign   Sign     `json:"sign"`
	Facts  []string `json:"facts,omitempty"`
	Next   string   `json:"next,omitempty"` // what to do; a command is behind the last ": "
	Refs   []Ref    `json:"refs,omitempty"` // what the station is about
}

// Ref names something about which there is more.
type Ref struct {
	Kind string `json:"kind"` // request, media, message, wamid or event
	ID   string `json:"id"`
}

// Candidate is one of several things that an id may mean.
type Candidate struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Text string    `json:"text"`

	Person string `json:"person,omitempty"` // whose number is in Text
}

// Facts are what is known of an id.
type Facts struct {
	ID      string
	Now     time.Time
	Kept    string           // how long the journal keeps entries: "7 days"
	Entries []activity.Entry // of the account, that belong to the subject, oldest first
	Message *Message         // nil means that there is none
	Media   *Media           // nil means that there is none on record
	Events  []Event          // about the message, oldest first

	Candidates []Candidate // if there are several; then nothing else is set
}

// Message is a message on record.
type Message struct {
	ID, WAMID, Type, Recipient, PhoneNumberID, MediaID string

	Status  string // queued, accepted, sent, delivered, read, failed or unknown
	Error   string
	Created time.Time
}

// Media is the record of an upload.
type Media struct {
	ID, PhoneNumberID, Source, ETag, MIMEType string

	Size             int64
	Created, Expires time.Time
}

// Event is an event about the message, with its deliveries.
type Event struct {
	ID, Name string

	Created    time.Time
	Deliveries []Delivery
}

// Delivery is a delivery of an event.
type Delivery struct {
	Destination, State, Error string

	Held     string // why its destination is held; empty means that it is not
	Attempts int
}

var names = [9]string{"Call", "Object", "Inspection", "Upload", "Media id", "Send", "WhatsApp", "Event", "Your program"}

// A joiner makes a report.
type joiner struct {
	Facts
	stations [9]Station
}

// Join makes the report.
func Join(f Facts) Report {
	if len(f.Candidates) > 0 {
		return Report{ID: f.ID, Answer: Choose, Candidates: f.Candidates, People: f.people(),
			Verdict: fmt.Sprintf("%d uploads and messages belong to this. Name one of them: ferry why ID", len(f.Candidates))}
	}
	if len(f.Entries) == 0 && f.Message == nil && f.Media == nil && len(f.Events) == 0 {
		return Report{ID: f.ID, Answer: NotFound, Verdict: fmt.Sprintf("Nothing with this id is known for this account. The journal keeps %s; "+
			"what is older, or belongs to another account or server, is not found. 'ferry logs' lists what has happened lately.", f.Kept)}
	}
	j := &joiner{Facts: f}
	for i := range j.stations {
		j.stations[i] = Station{Number: i + 1, Name: names[i], Sign: NotReached}
	}
	j.upload()
	j.delivery()
	j.refer()
	r := j.report()
	r.People = f.people()
	return r
}

// people returns the numbers of all people that the facts name.
func (f *Facts) people() (people []string) {
	add := func(person string) {
		if person != "" && !slices.Contains(people, person) {
			people = append(people, person)
		}
	}
	for _, e := range f.Entries {
		add(e.Person)
	}
	for _, c := range f.Candidates {
		add(c.Person)
	}
	if f.Message != nil {
		add(f.Message.Recipient)
	}
	return people
}

// refer adds what the stations are about.
func (j *joiner) refer() {
	add := func(number int, kind, id string) {
		if s := &j.stations[number-1]; id != "" && (len(s.Facts) > 0 || s.Sign != NotReached) {
			s.Refs = append(s.Refs, Ref{kind, id})
		}
	}
	call := j.last(isUpload)
	if call == nil && j.Message == nil {
		call = j.last(func(e *activity.Entry) bool {
			return e.Outcome.IsFailure() && (e.Kind == activity.Call || e.Kind == activity.Message)
		})
	}
	if call != nil {
		add(1, "request", call.Trace)
	}
	add(5, "media", j.mediaID())
	if j.Message != nil {
		add(6, "message", j.Message.ID)
		add(7, "wamid", j.Message.WAMID)
	}
	if last := j.deciding(); last != nil {
		add(8, "event", last.ID)
	}
}

// set sets a station.
func (j *joiner) set(number int, sign Sign, next string, facts ...string) {
	s := &j.stations[number-1]
	s.Sign, s.Next = sign, next
	s.Facts = slices.DeleteFunc(facts, func(text string) bool { return text == "" })
}

// report returns the report with its verdict.
func (j *joiner) report() Report {
	r := Report{ID: j.ID, Stations: j.stations[:], Subject: j.subject()}
	// WhatsApp's answer comes before what was found wrong on the way to the program.
	for _, s := range j.stations[:7] {
		if s.Sign == Stopped {
			r.Answer, r.StoppedAt, r.Verdict = Halted, s.Number, j.halted(s)
			return r
		}
	}
	switch {
	case j.Message == nil && len(j.Events) > 0:
		switch s := j.stations[7]; s.Sign {
		case Stopped:
			r.Answer, r.StoppedAt, r.Verdict = Halted, s.Number, j.halted(s)
		case OK:
			r.Answer, r.Verdict = Arrived, "The event was delivered."
		default:
			r.Answer, r.Verdict = Waiting, "The event was not delivered yet. "+s.Next
		}
	case j.Message == nil:
		if j.stations[4].Sign == OK || j.stations[4].Sign == Finding {
			r.Answer, r.Verdict = Waiting, "The file is at WhatsApp, and no message has used it yet. Send one with this media id: "+j.mediaID()
		} else {
			r.Answer, r.Verdict = Waiting, "It is not known how this ended. The stations say what is known."
		}
	case j.Message.Status == "delivered" || j.Message.Status == "read":
		r.Answer, r.Verdict = Arrived, "The message was "+j.Message.Status+"."
		for _, s := range j.stations[7:] {
			if s.Sign == Stopped {
				r.Answer, r.StoppedAt, r.Verdict = Halted, s.Number, "The message was "+j.Message.Status+", but the event about it did not reach your program."
			}
		}
	default:
		r.Answer, r.Verdict = Waiting, "The message has the status "+j.Message.Status+". "+j.stations[6].Next
		if s := j.stations[7]; s.Sign == Stopped {
			r.Answer, r.StoppedAt, r.Verdict = Halted, 8, j.halted(s)
		}
	}
	r.Verdict = strings.TrimSpace(r.Verdict)
	return r
}

// halted returns the verdict for a station at which it ended.
func (j *joiner) halted(s Station) string {
	text := fmt.Sprintf("It stopped at station %d, %s.", s.Number, s.Name)
	if len(s.Facts) > 0 {
		text += " " + s.Facts[len(s.Facts)-1]
	}
	if inspection := j.stations[2]; s.Number == 7 && inspection.Sign == Finding {
		text += " Station 3 has found the cause: " + inspection.Facts[len(inspection.Facts)-1]
	}
	return text
}

// subject names what the report is about.
func (j *joiner) subject() string {
	what := ""
	for _, e := range j.Entries {
		if e.Object != "" {
			what = e.Object
		}
	}
	if what == "" && j.Media != nil {
		what = j.Media.Source
	}
	if what == "" && j.Message != nil {
		what = "message of type " + j.Message.Type
	}
	if what == "" && len(j.Events) > 0 {
		what = "event " + j.Events[0].Name
	}
	if j.Message != nil && j.Message.Recipient != "" {
		what += " → " + j.Message.Recipient
	}
	return what
}

// last returns the last entry for which is returns true.
func (j *joiner) last(is func(e *activity.Entry) bool) *activity.Entry {
	for i := range slices.Backward(j.Entries) {
		if is(&j.Entries[i]) {
			return &j.Entries[i]
		}
	}
	return nil
}

// mediaID returns the media id that the report is about; empty means none.
func (j *joiner) mediaID() string {
	switch {
	case j.Message != nil && j.Message.MediaID != "":
		return j.Message.MediaID
	case j.Media != nil:
		return j.Media.ID
	}
	if call := j.last(isUpload); call != nil {
		return call.MediaID
	}
	return ""
}

// detail returns a detail of an entry; empty means none.
func detail(e *activity.Entry, key string) string {
	for _, d := range e.Details {
		if d.Key == key {
			return d.Value.String()
		}
	}
	return ""
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000Z") }
