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

// maxDiscard is the most bytes of a request that are read and thrown away.
const maxDiscard = documentLimit + 1<<20

// Bounds of what the history keeps of one request.
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
	fault   *Fault   // nil for none
	entry   *Request // in the history; changed through update only
	traceID string
	started time.Time
	secrets secrets

	// Set by authentication.
	token    string
	accounts map[string]bool // ids of the accounts that the token gives access to
	session  *uploadSession  // that the path names; nil for none
}

// begin notes a request, chooses its fault and sets the headers that every
// answer has.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *call {
	c := &call{
		server: s, route: s.route(r), traceID: "A" + s.random.word(22),
		started: time.Now(), secrets: s.secretsOf(r),
	}
	c.fault = s.faults.pick(r.Method, r.URL.Path, c.name())
	c.body = &requestBody{source: cmp.Or[io.ReadCloser](r.Body, http.NoBody)}
	c.r = r.WithContext(r.Context()) // a copy: the caller's request stays as it is
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

// serve carries the request out. Nil and nil say that the response has been
// written already. A refusal before the body is read leaves the body unread:
// net/http then closes the connection.
func (c *call) serve() (any, *apiError) {
	if c.refusal != nil {
		return nil, c.refusal
	}
	if refusal := c.server.authenticate(c); refusal != nil {
		if c.operation != nil && c.operation.mediaHost {
			return nil, downloadNotFound(refusal.historyReason())
		}
		return nil, refusal
	}
	c.reportUsage(0)
	if c.operation == nil {
		return nil, unsupported(c.r.Method, truncate(c.id))
	}
	return c.operation.serve(c.server, c)
}

// respond writes a result or an error: the one place that does, but for the
// bytes of a download.
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
		c.server.cfg.Logger.Error("metasim: encode an answer", "error", err)
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
		c.setReason("the client left before the answer: " + err.Error())
	}
}

// reportUsage sets the header of the business use case limits. wait is in
// minutes and 0 when there is nothing to wait for.
func (c *call) reportUsage(wait int) {
	if !isObjectID(c.id) { // nothing, or an upload session
		return
	}
	use, call := "whatsapp_business_management", 1
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

// abort breaks the connection, so that the client can take it for nothing but
// a broken one: a reset where the server can be made to send one.
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
		_ = tcp.SetLinger(0) // best effort: without it the close is a plain one
	}
	conn.Close()
}

// drain reads the body to its end, or as far as anybody may make us read.
func (c *call) drain() {
	if _, err := io.Copy(io.Discard, io.LimitReader(c.body, maxDiscard)); err != nil {
		c.setReason("body: " + err.Error())
	}
}

// finish completes the history and writes the log line. It runs after a cut too.
func (c *call) finish() {
	c.updateHistory(c.w.status)
	c.update(func(r *Request) {
		r.Cut = r.Cut || c.w.cut
		c.server.cfg.Logger.Info("metasim: request",
			"operation", string(r.Operation), "method", r.Method, "path", r.Path, "status", r.Status,
			"read", r.BytesRead, "written", r.BytesWritten, "duration", r.Duration,
			"media_id", r.MediaID, "reason", r.Reason, "fault", r.FaultID, "cut", r.Cut)
	})
}

// updateHistory brings the history up to date with what went over the wire.
func (c *call) updateHistory(status int) {
	c.update(func(r *Request) {
		r.Status = status
		r.BytesRead, r.BytesWritten = c.body.read, c.w.written
		r.Duration = time.Since(c.started)
	})
}

// setReason says in the history why something was refused or went wrong.
func (c *call) setReason(reason string) {
	c.update(func(r *Request) {
		if r.Reason == "" {
			r.Reason = c.secrets.redact(reason)
		}
	})
}

func (c *call) update(change func(*Request)) { c.server.history.update(c.entry, change) }

// historyEntry makes the history's entry of a request that has just begun.
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
