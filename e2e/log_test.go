package e2e

import (
	"encoding/json"
	"strings"
	"time"
)

// A logEntry is one line of ferry's log, in its JSON form. Attributes that the
// line does not have are zero.
type logEntry struct {
	Level string
	Msg   string

	// Of a request, whose Msg is "request".
	RequestID          string `json:"request_id"`
	Operation          string
	Account            string
	Attempts           int // transfers that were started
	Gets               int // requests to the source
	Posts              int // uploads to Meta
	Retried            []string
	Resumes            int
	Findings           []string
	MediaID            string `json:"media_id"`
	Size               int64
	SHA256             string
	Verified           bool
	CallerDisconnected bool `json:"caller_disconnected"`
	Exception          string
	Cause              string
	Status             int
	MetaTraceIDs       []string `json:"meta_trace_ids"`

	// Of a server that starts, whose Msg is "serving".
	Address string
	TLS     bool

	line string // as written
}

// parseLog returns the entries of a log. Lines that are not JSON, such as a
// report of the race detector, and a line that is not complete yet are no entries.
func parseLog(text string) []logEntry {
	var entries []logEntry
	for line := range strings.Lines(text) {
		entry := logEntry{line: line}
		if strings.HasSuffix(line, "\n") && json.Unmarshal([]byte(line), &entry) == nil {
			entries = append(entries, entry)
		}
	}
	return entries
}

// log returns what the process has logged so far.
func (p *process) log() []logEntry { return parseLog(p.stderr.String()) }

// requests returns the entries of the requests to an operation that have ended.
func (p *process) requests(operation string) []logEntry {
	var requests []logEntry
	for _, entry := range p.log() {
		if entry.Msg == "request" && entry.Operation == operation {
			requests = append(requests, entry)
		}
	}
	return requests
}

// waitLog waits until the process has logged an entry that matches, and returns
// the first one. The entry is written after the caller has its response.
func (p *process) waitLog(what string, match func(logEntry) bool) logEntry {
	p.t.Helper()
	limit := time.After(startLimit)
	for exited := false; ; {
		text, changed := p.stderr.state()
		for _, entry := range parseLog(text) {
			if match(entry) {
				return entry
			}
		}
		if exited {
			p.t.Fatalf("ferry ended (%v) before it logged %s:\n%s", p.cmd.ProcessState, what, lastLines(text, 40))
		}
		select {
		case <-changed:
		case <-p.exited: // what it wrote last is in the transcript by now
			exited = true
		case <-limit:
			p.t.Fatalf("ferry has not logged %s within %v:\n%s", what, startLimit, lastLines(text, 40))
		}
	}
}

// waitMessage waits for an entry with a message.
func (p *process) waitMessage(message string) logEntry {
	p.t.Helper()
	return p.waitLog("the message "+message, func(entry logEntry) bool { return entry.Msg == message })
}

// waitRequest waits for the entry of the request with an id.
func (p *process) waitRequest(id string) logEntry {
	p.t.Helper()
	return p.waitLog("request "+id, func(entry logEntry) bool { return entry.Msg == "request" && entry.RequestID == id })
}

// waitUpload waits for the entry of the request that uploaded a file.
func (p *process) waitUpload(mediaID string) logEntry {
	p.t.Helper()
	return p.waitLog("the upload of "+mediaID, func(entry logEntry) bool {
		return entry.Msg == "request" && entry.Operation == "PostWhatsAppMessageMedia" && entry.MediaID == mediaID
	})
}
