// The file of a keyset, and how it is replaced.

package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxKeysetFile is the size in bytes of the file of a keyset.
const maxKeysetFile = 64 << 10

// newSuffix is the end of the name under which a keyset is written until it is complete.
const newSuffix = ".new"

// ErrKeysetChanged says that a file has another keyset than the one that was to be replaced.
var ErrKeysetChanged = errors.New("the keyset's file was changed meanwhile by another process; run the command again")

// A KeysetFile is a file with a keyset in Tink's JSON format.
type KeysetFile struct {
	Path    string
	Wrapper Wrapper // encrypts the keyset as a whole; nil means that it is in the clear
}

// Load reads the keyset.
func (f KeysetFile) Load(ctx context.Context) (*Keyset, error) {
	text, err := f.read()
	if err != nil {
		return nil, err
	}
	return f.parse(ctx, text)
}

// read returns the text of the file.
func (f KeysetFile) read() (Secret, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return Secret{}, fmt.Errorf("reading the keyset: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxKeysetFile+1))
	if err != nil {
		return Secret{}, fmt.Errorf("reading the keyset: %w", err)
	}
	if len(text) > maxKeysetFile {
		return Secret{}, fmt.Errorf("%s has more than %d bytes, and is not a keyset", f.Path, maxKeysetFile)
	}
	return New(string(text)), nil
}

func (f KeysetFile) parse(ctx context.Context, text Secret) (*Keyset, error) {
	return UnwrapKeyset(ctx, text, f.Wrapper)
}

// Create writes a keyset to the file, which must not exist. Only its owner may read it.
func (f KeysetFile) Create(ctx context.Context, keyset *Keyset) error {
	text, err := keyset.WrappedText(ctx, f.Wrapper)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := writeAndSync(file, text); err != nil {
		return errors.Join(err, os.Remove(f.Path))
	}
	return syncFolder(filepath.Dir(f.Path))
}

// CheckReplaceable returns why the file cannot be replaced.
func (f KeysetFile) CheckReplaceable() error {
	path, err := filepath.EvalSymlinks(f.Path)
	if err != nil {
		return err
	}
	unlock, err := lockForChange(path)
	if err != nil {
		return err
	}
	defer unlock()
	file, err := os.OpenFile(path+newSuffix, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(path+newSuffix))
}

// Replace replaces the keyset of the file by another one, at once and for good: whoever
// reads the file sees one of them, also after a crash. The file keeps its mode and its
// owner. It returns ErrKeysetChanged if the file does not have the keyset before.
func (f KeysetFile) Replace(ctx context.Context, before, after *Keyset) error {
	text, err := after.WrappedText(ctx, f.Wrapper)
	if err != nil {
		return err
	}
	path, err := filepath.EvalSymlinks(f.Path)
	if err != nil {
		return err
	}
	unlock, err := lockForChange(path)
	if err != nil {
		return err
	}
	defer unlock()
	found, err := f.Load(ctx)
	if err != nil {
		return err
	}
	if !found.equals(before) {
		return ErrKeysetChanged
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	// A keyset that an earlier process has left there is overwritten: it was never in use.
	if err := os.Remove(path + newSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(path+newSuffix, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(keepOwner(file, info), file.Chmod(info.Mode().Perm()))
	if err != nil {
		file.Close()
	} else {
		err = writeAndSync(file, text)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+newSuffix))
	}
	if err := os.Rename(path+newSuffix, path); err != nil {
		return errors.Join(err, os.Remove(path+newSuffix))
	}
	return syncFolder(filepath.Dir(path))
}

// equals reports whether keysets have the same keys and the same primary one.
func (k *Keyset) equals(other *Keyset) bool {
	one, err := k.Text()
	if err != nil {
		return false
	}
	two, err := other.Text()
	return err == nil && one.Equal(two)
}

// writeAndSync writes a text to a file and closes it.
func writeAndSync(file *os.File, text Secret) error {
	_, err := file.WriteString(text.Reveal())
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}
