// ferry keyset: the keyset that seals secrets.

package main

import (
	"fmt"
	"os"

	"ferry/internal/secret"
)

type keysetCommands struct {
	Create keysetCreateCommand `cmd:"" help:"Make a new keyset."`
}

type keysetCreateCommand struct {
	File string `arg:"" help:"File to make; it must not exist." placeholder:"FILE"`
}

// Run writes a new keyset. It never overwrites one: that would lose every secret sealed with it.
func (c keysetCreateCommand) Run(terminal *terminal) error {
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return err
	}
	file, err := os.OpenFile(c.File, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := file.WriteString(keyset.Reveal()); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	fmt.Fprintf(terminal.out, "%s holds the keyset. Keep it secret and keep a copy: without it the secrets in the database are lost.\n", c.File)
	return nil
}
