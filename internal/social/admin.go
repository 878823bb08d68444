// Changes by administrators, for the journal.

package social

import (
	"context"

	"ferry/internal/activity"
)

// administered records a change that the call has made: what it did, and to what. The
// call's own entry has the rest, under the same request id.
func (c *call) administered(ctx context.Context, object, text string) {
	if c.isInside { // its caller records it
		return
	}
	c.config.Activity.Record(ctx, activity.Entry{
		Kind: activity.Admin, Time: c.config.Now(), Trace: c.entry.Trace, Account: c.caller.accountID, AccessKey: c.caller.accessKeyID, By: c.caller.arn,
		Remote: c.entry.Remote, Operation: c.operation, Resource: object, Text: text, Outcome: activity.OK,
	})
}
