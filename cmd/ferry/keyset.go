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
	Wrap   keysetWrapCommand   `cmd:"" help:"Copy the keyset to a new file, encrypted as a whole by a key of AWS KMS, or in the clear."`
	Rotate keysetRotateCommand `cmd:"" help:"Replace the key of the keyset by a new one, while servers run."`
}

type keysetCreateCommand struct {
	File   string `arg:"" help:"File to create. It must not exist." placeholder:"FILE"`
	KMSKey string `name:"kms-key" env:"FERRY_KEYSET_KMS_KEY" help:"ARN of a symmetric key of AWS KMS that encrypts the keyset. Set it as --keyset-kms-key for all other commands. Default: none, the keyset is in the clear." placeholder:"ARN"`
	kmsAccess
}

// Run writes a new keyset to a new file. It never overwrites a keyset, because
// every secret encrypted with it would be lost.
func (c keysetCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	wrapper, err := c.wrapper("kms-key", c.KMSKey)
	if err != nil {
		return err
	}
	text, err := secret.GenerateKeyset()
	if err != nil {
		return err
	}
	keyset, err := secret.ParseKeyset(text)
	if err != nil {
		return err
	}
	if err := createKeyset(ctx, secret.KeysetFile{Path: c.File, Wrapper: wrapper}, keyset); err != nil {
		return err
	}
	if wrapper != nil {
		return terminal.out.Printf("%s contains the keyset, encrypted by %s. Back it up, and keep the key: without both, the secrets in the database cannot be read.\n", c.File, c.KMSKey)
	}
	return terminal.out.Printf("%s contains the keyset. Keep it secret and back it up: without it, the secrets in the database cannot be read.\n", c.File)
}

// createKeyset writes a keyset to a new file.
func createKeyset(ctx context.Context, file secret.KeysetFile, keyset *secret.Keyset) error {
	err := file.Create(ctx, keyset)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; choose another name, because replacing a keyset loses every secret that it encrypted", file.Path)
	}
	return err
}

type keysetWrapCommand struct {
	Out          string `arg:"" help:"File to create. It must not exist." placeholder:"FILE"`
	KeysetFile   string `help:"File with the keyset." placeholder:"FILE" required:""`
	KeysetKMSKey string `name:"keyset-kms-key" help:"ARN of the key of AWS KMS that has encrypted --keyset-file. Default: none, it is in the clear." placeholder:"ARN"`
	KMSKey       string `name:"kms-key" env:"-" help:"ARN of the symmetric key of AWS KMS that encrypts the new file." placeholder:"ARN" required:"" xor:"to"`
	Clear        bool   `env:"-" help:"Write the new file in the clear." required:"" xor:"to"`
	kmsAccess
}

// Run copies the keyset. The old file stays as it is: servers that use it are restarted
// with the new one.
func (c keysetWrapCommand) Run(ctx context.Context, terminal *terminal) error {
	from, err := c.wrapper("keyset-kms-key", c.KeysetKMSKey)
	if err != nil {
		return err
	}
	to, err := c.wrapper("kms-key", c.KMSKey)
	if err != nil {
		return err
	}
	keyset, err := secret.KeysetFile{Path: c.KeysetFile, Wrapper: from}.Load(ctx)
	if err != nil {
		return err
	}
	if err := createKeyset(ctx, secret.KeysetFile{Path: c.Out, Wrapper: to}, keyset); err != nil {
		return err
	}
	if to == nil {
		return terminal.out.Printf("%s contains the keyset in the clear. Keep it secret. Restart the servers with --keyset-file %[1]s and without --keyset-kms-key.\n", c.Out)
	}
	return terminal.out.Printf("%s contains the keyset, encrypted by %s. Restart the servers with --keyset-file %[1]s and --keyset-kms-key %[2]s, then destroy the copies of %s that nothing needs.\n", c.Out, c.KMSKey, c.KeysetFile)
}
