// What commands that change the database leave in its journal.

package main

import (
	"context"
	"os/user"
	"time"

	"ferry/internal/activity"
	"ferry/internal/state"
)

// record records a change that a command has made: who made it, and what it is. A change
// that cannot be recorded is made all the same, with a warning.
func (t *terminal) record(ctx context.Context, db *state.DB, account, operation, object, text string) {
	by := "unknown user"
	if current, err := user.Current(); err == nil {
		by = current.Username
	}
	err := db.AddEntries(ctx, []activity.Entry{{
		Kind: activity.Admin, Time: time.Now(), Account: account, By: by + " at the command line", Operation: operation, Resource: object, Text: text, Outcome: activity.OK,
	}})
	if err != nil {
		_ = t.err.Printf("The change is made, but 'ferry logs' does not show it: %v\n", err)
	}
}
