// The time that it takes to find out that a host cannot be reached.

package object

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"time"
)

// errUnreached is the cause of canceling a request whose host was not reached in time.
var errUnreached = errors.New("no connection within ReachTimeout")

// reachBy returns the time by which a request that starts now must have a connection
// to its host, all attempts included. A URL of the operator has no such limit: the zero
// time.
//
// A host that is not reached by then, or whose address is forbidden, gets its error
// at exactly this time (awaitReach). So neither the text nor the time of the error
// tells a caller whether a name exists, to which addresses it resolves and whether
// something responds there.
func (u *target) reachBy() time.Time {
	if u.isTrusted {
		return time.Time{}
	}
	return time.Now().Add(u.opener.cfg.ReachTimeout)
}

// limitReach cancels a request that has no connection by a time. The zero time means
// no limit. stop ends the limit.
func limitReach(request *http.Request, cancel context.CancelCauseFunc, by time.Time) (limited *http.Request, stop func()) {
	if by.IsZero() {
		return request, func() {}
	}
	limit := time.AfterFunc(time.Until(by), func() { cancel(errUnreached) })
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { limit.Stop() }}
	return request.WithContext(httptrace.WithClientTrace(request.Context(), trace)), func() { limit.Stop() }
}

// awaitReach returns err. If there was no response, it first waits for a time, or
// until ctx is done.
func awaitReach(ctx context.Context, by time.Time, err error) error {
	failed, ok := errors.AsType[*Error](err)
	if !ok || !failed.noResponse || by.IsZero() {
		return err
	}
	select {
	case <-time.After(time.Until(by)):
	case <-ctx.Done():
	}
	return err
}
