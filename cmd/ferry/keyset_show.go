// ferry keyset show: which keys seal what, and who holds them.

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ferry/internal/state"
)

type keysetShowCommand struct {
	stateFlags
	JSON bool `env:"-" help:"Print one JSON object."`
}

// Run prints the keys and the servers, and nothing of the keys but their ids.
func (c *keysetShowCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	uses, err := db.KeyUses(ctx)
	if err != nil {
		return err
	}
	servers, err := db.Servers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return terminal.out.JSON(keysetJSON(uses, servers))
	}
	table := terminal.out.Table("KEY", "STATUS", "VALUES SEALED", "SERVERS")
	for _, use := range uses {
		holding := 0
		for _, s := range servers {
			if s.Holds(use.ID) {
				holding++
			}
		}
		table.Row(keyName(use), keyUseStatus(use), use.Values, fmt.Sprintf("%d of %d", holding, len(servers)))
	}
	if err := table.Flush(); err != nil || len(servers) == 0 {
		return err
	}
	if err := terminal.out.Printf("\n"); err != nil {
		return err
	}
	table = terminal.out.Table("SERVER", "SEALS WITH", "HOLDS", "SEEN")
	for _, s := range servers {
		table.Row(s.Name, s.SealsWith, strings.Trim(fmt.Sprint(s.Keys), "[]"), s.SeenAt.UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

// keyName returns the id of a key, or a word for values that do not show theirs.
func keyName(use state.KeyUse) string {
	if use.ID == 0 {
		return "unknown"
	}
	return fmt.Sprint(use.ID)
}

// keyUseStatus returns what a key is for.
func keyUseStatus(use state.KeyUse) string {
	switch {
	case use.IsMissing && use.Values > 0:
		return "missing"
	case use.IsMissing:
		return "removed"
	case use.IsPrimary:
		return "primary"
	case !use.RetiredAt.IsZero():
		return "retired"
	}
	return "not primary"
}

func keysetJSON(uses []state.KeyUse, servers []state.Server) map[string]any {
	keys, running := make([]map[string]any, 0, len(uses)), make([]map[string]any, 0, len(servers))
	for _, use := range uses {
		line := map[string]any{"key": use.ID, "status": keyUseStatus(use), "values": use.Values}
		if !use.RetiredAt.IsZero() {
			line["retired"] = use.RetiredAt.UTC().Format(time.RFC3339)
		}
		keys = append(keys, line)
	}
	for _, s := range servers {
		running = append(running, map[string]any{"name": s.Name, "sealsWith": s.SealsWith, "holds": s.Keys, "started": s.StartedAt.UTC().Format(time.RFC3339), "seen": s.SeenAt.UTC().Format(time.RFC3339)})
	}
	return map[string]any{"keys": keys, "servers": running}
}
