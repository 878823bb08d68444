//go:build linux || darwin || freebsd || netbsd || openbsd

package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// lockForChange locks the file of a keyset, so that one process at a time replaces it. The
// lock is of the file as it is: a process that finds another one under the name after it
// has waited looks again.
func lockForChange(path string) (unlock func(), err error) {
	for {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		if err := lock(file); err != nil {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		locked, err := file.Stat()
		if err != nil {
			file.Close()
			return nil, err
		}
		if found, err := os.Stat(path); err == nil && os.SameFile(locked, found) {
			return func() { file.Close() }, nil
		}
		file.Close()
	}
}

// lock waits for the lock of a file. What holds it replaces the file, which takes a moment.
func lock(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// keepOwner gives a file the owner and the group of another one: a server that runs as
// another user must be able to read what root has written.
func keepOwner(file *os.File, as fs.FileInfo) error {
	owner, ok := as.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	own, err := file.Stat()
	if err != nil {
		return err
	}
	if now, ok := own.Sys().(*syscall.Stat_t); ok && now.Uid == owner.Uid && now.Gid == owner.Gid {
		return nil
	}
	if err := file.Chown(int(owner.Uid), int(owner.Gid)); err != nil {
		return fmt.Errorf("the keyset belongs to user %d and group %d, and a new file cannot be given to them; run the command as root or as this user: %w", owner.Uid, owner.Gid, err)
	}
	return nil
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // not every file system supports it
		return err
	}
	return nil
}
