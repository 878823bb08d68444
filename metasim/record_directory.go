package metasim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// Names of files. partSuffix follows the name of a file that is being written.
const (
	recordsDirectory = "records"
	recordSuffix     = ".json"
	partSuffix       = ".part"
)

// directoryRecords keeps each record in a file, as NewDirectoryStorage documents.
type directoryRecords struct {
	root *os.Root

	mu     sync.Mutex
	closed bool
}

// openDirectoryRecords also deletes the files that were being written when a
// process ended.
func openDirectoryRecords(root *os.Root) (*directoryRecords, error) {
	d := &directoryRecords{root: root}
	kinds, err := readDirectory(root, recordsDirectory)
	problems := []error{err}
	for _, kind := range kinds {
		if !kind.IsDir() || !isKind(kind.Name()) {
			continue
		}
		files, err := readDirectory(root, path.Join(recordsDirectory, kind.Name()))
		problems = append(problems, err)
		for _, file := range files {
			if file.Type().IsRegular() && strings.HasSuffix(file.Name(), recordSuffix+partSuffix) {
				problems = append(problems, removeFile(root, path.Join(recordsDirectory, kind.Name(), file.Name())))
			}
		}
	}
	return d, errors.Join(problems...)
}

func (d *directoryRecords) Put(kind, id string, value json.RawMessage) error {
	if !isKind(kind) {
		return badRecord(kind, id, "the kind is not of small letters and _")
	}
	content, err := json.Marshal(Record{id, value})
	if err != nil {
		return badRecord(kind, id, "the value is not JSON: %w", err)
	}
	if len(content) > maxRecord {
		return badRecord(kind, id, "it has more than %d bytes", maxRecord)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	name := recordPath(kind, id)
	part := name + partSuffix
	err = d.root.WriteFile(part, content, 0o600)
	if errors.Is(err, fs.ErrNotExist) { // the first record of its kind
		if err = d.root.MkdirAll(path.Dir(name), 0o700); err == nil {
			err = d.root.WriteFile(part, content, 0o600)
		}
	}
	if err == nil {
		err = d.root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, removeFile(d.root, part))
	}
	return nil
}

func (d *directoryRecords) Delete(kind, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	return removeFile(d.root, recordPath(kind, id))
}

func (d *directoryRecords) Records(kind string) (records []Record, problems []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, []error{ErrStorageClosed}
	}
	directory := path.Join(recordsDirectory, kind)
	files, err := readDirectory(d.root, directory)
	if err != nil {
		problems = append(problems, err)
	}
	for _, file := range files {
		if !file.Type().IsRegular() || !strings.HasSuffix(file.Name(), recordSuffix) {
			continue
		}
		record, err := d.read(kind, file)
		if errors.Is(err, ErrBadRecord) {
			err = errors.Join(err, removeFile(d.root, path.Join(directory, file.Name())))
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		records = append(records, record)
	}
	return records, problems
}

func (d *directoryRecords) read(kind string, file fs.DirEntry) (record Record, _ error) {
	info, err := file.Info()
	if err != nil {
		return Record{}, err
	}
	if info.Size() > maxRecord {
		return Record{}, badRecord(kind, file.Name(), "it has more than %d bytes", maxRecord)
	}
	name := path.Join(recordsDirectory, kind, file.Name())
	content, err := d.root.ReadFile(name)
	if err != nil {
		return Record{}, err
	}
	if err := json.Unmarshal(content, &record); err != nil {
		return Record{}, badRecord(kind, file.Name(), "%w", err)
	}
	if recordPath(kind, record.ID) != name {
		return Record{}, badRecord(kind, file.Name(), "it is the record of %q", truncate(record.ID))
	}
	return record, nil
}

// Close does not close the root, which belongs to the storage.
func (d *directoryRecords) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// recordPath returns the path of the file of a record.
func recordPath(kind, id string) string {
	name := id
	other := func(r rune) bool { return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') }
	if id == "" || len(id) > 64 || strings.ContainsFunc(id, other) {
		digest := sha256.Sum256([]byte(id))
		name = hex.EncodeToString(digest[:])
	}
	return path.Join(recordsDirectory, kind, name+recordSuffix)
}

// readDirectory returns the entries of a directory, none if it does not exist.
func readDirectory(root *os.Root, name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(root.FS(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return entries, fmt.Errorf("reading the directory: %w", err)
	}
	return entries, nil
}

// removeFile deletes a file that may not exist.
func removeFile(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
