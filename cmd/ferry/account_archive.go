// ferry account archive: the files of inbound messages in the account's bucket.

package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"ferry/internal/admin"
	"ferry/internal/state"
)

type accountArchiveCommand struct {
	stateFlags
	Account string `help:"Account, 12 digits." required:"" placeholder:"DIGITS"`
	To      string `arg:"" help:"s3://BUCKET/PREFIX, where a slash at the end of the prefix makes a folder; or off." placeholder:"DESTINATION"`
}

var bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Run sets where the files of inbound messages are stored.
func (c *accountArchiveCommand) Run(ctx context.Context, terminal *terminal) error {
	archive, err := parseArchive(c.To)
	if err != nil {
		return err
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := admin.SetArchive(ctx, db, c.Account, archive); err != nil {
		return err
	}
	terminal.record(ctx, db, c.Account, "account archive", "", c.To)
	if archive.Bucket == "" {
		return terminal.out.Printf("Files of inbound messages are not stored for account %s.\n", c.Account)
	}
	return terminal.out.Printf("Files of inbound messages for account %s are stored as s3://%s/%sMEDIA-ID.TYPE. The store of this bucket (--store) must allow s3:PutObject.\n",
		c.Account, archive.Bucket, archive.Prefix)
}

// parseArchive parses the argument of the command. The zero Archive means off.
func parseArchive(text string) (state.Archive, error) {
	if text == "off" {
		return state.Archive{}, nil
	}
	location, ok := strings.CutPrefix(text, "s3://")
	bucket, prefix, _ := strings.Cut(location, "/")
	if !ok || !bucketForm.MatchString(bucket) || strings.HasPrefix(prefix, "/") || strings.Contains("/"+prefix+"/", "/../") || len(prefix) > maxArchivePrefix {
		return state.Archive{}, fmt.Errorf("%q is not a destination; expected s3://BUCKET/PREFIX, such as s3://my-bucket/inbound/, or off", text)
	}
	return state.Archive{Bucket: bucket, Prefix: prefix}, nil
}

// maxArchivePrefix leaves room in a key for the media id and the type, in bytes.
const maxArchivePrefix = 512
