// ferry key rotate: a successor of an access key.

package main

import (
	"context"
	"fmt"
	"time"

	"ferry/internal/admin"
)

type keyRotateCommand struct {
	stateFlags
	ID   string         `arg:"" help:"Id of the access key." placeholder:"AKIA…"`
	Keep *time.Duration `env:"-" help:"End the old key after this time, at most 2160h, which is 90 days. Default: it stays valid until 'ferry key disable' or 'ferry key delete'." placeholder:"DURATION"`
}

// Run creates the successor, prints it as shell commands, and says what to do with the old key.
func (c *keyRotateCommand) Run(ctx context.Context, terminal *terminal) error {
	var keep time.Duration
	if c.Keep != nil {
		if keep = *c.Keep; keep <= 0 {
			return fmt.Errorf("--keep is %v; expected a time for which the old key stays valid, such as 24h, or no --keep", keep)
		}
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	old, successor, err := admin.RotateAccessKey(ctx, db, c.ID, keep)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("user %s, successor %s", old.Name, successor.ID)
	if ends := endsAt(old); ends != "" {
		text += ", ends at " + ends
	}
	terminal.record(ctx, db, old.AccountID, "key rotate", old.ID, text)
	if err := printKey(terminal.out, successor); err != nil {
		return err
	}
	if err := terminal.err.Printf("The secret is not shown again. Configure the clients of %s with the new key.\n", old.ID); err != nil {
		return err
	}
	if ends := endsAt(old); ends != "" {
		return terminal.err.Printf("The old key ends at %s. Until then, 'ferry key list' shows under LAST USED whether a client still uses it; 'ferry key enable %s' removes the end afterwards.\n", ends, old.ID)
	}
	return terminal.err.Printf("The old key stays valid. When 'ferry key list' shows under LAST USED that no client uses it any more, run 'ferry key disable %s', and later 'ferry key delete %s'.\n", old.ID, old.ID)
}
