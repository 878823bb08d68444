// The sink: a process in the place of Meta's Graph API. It answers what linking
// an account reads, receives uploads, checks their form and discards the files.
// It is the same for every mover, and does as little as possible.
//
//	GET  /{version}/{id}                      the account, or what is known of an upload
//	GET  /{version}/{account}/phone_numbers   its one phone number
//	POST /{version}/{phone}/media             an upload, as multipart/form-data with the file part last
//	GET  /stats                               what was received so far
//	POST /digest/on, /digest/off              turns hashing of the files on and off

package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"ferry/bench/child"
)

const (
	sinkAccount = "102290129340398"
	sinkPhone   = "106540352242922"
)

// maxFormHead bounds what may precede the file in the form, in bytes.
const maxFormHead = 16 << 10

// stats is what the sink has received.
type stats struct {
	Files   int64  `json:"files"`
	Bytes   int64  `json:"bytes"`   // of the files, without the form around them
	Refused int64  `json:"refused"` // requests that were not a complete upload
	Digest  string `json:"digest"`  // SHA-256 of the last file that was hashed
}

// sinkHandler is the sink's http.Handler.
type sinkHandler struct {
	files, bytes, refused atomic.Int64
	hashing               atomic.Bool
	digest                atomic.Value // string
	digests               sync.Map     // of the objects, by size: func() string
	buffers               sync.Pool    // of *bufio.Reader
}

// serveSink serves until the process ends, over https if there are certificates.
func serveSink(address, certificates string) error {
	server := &http.Server{Addr: address, Handler: newSinkHandler(), ReadHeaderTimeout: 10 * time.Second}
	if certificates != "" {
		return server.ListenAndServeTLS(filepath.Join(certificates, certificateFile), filepath.Join(certificates, keyFile))
	}
	return server.ListenAndServe()
}

func newSinkHandler() http.Handler {
	s := &sinkHandler{buffers: sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 256<<10) }}}
	s.digest.Store("")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(stats{s.files.Load(), s.bytes.Load(), s.refused.Load(), s.digest.Load().(string)})
	})
	mux.HandleFunc("POST /digest/on", func(http.ResponseWriter, *http.Request) { s.hashing.Store(true) })
	mux.HandleFunc("POST /digest/off", func(http.ResponseWriter, *http.Request) { s.hashing.Store(false) })
	mux.HandleFunc("GET /{version}/{id}", s.describe)
	mux.HandleFunc("GET /{version}/{account}/phone_numbers", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"data":[{"id":%q,"display_phone_number":"+1 631-555-5555","verified_name":"Bench","quality_rating":"GREEN"}]}`, sinkPhone)
	})
	mux.HandleFunc("POST /{version}/{phone}/media", func(w http.ResponseWriter, r *http.Request) {
		size, err := s.receive(r)
		w.Header().Set("Content-Type", "application/json")
		if err != nil {
			s.refused.Add(1)
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": err.Error(), "code": 100}})
			return
		}
		s.bytes.Add(size)
		fmt.Fprintf(w, `{"id":"%d"}`, size*idsPerSize+s.files.Add(1))
	})
	return mux
}

// idsPerSize is how many media ids there are for each size of a file. The sink
// remembers no uploads: an id consists of the size and a number.
const idsPerSize = 10_000_000

// describe answers for the account, and for an upload with its SHA-256: that of
// the object of its size, which is computed once. So a mover that verifies its
// uploads is told the right digest, and the sink does not need the CPU time that
// Meta's servers spend on it.
func (s *sinkHandler) describe(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	number, err := strconv.ParseInt(id, 10, 64)
	w.Header().Set("Content-Type", "application/json")
	if id == sinkAccount || err != nil {
		fmt.Fprintf(w, `{"id":%q,"name":"Bench"}`, id)
		return
	}
	size := number / idsPerSize
	digest, _ := s.digests.LoadOrStore(size, sync.OnceValue(func() string { return objectDigest(size) }))
	fmt.Fprintf(w, `{"messaging_product":"whatsapp","id":%q,"url":"https://%s/media/%s","mime_type":"text/plain","sha256":%q,"file_size":%d}`,
		id, r.Host, id, digest.(func() string)(), size)
}

// objectDigest returns the SHA-256 of the object of a size.
func objectDigest(size int64) string {
	hash := sha256.New()
	_, _ = io.Copy(hash, newFile(size)) // neither side fails
	return hex.EncodeToString(hash.Sum(nil))
}

// receive reads an upload to its end and returns the size of its file. The
// length of the body tells where the file ends, so its bytes are not inspected.
func (s *sinkHandler) receive(r *http.Request) (int64, error) {
	_, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || parameters["boundary"] == "" {
		return 0, fmt.Errorf("no form: Content-Type %q", r.Header.Get("Content-Type"))
	}
	if r.ContentLength < 0 {
		return 0, errors.New("no Content-Length")
	}
	body := s.buffers.Get().(*bufio.Reader)
	body.Reset(r.Body)
	defer s.buffers.Put(body)
	head, err := skipFormHead(body)
	if err != nil {
		return 0, err
	}
	tail := []byte("\r\n--" + parameters["boundary"] + "--\r\n")
	size := r.ContentLength - int64(head+len(tail))
	if size < 0 {
		return 0, errors.New("the form is not closed")
	}
	if s.hashing.Load() {
		hash := sha256.New()
		_, err = io.CopyN(hash, body, size)
		s.digest.Store(hex.EncodeToString(hash.Sum(nil)))
	} else {
		_, err = body.Discard(int(size))
	}
	if err != nil {
		return 0, fmt.Errorf("the file breaks off: %w", err)
	}
	if end, err := io.ReadAll(body); err != nil || !bytes.Equal(end, tail) {
		return 0, errors.New("the form does not end with its boundary")
	}
	return size, nil
}

// skipFormHead reads up to the first byte of the file, and returns how many bytes
// precede it.
func skipFormHead(body *bufio.Reader) (int, error) {
	for {
		seen, err := body.Peek(max(body.Buffered(), 1))
		if err != nil {
			return 0, fmt.Errorf("the form breaks off: %w", err)
		}
		if part := bytes.Index(seen, []byte(`name="file"`)); part >= 0 {
			if end := bytes.Index(seen[part:], []byte("\r\n\r\n")); end >= 0 {
				return body.Discard(part + end + 4)
			}
		}
		if len(seen) > maxFormHead {
			return 0, fmt.Errorf("no part named file in the first %d bytes", maxFormHead)
		}
		if _, err := body.Peek(len(seen) + 1); err != nil {
			return 0, fmt.Errorf("the form breaks off: %w", err)
		}
	}
}

// sink is the running sink.
type sink struct {
	*child.Process
	url string
}

func startSink(ctx context.Context, dir, binary, certificates string) (*sink, error) {
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	p, err := child.Start(ctx, dir, "sink", child.Environment(), binary, "role", "sink", "-listen", address, "-certificates", certificates)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if certificates != "" {
		scheme = "https"
	}
	s := &sink{p, scheme + "://" + address}
	return s, s.WaitReady(ctx, s.url+"/stats")
}

func (s *sink) stats(ctx context.Context) (stats, error) {
	var now stats
	text, err := child.Get(ctx, s.url+"/stats")
	if err != nil {
		return now, err
	}
	return now, json.Unmarshal(text, &now)
}

// hash turns hashing "on" or "off".
func (s *sink) hash(ctx context.Context, state string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/digest/"+state, nil)
	if err != nil {
		return err
	}
	response, err := child.Local.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}
