package why

import (
	"fmt"
	"strings"

	"ferry/internal/activity"
)

// isUpload reports whether an entry is a call that uploads a file.
func isUpload(e *activity.Entry) bool {
	return e.Kind == activity.Call && e.Operation == "PostWhatsAppMessageMedia"
}

// upload sets stations 1 to 5.
func (j *joiner) upload() {
	call := j.last(isUpload)
	if call == nil {
		j.withoutCall()
	} else {
		j.call(call)
		j.object(call)
		j.inspection(call)
		j.graph(call)
	}
	j.mediaStation(call)
}

// withoutCall sets stations 1 to 4 if the call that uploaded the file is not known.
func (j *joiner) withoutCall() {
	if refused := j.last(func(e *activity.Entry) bool { return e.Kind == activity.Call && e.Outcome.IsFailure() }); refused != nil && j.Message == nil {
		j.call(refused)
		return
	}
	id := j.mediaID()
	for number := 1; number <= 4; number++ {
		if id == "" {
			j.set(number, NotReached, "", "The message has no media id.")
			continue
		}
		j.set(number, Unknown, "", fmt.Sprintf("The journal has no upload with the media id %s; it keeps %s.", id, j.Kept))
	}
	if id != "" && j.Media != nil {
		j.set(2, OK, "", j.Media.Source, fmt.Sprintf("%d bytes", j.Media.Size))
		j.set(4, OK, "", "Uploaded "+clock(j.Media.Created)+".")
	}
}

func (j *joiner) call(e *activity.Entry) {
	facts := []string{fmt.Sprintf("%s %d, %s, %s", e.Operation, e.Status, clock(e.Time), e.AccessKey), "request " + e.Trace}
	// A refusal by a later station is shown there.
	later := j.last(func(s *activity.Entry) bool {
		return s.Trace == e.Trace && (s.Kind == activity.Fetch || s.Kind == activity.Inspect || s.Kind == activity.Graph) && s.Outcome.IsFailure()
	})
	if !e.Outcome.IsFailure() || later != nil {
		j.set(1, OK, "", facts...)
		return
	}
	next := "The message of the exception says what to change. Send the call again after that."
	switch {
	case strings.Contains(e.Code, "InvalidSignature") && !strings.HasPrefix(e.Text, "Signature "):
		next = "Check the secret access key, and that nothing between the client and the server changes the request. Then send the call again."
	case strings.Contains(e.Code, "InvalidSignature"): // expired, or not yet current
		next = "Set the clock of the machine that calls, for example with NTP: a signature is valid for 15 minutes. Then send the call again."
	case strings.Contains(e.Code, "AccessDenied"):
		next = "Allow the action in a policy of the access key, and send the call again."
	case e.Status >= 500:
		next = "The cause is on the side of the server or of Meta. Send the call again; 'ferry logs --failed " + e.Trace + "' has the steps."
	}
	j.set(1, Stopped, next, append(facts, e.Code+": "+e.Text)...)
}

// step returns the last step of a call of a kind.
func (j *joiner) step(call *activity.Entry, kind activity.Kind, operations ...string) *activity.Entry {
	return j.last(func(e *activity.Entry) bool {
		if e.Kind != kind || e.Trace != call.Trace {
			return false
		}
		for _, operation := range operations {
			if e.Operation == operation {
				return true
			}
		}
		return len(operations) == 0
	})
}

func (j *joiner) object(call *activity.Entry) {
	step := j.step(call, activity.Fetch)
	if step == nil {
		return
	}
	facts := []string{step.Object}
	if step.ETag != "" {
		facts = append(facts, fmt.Sprintf("%d bytes, ETag %s, %d ms", step.Bytes, step.ETag, step.Took.Milliseconds()))
	}
	if step.Outcome.IsFailure() {
		j.set(2, Stopped, "Check that the object exists, that the store or URL is reachable from the server, and that the policy of the access key allows s3:GetObject. Then send the call again.",
			append(facts, step.Text)...)
		return
	}
	j.set(2, OK, "", facts...)
}

func (j *joiner) inspection(call *activity.Entry) {
	step := j.step(call, activity.Inspect)
	if step == nil {
		return
	}
	facts := []string{fmt.Sprintf("declared %s, is %s", orNone(detail(step, "declared_type")), orNone(detail(step, "type")))}
	if findings := detail(step, "findings"); findings != "" {
		facts = append(facts, strings.Split(findings, "\n")...)
	} else if step.Text != "" {
		facts = append(facts, step.Text)
	}
	next, _, _ := strings.Cut(detail(step, "fixes"), "\n")
	if _, fix, ok := strings.Cut(next, ": "); ok {
		next = fix
	}
	switch {
	case step.Outcome.IsFailure():
		j.set(3, Stopped, next, facts...)
	case len(facts) > 1:
		j.set(3, Finding, next, facts...)
	default:
		j.set(3, OK, "", facts...)
	}
}

func orNone(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}

func (j *joiner) graph(call *activity.Entry) {
	step := j.step(call, activity.Graph, "upload", "upload_bytes", "start_upload")
	switch {
	case step == nil && detail(call, "reused") == "true":
		j.set(4, OK, "", "The same bytes were at WhatsApp already, so that no upload was needed.")
	case step == nil:
	case call.Outcome == activity.Ambiguous:
		j.set(4, Finding, "WhatsApp may have the file, but its id is lost. Send the call again; the extra copy expires by itself.", uploadFact(step), call.Text)
	case step.Outcome.IsFailure():
		next := "The code says what Meta refuses; with the trace id, Meta's support finds the request."
		if step.Status == 0 || step.Status >= 500 {
			next = "Meta did not respond properly. Send the call again."
		}
		j.set(4, Stopped, next, uploadFact(step), call.Text)
	default:
		facts := []string{uploadFact(step)}
		if retries := detail(call, "attempts"); retries != "" {
			facts = append(facts, "attempts: "+retries)
		}
		j.set(4, OK, "", facts...)
	}
}

func uploadFact(e *activity.Entry) string {
	text := fmt.Sprintf("Meta responded with %d after %d ms", e.Status, e.Took.Milliseconds())
	if e.MetaTrace != "" {
		text += ", fbtrace " + e.MetaTrace
	}
	return text
}

// mediaStation sets station 5.
func (j *joiner) mediaStation(call *activity.Entry) {
	id := j.mediaID()
	again := "Upload the file again, and send the new media id: ferry media post SOURCE"
	deleted := j.last(func(e *activity.Entry) bool {
		return e.Kind == activity.Call && e.Operation == "DeleteWhatsAppMessageMedia" && e.MediaID == id && id != "" && !e.Outcome.IsFailure()
	})
	switch {
	case id == "":
	case j.Media != nil && j.Message != nil && j.Media.PhoneNumberID != j.Message.PhoneNumberID:
		j.set(5, Stopped, "A media id belongs to the number that uploaded it. Upload the file for the number that sends.", id,
			fmt.Sprintf("It was uploaded for the phone number %s, and the message is sent from %s.", j.Media.PhoneNumberID, j.Message.PhoneNumberID))
	case deleted != nil && detail(deleted, "still_used") != "true" && (j.Message == nil || deleted.Time.Before(j.Message.Created)):
		j.set(5, Stopped, again, id, "It was deleted "+clock(deleted.Time)+", request "+deleted.Trace+".")
	case j.Media == nil && call == nil:
		j.set(5, Unknown, "", id, fmt.Sprintf("The server has no record of it. Another program may have uploaded it, or it was deleted, or it is older than what is kept (the journal: %s).", j.Kept))
	case j.Media != nil && !j.Media.Expires.After(j.Now):
		sign := Stopped
		if j.Message != nil && j.Message.Created.Before(j.Media.Expires) { // it was used in time
			sign = Finding
		}
		j.set(5, sign, again, id, fmt.Sprintf("WhatsApp keeps files for 30 days; this one expired %s.", clock(j.Media.Expires)))
	case j.Media != nil:
		j.set(5, OK, "", id, fmt.Sprintf("lives until %s, for the phone number %s", clock(j.Media.Expires), j.Media.PhoneNumberID))
	default:
		j.set(5, OK, "", id)
	}
}
