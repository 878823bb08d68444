// ferry media stats: what was uploaded, and how many uploads reuse avoided.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"

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
	table := tabwriter.NewWriter(terminal.out, 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(table, "ACCOUNT\tREUSE\tVERIFY\tTEXT AS PLAIN\tUPLOADS\tBYTES\tUPLOADS AVOIDED\tBYTES AVOIDED")
	}
	for _, u := range usages {
		if c.JSON {
			line, _ := json.Marshal(map[string]any{"account": u.AccountID, "reuse": u.Reuse, "verify": u.Verify, "textAsPlain": u.TextAsPlain, "uploads": u.Uploads, "bytes": u.Bytes,
				"uploadsAvoided": u.UploadsAvoided, "bytesAvoided": u.BytesAvoided})
			fmt.Fprintf(terminal.out, "%s\n", line)
			continue
		}
		onOff := map[bool]string{true: "on", false: "off"}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%d\t%s\n", u.AccountID, onOff[u.Reuse], onOff[u.Verify], onOff[u.TextAsPlain],
			u.Uploads, tty.Size(u.Bytes), u.UploadsAvoided, tty.Size(u.BytesAvoided))
	}
	return table.Flush()
}
