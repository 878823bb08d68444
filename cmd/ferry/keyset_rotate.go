// ferry keyset rotate: a new key, while servers run.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"ferry/internal/admin"
	"ferry/internal/secret"
)

// exitRotating is the exit status of a rotation that is not complete, and has to be
// continued.
const exitRotating = 3

type keysetRotateCommand struct {
	stateFlags
	Out   string        `env:"-" help:"Write the next keyset to this file, which must not exist, instead of replacing --keyset-file: for a file that cannot be written here, such as a Kubernetes secret." placeholder:"FILE"`
	Wait  time.Duration `env:"-" help:"How long to wait for servers to read the keyset. What is left then is done by the next run. Default: ${default}." default:"2m"`
	Grace time.Duration `env:"-" help:"How long the old key stays in the keyset after nothing in the database needs it, for page tokens that clients have. With 0s these end with an error. Default: ${default}." default:"1h"`
}

// Help is the end of the help text.
func (c *keysetRotateCommand) Help() string {
	return `The command adds a key to the keyset, makes it the primary one when every server holds it, encrypts every secret in the database again, and removes the old key when nothing needs it any more. Each run does what can be done now, waits for at most --wait, and says what is left: run it again until it is complete. It may be ended at any moment.

Exit status: 0 if the rotation is complete, 3 if something is left to do, 1 if the command failed.`
}

// Validate checks the flags.
func (c *keysetRotateCommand) Validate() error {
	switch {
	case c.KeysetFile == "" && !c.Keyset.IsZero():
		return errors.New("only a keyset in a file can be rotated: write the keyset of FERRY_KEYSET to a file, unset the variable and set --keyset-file")
	case c.Wait < 0 || c.Grace < 0:
		return errors.New("--wait and --grace are durations of 0s or more, such as 90s or 1h")
	}
	return nil
}

// Run continues the rotation, or begins one.
func (c *keysetRotateCommand) Run(ctx context.Context, terminal *terminal) error {
	file, err := c.keysetFile()
	if err != nil {
		return err
	}
	if c.Out == "" && c.KeysetFile != "" {
		if err := file.CheckReplaceable(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s cannot be replaced: %w. If it is a copy, such as a Kubernetes secret, write the next keyset elsewhere with --out FILE", c.KeysetFile, err)
		}
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	var printed error
	rotation := admin.Rotation{
		State: db, File: file, Out: secret.KeysetFile{Path: c.Out, Wrapper: file.Wrapper}, Wait: c.Wait, Grace: c.Grace,
		Changed: func(text string) {
			terminal.record(ctx, db, "", "keyset rotate", c.KeysetFile, text)
			printed = errors.Join(printed, terminal.out.Printf("%s\n", text))
		},
		Waiting: func(text string) { _ = terminal.err.Printf("%s\n", text) },
	}
	left, err := rotation.Run(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		left = "run the command again"
	case err != nil:
		return err
	}
	if left != "" {
		_ = terminal.err.Printf("The rotation is not complete: %s.\n", left)
		return exitStatus(exitRotating)
	}
	return errors.Join(printed, terminal.out.Printf("The rotation is complete: everything is sealed with key %d. Back up %s. Backups of the database that are older than the rotation need the keyset of that time: keep a copy with them until they are deleted.\n", db.Keyset().Primary(), c.KeysetFile))
}
