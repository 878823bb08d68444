// ferry key: access keys of callers.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"ferry/internal/admin"
	"ferry/internal/state"
	"ferry/internal/tty"
)

type keyCommands struct {
	Create  keyCreateCommand  `cmd:"" help:"Create an access key. The secret is shown only once."`
	List    keyListCommand    `cmd:"" help:"List access keys, and when each was last used."`
	Rotate  keyRotateCommand  `cmd:"" help:"Create a successor of an access key, for the same user with the same policies. The old key stays valid meanwhile."`
	Disable keyDisableCommand `cmd:"" help:"Disable an access key. Calls signed with it fail until it is enabled again."`
	Enable  keyEnableCommand  `cmd:"" help:"Enable an access key that is disabled."`
	Delete  keyDeleteCommand  `cmd:"" help:"Delete an access key. Calls signed with it then fail."`
}

type keyCreateCommand struct {
	stateFlags
	Account    string         `help:"Account that the key belongs to: 12 digits of your choice. Accounts cannot see each other's resources." required:"" placeholder:"DIGITS"`
	Name       string         `env:"-" help:"Name of the user, which is part of the user's ARN and of the log. Default: ${default}." default:"app" placeholder:"NAME"`
	Policy     []string       `env:"-" help:"File with an IAM policy document that says what the key may do. May be repeated." sep:"none" placeholder:"FILE" xor:"policy"`
	FullAccess bool           `env:"-" help:"Allow the key to call all operations in its account and to read and write all buckets of all stores." xor:"policy"`
	Expires    *time.Duration `env:"-" help:"Create a temporary key, which is used with a session token and ends after this time: 15m to 36h. Default: a key without an end and without a session token." placeholder:"DURATION"`
}

// Run creates the key and prints it as shell commands.
func (c *keyCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	var policies []string
	switch {
	case c.FullAccess:
		policies = []string{admin.FullAccessPolicy}
	case len(c.Policy) == 0:
		return errors.New("a key without a policy is not allowed to do anything: set --policy FILE or --full-access")
	}
	for _, file := range c.Policy {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		policies = append(policies, string(text))
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if c.Expires != nil {
		return c.createTemporary(ctx, terminal, db, policies)
	}
	key, err := admin.CreateAccessKey(ctx, db, c.Account, c.Name, policies...)
	if err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "key create", key.ID, fmt.Sprintf("user %s, %d policies", c.Name, len(policies)))
	if err := printKey(terminal.out, key); err != nil {
		return err
	}
	return terminal.err.Printf("The secret is not shown again.\n")
}

func (c *keyCreateCommand) createTemporary(ctx context.Context, terminal *terminal, db *state.DB, policies []string) error {
	key, token, err := admin.CreateTemporaryKey(ctx, db, *c.Expires, c.Account, c.Name, policies...)
	if err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "key create", key.ID, fmt.Sprintf("user %s, %d policies, temporary until %s", c.Name, len(policies), endsAt(key)))
	if err := printKey(terminal.out, key); err != nil {
		return err
	}
	if err := terminal.out.Printf("export AWS_SESSION_TOKEN='%s'\n", token.Reveal()); err != nil {
		return fmt.Errorf("the key %s is created, but its session token could not be printed: %w", key.ID, err)
	}
	return terminal.err.Printf("The key ends at %s. All three values are needed to use it; the secret and the session token are not shown again.\n", endsAt(key))
}

// printKey prints a key that was created, as shell commands.
func printKey(out *tty.Output, key state.AccessKey) error {
	if err := out.Printf("export AWS_ACCESS_KEY_ID='%s'\nexport AWS_SECRET_ACCESS_KEY='%s'\n", key.ID, key.Secret.Reveal()); err != nil {
		return fmt.Errorf("the key %s is created, but its secret could not be printed: %w", key.ID, err)
	}
	return nil
}

type keyListCommand struct {
	stateFlags
	Account string `help:"List only the keys of this account." placeholder:"DIGITS"`
	JSON    bool   `env:"-" help:"Print one JSON object per line."`
}

// Run lists the keys, without their secrets.
func (c *keyListCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := admin.AccessKeys(ctx, db, c.Account)
	if err != nil {
		return err
	}
	if c.JSON {
		return printKeys(terminal.out, db, keys)
	}
	table := terminal.out.Table("ACCESS KEY", "ACCOUNT", "NAME", "POLICIES", "CREATED", "LAST USED", "ENDS", "STATUS")
	for _, key := range keys {
		table.Row(key.ID, key.AccountID, key.Name, len(key.Policies), createdAt(key), usedAt(key), endsAt(key), keyStatus(db, key))
	}
	return table.Flush()
}

// printKeys prints a line of JSON per key.
func printKeys(out *tty.Output, db *state.DB, keys []state.AccessKey) error {
	for _, key := range keys {
		line := map[string]any{"accessKeyId": key.ID, "account": key.AccountID, "name": key.Name, "policies": rawPolicies(key), "created": createdAt(key), "temporary": key.IsTemporary(), "status": keyStatus(db, key)}
		if used := usedAt(key); used != "" {
			line["lastUsed"] = used
		}
		if ends := endsAt(key); ends != "" {
			line["ends"] = ends
		}
		if err := out.JSON(line); err != nil {
			return err
		}
	}
	return nil
}

func createdAt(key state.AccessKey) string { return key.CreatedAt.UTC().Format(time.RFC3339) }

// usedAt is empty if it is not known.
func usedAt(key state.AccessKey) string {
	if key.UsedAt.IsZero() {
		return ""
	}
	return key.UsedAt.UTC().Format(time.RFC3339)
}

// endsAt is empty if the key has no end.
func endsAt(key state.AccessKey) string {
	if key.ExpiresAt.IsZero() {
		return ""
	}
	return key.ExpiresAt.UTC().Format(time.RFC3339)
}

func keyStatus(db *state.DB, key state.AccessKey) string { return key.Status(db.Clock()) }

func rawPolicies(key state.AccessKey) []json.RawMessage {
	documents := make([]json.RawMessage, len(key.Policies))
	for i, text := range key.Policies {
		documents[i] = json.RawMessage(text)
	}
	return documents
}

// keyChange is a command that disables or enables a key.
type keyChange struct {
	stateFlags
	ID string `arg:"" help:"Id of the access key." placeholder:"AKIA…"`
}

// change disables or enables the key.
func (c *keyChange) change(ctx context.Context, terminal *terminal, disable bool) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := admin.SetAccessKeyDisabled(ctx, db, c.ID, disable); err != nil {
		return err
	}
	key, err := db.AccessKey(ctx, c.ID)
	if err != nil {
		return err
	}
	operation := "key enable"
	if disable {
		operation = "key disable"
	}
	terminal.record(ctx, db, key.AccountID, operation, c.ID, "user "+key.Name)
	return terminal.out.Printf("%s is %s.\n", c.ID, keyStatus(db, key))
}

type keyDisableCommand struct{ keyChange }

// Run disables the key.
func (c *keyDisableCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, true)
}

type keyEnableCommand struct{ keyChange }

// Run enables the key.
func (c *keyEnableCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.change(ctx, terminal, false)
}

type keyDeleteCommand struct {
	stateFlags
	ID string `arg:"" help:"Id of the access key." placeholder:"AKIA…"`
}

// Run deletes the key.
func (c *keyDeleteCommand) Run(ctx context.Context, terminal *terminal) error {
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	key, err := db.AccessKey(ctx, c.ID)
	if err != nil && !errors.Is(err, state.ErrNotFound) { // DeleteAccessKey says that there is none
		return err
	}
	if err := admin.DeleteAccessKey(ctx, db, c.ID); err != nil {
		return err
	}
	terminal.record(ctx, db, key.AccountID, "key delete", c.ID, "user "+key.Name)
	return terminal.out.Printf("%s is deleted.\n", c.ID)
}
