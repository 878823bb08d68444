package bucketdir_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rclone/gofakes3"

	"ferry/internal/local/bucketdir"
)

// files lists the files in a directory.
func files(t *testing.T, directory string) (found []string) {
	t.Helper()
	must(t, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, path)
		}
		return err
	}))
	return found
}

func TestRestart(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "made", "for it")
	before := serve(t, open(t, directory))
	before.create(t)
	for _, key := range odd {
		before.put(t, key, "body of "+key, func(in *s3.PutObjectInput) {
			in.ContentType, in.Metadata = aws.String("image/webp"), map[string]string{"n": "ä"}
		})
	}
	list, err := before.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	must(t, err)
	created, err := before.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(directory, ".incoming", "unfinished"), []byte("half an obj"), 0o600))
	must(t, os.WriteFile(filepath.Join(directory, "keyset.json"), nil, 0o600)) // a valid name of a bucket, but a file

	after := serve(t, open(t, directory))
	equal(t, "keys", after.keys(t), slices.Sorted(slices.Values(odd)))
	for _, key := range odd {
		got, object := after.get(t, key)
		equal(t, fmt.Sprintf("object %.40q", key), got+*object.ContentType+object.Metadata["n"]+*object.ETag, "body of "+key+"image/webpä"+etag("body of "+key))
	}
	relisted, err := after.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	must(t, err)
	for i, object := range list.Contents {
		equal(t, "listed time", show(relisted.Contents[i].LastModified), show(object.LastModified))
	}
	found, err := after.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	equal(t, "buckets", fmt.Sprint(len(found.Buckets), *found.Buckets[0].Name, *found.Buckets[0].CreationDate), fmt.Sprint(1, bucket, *created.Buckets[0].CreationDate))
	equal(t, "number of files", fmt.Sprint(len(files(t, directory))), fmt.Sprint(len(odd)+1))
}

// TestFailedBody puts bodies that end too early or with an error. The object
// remains as it was, and no file is left behind.
func TestFailedBody(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name string
		body io.Reader
		size int64
		want error
	}{
		{"short", strings.NewReader("hello"), 6, gofakes3.ErrIncompleteBody},
		{"empty", strings.NewReader(""), 1, gofakes3.ErrIncompleteBody},
		{"long", strings.NewReader("hello"), 4, gofakes3.ErrIncompleteBody},
		{"endless", endless{}, 10, gofakes3.ErrIncompleteBody},
		{"broken", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), 100, broken},
		{"broken at its end", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(gofakes3.ErrBadDigest)), 5, gofakes3.ErrBadDigest},
		{"broken, of unknown size", io.MultiReader(strings.NewReader("hello"), iotest.ErrReader(broken)), -1, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			directory := t.TempDir()
			b := open(t, directory)
			must(t, b.CreateBucket(t.Context(), bucket))
			if _, err := b.PutObject(t.Context(), bucket, "new", nil, c.body, c.size); err != c.want { // gofakes3 compares the error itself, without unwrapping it
				t.Errorf("error is %v, want %v", err, c.want)
			}
			if _, err := b.HeadObject(t.Context(), bucket, "new"); !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
				t.Errorf("HEAD: %v", err)
			}
			equal(t, "files", files(t, directory), nil)
		})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestHangUp: a client disconnects in the middle of a body.
func TestHangUp(t *testing.T) {
	directory := t.TempDir()
	w := serve(t, open(t, directory))
	w.create(t)
	w.put(t, "k", "before")
	signed, err := s3.NewPresignClient(w.Client).PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	must(t, err)
	address, err := url.Parse(signed.URL)
	must(t, err)
	connection, err := net.Dial("tcp", address.Host)
	must(t, err)
	defer connection.Close()
	must(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(connection, "PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\n\r\nshort", address.RequestURI(), address.Host)
	must(t, err)
	must(t, connection.(*net.TCPConn).CloseWrite())
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	must(t, err)
	text(t, response.Body)
	if response.StatusCode < 400 {
		t.Errorf("response is %s", response.Status)
	}
	got, _ := w.get(t, "k")
	equal(t, "body", got, "before")
	equal(t, "number of files", fmt.Sprint(len(files(t, directory))), "1")
}

// TestOpenVersion reads a version that was replaced and one that was deleted.
func TestOpenVersion(t *testing.T) {
	b := open(t, t.TempDir())
	must(t, b.CreateBucket(t.Context(), bucket))
	var opened []*gofakes3.Object
	for _, body := range []string{"first", "second"} {
		_, err := b.PutObject(t.Context(), bucket, "k", nil, strings.NewReader(body), -1)
		must(t, err)
		object, err := b.GetObject(t.Context(), bucket, "k", &gofakes3.ObjectRangeRequest{Start: 1, End: gofakes3.RangeNoEnd})
		must(t, err)
		opened = append(opened, object)
	}
	_, err := b.DeleteObject(t.Context(), bucket, "k")
	must(t, err)
	must(t, b.DeleteBucket(t.Context(), bucket))
	for i, want := range []string{"irst", "econd"} {
		equal(t, "body", text(t, opened[i].Contents), want)
	}
}

// TestConcurrentVersions puts, tags, lists and gets one key concurrently. Every
// GET returns the bytes and the metadata of the same version.
func TestConcurrentVersions(t *testing.T) {
	directory := t.TempDir()
	w := serve(t, open(t, directory))
	w.create(t)
	const writers, versions = 4, 15
	body := func(letter string) string { return strings.Repeat(letter, 200_000+int(letter[0])) }
	put := func(letter string) error {
		_, err := w.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader(body(letter)), Metadata: map[string]string{"letter": letter},
		})
		return err
	}
	get := func() error {
		output, err := w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		if err != nil {
			return err
		}
		defer output.Body.Close()
		got, err := io.ReadAll(output.Body)
		if want := body(output.Metadata["letter"]); err == nil && (string(got) != want || *output.ETag != etag(want)) {
			err = fmt.Errorf("a mixed version: %d bytes, metadata %v, ETag %s", len(got), output.Metadata, *output.ETag)
		}
		return err
	}
	must(t, put("z"))

	var writing, reading sync.WaitGroup
	var done atomic.Bool
	for writer := range writers {
		writing.Go(func() {
			for range versions {
				_, tagging := w.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("k")})
				if err := errors.Join(put(string(rune('a'+writer))), tagging); err != nil {
					t.Error(err)
				}
			}
		})
		reading.Go(func() {
			for !done.Load() {
				list, err := w.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
				if err = errors.Join(err, get()); err != nil || len(list.Contents) != 1 {
					t.Errorf("%v; list %+v", err, list)
					return
				}
			}
		})
	}
	writing.Wait()
	done.Store(true)
	reading.Wait()
	equal(t, "number of files", fmt.Sprint(len(files(t, directory))), "1")
}

// TestFirstWins: several clients put an object that must not exist yet.
func TestFirstWins(t *testing.T) {
	directory := t.TempDir()
	w := serve(t, open(t, directory))
	w.create(t)
	const rounds = 50
	for round := range rounds {
		var first atomic.Int32
		var clients sync.WaitGroup
		for range 8 {
			clients.Go(func() {
				_, err := w.PutObject(t.Context(), &s3.PutObjectInput{
					Bucket: aws.String(bucket), Key: aws.String(fmt.Sprint(round)), IfNoneMatch: aws.String("*"), Body: strings.NewReader("x"),
				})
				if err == nil {
					first.Add(1)
				} else {
					code(t, err, "PreconditionFailed")
				}
			})
		}
		clients.Wait()
		equal(t, "how many were first", first.Load(), 1)
	}
	equal(t, "number of files", fmt.Sprint(len(files(t, directory))), fmt.Sprint(rounds))
}

// TestTagsLoseNothing tags an object while it is put repeatedly.
func TestTagsLoseNothing(t *testing.T) {
	b := open(t, t.TempDir())
	must(t, b.CreateBucket(t.Context(), bucket))
	body := func(version int) string { return strings.Repeat(fmt.Sprintf("%04d", version), 100_000) }
	put := func(version int) {
		_, err := b.PutObject(t.Context(), bucket, "k", nil, strings.NewReader(body(version)), -1)
		must(t, err)
	}
	put(0)
	var tagging sync.WaitGroup
	var done atomic.Bool
	tagging.Go(func() {
		for !done.Load() {
			if err := b.SetObjectTagging(t.Context(), bucket, "k", "a=1"); err != nil {
				t.Error(err)
			}
		}
	})
	defer tagging.Wait()
	defer done.Store(true)
	for version := range 20 {
		put(version)
		must(t, b.SetObjectTagging(t.Context(), bucket, "k", "b=2")) // gives another tagging time to interfere
		object, err := b.GetObject(t.Context(), bucket, "k", nil)
		must(t, err)
		if text(t, object.Contents) != body(version) {
			t.Errorf("version %d is lost", version)
		}
	}
}

// TestPagesWithPrefixes has pages that s3mem returns wrongly: it repeats a common
// prefix, skips the key after a marker that is not a key, and announces a next
// page that is empty.
func TestPagesWithPrefixes(t *testing.T) {
	w := serve(t, open(t, t.TempDir()))
	w.create(t)
	for _, key := range []string{"a/1", "a/2", "a/3", "b", "c/1", "c/2", "d"} {
		w.put(t, key, "")
	}
	slash := aws.String("/")
	equal(t, "pages of 1", w.pages(t, &s3.ListObjectsV2Input{Delimiter: slash, MaxKeys: aws.Int32(1)}), [][]string{{"a/*"}, {"b"}, {"c/*"}, {"d"}})
	equal(t, "pages of 2", w.pages(t, &s3.ListObjectsV2Input{Delimiter: slash, MaxKeys: aws.Int32(2)}), [][]string{{"b", "a/*"}, {"d", "c/*"}})
	equal(t, "behind bb", w.pages(t, &s3.ListObjectsV2Input{StartAfter: aws.String("bb")}), [][]string{{"c/1", "c/2", "d"}})
	equal(t, "with a prefix", w.pages(t, &s3.ListObjectsV2Input{Prefix: aws.String("a/"), MaxKeys: aws.Int32(3)}), [][]string{{"a/1", "a/2", "a/3"}})
}

// TestBrokenFile damages each part of an object's file. Reading and listing must
// fail; replacing and deleting must work.
func TestBrokenFile(t *testing.T) {
	for name, damage := range map[string]func(whole []byte) []byte{
		"empty":          func([]byte) []byte { return nil },
		"cut":            func(whole []byte) []byte { return whole[:len(whole)-1] },
		"cut in front":   func(whole []byte) []byte { return whole[1:] },
		"zeros":          func(whole []byte) []byte { return make([]byte, len(whole)) },
		"longer":         func(whole []byte) []byte { return append(whole, 0) },
		"another mark":   func(whole []byte) []byte { whole[len(whole)-2]++; return whole },
		"another length": func(whole []byte) []byte { whole[len(whole)-9]++; return whole },
		"a great length": func(whole []byte) []byte { whole[len(whole)-12] = 0xff; return whole },
		"another key":    func(whole []byte) []byte { return []byte(strings.Replace(string(whole), `"k%2F1"`, `"k%2F2"`, 1)) },
	} {
		t.Run(name, func(t *testing.T) {
			directory := t.TempDir()
			b := open(t, directory)
			must(t, b.CreateBucket(t.Context(), bucket))
			put := func() {
				_, err := b.PutObject(t.Context(), bucket, "k/1", map[string]string{"Content-Type": "text/plain"}, strings.NewReader("hello"), 5)
				must(t, err)
			}
			put()
			file := files(t, directory)[0]
			whole, err := os.ReadFile(file)
			must(t, err)
			must(t, os.WriteFile(file, damage(whole), 0o600))

			_, getting := b.GetObject(t.Context(), bucket, "k/1", nil)
			_, heading := b.HeadObject(t.Context(), bucket, "k/1")
			_, listing := b.ListBucket(t.Context(), bucket, nil, gofakes3.ListBucketPage{})
			for what, err := range map[string]error{"GET": getting, "HEAD": heading, "list": listing} {
				if err == nil || !strings.Contains(err.Error(), file+" is damaged") {
					t.Errorf("%s: %v", what, err)
				}
			}
			put()
			_, err = b.HeadObject(t.Context(), bucket, "k/1")
			must(t, err)
		})
	}
}

// TestBytes: keys and metadata need not be UTF-8.
func TestBytes(t *testing.T) {
	b := open(t, t.TempDir())
	must(t, b.CreateBucket(t.Context(), bucket))
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	_, err := b.PutObject(t.Context(), bucket, string(every), map[string]string{"X-Amz-Meta-\xff=&": string(every)}, strings.NewReader(""), 0)
	must(t, err)
	object, err := b.HeadObject(t.Context(), bucket, string(every))
	must(t, err)
	equal(t, "name", object.Name, string(every))
	equal(t, "metadata", object.Metadata, map[string]string{"X-Amz-Meta-\xff=&": string(every)})
}

// TestBucketNames: names that would not be a directory of their own are refused.
func TestBucketNames(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "s3")
	b := open(t, directory)
	for _, name := range []string{"", ".", "..", "...", "a/b", "../s3", `a\b`, "/etc", ".incoming", "Upper", "nul\x00l", "a..b", strings.Repeat("a", 64)} {
		if err := b.CreateBucket(t.Context(), name); !gofakes3.HasErrorCode(err, gofakes3.ErrInvalidBucketName) {
			t.Errorf("%q: %v", name, err)
		}
		if exists, err := b.BucketExists(t.Context(), name); exists || err != nil {
			t.Errorf("%q: %v, %v", name, exists, err)
		}
		_, getting := b.GetObject(t.Context(), name, "k", nil)
		_, heading := b.HeadObject(t.Context(), name, "k")
		_, putting := b.PutObject(t.Context(), name, "k", nil, strings.NewReader(""), 0)
		_, deleting := b.DeleteObject(t.Context(), name, "k")
		_, clearing := b.DeleteMulti(t.Context(), name, "k")
		_, listing := b.ListBucket(t.Context(), name, nil, gofakes3.ListBucketPage{})
		for _, err := range []error{getting, heading, putting, deleting, clearing, listing, b.SetObjectTagging(t.Context(), name, "k", ""), b.DeleteBucket(t.Context(), name)} {
			if !gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchBucket) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	entries, err := os.ReadDir(directory)
	must(t, err)
	equal(t, "number of entries", fmt.Sprint(len(entries)), "1")
}

func TestNewFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	if _, err := bucketdir.New(file); err == nil {
		t.Error("a file is no directory")
	}
}
