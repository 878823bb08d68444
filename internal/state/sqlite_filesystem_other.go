//go:build !linux

package state

import "errors"

// systemFilesystem does not know. Neither the kind of the file system nor its free
// space is checked then.
func systemFilesystem(string) (Filesystem, error) { return Filesystem{}, errors.ErrUnsupported }
