// ferry keyset: the keyset that encrypts secrets.

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"ferry/internal/secret"
)

type keysetCommands struct {
	Create keysetCreateCommand `cmd:"" help:"Create a keyset."`
	Show   keysetShowCommand   `cmd:"" help:"Show the keys of the keyset by their ids, how many values each has sealed, and which servers hold it."`
	Rotate keysetRotateCommand `cmd:"" help:"Replace the key of the keyset by a new one, while servers run."`
}

type keysetCreateCommand struct {
	File string `arg:"" help:"File to create. It must not exist." placeholder:"FILE"`
}

// Run writes a new keyset to a new file. It never overwrites a keyset, because
// every secret encrypted with it would be lost.
func (c keysetCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	text, err := secret.GenerateKeyset()
	if err != nil {
		return err
	}
	keyset, err := secret.ParseKeyset(text)
	if err != nil {
		return err
	}
	err = secret.KeysetFile{Path: c.File}.Create(ctx, keyset)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; choose another name, because replacing a keyset loses every secret that it encrypted", c.File)
	}
	if err != nil {
		return err
	}
	return terminal.out.Printf("%s contains the keyset. Keep it secret and back it up: without it, the secrets in the database cannot be read.\n", c.File)
}
