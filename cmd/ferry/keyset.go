// ferry keyset: the keyset that encrypts secrets.

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"ferry/internal/secret"
)

type keysetCommands struct {
	Create keysetCreateCommand `cmd:"" help:"Create a keyset."`
}

type keysetCreateCommand struct {
	File string `arg:"" help:"File to create. It must not exist." placeholder:"FILE"`
}

// Run writes a new keyset to a new file. It never overwrites a keyset, because
// every secret encrypted with it would be lost.
func (c keysetCreateCommand) Run(terminal *terminal) error {
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; choose another name, because replacing a keyset loses every secret that it encrypted", c.File)
	}
	if err != nil {
		return err
	}
	if _, err := file.WriteString(keyset.Reveal()); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return terminal.out.Printf("%s contains the keyset. Keep it secret and back it up: without it, the secrets in the database cannot be read.\n", c.File)
}
