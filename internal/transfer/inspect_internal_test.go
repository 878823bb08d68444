package transfer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"ferry/internal/media"
	"ferry/internal/object"
	"ferry/internal/sample"
)

// rangedFile is a source that is read by ranges, and fails with err if that is set.
type rangedFile struct {
	object.Source
	data    []byte
	err     error
	ifMatch string // of the last ReadAt
}

func (f *rangedFile) String() string { return "s3://media/a.mp4" }

func (f *rangedFile) ReadAt(_ context.Context, p []byte, off int64, ifMatch string) (int, error) {
	f.ifMatch = ifMatch
	if f.err != nil {
		return 0, f.err
	}
	return bytes.NewReader(f.data).ReadAt(p, off)
}

// longVideo is a sample whose index stands behind more media than is peeked at.
func longVideo(t *testing.T) []byte {
	t.Helper()
	for _, f := range sample.Files() {
		if f.Name == "sample.mp4" {
			free := append([]byte{0, 2, 0, 0, 'f', 'r', 'e', 'e'}, make([]byte, 0x20000-8)...)
			kind := int(f.Data[3]) // ftyp comes first and is short
			return append(append(bytes.Clone(f.Data[:kind]), free...), f.Data[kind:]...)
		}
	}
	t.Fatal("sample.mp4 is missing")
	return nil
}

func inspectWhole(file *rangedFile, etag string) (media.Result, error) {
	opened := &object.Object{Size: int64(len(file.data)), ContentType: "video/mp4", Name: "a.mp4", ETag: etag}
	r := &run{engine: &Engine{config: Config{Now: time.Now}}, job: Job{Source: file}, report: new(Report), source: file}
	_, err := r.inspect(context.Background(), opened, file.data[:media.HeadSize])
	return r.report.File, err
}

func TestRangesAreReadOfTheObjectThatWasOpened(t *testing.T) {
	file := &rangedFile{data: longVideo(t)}
	result, err := inspectWhole(file, `"v1"`)
	if err != nil || len(result.Unchecked) != 0 || file.ifMatch != `"v1"` {
		t.Errorf("%v, %+v, bound to %s", err, result, file.ifMatch)
	}
	file.ifMatch = ""
	if result, err = inspectWhole(file, ""); err != nil || len(result.Unchecked) == 0 || file.ifMatch != "" {
		t.Errorf("without an ETag: %v, %+v", err, result)
	}
}

func TestRangeThatFailsIsAnErrorOfTheSource(t *testing.T) {
	gone := &object.Error{Kind: object.Changed, Message: "gone"}
	file := &rangedFile{data: longVideo(t), err: gone}
	if _, err := inspectWhole(file, `"v1"`); !errors.Is(err, gone) || brokeOff(err) {
		t.Errorf("%v", err)
	}
	file.err = io.ErrUnexpectedEOF
	if _, err := inspectWhole(file, `"v1"`); !brokeOff(err) {
		t.Errorf("%v; want one that a retry may mend", err)
	}
}

func TestHeadIsReadOnceAndReturnsItsBuffer(t *testing.T) {
	h, err := peek(strings.NewReader("hello, and the rest"), 5)
	if err != nil || string(h.bytes) != "hello" {
		t.Fatalf("%q, %v", h.bytes, err)
	}
	got, err := io.ReadAll(h)
	if err != nil || string(got) != "hello" || h.buffer != nil {
		t.Errorf("%q, %v, buffer %p", got, err, h.buffer)
	}
	if _, err := peek(strings.NewReader("hel"), 5); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
}

// The head is allocated, or taken from the pool, once an upload.
func BenchmarkPeek(b *testing.B) {
	for name, size := range map[string]int64{"4KiB": 4 << 10, "20KiB": 20 << 10, "64KiB": 64 << 10} {
		data := make([]byte, size)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, err := peek(bytes.NewReader(data), size)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, h)
			}
		})
	}
}

// A reader's io.EOF says that the file ends; a connection's is a failure of the source.
func TestConnectionThatEndsBeforeARangeIsAnErrorOfTheSource(t *testing.T) {
	closed := &object.Error{Kind: object.Unavailable, Message: "The store cannot be reached.", Cause: io.EOF}
	_, err := inspectWhole(&rangedFile{data: longVideo(t), err: closed}, `"v1"`)
	if failed, ok := errors.AsType[*object.Error](err); !ok || !brokeOff(failed) {
		t.Errorf("%v", err)
	}
}
