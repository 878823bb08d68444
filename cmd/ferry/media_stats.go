// ferry media stats: what was uploaded, and how many uploads reuse avoided.

package main

import (
	"context"

	"ferry/internal/state"
	"ferry/internal/tty"
)

type mediaStatsCommand struct {
	stateFlags
	JSON bool `env:"-" help:"Print one JSON object per line."`
}

// Run prints one line per account.
func (c *mediaStatsCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	usages, err := db.Usages(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printUsages(terminal.out, usages)
	}
	table := terminal.out.Table("ACCOUNT", "REUSE", "VERIFY", "TEXT AS PLAIN", "LINK TO ID", "UPLOADS", "BYTES", "UPLOADS AVOIDED", "BYTES AVOIDED")
	for _, u := range usages {
		onOff := map[bool]string{true: "on", false: "off"}
		table.Row(u.AccountID, onOff[u.Reuse], onOff[u.Verify], onOff[u.TextAsPlain], onOff[u.LinkToID],
			u.Uploads, tty.Size(u.Bytes), u.UploadsAvoided, tty.Size(u.BytesAvoided))
	}
	return table.Flush()
}

// printUsages prints a line of JSON per account.
func printUsages(out *tty.Output, usages []state.Usage) error {
	for _, u := range usages {
		err := out.JSON(map[string]any{"account": u.AccountID, "reuse": u.Reuse, "verify": u.Verify, "textAsPlain": u.TextAsPlain, "linkToId": u.LinkToID,
			"uploads": u.Uploads, "bytes": u.Bytes, "uploadsAvoided": u.UploadsAvoided, "bytesAvoided": u.BytesAvoided})
		if err != nil {
			return err
		}
	}
	return nil
}
