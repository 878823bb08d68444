// What the journal is told about events.

package event

import (
	"context"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/state"
)

// record records the events of a webhook, and completes the webhook's own entry if it is
// about one account only.
func (b *intake) record(ctx context.Context, received []state.Received, webhook *activity.Entry) {
	for i, d := range b.drafts {
		e := &received[i].Event
		entry := e.Entry(webhook.Trace)
		entry.Person = boundedID(d.user)
		if len(d.mediaIDs) > 0 {
			entry.MediaID = boundedID(d.mediaIDs[0])
		}
		if !received[i].IsNew {
			entry.Text = "Meta has reported this before, so that it is not recorded again."
		}
		if d.reason != "" {
			entry.Outcome = activity.Failed
			entry.Code, entry.Text = failureOf(d.reason)
		}
		if i == 0 {
			webhook.Account, webhook.PhoneNumberID = e.AccountID, e.PhoneNumberID
			webhook.Person, webhook.WAMID, webhook.MessageID = entry.Person, entry.WAMID, entry.MessageID
		}
		if webhook.Account != e.AccountID {
			webhook.Account = ""
		}
		if i > 0 {
			webhook.Person, webhook.WAMID, webhook.MessageID = "", "", ""
		}
		b.config.Activity.Record(ctx, entry)
	}
}

// failureOf splits the reason of a failed message, "131053: Media upload error".
func failureOf(reason string) (code, text string) {
	digits, rest, ok := strings.Cut(reason, ": ")
	if ok && digits != "" && strings.Trim(digits, "0123456789") == "" {
		return "meta-" + digits, rest
	}
	return "", reason
}
