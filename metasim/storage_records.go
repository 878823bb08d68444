package metasim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// maxRecord is the size in bytes that a record may have. Only a file name of
// absurd length exceeds it.
const maxRecord = 1 << 20

// errBadRecord marks records that are wrong whenever they are read.
var errBadRecord = errors.New("bad record")

// removeLeftovers removes what a crash left: parts, and bytes without a record.
func (d *directoryStorage) removeLeftovers() error {
	names, err := d.names()
	if err != nil {
		return err
	}
	var problems []error
	for name := range names {
		whole, isPart := strings.CutSuffix(name, partSuffix)
		id, isData := cutID(whole, dataSuffix)
		_, isRecord := cutID(whole, recordSuffix)
		if isPart && (isData || isRecord) || !isPart && isData && !names[id+recordSuffix] {
			problems = append(problems, d.remove(name))
		}
	}
	return errors.Join(problems...)
}

// names lists the plain files of the directory.
func (d *directoryStorage) names() (map[string]bool, error) {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	names := make(map[string]bool, len(entries))
	for _, entry := range entries {
		if entry.Type().IsRegular() {
			names[entry.Name()] = true
		}
	}
	return names, err
}

// cutID splits the name of a file of this storage.
func cutID(name, suffix string) (id string, ok bool) {
	id, ok = strings.CutSuffix(name, suffix)
	return id, ok && isObjectID(id)
}

// Record implements RecordKeeper.
func (d *directoryStorage) Record(file Media) error {
	record, err := json.Marshal(file)
	if err != nil {
		return err
	}
	if len(record) > maxRecord {
		return fmt.Errorf("%w of %s: more than %d bytes", errBadRecord, file.ID, maxRecord)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return ErrStorageClosed
	}
	if err := d.check(file.ID, file); err != nil {
		return err
	}
	name := file.ID + recordSuffix
	part := name + partSuffix
	err = d.root.WriteFile(part, record, 0o600)
	if err == nil {
		err = d.root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(err, d.remove(part))
	}
	return nil
}

// Records implements RecordKeeper. What is wrong for good is removed; what
// could not be read stays, and its id stays taken.
func (d *directoryStorage) Records() (files []Media, problems []error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, []error{ErrStorageClosed}
	}
	names, err := d.names()
	if err != nil {
		problems = append(problems, err)
	}
	for name := range names {
		id, isRecord := cutID(name, recordSuffix)
		if !isRecord {
			continue
		}
		file, err := d.readRecord(id)
		if errors.Is(err, errBadRecord) {
			err = errors.Join(err, d.removeBoth(id))
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		files = append(files, file)
	}
	return files, problems
}

func (d *directoryStorage) readRecord(id string) (file Media, _ error) {
	name := id + recordSuffix
	info, err := d.root.Lstat(name)
	if err != nil {
		return Media{}, err
	}
	if info.Size() > maxRecord {
		return Media{}, fmt.Errorf("%w of %s: more than %d bytes", errBadRecord, id, maxRecord)
	}
	record, err := d.root.ReadFile(name)
	if err != nil {
		return Media{}, err
	}
	if err := json.Unmarshal(record, &file); err != nil {
		return Media{}, fmt.Errorf("%w of %s: %w", errBadRecord, id, err)
	}
	return file, d.check(id, file)
}

// check compares a record with the id that it is for, with the bytes, of which
// only the number is looked at, and with itself.
func (d *directoryStorage) check(id string, file Media) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w of %s: %s", errBadRecord, id, fmt.Sprintf(format, args...))
	}
	digest, err := hex.DecodeString(file.SHA256)
	switch {
	case file.ID != id || !isObjectID(id):
		return bad("it is of %q", file.ID)
	case !isObjectID(file.PhoneNumberID) || file.MIMEType == "" || file.FileName == "":
		return bad("number, type or name is missing")
	case err != nil || len(digest) != sha256.Size:
		return bad("it has no SHA-256")
	case !file.Created.Before(file.Expires):
		return bad("it expires before it was made")
	}
	data, err := d.root.Lstat(id + dataSuffix)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return bad("its file is missing")
	case err != nil:
		return err
	case !data.Mode().IsRegular() || data.Size() != file.Size:
		return bad("its file has %d bytes, not %d", data.Size(), file.Size)
	}
	return nil
}
