package bucketdir_test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// TestBehaviour checks what a client sees, with both backends.
func TestBehaviour(t *testing.T) {
	for _, behaviour := range []struct {
		name string
		test func(t *testing.T, w world)
	}{
		{"put, get and head", putGetHead},
		{"an object is replaced as a whole", replace},
		{"ranges", ranges},
		{"odd keys", oddKeys},
		{"lists", lists},
		{"pages", pages},
		{"delete", deletes},
		{"copy", copies},
		{"multipart", multipart},
		{"presigned URLs", presigned},
		{"conditions", conditions},
		{"tags", tags},
		{"buckets", buckets},
		{"a wrong digest leaves nothing", wrongDigest},
	} {
		t.Run(behaviour.name, func(t *testing.T) { eachBackend(t, behaviour.test) })
	}
}

var odd = []string{
	"a", "a/b", "a/b/c", "..", "../../etc/passwd", "./x", "a//b", "/first", "//", "last/", "x.object", "CON", "a:b*c?d\"e<f>g|h",
	"space plus+percent%2Ffoo#bar?a=b&c", "ä/日本/🙂", "line\nbreak\ttab", "A", "Ä", strings.Repeat("k", 1024), strings.Repeat("日", 341) + "x",
}

func putGetHead(t *testing.T, w world) {
	before := time.Now().Add(-time.Second)
	for _, body := range []string{"", "hello", strings.Repeat("0123456789abcdef", 1<<16)} {
		w.put(t, "k", body, func(in *s3.PutObjectInput) {
			in.ContentType, in.CacheControl, in.ContentDisposition = aws.String("image/webp"), aws.String("no-store"), aws.String(`attachment; filename="ä"`)
			in.Metadata = map[string]string{"from": "Zoë & Jo=1", "empty": ""}
		})
		got, object := w.get(t, "k")
		head, err := w.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		must(t, err)
		equal(t, "body", got, body)
		for what, pair := range map[string][2]any{
			"ETag":           {object.ETag, head.ETag},
			"Content-Type":   {object.ContentType, head.ContentType},
			"Cache-Control":  {object.CacheControl, head.CacheControl},
			"Disposition":    {object.ContentDisposition, head.ContentDisposition},
			"Last-Modified":  {object.LastModified, head.LastModified},
			"Content-Length": {object.ContentLength, head.ContentLength},
			"metadata":       {object.Metadata, head.Metadata},
		} {
			equal(t, what+" of GET and HEAD", show(pair[0]), show(pair[1]))
		}
		equal(t, "ETag", *head.ETag, etag(body))
		equal(t, "Content-Type", *head.ContentType, "image/webp")
		equal(t, "Disposition", *head.ContentDisposition, `attachment; filename="ä"`)
		equal(t, "metadata", head.Metadata, map[string]string{"from": "Zoë & Jo=1", "empty": ""})
		equal(t, "length", fmt.Sprint(*head.ContentLength), fmt.Sprint(len(body)))
		if head.LastModified.Before(before) || head.LastModified.After(time.Now()) {
			t.Errorf("last modified %v", head.LastModified)
		}
	}
	_, err := w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("none")})
	code(t, err, "NoSuchKey")
	_, err = w.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(bucket), Key: aws.String("none")})
	code(t, err, "NotFound")
	for _, name := range []string{"no-such-bucket", "..", ".incoming", "Ferry-Media"} {
		_, err = w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(name), Key: aws.String("k")})
		code(t, err, "NoSuchBucket")
	}
}

// show dereferences a pointer.
func show(value any) string {
	switch value := value.(type) {
	case *string:
		return aws.ToString(value)
	case *int64:
		return fmt.Sprint(aws.ToInt64(value))
	case *time.Time:
		return value.String()
	}
	return fmt.Sprint(value)
}

func replace(t *testing.T, w world) {
	w.put(t, "k", "a long first version", func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"old": "1"} })
	w.put(t, "k", "second", func(in *s3.PutObjectInput) { in.ContentType = aws.String("text/plain") })
	got, object := w.get(t, "k")
	equal(t, "body", got, "second")
	equal(t, "Content-Type", *object.ContentType, "text/plain")
	equal(t, "metadata", object.Metadata, map[string]string{})
	equal(t, "keys", w.keys(t), []string{"k"})
}

func ranges(t *testing.T, w world) {
	w.put(t, "k", "0123456789")
	w.put(t, "empty", "")
	for _, c := range []struct{ request, body, response string }{
		{"bytes=0-0", "0", "bytes 0-0/10"},
		{"bytes=2-5", "2345", "bytes 2-5/10"},
		{"bytes=7-", "789", "bytes 7-9/10"},
		{"bytes=7-99", "789", "bytes 7-9/10"},
		{"bytes=-3", "789", "bytes 7-9/10"},
		{"bytes=-10", "0123456789", "bytes 0-9/10"},
	} {
		got, object := w.get(t, "k", func(in *s3.GetObjectInput) { in.Range = aws.String(c.request) })
		equal(t, c.request, got, c.body)
		equal(t, c.request+": Content-Range", aws.ToString(object.ContentRange), c.response)
		equal(t, c.request+": length", fmt.Sprint(*object.ContentLength), fmt.Sprint(len(c.body)))
		equal(t, c.request+": ETag", *object.ETag, etag("0123456789"))
	}
	for key, request := range map[string]string{"k": "bytes=10-", "empty": "bytes=0-0"} {
		_, err := w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Range: aws.String(request)})
		code(t, err, "InvalidRange")
	}
}

func oddKeys(t *testing.T, w world) {
	for _, key := range odd {
		w.put(t, key, "body of "+key)
	}
	for _, key := range odd {
		got, _ := w.get(t, key)
		equal(t, fmt.Sprintf("body of %.40q", key), got, "body of "+key)
	}
	equal(t, "keys", w.keys(t), slices.Sorted(slices.Values(odd)))
	for i, key := range odd {
		_, err := w.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		must(t, err)
		equal(t, "keys left", w.keys(t), slices.Sorted(slices.Values(odd[i+1:])))
	}
	_, err := w.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(strings.Repeat("k", 1025)), Body: strings.NewReader("x")})
	code(t, err, "KeyTooLongError")
}

func lists(t *testing.T, w world) {
	for _, key := range []string{"z", "b", "a", "dir/2", "dir/1", "dir/sub/1", "dir.txt", "other/1", "B"} {
		w.put(t, key, key)
	}
	for _, c := range []struct {
		prefix, delimiter string
		want              []string
	}{
		{"", "", []string{"B", "a", "b", "dir.txt", "dir/1", "dir/2", "dir/sub/1", "other/1", "z"}},
		{"", "/", []string{"B", "a", "b", "dir.txt", "z", "dir/*", "other/*"}},
		{"dir", "", []string{"dir.txt", "dir/1", "dir/2", "dir/sub/1"}},
		{"dir", "/", []string{"dir.txt", "dir/*"}},
		{"dir/", "/", []string{"dir/1", "dir/2", "dir/sub/*"}},
		{"none", "", []string{}},
	} {
		input := &s3.ListObjectsV2Input{Prefix: aws.String(c.prefix)}
		if c.delimiter != "" {
			input.Delimiter = aws.String(c.delimiter)
		}
		equal(t, fmt.Sprintf("list of %q with %q", c.prefix, c.delimiter), w.pages(t, input), [][]string{c.want})
	}
	output, err := w.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("dir.txt")})
	must(t, err)
	object := output.Contents[0]
	equal(t, "ETag", *object.ETag, etag("dir.txt"))
	equal(t, "size", fmt.Sprint(*object.Size), "7")
	if age := time.Since(*object.LastModified); age < 0 || age > time.Minute {
		t.Errorf("last modified %v", object.LastModified)
	}
	_, err = w.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("no-such-bucket")})
	code(t, err, "NoSuchBucket")
}

func pages(t *testing.T, w world) {
	keys := []string{"a", "b", "d/1", "d/2", "e"}
	for _, key := range keys {
		w.put(t, key, "")
	}
	equal(t, "pages of 2", w.pages(t, &s3.ListObjectsV2Input{MaxKeys: aws.Int32(2)}), [][]string{{"a", "b"}, {"d/1", "d/2"}, {"e"}})
	equal(t, "a page of 5", w.pages(t, &s3.ListObjectsV2Input{MaxKeys: aws.Int32(5)}), [][]string{keys})
	equal(t, "what is behind b", w.pages(t, &s3.ListObjectsV2Input{StartAfter: aws.String("b")}), [][]string{keys[2:]})
	equal(t, "the first of many", w.pages(t, &s3.ListObjectsV2Input{MaxKeys: aws.Int32(1), Prefix: aws.String("d/")})[:2], [][]string{{"d/1"}, {"d/2"}})
	first, err := w.ListObjects(t.Context(), &s3.ListObjectsInput{Bucket: aws.String(bucket), MaxKeys: aws.Int32(3), Delimiter: aws.String("/")})
	must(t, err)
	equal(t, "keys and prefixes of version 1", fmt.Sprint(len(first.Contents), len(first.CommonPrefixes), *first.IsTruncated), "2 1 true")
}

func deletes(t *testing.T, w world) {
	for _, key := range []string{"a", "a/b", "c", "d", "e"} {
		w.put(t, key, key)
	}
	for range 2 { // the second time the object does not exist
		_, err := w.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("a")})
		must(t, err)
	}
	equal(t, "keys", w.keys(t), []string{"a/b", "c", "d", "e"})
	output, err := w.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucket), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("c")}, {Key: aws.String("never was")}, {Key: aws.String("d")}},
	}})
	must(t, err)
	equal(t, "deleted and failed", fmt.Sprint(len(output.Deleted), len(output.Errors)), "3 0")
	equal(t, "keys", w.keys(t), []string{"a/b", "e"})
	_, err = w.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("no-such-bucket"), Key: aws.String("a")})
	code(t, err, "NoSuchBucket")
}

func copies(t *testing.T, w world) {
	w.put(t, "a b+ä", "body", func(in *s3.PutObjectInput) {
		in.ContentType, in.Metadata = aws.String("audio/ogg"), map[string]string{"n": "1"}
	})
	source := aws.String(bucket + "/a%20b%2B%C3%A4")
	output, err := w.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("copy"), CopySource: source})
	must(t, err)
	equal(t, "ETag", *output.CopyObjectResult.ETag, etag("body"))
	got, object := w.get(t, "copy")
	equal(t, "copy", got+" "+*object.ContentType+" "+object.Metadata["n"], "body audio/ogg 1")

	// Onto itself, with other metadata.
	_, err = w.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("a b+ä"), CopySource: source,
		MetadataDirective: types.MetadataDirectiveReplace, ContentType: aws.String("video/mp4"),
	})
	must(t, err)
	got, object = w.get(t, "a b+ä")
	equal(t, "copy to itself", got+" "+*object.ContentType+" "+object.Metadata["n"], "body video/mp4 ")

	_, err = w.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String(bucket), Key: aws.String("x"), CopySource: aws.String(bucket + "/none")})
	code(t, err, "NoSuchKey")
	_, err = w.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("no-such-bucket"), Key: aws.String("x"), CopySource: source})
	code(t, err, "NoSuchBucket")
}

func multipart(t *testing.T, w world) {
	upload, err := w.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String(bucket), Key: aws.String("big"), ContentType: aws.String("video/mp4"), Metadata: map[string]string{"n": "1"},
	})
	must(t, err)
	bodies := []string{strings.Repeat("a", 5<<20), strings.Repeat("b", 5<<20), "end"}
	var parts []types.CompletedPart
	for i, body := range bodies {
		part, err := w.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(body),
		})
		must(t, err)
		parts = append(parts, types.CompletedPart{ETag: part.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	equal(t, "keys before completion", w.keys(t), []string{})
	_, err = w.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: upload.Bucket, Key: upload.Key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	})
	must(t, err)
	got, object := w.get(t, "big")
	if got != strings.Join(bodies, "") {
		t.Errorf("got %d other bytes", len(got))
	}
	equal(t, "headers", *object.ContentType+" "+object.Metadata["n"], "video/mp4 1")
}

func presigned(t *testing.T, w world) {
	presigner := s3.NewPresignClient(w.Client)
	putting, err := presigner.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("a/ä b")})
	must(t, err)
	// A body of unknown size.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, putting.URL, io.MultiReader(strings.NewReader("he"), strings.NewReader("llo")))
	must(t, err)
	request.Header.Set("Content-Type", "text/plain")
	response, err := w.http.Do(request)
	must(t, err)
	equal(t, "response to PUT", fmt.Sprint(response.StatusCode, text(t, response.Body), response.Header.Get("ETag")), "200"+etag("hello"))

	getting, err := presigner.PresignGetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String(bucket), Key: aws.String("a/ä b"), ResponseContentType: aws.String("image/png"),
	})
	must(t, err)
	response, err = w.http.Get(getting.URL)
	must(t, err)
	equal(t, "response to GET", fmt.Sprint(response.StatusCode, text(t, response.Body), response.Header.Get("Content-Type")), "200helloimage/png")
	response, err = w.http.Get(strings.Replace(getting.URL, "X-Amz-Expires=900", "X-Amz-Expires=901", 1))
	must(t, err)
	text(t, response.Body)
	equal(t, "status with another signature", response.StatusCode, http.StatusForbidden)
}

func conditions(t *testing.T, w world) {
	w.put(t, "k", "one")
	got, _ := w.get(t, "k", func(in *s3.GetObjectInput) { in.IfMatch = aws.String(etag("one")) })
	equal(t, "body", got, "one")
	_, err := w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfMatch: aws.String(etag("other"))})
	code(t, err, "PreconditionFailed")
	_, err = w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfNoneMatch: aws.String(etag("one"))})
	code(t, err, "NotModified")
	_, err = w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfUnmodifiedSince: aws.Time(time.Now().Add(-time.Hour))})
	code(t, err, "PreconditionFailed")

	_, err = w.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), IfNoneMatch: aws.String("*"), Body: strings.NewReader("two")})
	code(t, err, "PreconditionFailed")
	_, err = w.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("none"), IfMatch: aws.String(etag("one")), Body: strings.NewReader("two")})
	code(t, err, "NoSuchKey")
	w.put(t, "k", "two", func(in *s3.PutObjectInput) { in.IfMatch = aws.String(etag("one")) })
	w.put(t, "new", "", func(in *s3.PutObjectInput) { in.IfNoneMatch = aws.String("*") })
}

func tags(t *testing.T, w world) {
	w.put(t, "k", "body", func(in *s3.PutObjectInput) {
		in.Tagging, in.ContentType = aws.String("a=1&b=x%20y"), aws.String("text/plain")
	})
	show := func() (shown string) {
		output, err := w.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		must(t, err)
		for _, tag := range output.TagSet {
			shown += *tag.Key + "=" + *tag.Value + ";"
		}
		return shown
	}
	modified := func() string {
		list, err := w.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
		must(t, err)
		return list.Contents[0].LastModified.String()
	}
	put := modified()
	equal(t, "tags", show(), "a=1;b=x y;")
	_, err := w.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{
		Bucket: aws.String(bucket), Key: aws.String("k"), Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("ä"), Value: aws.String("2")}}},
	})
	must(t, err)
	equal(t, "tags", show(), "ä=2;")
	_, err = w.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	must(t, err)
	equal(t, "tags", show(), "")
	equal(t, "last modified", modified(), put)
	got, object := w.get(t, "k")
	equal(t, "the object", got+" "+*object.ContentType+" "+*object.ETag, "body text/plain "+etag("body"))
}

func buckets(t *testing.T, w world) {
	_, err := w.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	code(t, err, "BucketAlreadyExists")
	_, err = w.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("another.bucket")})
	must(t, err)
	output, err := w.ListBuckets(t.Context(), &s3.ListBucketsInput{})
	must(t, err)
	names := []string{}
	for _, found := range output.Buckets {
		names = append(names, *found.Name)
		if age := time.Since(*found.CreationDate); age < -time.Second || age > time.Minute {
			t.Errorf("%s was created %v", *found.Name, found.CreationDate)
		}
	}
	equal(t, "buckets", names, []string{"another.bucket", bucket})

	w.put(t, "k", "")
	_, err = w.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	code(t, err, "BucketNotEmpty")
	_, err = w.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
	must(t, err)
	_, err = w.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	must(t, err)
	_, err = w.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucket)})
	code(t, err, "NoSuchBucket")
	_, err = w.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String(bucket)})
	code(t, err, "NotFound")
	_, err = w.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: strings.NewReader("x")})
	code(t, err, "NoSuchBucket")
	w.create(t)
	equal(t, "keys", w.keys(t), []string{})
}

func wrongDigest(t *testing.T, w world) {
	w.put(t, "k", "before")
	for _, key := range []string{"k", "new"} {
		_, err := w.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("hello"), ContentMD5: aws.String("AAAAAAAAAAAAAAAAAAAAAA=="),
		})
		code(t, err, "BadDigest")
		_, err = w.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader("hello"), ChecksumCRC32: aws.String("AAAAAA=="),
		})
		code(t, err, "BadDigest")
	}
	got, _ := w.get(t, "k")
	equal(t, "body", got, "before")
	equal(t, "keys", w.keys(t), []string{"k"})
}
