// What the simulator reports to the journal: the other side of what ferry records itself,
// joined with it by Meta's trace ids and the ids of media and messages.

package local

import (
	"cmp"
	"fmt"
	"log/slog"

	"ferry/internal/activity"
	"ferry/metasim"
)

// A numberOwner is where a phone number of the simulator belongs at AWS.
type numberOwner struct{ account, storedID string }

// numberOwners returns the owners of all phone numbers, by Meta's ids.
func (w *World) numberOwners() map[string]numberOwner {
	owners := map[string]numberOwner{MetaPhoneNumberID: {AccountID, storedNumberID}, MetaPhoneNumberID2: {AccountID, storedNumberID2}}
	if w.seed != nil {
		for _, a := range w.seed.Accounts {
			for _, n := range a.PhoneNumbers {
				owners[n.ID] = numberOwner{cmp.Or(a.AccountID, AccountID), n.StoredID()}
			}
		}
	}
	return owners
}

// observe records what the simulator reports.
func (w *World) observe(o metasim.Observation) {
	w.Gateway.Journal().Append(entryOf(o, w.owners[o.PhoneNumberID]))
}

// entryOf returns the entry for what the simulator reports about a phone number. What is about
// none is the sample account's.
func entryOf(o metasim.Observation, owner numberOwner) activity.Entry {
	e := activity.Entry{
		Kind: activity.Phone, Time: o.Time, Took: o.Took, Account: cmp.Or(owner.account, AccountID), Operation: string(o.Kind) + " " + o.Name,
		PhoneNumberID: owner.storedID, Person: o.WAID, MediaID: o.MediaID, WAMID: o.MessageID, SHA256: o.SHA256,
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
