package metasim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// regainMinutes is the wait that a throttling fault announces.
const regainMinutes = 5

// suffer lets the request's fault act. It reports whether the request is to be
// carried out; if not, it has been answered or cut.
func (x *exchange) suffer() bool {
	f := x.fault
	wait := func(d time.Duration) error { return x.server.sleep(x.r.Context(), d) }
	if f.Latency > 0 {
		if err := wait(f.Latency); err != nil {
			x.note("latency: " + err.Error())
			x.abort()
			return false
		}
	}
	if f.CutAfterBytes < 0 {
		x.abort()
		return false
	}
	limit := pace{perSecond: f.BandwidthBytesPerSecond, wait: wait}
	x.body.pace, x.w.pace = limit, limit
	if x.target.operation.takesFile() {
		x.body.cutAt = f.CutAfterBytes
	} else {
		x.w.cutAt = f.CutAfterBytes
	}
	if !f.answers() {
		return true
	}
	if f.AfterBody || x.cutsRequest() {
		x.drain()
	}
	if x.cutsRequest() {
		x.abort()
		return false
	}
	x.answerFault(f)
	return false
}

// answerFault writes the answer that the fault prescribes.
func (x *exchange) answerFault(f *Fault) {
	x.note("fault " + f.ID)
	if f.Body == "" {
		err := x.server.faultAnswer(f)
		if slices.Contains(throttling, err.code) {
			x.reportUsage(regainMinutes)
		}
		x.answer(nil, err)
		return
	}
	status, bodyType := f.Status, f.BodyType
	switch {
	case status != 0:
	case f.ErrorCode != 0:
		status = x.server.errorFor(f.ErrorCode).status
	default:
		status = http.StatusOK
	}
	switch {
	case bodyType != "":
	case strings.HasPrefix(f.Body, "<"):
		bodyType = "text/html; charset=utf-8"
	default:
		bodyType = jsonType
	}
	x.write(status, bodyType, []byte(f.Body))
}
