// ferry as a child: how it is built, and what its commands print.

package child

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// BuildFerry builds the binary as a release is built.
func BuildFerry(ctx context.Context, root, dir string) (string, error) {
	binary := filepath.Join(dir, "ferry")
	_, err := Command(ctx, root, os.Environ(), "go", "build", "-trimpath", "-o", binary, "./cmd/ferry")
	return binary, err
}

// Repository returns the root of the repository, at or above the working directory.
func Repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "ferry")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("the working directory is not in ferry's repository")
		}
		dir = filepath.Dir(dir)
	}
}

// Ferry is an installation that is ready to serve: its database has an account that is linked, and an access key.
type Ferry struct {
	KeyID, Secret string
	Phone         string // "phone-number-id-…"

	binary, dir string
	env         []string
}

// Install creates keyset, access key and linked account with ferry's own commands, in a directory that exists. env is
// the whole environment of ferry: it names the keyset, keyset.json, the database and Meta's token.
func Install(ctx context.Context, binary, dir string, env []string, account, metaAccount, graphURL string) (*Ferry, error) {
	f := &Ferry{binary: binary, dir: dir, env: env}
	if _, err := Command(ctx, dir, Environment(), binary, "keyset", "create", "keyset.json"); err != nil {
		return nil, err
	}
	key, err := f.Command(ctx, "key", "create", "--account", account, "--full-access")
	if err != nil {
		return nil, err
	}
	if f.KeyID, f.Secret, err = ParseKey(key); err != nil {
		return nil, err
	}
	if _, err := f.Command(ctx, "account", "link", "--account", account, "--waba-id", metaAccount, "--graph-url", graphURL); err != nil {
		return nil, err
	}
	linked, err := f.Command(ctx, "account", "list", "--json")
	if err != nil {
		return nil, err
	}
	f.Phone, err = ParsePhone(linked)
	return f, err
}

// Command runs one of ferry's commands.
func (f *Ferry) Command(ctx context.Context, args ...string) (string, error) {
	return Command(ctx, f.dir, f.env, f.binary, args...)
}

// Serve starts the server, and waits until it is ready.
func (f *Ferry) Serve(ctx context.Context, address string, flags ...string) (*Process, error) {
	server, err := Start(ctx, f.dir, "ferry", f.env, f.binary, append([]string{"serve", "--listen", address}, flags...)...)
	if err != nil {
		return nil, err
	}
	if err := server.WaitReady(ctx, "http://"+address+"/readyz"); err != nil {
		server.Stop()
		return nil, err
	}
	return server, nil
}

var keyLines = regexp.MustCompile(`AWS_ACCESS_KEY_ID='([^']+)'\n.*AWS_SECRET_ACCESS_KEY='([^']+)'`)

// ParseKey reads what `ferry key create` prints.
func ParseKey(text string) (id, secret string, err error) {
	match := keyLines.FindStringSubmatch(text)
	if match == nil {
		return "", "", errors.New("'ferry key create' printed no key")
	}
	return match[1], match[2], nil
}

// ParsePhone reads what `ferry account list --json` prints.
func ParsePhone(text string) (string, error) {
	var linked struct {
		PhoneNumbers []struct {
			PhoneNumberID string `json:"phoneNumberId"`
		} `json:"phoneNumbers"`
	}
	if err := json.Unmarshal([]byte(text), &linked); err != nil || len(linked.PhoneNumbers) != 1 {
		return "", fmt.Errorf("'ferry account list --json' printed %q; expected one account with one phone number", text)
	}
	return linked.PhoneNumbers[0].PhoneNumberID, nil
}
