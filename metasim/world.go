package metasim

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// The state of a Server as a stream: lines of JSON, of which the first names the format
// and its version, and the last has the number of lines before it and their SHA-256.

const (
	worldFormat  = "metasim"
	worldVersion = 1

	maxWorld     = 4 << 30   // bytes of a stream
	maxWorldLine = 4 << 20   // bytes of a line; the longest has a record
	worldPiece   = 192 << 10 // bytes of a file in one line
)

// worldKinds are the kinds of the records of a stream. The clock has a line of its own.
// Tokens that were made for codes are secrets, and stay out.
var worldKinds = []string{
	mediaKind, handleKind, flowKind, messageKind, templateKind, subscriptionKind, personKind, encryptionKeyKind, datasetKind,
	eventKind, clickKind, settingsKind, callKind, permissionKind, numberKind, qrKind, blockKind, writtenKind,
}

// worldLine is a line of a stream. It has one of its members; the first has two.
type worldLine struct {
	Format   string           `json:"format,omitempty"`
	Version  int              `json:"version,omitempty"`
	Clock    *Clock           `json:"clock,omitempty"`
	Fault    *Fault           `json:"fault,omitempty"`
	Delivery *WebhookDelivery `json:"webhook_delivery,omitempty"`
	File     *worldFile       `json:"file,omitempty"` // whose Data follows
	Data     []byte           `json:"data,omitempty"`
	Record   *worldRecord     `json:"record,omitempty"`
	End      *worldEnd        `json:"end,omitempty"`
}

type worldFile struct {
	ID   string `json:"id"`
	Size int64  `json:"size"` // bytes
}

type worldRecord struct {
	Kind string `json:"kind"`
	Record
}

type worldEnd struct {
	Lines  int    `json:"lines"`
	SHA256 string `json:"sha256"` // hex
}

// trackedRecords knows when a record has changed last, by the simulator's clock.
type trackedRecords struct {
	RecordStore
	now func() time.Time

	mu   sync.Mutex
	last time.Time
}

func (t *trackedRecords) Put(kind, id string, value json.RawMessage) error {
	err := t.RecordStore.Put(kind, id, value)
	t.changed(kind)
	return err
}

func (t *trackedRecords) Delete(kind, id string) error {
	err := t.RecordStore.Delete(kind, id)
	t.changed(kind)
	return err
}

func (t *trackedRecords) changed(kind string) {
	if kind != clockKind { // whoever changes the clock sets the time, and holds its lock
		t.set(t.now())
	}
}

func (t *trackedRecords) set(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = at
}

func (t *trackedRecords) lastChange() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// Export writes the state of the Server, files included, for Import. The same state is the
// same bytes. If the clock is running, its time is that of the last change.
//
// The stream has everything that a RecordStore keeps, but for the tokens that were made for
// codes; the faults with their counters; and how webhooks are delivered, without OldSecret.
// It does not have the history, webhooks that wait, incomplete uploads, the callback URLs
// of apps and the state of the generator of Config.Seed.
//
// Export returns an error if a file is deleted meanwhile, or if Config.Storage keeps no
// bytes.
func (s *Server) Export(w io.Writer) error {
	out := &worldWriter{to: w, digest: sha256.New(), limit: maxWorld}
	out.write(worldLine{Format: worldFormat, Version: worldVersion})
	clock := s.Clock()
	if clock.Running {
		clock.Time = s.records.lastChange()
	}
	clock.Time = clock.Time.UTC().Round(0)
	out.write(worldLine{Clock: &clock})
	for _, f := range s.Faults() {
		out.write(worldLine{Fault: &f})
	}
	delivery := s.WebhookDelivery()
	if delivery.Signature == SignatureOld { // needs OldSecret
		delivery.Signature = SignatureWrong
	}
	out.write(worldLine{Delivery: &delivery})
	var records []worldLine
	for _, kind := range worldKinds {
		found, problems := s.records.Records(kind)
		if len(problems) > 0 {
			return fmt.Errorf("metasim: export: %w", errors.Join(problems...))
		}
		sort.Slice(found, func(i, j int) bool { return found[i].ID < found[j].ID })
		for _, record := range found {
			records = append(records, worldLine{Record: &worldRecord{kind, record}})
		}
	}
	for _, id := range blobsOf(records) {
		if err := s.exportFile(out, id); err != nil {
			return fmt.Errorf("metasim: export: file %s: %w", id, err)
		}
	}
	for _, record := range records {
		out.write(record)
	}
	out.end()
	if out.err != nil {
		return fmt.Errorf("metasim: export: %w", out.err)
	}
	return nil
}

// blobsOf returns the ids of the files that records name, sorted.
func blobsOf(records []worldLine) (ids []string) {
	for _, line := range records {
		if id := blobOf(line.Record); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// blobOf returns the id of the file that a record names, or "".
func blobOf(r *worldRecord) string {
	var named struct {
		ID     string `json:"id"`
		BlobID string `json:"blob_id"`
	}
	switch r.Kind {
	case mediaKind, handleKind, flowKind:
		_ = json.Unmarshal(r.Value, &named) // a record that is no JSON object names nothing
	}
	if r.Kind == mediaKind {
		return named.ID
	}
	return named.BlobID
}

func (s *Server) exportFile(out *worldWriter, id string) error {
	content, err := s.cfg.Storage.Open(id)
	if err != nil {
		return err
	}
	defer content.Close()
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		return err
	}
	out.write(worldLine{File: &worldFile{id, size}})
	piece := make([]byte, worldPiece)
	for left := size; left > 0 && out.err == nil; {
		n, err := io.ReadFull(content, piece[:min(left, worldPiece)])
		if err != nil {
			return err
		}
		out.write(worldLine{Data: piece[:n]})
		left -= int64(n)
	}
	return nil
}

// worldWriter writes a stream. After an error it writes nothing more.
type worldWriter struct {
	to     io.Writer
	digest hash.Hash
	limit  int64 // bytes; more could not be imported
	lines  int
	bytes  int64
	err    error
}

func (w *worldWriter) write(line worldLine) {
	if w.err != nil {
		return
	}
	text, err := json.Marshal(line)
	if err == nil {
		text = append(text, '\n')
		w.lines++
		if w.bytes += int64(len(text)); w.bytes > w.limit {
			w.err = fmt.Errorf("the state has more than %d bytes, which cannot be imported again; delete files or messages", w.limit)
			return
		}
		w.digest.Write(text)
		_, err = w.to.Write(text)
	}
	w.err = err
}

func (w *worldWriter) end() {
	w.write(worldLine{End: &worldEnd{w.lines, hex.EncodeToString(w.digest.Sum(nil))}})
}

// worldReader reads a stream and checks it.
type worldReader struct {
	lines   lineReader
	digest  hash.Hash
	number  int // of the last line
	pending int64
	ended   bool
}

// next returns the next line, or io.EOF after the last one, which is complete then.
func (r *worldReader) next() (line worldLine, err error) {
	text, err := r.lines.next()
	switch {
	case errors.Is(err, io.EOF) && r.ended:
		return line, io.EOF
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return line, fmt.Errorf("the stream ends after %d lines without its last line: it was cut short", r.number)
	case err != nil:
		return line, err
	case r.ended:
		return line, errors.New("there is more after the last line")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if r.number > 0 { // a newer version may have other members
		decoder.DisallowUnknownFields()
	}
	r.number++
	if err := decoder.Decode(&line); err != nil {
		return line, fmt.Errorf("line %d is damaged: %w", r.number, err)
	}
	if err := r.check(line); err != nil {
		return line, fmt.Errorf("line %d: %w", r.number, err)
	}
	r.digest.Write(text)
	return line, nil
}

// check returns why a line cannot be in its place.
func (r *worldReader) check(line worldLine) error {
	if r.number == 1 {
		switch {
		case line.Format != worldFormat:
			return fmt.Errorf("the format is %q, expected %q", truncate(line.Format), worldFormat)
		case line.Version > worldVersion:
			return fmt.Errorf("the version of the format is %d, this simulator knows %d; use a newer one", line.Version, worldVersion)
		case line.Version != worldVersion:
			return fmt.Errorf("the version of the format is %d, expected %d", line.Version, worldVersion)
		}
		return nil
	}
	if isData := len(line.Data) > 0; isData != (r.pending > 0) || int64(len(line.Data)) > r.pending {
		return errors.New("the bytes of a file are missing, or are too many")
	}
	r.pending -= int64(len(line.Data))
	switch {
	case line.File != nil:
		if line.File.Size < 0 || line.File.Size > maxWorld || !isObjectID(line.File.ID) {
			return fmt.Errorf("file %q of %d bytes is none of the simulator's", truncate(line.File.ID), line.File.Size)
		}
		r.pending = line.File.Size
	case line.Record != nil:
		if !slices.Contains(worldKinds, line.Record.Kind) {
			return fmt.Errorf("there is no kind of records %q", truncate(line.Record.Kind))
		}
	case line.Clock != nil:
		if !validTime(line.Clock.Time) || !validSpeed(line.Clock.Speed) {
			return errors.New("the clock has no valid time and speed")
		}
	case line.Fault != nil:
		return line.Fault.validate()
	case line.Delivery != nil:
		return line.Delivery.validate()
	case line.End != nil:
		r.ended = true
		if line.End.Lines != r.number-1 || !strings.EqualFold(line.End.SHA256, hex.EncodeToString(r.digest.Sum(nil))) {
			return errors.New("the lines before are damaged: their number or SHA-256 is another one")
		}
	case len(line.Data) == 0:
		return errors.New("it is none of a world")
	}
	return nil
}
