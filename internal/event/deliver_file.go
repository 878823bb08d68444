// Files of lines.

package event

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// logFile appends lines to a file, which it opens again when it was renamed or removed,
// as programs that rotate logs do. It never truncates a file, nor writes to one of
// something else. Lines are on the disk when writeLine returns.
type logFile struct {
	path string
	file *os.File // nil until the first line
}

func (f *logFile) String() string { return f.path }

func (f *logFile) close() {
	if f.file != nil {
		_ = f.file.Close() // every line is on the disk
		f.file = nil
	}
}

// maxReopens bounds how often one line is written again because its file was renamed
// meanwhile.
const maxReopens = 10

func (f *logFile) writeLine(line []byte) error {
	for range maxReopens {
		if err := f.reopen(); err != nil {
			return err
		}
		_, err := f.file.Write(line)
		if err == nil {
			err = f.file.Sync()
		}
		if err != nil {
			// A part of the line may be there. The next attempt opens the file again, which
			// ends that part, and writes the whole line.
			f.close()
			return err
		}
		// If the file was renamed before the line was there, whoever did that may have read
		// it already, such as to compress it. Then the line is written to the new file, too.
		if f.isCurrent() {
			return nil
		}
	}
	return &fs.PathError{Op: "write", Path: f.path, Err: errors.New("the file is renamed or removed all the time")}
}

// isCurrent reports whether the open file is the one at the path.
func (f *logFile) isCurrent() bool {
	if f.file == nil {
		return false
	}
	there, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	opened, err := f.file.Stat()
	return err == nil && os.SameFile(there, opened)
}

// reopen opens the file unless the open one is still at the path.
func (f *logFile) reopen() error {
	if f.isCurrent() {
		return nil
	}
	f.close()
	there, err := os.Stat(f.path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err == nil && !there.Mode().IsRegular() {
		return &fs.PathError{Op: "open", Path: f.path, Err: errors.New("it is not a file")}
	}
	file, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err = prepareFile(file); err == nil && isNew {
		err = syncDirectory(f.path)
	}
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file = file
	return nil
}

// prepareFile makes a file ready for lines: it ends a line that was cut off by a crash,
// or by a disk that was full. It refuses a file that does not begin with a line.
func prepareFile(file *os.File) error {
	info, err := file.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	var first, last [1]byte
	if _, err := file.ReadAt(first[:], 0); err != nil {
		return err
	}
	if first[0] != '{' {
		return &fs.PathError{Op: "open", Path: file.Name(), Err: errors.New("the file does not begin with a line of JSON; move it away, or name another path")}
	}
	if _, err := file.ReadAt(last[:], info.Size()-1); err != nil {
		return err
	}
	if last[0] == '\n' {
		return nil
	}
	_, err = file.Write([]byte("\n"))
	return err
}

// syncDirectory makes the name of a new file durable.
func syncDirectory(path string) error {
	directory, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// checkFiles returns the mistakes of destinations that would write to one file. Their
// lines could be mixed, and each would end what the other is writing.
func checkFiles(destinations []Destination) (problems []error) {
	names := make(map[string]string) // by the path that symbolic links lead to
	for _, d := range destinations {
		if d.Type != File || d.Path == "" {
			continue
		}
		path := realPath(d.Path)
		for other, name := range names {
			if other == path || isSameFile(other, path) {
				problems = append(problems, fmt.Errorf("the destinations %q and %q have the same file, %s; each needs one of its own", name, d.Name, path))
			}
		}
		names[path] = d.Name
	}
	return problems
}

func isSameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// maxLinks bounds the symbolic links of a path.
const maxLinks = 40

// realPath returns a path without symbolic links, as far as it exists.
func realPath(path string) string {
	for range maxLinks {
		path = filepath.Clean(path)
		directory, name := filepath.Split(path)
		if parent := filepath.Clean(directory); parent != path {
			if real, err := filepath.EvalSymlinks(parent); err == nil {
				parent = real
			} else {
				parent = realPath(parent)
			}
			path = filepath.Join(parent, name)
		}
		target, err := os.Readlink(path)
		if err != nil {
			return path
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return path
}
