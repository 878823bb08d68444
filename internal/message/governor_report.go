// What the governor learns from Meta's responses.

package message

import (
	"context"
	"net/http"
	"time"

	"ferry/internal/state"
)

const (
	// quietTime is how long a limit must not be refused for the next refusal to
	// count as the first one.
	quietTime = 5 * time.Minute
	// maxPause is the longest time for which a limit is blocked, whatever Meta asks
	// for: then one message tries again.
	maxPause = time.Hour
)

// A Result is what Meta said to a message, as far as its limits are concerned.
type Result struct {
	Code   int // Meta's code; 0 if it accepted the message or the error has none
	Status int // HTTP status
	// RetryAfter is how long Meta asked to wait, in Retry-After or as the time until
	// access is regained; 0 means that it did not.
	RetryAfter time.Duration
}

// A scope is which messages a refusal stops.
type scope uint8

const (
	ofPair scope = iota + 1
	ofNumber
	ofAccount
)

// A backOff is how long messages stop after refusals: first, then factor times as
// long for each further one.
type backOff struct {
	scope  scope
	first  time.Duration
	factor int
}

// backOffs are those of Meta's codes that say that a limit is used up
// (docs/references.md#graph-errors).
var backOffs = map[int]backOff{
	130429: {ofNumber, time.Second, 2},      // throughput of the phone number
	131057: {ofNumber, 30 * time.Second, 2}, // maintenance, while the throughput is raised: about a minute
	131048: {ofNumber, 10 * time.Minute, 2}, // too many messages of the number were reported as spam
	131056: {ofPair, time.Second, 4},        // messages to one user: 4^X s
	131064: {ofPair, 10 * time.Minute, 2},   // templates in a wrong category: other messages are not concerned
	4:      {ofAccount, time.Minute, 2},     // requests of the app
	17:     {ofAccount, time.Minute, 2},     // requests of the user of the token
	341:    {ofAccount, time.Minute, 2},     // the same
	613:    {ofAccount, time.Minute, 2},     // a limit of the Graph API
	80007:  {ofAccount, time.Minute, 2},     // requests for the business account
	133016: {ofNumber, 10 * time.Minute, 2}, // registrations of the phone number
}

// backOffOf returns the back-off of a result; ok is false if no limit is used up.
func backOffOf(result Result) (back backOff, ok bool) {
	if back, ok = backOffs[result.Code]; ok {
		return back, true
	}
	if result.Status == http.StatusTooManyRequests {
		return backOffs[130429], true
	}
	return backOff{}, false
}

// pause returns how long to wait after a number of refusals in a row.
func (b backOff) pause(refusals int, asked time.Duration) time.Duration {
	if asked > 0 {
		return min(asked, maxPause)
	}
	pause := b.first
	for ; refusals > 1 && pause < maxPause; refusals-- {
		pause *= time.Duration(b.factor)
	}
	return min(pause, maxPause)
}

// Report says what Meta responded to a message. If that is a limit that is used up,
// the messages to which it applies stop for some time, in all processes, and throttled
// is true: the message must be retried after wait.
func (g *Governor) Report(ctx context.Context, flow Flow, result Result) (wait time.Duration, throttled bool, err error) {
	back, ok := backOffOf(result)
	if !ok {
		return 0, false, nil
	}
	id := accountRate(flow.BusinessAccountID)
	switch {
	case back.scope == ofNumber:
		id = numberRate(flow.PhoneNumberID)
	case back.scope == ofPair && flow.hasPair():
		id = state.PairRate(flow.PhoneNumberID, flow.Recipient)
	case back.scope == ofPair:
		id = numberRate(flow.PhoneNumberID)
	}
	until, err := g.config.State.BlockRate(ctx, id, quietTime, func(refusals int) time.Duration { return back.pause(refusals, result.RetryAfter) })
	if err != nil {
		return back.pause(1, result.RetryAfter), true, err
	}
	if id != state.PairRate(flow.PhoneNumberID, flow.Recipient) {
		g.number(flow.PhoneNumberID).blocked.Store(until.UnixMicro())
	}
	return until.Sub(g.config.Now()), true, nil
}
