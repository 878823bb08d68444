// A world as one file: lines of JSON.
//
//	{"format":"ferry-world","version":1}
//	…                                       the lines of the simulator, as metasim exports them
//	{"upload":{…}}                          what the gateway knows of uploads
//	{"bucket":"ferry-media"}                the buckets of S3, and after each one its objects
//	{"object":{"bucket":"ferry-media","key":"a.jpg","metadata":"Content-Type=image%2Fjpeg","size":3}}
//	{"data":"…"}                            its bytes, in pieces
//	{"end":{"lines":7,"sha256":"…"}}        of all lines before
//
// The same world is the same bytes.

package local

import (
	"bytes"
	"cmp"
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
	"sort"
	"strings"

	"github.com/rclone/gofakes3"

	"ferry/internal/state"
)

const (
	worldFormat  = "ferry-world"
	worldVersion = 1

	maxWorld     = 8 << 30   // bytes of a file
	maxWorldLine = 8 << 20   // bytes of a line; the longest has the metadata of an object
	worldPiece   = 192 << 10 // bytes of an object in one line
)

// worldLine is a line of ours. It has one of its members; the first has two.
type worldLine struct {
	Format  string       `json:"format,omitempty"`
	Version int          `json:"version,omitempty"`
	Upload  *state.Media `json:"upload,omitempty"`
	Bucket  string       `json:"bucket,omitempty"`
	Object  *worldObject `json:"object,omitempty"` // whose Data follows
	Data    []byte       `json:"data,omitempty"`
	End     *worldEnd    `json:"end,omitempty"`
}

// worldObject is an object of S3. JSON supports only UTF-8, and so keys and metadata are
// percent-encoded.
type worldObject struct {
	Bucket   string `json:"bucket"`
	Key      string `json:"key"`
	Metadata string `json:"metadata,omitempty"` // as the query of a URL
	Size     int64  `json:"size"`               // bytes
}

type worldEnd struct {
	Lines  int    `json:"lines"`
	SHA256 string `json:"sha256"` // hex
}

// encodeKey returns a key as it is in the path of a URL.
func encodeKey(key string) string { return strings.ReplaceAll(url.PathEscape(key), "%2F", "/") }

// Save writes the world to out. The world keeps running meanwhile; Save returns an error if a file
// is deleted.
func (w *World) Save(ctx context.Context, out io.Writer) error {
	file := &worldWriter{to: out, digest: sha256.New(), limit: maxWorld}
	file.write(worldLine{Format: worldFormat, Version: worldVersion})
	if err := w.Simulator.Export(file); err != nil {
		return err
	}
	uploads, err := w.state.AllMedia(ctx)
	if err != nil {
		return err
	}
	for _, upload := range uploads {
		file.write(worldLine{Upload: &upload})
	}
	buckets, err := w.buckets.ListBuckets(ctx)
	if err != nil {
		return err
	}
	sort.Slice(buckets, func(i, j int) bool { return buckets[i].Name < buckets[j].Name })
	for _, bucket := range buckets {
		if err := w.saveBucket(ctx, file, bucket.Name); err != nil {
			return fmt.Errorf("saving the bucket %s: %w", bucket.Name, err)
		}
	}
	file.write(worldLine{End: &worldEnd{file.lines, hex.EncodeToString(file.digest.Sum(nil))}})
	return file.err
}

func (w *World) saveBucket(ctx context.Context, file *worldWriter, bucket string) error {
	file.write(worldLine{Bucket: bucket})
	list, err := w.buckets.ListBucket(ctx, bucket, &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
	if err != nil {
		return err
	}
	for _, content := range list.Contents {
		if err := w.saveObject(ctx, file, bucket, content.Key); err != nil {
			return fmt.Errorf("object %s: %w", content.Key, err)
		}
	}
	return nil
}

func (w *World) saveObject(ctx context.Context, file *worldWriter, bucket, key string) error {
	object, err := w.buckets.GetObject(ctx, bucket, key, nil)
	if err != nil {
		return err
	}
	defer object.Contents.Close()
	metadata := url.Values{}
	for name, value := range object.Metadata {
		metadata.Set(name, value)
	}
	file.write(worldLine{Object: &worldObject{bucket, encodeKey(key), metadata.Encode(), object.Size}})
	piece := make([]byte, worldPiece)
	for left := object.Size; left > 0 && file.err == nil; {
		n, err := io.ReadFull(object.Contents, piece[:min(left, worldPiece)])
		if err != nil {
			return err
		}
		file.write(worldLine{Data: piece[:n]})
		left -= int64(n)
	}
	return nil
}

// LoadFrom puts the world of a file in place of the running one, as Config.Load does at the start:
// accounts, keys and destinations stay. What is wrong with the file is
// found before anything changes. If storing it fails then, the world is empty.
func (w *World) LoadFrom(ctx context.Context, from io.Reader) (err error) {
	file, err := os.CreateTemp("", "ferry-world-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close(), os.Remove(file.Name())) }()
	if _, err := io.Copy(file, io.LimitReader(from, maxWorld+1)); err != nil {
		return fmt.Errorf("reading the file of the world: %w; nothing was loaded", err)
	}
	section, err := checkWhole(file)
	if err != nil {
		return fmt.Errorf("%w; nothing was loaded", err)
	}
	w.changing.Lock()
	defer w.changing.Unlock()
	ctx = context.WithoutCancel(ctx) // half a world helps nobody
	err = w.reset(ctx)
	if err == nil {
		err = w.Simulator.Import(section)
	}
	if err == nil {
		err = w.loadRest(ctx, file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("the world could not be loaded, and is empty now: %w", err), w.reset(ctx))
	}
	return nil
}

// Object opens an object of the embedded S3 server. It returns its type, too.
func (w *World) Object(ctx context.Context, bucket, key string) (io.ReadCloser, string, error) {
	object, err := w.buckets.GetObject(ctx, bucket, key, nil)
	if err != nil {
		return nil, "", err
	}
	return object.Contents, object.Metadata["Content-Type"], nil
}

// Reset empties the simulator, the buckets, and what the gateway knows of uploads, messages and
// events, and the journal. Accounts, keys and destinations stay.
func (w *World) Reset(ctx context.Context) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	return w.reset(ctx)
}

func (w *World) reset(ctx context.Context) error {
	w.Simulator.Reset()
	if err := errors.Join(w.state.ClearMedia(ctx), w.state.ClearEvents(ctx)); err != nil {
		return err
	}
	defer w.Gateway.Journal().Clear() // also of what ends meanwhile
	buckets, err := w.buckets.ListBuckets(ctx)
	if err != nil {
		return err
	}
	for _, bucket := range buckets {
		list, err := w.buckets.ListBucket(ctx, bucket.Name, &gofakes3.Prefix{}, gofakes3.ListBucketPage{})
		if err != nil {
			return err
		}
		for _, content := range list.Contents {
			if _, err := w.buckets.DeleteObject(ctx, bucket.Name, content.Key); err != nil {
				return err
			}
		}
		if bucket.Name == Bucket {
			continue
		}
		if err := w.buckets.DeleteBucket(ctx, bucket.Name); err != nil {
			return err
		}
	}
	return nil
}

// worldWriter writes a file. After an error it writes nothing more.
type worldWriter struct {
	to     io.Writer
	digest hash.Hash
	limit  int64 // bytes; more could not be loaded
	lines  int
	bytes  int64
	err    error
}

// Write writes whole lines, or parts of lines, of the simulator.
func (w *worldWriter) Write(text []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.bytes += int64(len(text)); w.bytes > w.limit {
		w.err = fmt.Errorf("the world has more than %d bytes, which cannot be loaded again; delete objects or files", w.limit)
		return 0, w.err
	}
	w.lines += bytes.Count(text, []byte("\n"))
	w.digest.Write(text)
	n, err := w.to.Write(text)
	w.err = err
	return n, err
}

func (w *worldWriter) write(line worldLine) {
	text, err := json.Marshal(line)
	if err != nil {
		w.err = cmp.Or(w.err, err)
		return
	}
	_, _ = w.Write(append(text, '\n')) // which keeps the error
}
