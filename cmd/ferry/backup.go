// ferry backup: a copy of the database, while the server runs.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
)

type backupCommand struct {
	File     string        `arg:"" help:"File to create. It must not exist." placeholder:"FILE"`
	Database secret.Secret `help:"The server's SQLite file. Default: ${default}." default:"ferry.db" placeholder:"FILE" group:"State"`
	JSON     bool          `env:"-" help:"Print one JSON object."`
}

// Run copies the database. It needs no keyset: secrets stay encrypted.
func (c *backupCommand) Run(ctx context.Context, terminal *terminal) error {
	path := c.Database.Reveal()
	if state.IsPostgres(path) {
		return usage(terminal, fmt.Errorf("the database is on a PostgreSQL server, which has tools for backups. With its URL in FERRY_DATABASE, run: "+
			`pg_dump --format=custom --file=%s --dbname="$FERRY_DATABASE"`, quote(c.File)))
	}
	if err := (state.Config{Path: path}).CheckPath(); err != nil || path == state.Memory {
		return usage(terminal, errors.Join(errors.New("--database: expected the path of the server's SQLite file"), err))
	}
	begun := time.Now()
	size, err := state.BackUp(ctx, path, c.File)
	switch {
	case errors.Is(err, state.ErrExists):
		return fmt.Errorf("%w; choose another name, or remove it if it is the rest of a backup that was interrupted", err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; set --database to the file of the server, and name a file in a folder that exists", err)
	case err != nil:
		return err
	}
	if c.JSON {
		return terminal.out.JSON(map[string]any{"file": c.File, "database": path, "bytes": size, "milliseconds": time.Since(begun).Milliseconds()})
	}
	return terminal.out.Printf("%s contains the database, in %d bytes. It does not contain the keyset, without which nobody can read the secrets in it: keep a copy of the keyset, too, in another place.\n", c.File, size)
}
