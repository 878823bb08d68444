// Package seed reads the directory with which `ferry dev --seed` begins: business accounts,
// keys, people, message templates and objects of S3, as files that a team keeps with its code.
//
//	accounts.yaml                     business accounts with their phone numbers, access keys
//	people.yaml                       people and how they are
//	templates/NAME.json               templates of the sample account, as Meta's create call takes them
//	templates/ACCOUNT/NAME.json       those of another business account, by Meta's id
//	objects/BUCKET/KEY                objects
//	README.md                         for people; not read
//
// Everything is read strictly: what is not known is an error with its file and line. The
// members have the names of the world's file (`ferry world save`). Ids that a file leaves out
// are derived from what it says, so that they are the same at every start.
package seed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of a seed.
const (
	maxFile      = 1 << 20 // bytes of accounts.yaml or people.yaml
	maxTemplate  = 256 << 10
	maxAccounts  = 100    // business accounts
	maxNumbers   = 1000   // phone numbers of all of them
	maxKeys      = 1000   // access keys
	maxPeople    = 1000   // in people.yaml
	maxTemplates = 1000   // of all accounts
	maxObjects   = 10_000 // objects
	maxBytes     = 4 << 30
	maxProblems  = 20 // that are reported
)

// Names in a seed's directory.
const (
	accountsFile = "accounts.yaml"
	peopleFile   = "people.yaml"
	templatesDir = "templates"
	objectsDir   = "objects"
	readmeFile   = "README.md"
)

// ignored are files that desktops and version control leave in any directory.
var ignored = []string{".DS_Store", "Thumbs.db", ".gitkeep", ".gitignore"}

// A Seed is what a directory says.
type Seed struct {
	Dir       string
	Accounts  []BusinessAccount
	Keys      []Key
	People    []Person
	Templates []Template
	Objects   []Object
	Buckets   []string
}

// An Error is everything that is wrong with a seed.
type Error struct {
	Dir      string
	Problems []Problem
}

// A Problem is something that is wrong in a file.
type Problem struct {
	File string // its path in the directory, with slashes
	Line int    // 0 means that there is none
	Text string // what is wrong, and what was expected
}

// String returns the problem as compilers write theirs.
func (p Problem) String() string {
	if p.Line > 0 {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
	}
	return p.File + ": " + p.Text
}

// Error implements the error interface. Each problem has a line.
func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "the seed in %s is invalid; nothing was started:", e.Dir)
	for _, p := range e.Problems[:min(len(e.Problems), maxProblems)] {
		text.WriteString("\n" + filepath.ToSlash(filepath.Join(e.Dir, p.File)))
		text.WriteString(strings.TrimPrefix(p.String(), p.File))
	}
	if more := len(e.Problems) - maxProblems; more > 0 {
		fmt.Fprintf(&text, "\nand %d more", more)
	}
	return text.String()
}

// A Template is the file of a template.
type Template struct {
	Path      string // in the directory, with slashes
	AccountID string // Meta's id of the business account; empty means that of the sample account
	Body      []byte // JSON
}

// An Object is the file of an object.
type Object struct {
	Path        string // in the directory, with slashes
	Bucket, Key string
	Size        int64
}

// reader reads a directory and collects what is wrong with it.
type reader struct {
	dir      string
	root     *os.Root
	seed     Seed
	problems []Problem
	bytes    int64
	buckets  func(name string) error
}

// Read reads a directory. checkBucket says what is wrong with the name of a bucket. Read
// returns an *Error with everything that is wrong. The contents of objects are not read.
func Read(dir string, checkBucket func(name string) error) (*Seed, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, &Error{dir, []Problem{{".", 0, fmt.Sprintf("it cannot be read: %v; expected a directory with %s", errorText(err), layout)}}}
	}
	defer root.Close()
	r := &reader{dir: dir, root: root, seed: Seed{Dir: dir}, buckets: checkBucket}
	r.readTop()
	r.check()
	if len(r.problems) > 0 {
		return nil, &Error{dir, r.problems}
	}
	return &r.seed, nil
}

const layout = accountsFile + ", " + peopleFile + ", " + templatesDir + "/*.json and " + objectsDir + "/BUCKET/…, each of which may be missing"

func (r *reader) complain(file string, line int, format string, args ...any) {
	r.problems = append(r.problems, Problem{file, line, fmt.Sprintf(format, args...)})
}

func errorText(err error) string {
	if of, ok := errors.AsType[*fs.PathError](err); ok {
		return of.Err.Error()
	}
	return err.Error()
}

// readTop reads what is in the directory itself.
func (r *reader) readTop() {
	for _, entry := range r.entries(".") {
		name := entry.Name()
		switch {
		case name == accountsFile && !entry.IsDir():
			r.readAccounts()
		case name == peopleFile && !entry.IsDir():
			r.readPeople()
		case name == templatesDir && entry.IsDir():
			r.readTemplates()
		case name == objectsDir && entry.IsDir():
			r.readBuckets()
		case name == readmeFile:
		default:
			r.complain(name, 0, "it is not known; expected %s", layout)
		}
	}
}

// entries returns what is in a directory, sorted by name.
func (r *reader) entries(dir string) []fs.DirEntry {
	list, err := fs.ReadDir(r.root.FS(), dir)
	if err != nil {
		r.complain(dir, 0, "it cannot be read: %s", errorText(err))
	}
	return slices.DeleteFunc(list, func(e fs.DirEntry) bool { return slices.Contains(ignored, e.Name()) })
}

// file returns a file of at most limit bytes.
func (r *reader) file(path string, limit int64) (text []byte, ok bool) {
	file, err := r.root.Open(filepath.FromSlash(path))
	if err == nil {
		defer file.Close()
		text, err = io.ReadAll(io.LimitReader(file, limit+1))
	}
	switch {
	case err != nil:
		r.complain(path, 0, "it cannot be read: %s", errorText(err))
	case int64(len(text)) > limit:
		r.complain(path, 0, "it has more than %d bytes", limit)
	default:
		return text, true
	}
	return nil, false
}

// decode reads a YAML file.
func (r *reader) decode(path string, into any) {
	if text, ok := r.file(path, maxFile); ok {
		decoder{&r.problems, path}.decode(text, into)
	}
}

// readTemplates reads the files of templates.
func (r *reader) readTemplates() {
	for _, entry := range r.entries(templatesDir) {
		path := templatesDir + "/" + entry.Name()
		if !entry.IsDir() {
			r.readTemplate(path, "")
			continue
		}
		if !digitsForm.MatchString(entry.Name()) {
			r.complain(path, 0, "the name of a directory is Meta's id of a business account, in digits")
			continue
		}
		for _, file := range r.entries(path) {
			r.readTemplate(path+"/"+file.Name(), entry.Name())
		}
	}
	if len(r.seed.Templates) > maxTemplates {
		r.complain(templatesDir, 0, "there are %d templates; expected at most %d", len(r.seed.Templates), maxTemplates)
	}
}

func (r *reader) readTemplate(path, account string) {
	if !IsTemplate(path) {
		r.complain(path, 0, "it is not known; expected templates as NAME.json")
		return
	}
	text, ok := r.file(path, maxTemplate)
	if !ok {
		return
	}
	template := Template{path, account, text}
	if problem, ok := template.Check(); !ok {
		r.problems = append(r.problems, problem)
		return
	}
	r.seed.Templates = append(r.seed.Templates, template)
}

// readBuckets lists the objects. Each directory is a bucket.
func (r *reader) readBuckets() {
	for _, entry := range r.entries(objectsDir) {
		path := objectsDir + "/" + entry.Name()
		if !entry.IsDir() {
			r.complain(path, 0, "it is in no bucket; expected %s/BUCKET/KEY", objectsDir)
			continue
		}
		if err := r.buckets(entry.Name()); err != nil {
			r.complain(path, 0, "%q is not the name of a bucket: expected 3 to 63 lower-case letters, digits, dots and hyphens", entry.Name())
			continue
		}
		r.seed.Buckets = append(r.seed.Buckets, entry.Name())
		r.readObjects(entry.Name(), path)
	}
	if len(r.seed.Objects) > maxObjects {
		r.complain(objectsDir, 0, "there are more than %d objects", maxObjects)
	}
	if r.bytes > maxBytes {
		r.complain(objectsDir, 0, "the objects have %d bytes; expected at most %d", r.bytes, int64(maxBytes))
	}
}

func (r *reader) readObjects(bucket, top string) {
	err := fs.WalkDir(r.root.FS(), top, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() || slices.Contains(ignored, entry.Name()):
			return nil
		case len(r.seed.Objects) > maxObjects:
			return fs.SkipAll
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		key := strings.TrimPrefix(path, top+"/")
		switch {
		case !info.Mode().IsRegular():
			r.complain(path, 0, "it is not a regular file; objects are copied, links are not followed")
		case len(key) > maxKey:
			r.complain(path, 0, "its key has %d bytes; S3 allows %d", len(key), maxKey)
		default:
			r.bytes += info.Size()
			r.seed.Objects = append(r.seed.Objects, Object{path, bucket, key, info.Size()})
		}
		return nil
	})
	if err != nil {
		r.complain(top, 0, "it cannot be read: %v", err)
	}
}

const maxKey = 1024 // bytes of the key of an object
