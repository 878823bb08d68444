// Reading the file of a world.

package local

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/url"
	"os"
	"path/filepath"

	"github.com/rclone/gofakes3"

	"ferry/metasim"
)

// worldReader reads a file and checks it.
type worldReader struct {
	from    *bufio.Reader
	digest  hash.Hash
	number  int   // of the last line
	read    int64 // bytes
	pending int64 // bytes of the last object that are still to come
	bucket  string

	begin, end int64 // where the lines of the simulator are
	ended      bool
}

func newWorldReader(r io.Reader) *worldReader {
	return &worldReader{from: bufio.NewReaderSize(r, 64<<10), digest: sha256.New()}
}

// line returns the text of the next line.
func (r *worldReader) line() (text []byte, err error) {
	for {
		part, err := r.from.ReadSlice('\n')
		text = append(text, part...)
		r.read += int64(len(part))
		switch {
		case len(text) > maxWorldLine:
			return nil, fmt.Errorf("line %d has more than %d bytes", r.number+1, maxWorldLine)
		case r.read > maxWorld:
			return nil, fmt.Errorf("it has more than %d bytes", int64(maxWorld))
		case err == nil:
			r.number++
			return text, nil
		case errors.Is(err, io.EOF) && len(text) == 0 && r.ended:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("it ends after %d lines without its last line: it was cut short", r.number)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// next returns the next line of ours, or io.EOF after the last one, which is complete then.
func (r *worldReader) next() (line worldLine, err error) {
	text, err := r.line()
	if err != nil {
		return line, err
	}
	if r.number == 2 {
		if text, err = r.skipSimulator(text); err != nil {
			return line, err
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if r.number > 1 { // a newer version may have other members
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(&line); err != nil && r.number == 1 {
		return line, errors.New("it is not the file of a world: its first line is no JSON with a format and a version")
	} else if err != nil {
		return line, fmt.Errorf("line %d is damaged: %w", r.number, err)
	}
	if err := r.check(line); err != nil {
		return line, fmt.Errorf("line %d: %w", r.number, err)
	}
	r.digest.Write(text)
	return line, nil
}

// skipSimulator reads the lines of the simulator and returns the first one behind.
func (r *worldReader) skipSimulator(text []byte) ([]byte, error) {
	r.begin = r.read - int64(len(text))
	for {
		r.digest.Write(text)
		isEnd := bytes.HasPrefix(text, []byte(`{"end":`))
		r.end = r.read
		var err error
		if text, err = r.line(); err != nil || isEnd {
			return text, err
		}
	}
}

// check returns why a line cannot be in its place.
func (r *worldReader) check(line worldLine) error {
	if r.number == 1 {
		switch {
		case line.Format != worldFormat:
			return fmt.Errorf("it is not the file of a world: its format is %q, expected %q", line.Format, worldFormat)
		case line.Version > worldVersion:
			return fmt.Errorf("it has version %d of the format, and this ferry knows %d; use a newer ferry", line.Version, worldVersion)
		case line.Version != worldVersion:
			return fmt.Errorf("it has version %d of the format, expected %d", line.Version, worldVersion)
		}
		return nil
	}
	if r.ended {
		return errors.New("there is more after the last line")
	}
	if isData := len(line.Data) > 0; isData != (r.pending > 0) || int64(len(line.Data)) > r.pending {
		return errors.New("the bytes of an object are missing, or are too many")
	}
	r.pending -= int64(len(line.Data))
	switch {
	case line.Bucket != "":
		r.bucket = line.Bucket
		return gofakes3.ValidateBucketName(line.Bucket)
	case line.Object != nil:
		if line.Object.Bucket != r.bucket || r.bucket == "" || line.Object.Size < 0 {
			return errors.New("the object is in none of the buckets before it")
		}
		r.pending = line.Object.Size
	case line.End != nil:
		r.ended = true
		if line.End.Lines != r.number-1 || line.End.SHA256 != hex.EncodeToString(r.digest.Sum(nil)) {
			return errors.New("the lines before are damaged: their number or SHA-256 is another one")
		}
	case line.Upload == nil && len(line.Data) == 0:
		return errors.New("it is none of a world")
	}
	return nil
}

// CheckWorld returns what is wrong with the file of a world, but for the lines of the
// simulator.
func CheckWorld(r io.Reader) error {
	_, err := checkWorld(r)
	return err
}

func checkWorld(r io.Reader) (*worldReader, error) {
	reader := newWorldReader(r)
	for {
		if _, err := reader.next(); errors.Is(err, io.EOF) {
			return reader, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// openWorldFile opens Config.Load and checks it before there is anything of the world.
func (w *World) openWorldFile() (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("loading the world from %s: %w; nothing was loaded", w.config.Load, err)
		}
	}()
	if entries, _ := os.ReadDir(w.config.Data); w.config.Data != "" && len(entries) > 0 {
		return fmt.Errorf("the data directory %s is not empty, and a world is loaded into an empty one", w.config.Data)
	}
	file, err := os.Open(w.config.Load)
	if err != nil {
		return err
	}
	w.file = file
	w.section, err = checkWhole(file)
	return err
}

// checkWhole checks a file, and returns the part of it that is the simulator's.
func checkWhole(file io.ReaderAt) (*io.SectionReader, error) {
	reader, err := checkWorld(io.NewSectionReader(file, 0, maxWorld+1))
	if err != nil {
		return nil, err
	}
	section := io.NewSectionReader(file, reader.begin, reader.end-reader.begin)
	if err := metasim.CheckExport(section); err != nil {
		return nil, err
	}
	_, err = section.Seek(0, io.SeekStart)
	return section, err
}

// loadWorld loads the file that openWorldFile has opened. The servers do not run yet.
func (w *World) loadWorld(ctx context.Context) (err error) {
	defer func() {
		err = errors.Join(err, w.file.Close())
		if err == nil {
			return
		}
		err = fmt.Errorf("loading the world from %s: %w; nothing was loaded", w.config.Load, err)
		w.discard = w.config.Data != ""
	}()
	if err := w.Simulator.Import(w.section); err != nil {
		return err
	}
	return w.loadRest(ctx, w.file)
}

// loadRest loads what is not the simulator's.
func (w *World) loadRest(ctx context.Context, file io.ReadSeeker) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	reader := newWorldReader(file)
	for {
		line, err := reader.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
		case line.Upload != nil:
			err = w.state.RecordMedia(ctx, *line.Upload)
		case line.Bucket != "":
			if exists, _ := w.buckets.BucketExists(ctx, line.Bucket); !exists {
				err = w.buckets.CreateBucket(ctx, line.Bucket)
			}
		case line.Object != nil:
			err = w.loadObject(ctx, reader, *line.Object)
		}
		if err != nil {
			return err
		}
	}
}

func (w *World) loadObject(ctx context.Context, reader *worldReader, object worldObject) error {
	key, err := url.PathUnescape(object.Key)
	if err != nil {
		return err
	}
	values, err := url.ParseQuery(object.Metadata)
	if err != nil {
		return err
	}
	metadata := map[string]string{}
	for name := range values {
		metadata[name] = values.Get(name)
	}
	body := &objectReader{reader: reader}
	if _, err = w.buckets.PutObject(ctx, object.Bucket, key, metadata, body, object.Size); err != nil {
		return fmt.Errorf("object s3://%s/%s: %w", object.Bucket, key, err)
	}
	return nil
}

// objectReader reads the bytes of an object from the lines that follow it.
type objectReader struct {
	reader *worldReader
	piece  []byte
}

func (o *objectReader) Read(p []byte) (int, error) {
	if len(o.piece) == 0 {
		if o.reader.pending == 0 {
			return 0, io.EOF
		}
		line, err := o.reader.next()
		if err != nil {
			return 0, err
		}
		o.piece = line.Data
	}
	n := copy(p, o.piece)
	o.piece = o.piece[n:]
	return n, nil
}

// emptyData removes what is in the data directory, which was empty.
func (w *World) emptyData() error {
	entries, err := os.ReadDir(w.config.Data)
	for _, entry := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(w.config.Data, entry.Name())))
	}
	return err
}
