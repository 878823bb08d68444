package metasim

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxDiscard is the number of bytes of a request that are read and discarded at
// most.
const maxDiscard = documentLimit + 1<<20

// Bounds of what the history keeps of a request.
const (
	maxPathLength = 2 << 10 // bytes, of the path and of the query
	maxHeaders    = 100
)

const jsonType = "application/json; charset=UTF-8"

// call is one request and its response.
type call struct {
	server *Server
	r      *http.Request
	w      *responseWriter
	body   *requestBody
	route
	fault   *Fault   // that was chosen for the request; may be nil
	entry   *Request // in the history; changed through update only
	traceID string
	started time.Time
	secrets secrets

	parameters parameters // that have been read so far

	// Set by authentication.
	token    string
	accounts map[string]bool // ids of the accounts that the token has access to
	session  *uploadSession  // that the path names; may be nil
}

// begin adds a request to the history, chooses its fault and sets the headers
// that every response has.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{
		server: s, route: s.route(r), traceID: "A" + s.random.word(22),
		started: time.Now(), secrets: s.secretsOf(r), parameters: parameters{},
	}
	c.fault = s.faults.pick(r.Method, r.URL.Path, c.name())
	c.body = &requestBody{source: cmp.Or[io.ReadCloser](r.Body, http.NoBody)}
	c.r = r.WithContext(r.Context()) // a copy, so that the caller's request is not changed
	c.r.Body = c.body
	c.w = &responseWriter{ResponseWriter: w, wrote: c.updateHistory, buffers: &s.buffers}
	c.entry = s.history.add(c.historyEntry(r, s.Now()))
	header := w.Header()
	header.Set("facebook-api-version", c.version)
	header.Set("x-fb-request-id", s.random.word(15))
	header.Set("x-fb-trace-id", c.traceID)
	header.Set("x-fb-debug", s.random.word(86)+"==")
	header.Set("x-fb-rev", "1030000000")
	header.Set("x-app-usage", `{"call_count":0,"total_cputime":0,"total_time":0}`)
	return c
}

// serve carries the request out. It returns nil, nil if the response has been
// written already. If it refuses the request before the body is read, the body
// stays unread and net/http closes the connection.
func (c *call) serve() (any, *apiError) {
	if c.refusal != nil {
		return nil, c.refusal
	}
	refusal := c.prepare()
	switch {
	case refusal != nil && c.onMediaHost():
		return nil, downloadNotFound(refusal.historyReason())
	case refusal != nil:
		return nil, refusal
	}
	c.reportUsage(0)
	switch {
	case c.missing != "":
		return nil, c.notSimulated(c.missing, "Add a fault with this path and a body to respond in its place.")
	case c.operation == nil:
		return nil, unsupported(c.r.Method, truncate(c.id))
	}
	return c.operation.serve(c.server, c)
}

// prepare reads the parameters, except those of a form with a file, and checks who
// sent the request. A token in such a form is checked when the form has been read.
func (c *call) prepare() *apiError {
	for _, w := range c.warnings {
		if refusal := c.warn(w.Code, "%s", w.Text); refusal != nil {
			return refusal
		}
	}
	if !c.onMediaHost() {
		if refusal := c.readQuery(); refusal != nil {
			return refusal
		}
	}
	switch {
	case c.readsForm() && !c.hasToken():
		return nil
	case c.takesFile() || c.onMediaHost() || c.operation == nil && c.hasToken():
	default:
		if refusal := c.readBody(); refusal != nil {
			return refusal
		}
	}
	if refusal := c.server.authenticate(c); refusal != nil || c.operation == nil || c.readsForm() {
		return refusal
	}
	return c.checkParameters()
}

// readsForm reports whether the operation reads the parameters of the body itself,
// because a file may be among them.
func (c *call) readsForm() bool { return c.name() == OperationUpload }

// respond writes a result or an error. Nothing else writes responses, except
// downloads.
func (c *call) respond(result any, err *apiError) {
	switch {
	case err != nil && err.plain:
		c.setReason(err.historyReason())
		c.write(err.status, "text/plain; charset=utf-8", []byte(err.message+"\n"))
	case err != nil:
		c.setReason(err.historyReason())
		if err.challenge != "" {
			c.w.Header().Set("WWW-Authenticate", err.challengeHeader())
		}
		c.writeJSON(err.status, err.envelope(c.traceID))
	case result != nil:
		c.writeJSON(http.StatusOK, result)
	}
}

func (c *call) writeJSON(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // no type of this package fails to marshal
		c.server.cfg.Logger.Error("metasim: encode a response", "error", err)
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	c.write(status, jsonType, body)
}

func (c *call) write(status int, contentType string, body []byte) {
	header := c.w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if _, err := c.w.Write(body); err != nil {
		c.setReason("the client disconnected before the response: " + err.Error())
	}
}

// reportUsage sets the header of the business use case limits. wait is in
// minutes; 0 means that no limit is reached.
func (c *call) reportUsage(wait int) {
	if !isObjectID(c.id) { // no node, or an upload session
		return
	}
	use, call := "whatsapp_business_management", 1
	if c.name() == OperationSendMessage {
		use = "whatsapp"
	}
	if wait > 0 {
		call = 100 // percent
	}
	c.w.Header().Set("x-business-use-case-usage", fmt.Sprintf(
		`{"%s":[{"type":"%s","call_count":%d,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":%d}]}`,
		c.id, use, call, wait))
}

// losesResponse reports whether a fault cuts the connection in place of the
// response.
func (c *call) losesResponse() bool { return c.body.cut || c.w.muted }

// abort breaks the connection so that the client cannot take it for a complete
// response: with a reset, if the connection is TCP.
func (c *call) abort() {
	c.update(func(r *Request) { r.Cut = true })
	conn, _, err := http.NewResponseController(c.w.ResponseWriter).Hijack()
	if err != nil { // HTTP/2, or a recorder
		panic(http.ErrAbortHandler)
	}
	inner := conn
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		inner = wrapped.NetConn()
	}
	if tcp, ok := inner.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: otherwise the connection is closed without a reset
	}
	conn.Close()
}

// drain reads the body to its end, or up to maxDiscard bytes.
func (c *call) drain() {
	if _, err := io.Copy(io.Discard, io.LimitReader(c.body, maxDiscard)); err != nil {
		c.setReason("body: " + err.Error())
	}
}

// finish completes the history and writes the log line, also after a cut.
func (c *call) finish() {
	c.updateHistory(c.w.status)
	var ended Request
	defer func() { c.observeRequest(ended) }()
	c.update(func(r *Request) {
		r.Cut = r.Cut || c.w.cut
		ended = *r
		attributes := []any{"operation", string(r.Operation), "method", r.Method, "path", r.Path, "status", r.Status,
			"read", r.BytesRead, "written", r.BytesWritten, "duration", r.Duration,
			"media_id", r.MediaID, "message_id", r.MessageID, "trace_id", r.TraceID, "reason", r.Reason, "fault", r.FaultID, "cut", r.Cut}
		if r.NotSimulated != "" {
			attributes = append(attributes, "not_simulated", r.NotSimulated)
		}
		if len(r.Warnings) > 0 {
			attributes = append(attributes, "warnings", warningCodes(r.Warnings))
		}
		c.server.cfg.Logger.Info("metasim: request", attributes...)
	})
}

// updateHistory records the status and the bytes that were read and written.
func (c *call) updateHistory(status int) {
	c.update(func(r *Request) {
		r.Status = status
		r.BytesRead, r.BytesWritten = c.body.read, c.w.written
		r.Duration = time.Since(c.started)
	})
}

// setReason records in the history why something was refused or failed, unless
// there is a reason already.
func (c *call) setReason(reason string) {
	c.update(func(r *Request) {
		if r.Reason == "" {
			r.Reason = c.secrets.redact(reason)
		}
	})
}

func (c *call) update(change func(*Request)) { c.server.history.update(c.entry, change) }

// historyEntry returns the history's entry for a request that has just arrived.
func (c *call) historyEntry(r *http.Request, now time.Time) Request {
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, truncate(c.secrets.redactName(name)))
	}
	slices.Sort(names)
	entry := Request{
		Time:          now,
		TraceID:       c.traceID,
		Operation:     c.name(),
		Method:        truncate(c.secrets.redact(r.Method)),
		Path:          truncateTo(c.secrets.redact(r.URL.Path), maxPathLength),
		Query:         truncateTo(redactQuery(r.URL.RawQuery, c.secrets.redact), maxPathLength),
		Headers:       names[:min(len(names), maxHeaders)],
		UserAgent:     truncate(c.secrets.redact(r.UserAgent())),
		ContentLength: r.ContentLength,
	}
	if c.fault != nil {
		entry.FaultID = c.fault.ID
	}
	return entry
}
