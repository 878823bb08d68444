package metasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxFaults    = 1000
	maxLatency   = 10 * time.Minute
	maxFaultBody = 64 << 10 // bytes of Fault.Body
)

// A Fault makes matching requests fail or slow. Faults are tried in the order in
// which they were added; at most one is applied to a request.
//
// Empty selectors match everything. Of the matching requests, the first Skip
// are left alone; then the fault is applied to each with Probability, until it
// was applied Times. It stays in the list afterwards, with its counters.
//
// Latency, bandwidth and cuts may be combined with each other and with a
// response. Without Status, ErrorCode and Body the request is carried out.
type Fault struct {
	ID string `json:"id"` // letters, digits, "-", "_", at most 64; empty means that the server chooses one

	Method      string    `json:"method"`       // such as "POST"; empty means any
	PathPattern string    `json:"path_pattern"` // as path.Match reads it: "/v*/*/media"; empty means any
	Operation   Operation `json:"operation"`    // empty means any

	// Status is the HTTP status of the response. 0 means that of ErrorCode, or
	// 200 with a Body. A Status alone gets an error code that fits.
	Status    int    `json:"status"`
	ErrorCode int    `json:"error_code"` // Meta's; title, status and details come from its table
	Subcode   int    `json:"subcode"`    // overrides error_subcode
	Message   string `json:"message"`    // overrides the message
	Details   string `json:"details"`    // overrides error_data.details
	Body      string `json:"body"`       // the whole body, which may be anything: HTML, "{}", half a JSON
	BodyType  string `json:"body_type"`  // Content-Type of Body; default HTML after a "<", else JSON
	AfterBody bool   `json:"after_body"` // read the whole request before the response

	Latency                 time.Duration `json:"-"`                          // before anything else; latency_ms in JSON
	BandwidthBytesPerSecond int64         `json:"bandwidth_bytes_per_second"` // of the body of request and response; 0 means no limit

	// CutAfterBytes cuts the connection: of an operation that receives a file
	// (upload, and upload_bytes, which keeps what it has read), after that many
	// bytes of the request's body were read; of every other one, after that
	// many bytes of the response's body were sent. A negative number cuts it
	// before any byte. 0 means no cut. A body that is not longer is not cut.
	CutAfterBytes int64 `json:"cut_after_bytes"`

	// LoseAnswer carries the operation out and then cuts the connection without
	// a response, so that the client cannot know what happened.
	LoseAnswer bool `json:"lose_answer"`

	// FailLater is the code with which the message of a send_message fails, after it
	// was accepted. 0 means none.
	FailLater int `json:"fail_later"`

	Skip        int     `json:"skip"`        // matching requests to leave alone first
	Times       int     `json:"times"`       // requests to apply the fault to; 0 means all
	Probability float64 `json:"probability"` // from 0 to 1; 0 means 1

	Matched int `json:"matched"` // read only: requests that the selectors matched
	Applied int `json:"applied"` // read only: requests that the fault was applied to
}

// hasResponse reports whether the fault responds instead of the API.
func (f *Fault) hasResponse() bool { return f.Status != 0 || f.ErrorCode != 0 || f.Body != "" }

// validate returns an error that lists every problem.
func (f *Fault) validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(len(f.ID) <= 64 && !strings.ContainsFunc(f.ID, notInID), "id %q is not of letters, digits, - and _, or is too long", f.ID)
	_, patternErr := path.Match(f.PathPattern, "/")
	check(patternErr == nil, "path_pattern %q is not a pattern: %v", f.PathPattern, patternErr)
	check(f.Operation == "" || f.Operation.known(), "operation %q is not known", f.Operation)
	check(f.Status == 0 || (f.Status >= 200 && f.Status <= 599), "status %d is not in 200 to 599", f.Status)
	check(f.ErrorCode >= 0, "error_code %d is negative", f.ErrorCode)
	check(f.Latency >= 0 && f.Latency <= maxLatency, "latency %v is not in 0 to %v", f.Latency, maxLatency)
	check(f.BandwidthBytesPerSecond >= 0, "bandwidth_bytes_per_second %d is negative", f.BandwidthBytesPerSecond)
	check(f.Skip >= 0, "skip %d is negative", f.Skip)
	check(f.Times >= 0, "times %d is negative", f.Times)
	check(f.Probability >= 0 && f.Probability <= 1, "probability %v is not in 0 to 1", f.Probability)
	check(len(f.Body) <= maxFaultBody, "body has more than %d bytes", maxFaultBody)
	described := f.Subcode != 0 || f.Message != "" || f.Details != ""
	check(!described || (f.Body == "" && f.hasResponse()),
		"subcode, message and details describe an error_code or a status, and go with no body")
	check(!f.LoseAnswer || !f.hasResponse() && f.CutAfterBytes == 0,
		"lose_answer carries the operation out and cannot be combined with a status, an error_code, a body or a cut")
	check(f.FailLater == 0 || f.FailLater > 0 && !f.hasResponse() && (f.Operation == "" || f.Operation == OperationSendMessage),
		"fail_later is the code of a message's failure after send_message, and goes with no status, error_code and body")
	check(f.hasResponse() || f.Latency != 0 || f.BandwidthBytesPerSecond != 0 || f.CutAfterBytes != 0 || f.LoseAnswer || f.FailLater != 0,
		"the fault does nothing: set a status, an error_code, a body, latency_ms, bandwidth_bytes_per_second, cut_after_bytes, lose_answer or fail_later")
	return errors.Join(problems...)
}

func notInID(r rune) bool {
	return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

func (f *Fault) matches(method, requestPath string, operation Operation) bool {
	if f.Method != "" && !strings.EqualFold(f.Method, method) {
		return false
	}
	if f.Operation != "" && f.Operation != operation {
		return false
	}
	if f.PathPattern == "" {
		return true
	}
	ok, err := path.Match(f.PathPattern, requestPath)
	return err == nil && ok
}

// faultList holds the faults in the order in which they are tried.
type faultList struct {
	mu     sync.Mutex
	faults []*Fault
	made   int // ids that were chosen
	random *randomSource

	records RecordStore // may be nil
	problem func(error) // of the records
}

// faultKind is that of the one record with all faults, and its id.
const faultKind = "faults"

// save records the faults with their counters. The caller holds l.mu.
func (l *faultList) save() {
	switch {
	case l.records == nil:
	case len(l.faults) == 0:
		l.problem(l.records.Delete(faultKind, faultKind))
	default:
		l.problem(putRecord(l.records, faultKind, faultKind, l.faults))
	}
}

// load restores the faults of an earlier Server.
func (l *faultList) load() (problems []error) {
	if l.records == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	records, problems := l.records.Records(faultKind)
	for _, record := range records {
		var faults []*Fault
		err := json.Unmarshal(record.Value, &faults)
		for _, f := range faults {
			if f == nil {
				err = errors.New("a fault is null")
			} else if err == nil {
				err = f.validate()
			}
		}
		if err != nil {
			problems = append(problems, badRecord(faultKind, record.ID, "these are no faults: %v", err))
			continue
		}
		l.faults = faults
	}
	return problems
}

func (l *faultList) add(f Fault) (Fault, error) {
	if err := f.validate(); err != nil {
		return Fault{}, fmt.Errorf("metasim: fault: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.faults) >= maxFaults {
		return Fault{}, fmt.Errorf("metasim: fault: there are %d already, the limit", maxFaults)
	}
	for f.ID == "" {
		l.made++
		if id := "fault-" + strconv.Itoa(l.made); l.indexOf(id) < 0 {
			f.ID = id
		}
	}
	if l.indexOf(f.ID) >= 0 {
		return Fault{}, fmt.Errorf("metasim: fault: id %q is already in use", f.ID)
	}
	f.Matched, f.Applied = 0, 0
	l.faults = append(l.faults, &f)
	l.save()
	return f, nil
}

// restore adds a fault with its counters.
func (l *faultList) restore(f Fault) error {
	matched, applied := f.Matched, f.Applied
	added, err := l.add(f)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.indexOf(added.ID); i >= 0 {
		l.faults[i].Matched, l.faults[i].Applied = matched, applied
		l.save()
	}
	return nil
}

// TryFault returns the requests of the history that a fault would have been applied to,
// had it been the only one and its probability 1. It adds nothing.
func (s *Server) TryFault(f Fault) ([]Request, error) {
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("metasim: fault: %w", err)
	}
	applied, matched := []Request{}, 0
	for _, request := range s.Requests() {
		if !f.matches(request.Method, request.Path, request.Operation) {
			continue
		}
		if matched++; matched > f.Skip && (f.Times == 0 || len(applied) < f.Times) {
			applied = append(applied, request)
		}
	}
	return applied, nil
}

// pick returns a copy of the fault to apply to a request, or nil.
func (l *faultList) pick(method, requestPath string, operation Operation) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.faults {
		if !f.matches(method, requestPath, operation) {
			continue
		}
		f.Matched++
		if f.Matched <= f.Skip {
			l.save()
		}
		if f.Matched <= f.Skip || (f.Times > 0 && f.Applied >= f.Times) {
			continue
		}
		if f.Probability > 0 && f.Probability < 1 && l.random.float() >= f.Probability {
			continue
		}
		if f.Applied++; f.Times > 0 { // else the counters change nothing
			l.save()
		}
		chosen := *f
		return &chosen
	}
	return nil
}

func (l *faultList) list() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Fault, len(l.faults))
	for i, f := range l.faults {
		list[i] = *f
	}
	return list
}

func (l *faultList) find(id string) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := l.indexOf(id); i >= 0 {
		return *l.faults[i], true
	}
	return Fault{}, false
}

func (l *faultList) remove(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.indexOf(id)
	if i < 0 {
		return false
	}
	l.faults = slices.Delete(l.faults, i, i+1)
	l.save()
	return true
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
	l.save()
}

// indexOf returns -1 for an unknown id. The caller holds l.mu.
func (l *faultList) indexOf(id string) int {
	return slices.IndexFunc(l.faults, func(f *Fault) bool { return f.ID == id })
}

// faultError returns the error of a fault that has no body of its own.
func (s *Server) faultError(f *Fault) *apiError {
	code := f.ErrorCode
	if code == 0 {
		switch {
		case f.Status == http.StatusTooManyRequests:
			code = 4
		case f.Status >= http.StatusInternalServerError:
			code = 2
		default:
			code = 1
		}
	}
	e := s.errorFor(code)
	if f.Status != 0 {
		e.status = f.Status
	}
	if f.Subcode != 0 {
		e.subcode = f.Subcode
	}
	if f.Message != "" {
		e.message = f.Message
	}
	if f.Details != "" {
		e.details = f.Details
	}
	return e
}

// DryRunFault returns the requests of the history that a fault would have matched, newest
// last, and an error if the fault is invalid. It changes nothing.
func (s *Server) DryRunFault(f Fault) ([]Request, error) {
	if err := f.validate(); err != nil {
		return nil, fmt.Errorf("metasim: fault: %w", err)
	}
	matched := []Request{}
	for _, r := range s.Requests() {
		if f.matches(r.Method, r.Path, r.Operation) {
			matched = append(matched, r)
		}
	}
	return matched, nil
}
