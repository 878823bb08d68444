package metasim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// throttledMinutes is the time until access is regained, in the header of a
// response to a throttled request.
const throttledMinutes = 5

// applyFault applies the fault chosen for the request. It reports whether the
// request is to be carried out; if not, the response has been written or the
// connection cut.
func (c *call) applyFault() bool {
	f := c.fault
	wait := func(d time.Duration) error { return c.server.sleep(c.r.Context(), d) }
	if f.Latency > 0 {
		if err := wait(f.Latency); err != nil {
			c.setReason("latency: " + err.Error())
			c.abort()
			return false
		}
	}
	if f.CutAfterBytes < 0 {
		c.abort()
		return false
	}
	limit := rateLimit{perSecond: f.BandwidthBytesPerSecond, sleep: wait}
	c.body.rateLimit, c.w.rateLimit = limit, limit
	if c.takesFile() {
		c.body.cutAt = f.CutAfterBytes
	} else {
		c.w.cutAt = f.CutAfterBytes
	}
	c.w.muted = f.LoseAnswer
	if !f.hasResponse() {
		return true
	}
	if f.AfterBody || c.body.cutAt > 0 {
		c.drain()
	}
	if c.body.cut {
		c.abort()
		return false
	}
	c.writeFault(f)
	return false
}

// writeFault writes the response of the fault.
func (c *call) writeFault(f *Fault) {
	c.setReason("fault " + f.ID)
	if f.Body == "" {
		err := c.server.faultError(f)
		if slices.Contains(throttling, err.code) {
			c.reportUsage(throttledMinutes)
		}
		c.respond(nil, err)
		return
	}
	status, bodyType := f.Status, f.BodyType
	switch {
	case status != 0:
	case f.ErrorCode != 0:
		status = c.server.errorFor(f.ErrorCode).status
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
	c.write(status, bodyType, []byte(f.Body))
}
