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

// mostBody is the most bytes of a request that are read and thrown away.
const mostBody = documentLimit + 1<<20

// Bounds of what the history keeps of one request.
const (
	mostPath    = 2 << 10 // bytes, of the path and of the query
	mostHeaders = 100
)

const jsonType = "application/json; charset=UTF-8"

// exchange is one request and its answer.
type exchange struct {
	server  *Server
	r       *http.Request
	w       *reply
	body    *meteredBody
	target  target
	fault   *Fault   // nil for none
	entry   *Request // in the history; changed through update only
	traceID string
	started time.Time
	secrets secrets
}

// begin notes a request, chooses its fault and sets the headers that every
// answer has.
func (s *Server) begin(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{
		server: s, target: s.aim(r), traceID: "A" + s.random.word(22),
		started: time.Now(), secrets: s.secretsOf(r),
	}
	x.fault = s.faults.pick(r.Method, r.URL.Path, x.target.operation)
	x.body = &meteredBody{source: cmp.Or[io.ReadCloser](r.Body, http.NoBody)}
	x.r = r.WithContext(r.Context()) // a copy: the caller's request stays as it is
	x.r.Body = x.body
	x.w = &reply{ResponseWriter: w, wrote: x.publish, buffers: &s.buffers}
	x.entry = s.history.add(x.describe(r, s.cfg.Clock()))
	header := w.Header()
	header.Set("facebook-api-version", x.target.version)
	header.Set("x-fb-request-id", s.random.word(15))
	header.Set("x-fb-trace-id", s.random.word(11))
	header.Set("x-fb-rev", "1030000000")
	header.Set("x-app-usage", `{"call_count":0,"total_cputime":0,"total_time":0}`)
	return x
}

// dispatch carries the request out. Nil and nil say that the answer has been
// written already. A refusal before the body is read leaves the body unread:
// net/http then closes the connection.
func (x *exchange) dispatch() (any, *apiError) {
	s, t := x.server, x.target
	switch {
	case t.wrong != nil:
		return nil, t.wrong
	case t.operation == OperationDownload:
		return nil, s.download(x)
	}
	accounts, err := s.grants(x.r, t.operation)
	if err != nil {
		return nil, err
	}
	x.reportUsage(0)
	switch t.operation {
	case OperationUpload:
		return s.upload(x, accounts)
	case OperationRetrieve:
		return s.retrieve(x, accounts)
	case OperationDelete:
		return s.delete(x, accounts)
	case OperationUploadSession:
		return s.beginSession(x, accounts)
	case OperationUploadBytes:
		return s.receiveBytes(x)
	case OperationUploadStatus:
		return s.reportSession(x)
	case OperationAccount:
		return s.describeAccount(x, accounts)
	case OperationPhoneNumbers:
		return s.listPhoneNumbers(x, accounts)
	case OperationPhoneNumber:
		return s.describePhoneNumber(x, accounts)
	}
	return nil, unsupported(x.r.Method, t.id)
}

// answer writes a result or an error: the one place that does, but for the
// bytes of a download.
func (x *exchange) answer(result any, err *apiError) {
	switch {
	case err != nil && err.plain:
		x.note(err.why())
		x.write(err.status, "text/plain; charset=utf-8", []byte(err.message+"\n"))
	case err != nil:
		x.note(err.why())
		if err.challenge != "" {
			x.w.Header().Set("WWW-Authenticate", err.challengeHeader())
		}
		x.writeJSON(err.status, err.envelope(x.traceID))
	case result != nil:
		x.writeJSON(http.StatusOK, result)
	}
}

func (x *exchange) writeJSON(status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // no type of this package fails to marshal
		x.server.cfg.Logger.Error("metasim: encode an answer", "error", err)
		status, body = http.StatusInternalServerError, []byte("{}")
	}
	x.write(status, jsonType, body)
}

func (x *exchange) write(status int, contentType string, body []byte) {
	header := x.w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if _, err := x.w.Write(body); err != nil {
		x.note("the client left before the answer: " + err.Error())
	}
}

// reportUsage sets the header of the business use case limits. wait is in
// minutes and 0 when there is nothing to wait for.
func (x *exchange) reportUsage(wait int) {
	if !isObjectID(x.target.id) { // nothing, or an upload session
		return
	}
	use, call := "whatsapp_business_management", 1
	if wait > 0 {
		call = 100 // percent
	}
	x.w.Header().Set("x-business-use-case-usage", fmt.Sprintf(
		`{"%s":[{"type":"%s","call_count":%d,"total_cputime":1,"total_time":1,"estimated_time_to_regain_access":%d}]}`,
		x.target.id, use, call, wait))
}

// cutsRequest reports whether the connection is cut in place of the answer.
func (x *exchange) cutsRequest() bool {
	return x.fault != nil && x.fault.CutAfterBytes != 0 && x.target.operation.takesFile()
}

// abort breaks the connection, so that the client can take it for nothing but
// a broken one: a reset where the server can be made to send one.
func (x *exchange) abort() {
	x.update(func(r *Request) { r.Cut = true })
	conn, _, err := http.NewResponseController(x.w.ResponseWriter).Hijack()
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
func (x *exchange) drain() {
	if _, err := io.Copy(io.Discard, io.LimitReader(x.body, mostBody)); err != nil {
		x.note("body: " + err.Error())
	}
}

// end completes the history and writes the log line. It runs after a cut too.
func (x *exchange) end() {
	x.publish(x.w.status)
	x.update(func(r *Request) {
		r.Cut = r.Cut || x.w.cutOff
		x.server.cfg.Logger.Info("metasim: request",
			"operation", string(r.Operation), "method", r.Method, "path", r.Path, "status", r.Status,
			"read", r.BytesRead, "written", r.BytesWritten, "duration", r.Duration,
			"media_id", r.MediaID, "reason", r.Reason, "fault", r.FaultID, "cut", r.Cut)
	})
}

// publish brings the history up to date with what went over the wire.
func (x *exchange) publish(status int) {
	x.update(func(r *Request) {
		r.Status = status
		r.BytesRead, r.BytesWritten = x.body.read, x.w.written
		r.Duration = time.Since(x.started)
	})
}

// note says in the history why something was refused or went wrong.
func (x *exchange) note(reason string) {
	x.update(func(r *Request) {
		if r.Reason == "" {
			r.Reason = x.secrets.redact(reason)
		}
	})
}

func (x *exchange) update(change func(*Request)) { x.server.history.update(x.entry, change) }

// describe makes the history's entry of a request that has just begun.
func (x *exchange) describe(r *http.Request, now time.Time) Request {
	names := make([]string, 0, len(r.Header))
	for name := range r.Header {
		names = append(names, abridge(x.secrets.redactName(name)))
	}
	slices.Sort(names)
	entry := Request{
		Time:          now,
		Operation:     x.target.operation,
		Method:        abridge(x.secrets.redact(r.Method)),
		Path:          shorten(x.secrets.redact(r.URL.Path), mostPath),
		Query:         shorten(redactQuery(r.URL.RawQuery, x.secrets.redact), mostPath),
		Headers:       names[:min(len(names), mostHeaders)],
		UserAgent:     abridge(x.secrets.redact(r.UserAgent())),
		ContentLength: r.ContentLength,
	}
	if x.fault != nil {
		entry.FaultID = x.fault.ID
	}
	return entry
}
