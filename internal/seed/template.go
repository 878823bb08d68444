package seed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// IsTemplate reports whether a file of templates/ is one.
func IsTemplate(name string) bool {
	base := path.Base(filepath.ToSlash(name))
	return strings.HasSuffix(base, ".json") && !strings.HasPrefix(base, ".")
}

// Check reports what is wrong with the file, as far as JSON goes.
func (t Template) Check() (problem Problem, ok bool) {
	line, err := jsonProblem(t.Body)
	if err == nil && !bytes.HasPrefix(bytes.TrimSpace(t.Body), []byte("{")) {
		line, err = 1, errors.New("it is no JSON object")
	}
	if err != nil {
		return Problem{t.Path, line, fmt.Sprintf("%v; expected the JSON object of Meta's request that creates a template: name, language, category, components", err)}, false
	}
	return Problem{}, true
}

// Problem returns the problem of a template that was refused: path is the parameter that is
// wrong, as the simulator writes it, or empty.
func (t Template) Problem(path, text string) Problem {
	lines := make(map[string]int)
	decoder := jsontext.NewDecoder(bytes.NewReader(t.Body))
	for {
		if _, err := decoder.ReadToken(); err != nil {
			break
		}
		pointer := string(decoder.StackPointer())
		if _, known := lines[pointer]; !known {
			lines[pointer] = lineOf(t.Body, decoder.InputOffset()-1)
		}
	}
	pointer := pointerOf(path)
	if path == "" {
		pointer = t.blamed(text)
	}
	for ; pointer != ""; pointer = pointer[:strings.LastIndexByte(pointer, '/')] {
		if line, ok := lines[pointer]; ok {
			return Problem{t.Path, line, text}
		}
	}
	return Problem{t.Path, 1, text}
}

var (
	partsOfPath = regexp.MustCompile(`[^\[\]'.]+`)
	blamedPart  = regexp.MustCompile(`component of type ([A-Z_]+)|button of type ([A-Z_]+)`)
)

// pointerOf returns a path such as components[0]['text'] as a JSON pointer.
func pointerOf(path string) string {
	pointer := ""
	for _, part := range partsOfPath.FindAllString(path, -1) {
		pointer += "/" + part
	}
	return pointer
}

// blamed returns the pointer of the part of a template that a text of Meta's names by its
// type, or that of the components.
func (t Template) blamed(text string) string {
	const all = "/components"
	found := blamedPart.FindStringSubmatch(text)
	if found == nil {
		return all
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(t.Body))
	for {
		token, err := decoder.ReadToken()
		if err != nil {
			return all
		}
		pointer := string(decoder.StackPointer())
		isButton := strings.Contains(pointer, "/buttons/")
		if token.Kind() == '"' && strings.HasSuffix(pointer, "/type") && strings.EqualFold(token.String(), found[1]+found[2]) && isButton == (found[2] != "") {
			return strings.TrimSuffix(pointer, "/type")
		}
	}
}

// jsonProblem returns what is wrong with the syntax of JSON, and the line.
func jsonProblem(text []byte) (line int, err error) {
	decoder := jsontext.NewDecoder(bytes.NewReader(text))
	if _, err = decoder.ReadValue(); err == nil {
		if _, err = decoder.ReadToken(); errors.Is(err, io.EOF) {
			return 0, nil
		}
		return lineOf(text, decoder.InputOffset()), errors.New("there is more after the JSON object")
	}
	if errors.Is(err, io.EOF) {
		return 1, errors.New("it is empty")
	}
	offset := decoder.InputOffset()
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset = syntax.ByteOffset
		err = syntax.Err
	}
	return lineOf(text, offset), fmt.Errorf("it is no JSON: %w", err)
}

// lineOf returns the line of an offset.
func lineOf(text []byte, offset int64) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), int64(len(text)))], []byte("\n"))
}

// Templates lists the files of templates in a directory as they are now, without their
// contents; what is none is left out.
func Templates(dir string) (files []TemplateFile, err error) {
	top := filepath.Join(dir, templatesDir)
	err = filepath.WalkDir(top, func(name string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		relative, _ := filepath.Rel(top, name)
		account, _, isBelow := strings.Cut(filepath.ToSlash(relative), "/")
		if !isBelow {
			account = ""
		}
		info, err := entry.Info()
		switch {
		case err != nil || entry.IsDir() || !IsTemplate(name):
		case strings.Count(filepath.ToSlash(relative), "/") <= 1 && (account == "" || digitsForm.MatchString(account)) && len(files) < maxTemplates:
			files = append(files, TemplateFile{templatesDir + "/" + filepath.ToSlash(relative), account, info.Size(), info.ModTime()})
		}
		return nil
	})
	return files, err
}

// A TemplateFile is a file of a template as a directory lists it.
type TemplateFile struct {
	Path, AccountID string
	Size            int64
	Modified        time.Time
}

// Read reads the file of a template. It returns an *Error if it is none.
func (f TemplateFile) Read(dir string) (Template, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Template{}, err
	}
	defer root.Close()
	r := &reader{dir: dir, root: root}
	r.readTemplate(f.Path, f.AccountID)
	if len(r.problems) > 0 {
		return Template{}, &Error{dir, r.problems}
	}
	return r.seed.Templates[0], nil
}
