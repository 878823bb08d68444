// What the simulator reports to the journal: the other side of what ferry records itself,
// joined with it by Meta's trace ids and the ids of media and messages.

package local

import (
	"fmt"
	"log/slog"

	"ferry/internal/activity"
	"ferry/metasim"
)

// storedNumberIDs are the ids of the sample's phone numbers, by Meta's ids.
var storedNumberIDs = map[string]string{MetaPhoneNumberID: storedNumberID, MetaPhoneNumberID2: storedNumberID2}

// observe records what the simulator reports.
func (w *World) observe(o metasim.Observation) { w.Gateway.Journal().Append(entryOf(o)) }

// entryOf returns the entry for what the simulator reports. Its account is that of the
// sample: there is no other one in the simulator.
func entryOf(o metasim.Observation) activity.Entry {
	e := activity.Entry{
		Kind: activity.Phone, Time: o.Time, Took: o.Took, Account: AccountID, Operation: string(o.Kind) + " " + o.Name,
		PhoneNumberID: storedNumberIDs[o.PhoneNumberID], Person: o.WAID, MediaID: o.MediaID, WAMID: o.MessageID, SHA256: o.SHA256,
		Bytes: o.Bytes, Status: o.Status, Text: o.Text, Outcome: activity.OK,
	}
	if o.Kind == metasim.ObservedWebhook {
		e.Trace = o.TraceID // of no request of ferry's
	} else {
		e.MetaTrace = o.TraceID
	}
	if o.Code != 0 {
		e.Code = fmt.Sprintf("meta-%d", o.Code)
	}
	if o.Failed {
		e.Outcome = activity.Failed
		if o.Status >= 400 && o.Status < 500 {
			e.Outcome = activity.Refused
		}
	}
	if o.FaultID != "" {
		e.Details = append(e.Details, slog.String("fault", o.FaultID))
	}
	return e
}
