// Backups of an SQLite file while servers use it.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// partialSuffix is the end of the name under which a backup is written until it is complete.
const partialSuffix = ".partial"

// ErrExists says that the file that a backup would create exists already.
var ErrExists = errors.New("the file exists already")

// BackUp copies the SQLite file at path to a new file, while other processes use it: the
// state of one moment, without the space of deleted rows (docs/references.md#sqlite-vacuum).
// It changes nothing in the database, not even its schema, and neither reads nor copies the
// keyset. The new file is checked, synced, and readable by its owner only; it appears under
// its name when it is complete. BackUp returns its size in bytes.
func BackUp(ctx context.Context, path, file string) (size int64, err error) {
	if _, err := os.Stat(path); err != nil {
		return 0, err
	}
	reserved, err := create(file)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(reserved))
		}
	}()
	partial, err := create(file + partialSuffix)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(partial))
		}
	}()
	if err := vacuumInto(ctx, path, partial); err != nil {
		return 0, err
	}
	if err := checkFile(ctx, partial); err != nil {
		return 0, err
	}
	if size, err = syncFile(partial); err != nil {
		return 0, err
	}
	if err := os.Rename(partial, reserved); err != nil {
		return 0, err
	}
	syncFolder(filepath.Dir(file))
	return size, nil
}

// create creates an empty file and returns its name.
func create(name string) (string, error) {
	file, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s: %w", name, ErrExists)
	}
	if err != nil {
		return "", err
	}
	return name, file.Close()
}

// vacuumInto copies the database at path into an empty file.
func vacuumInto(ctx context.Context, path, file string) error {
	return withFile(path, "", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `VACUUM INTO ?`, fileURL(file))
		_, err = explain(err)
		return err
	})
}

// checkFile checks the structure of a database that no other process uses.
func checkFile(ctx context.Context, path string) error {
	return withFile(path, "&immutable=1", func(db *sql.DB) error { return check(ctx, db, "quick_check") })
}

// withFile calls use with the database at path, which is opened for reading.
func withFile(path, options string, use func(*sql.DB) error) (err error) {
	db, err := sql.Open("sqlite", fmt.Sprintf("%s?mode=ro&_pragma=busy_timeout(%d)%s", fileURL(path), busyTimeout.Milliseconds(), options))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(db)
}

func fileURL(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }

// syncFile waits until a file is on the disk, and returns its size.
func syncFile(name string) (size int64, err error) {
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), file.Sync()
}

// syncFolder waits until the names in a folder are on the disk, where the operating system
// and the file system support that.
func syncFolder(name string) {
	if folder, err := os.Open(name); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}
