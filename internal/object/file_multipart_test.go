package object

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// The memory for parts is limited, however many files are written in parts.
func TestFilesInPartsWaitForMemory(t *testing.T) {
	_, sc := fakeS3(t)
	opener := newOpener(t, Config{Stores: []StoreConfig{sc}, MultipartThreshold: 1})
	sink, err := opener.FileSink("media", "in-parts")
	if err != nil {
		t.Fatal(err)
	}
	var gives []func()
	for range maxPartBuffers {
		buf, release, ok := opener.parts.acquire(t.Context())
		if !ok || len(buf) != partSize {
			t.Fatalf("%d bytes, %v", len(buf), ok)
		}
		gives = append(gives, release)
	}
	content := randomBytes(partSize + 1)
	cause := errors.New("the time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	done := make(chan error)
	go func() { done <- sink.Put(ctx, contentOf(content)) }()
	cancel(cause)
	if e := wantKind(t, <-done, Unavailable); !errors.Is(e, cause) {
		t.Errorf("%v (%v)", e, e.Cause)
	}
	go func() { done <- sink.Put(t.Context(), contentOf(content)) }()
	gives[0]()
	if err := <-done; err != nil {
		t.Fatal(err, errors.Unwrap(err))
	}
	f, _ := opener.File("media", "in-parts")
	if _, got, err := read(t.Context(), f, ""); err != nil || got != string(content) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	for _, release := range gives[1:] {
		release()
	}
	if len(opener.parts.inUse) != 0 {
		t.Errorf("%d buffers are not given back", len(opener.parts.inUse))
	}
}

// After end, the buffer of a part may hold another file, which must not be sent.
func TestPartIsNotReadAfterItsEnd(t *testing.T) {
	content := []byte("first")
	body := &partBody{bytes: bytes.NewReader(content), rate: newWriteRate(impatient("http://127.0.0.1:1").withDefaults(), func(error) {})}
	if n, err := body.Read(make([]byte, 2)); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	body.end()
	copy(content, "other")
	_, _ = body.Seek(0, io.SeekStart)
	if n, err := body.Read(make([]byte, 5)); n != 0 || !errors.Is(err, errRequestEnded) {
		t.Errorf("%d bytes, %v", n, err)
	}
}
