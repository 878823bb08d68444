// Files: samples, and what a test puts into the bucket.

package ferrytest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/socialmessaging"
)

// A File is what a person sends, or what is put into a bucket.
type File struct {
	Name    string // "photo.jpg"
	Type    string // its MIME type, such as "image/jpeg"
	Data    []byte
	Caption string // of a picture, video or document that a person sends
}

// An Object is a file in a bucket of the world.
type Object struct{ Bucket, Key string }

// String returns the object as a URI: "s3://ferry-media/photo.jpg".
func (o Object) String() string { return "s3://" + o.Bucket + "/" + o.Key }

// S3File returns the object as PostWhatsAppMessageMedia names it.
func (o Object) S3File() *socialmessaging.S3File {
	return &socialmessaging.S3File{BucketName: &o.Bucket, Key: &o.Key}
}

// SampleFile returns a small valid file of a type that WhatsApp accepts, or one with a
// single problem. It panics if SampleNames does not have the name.
func SampleFile(name string) File {
	file, ok := sampleFile(name)
	if !ok {
		panic("ferrytest: " + noSample(name))
	}
	return file
}

func sampleFile(name string) (File, bool) {
	for _, f := range sample.Files() {
		if f.Name == name {
			return File{Name: f.Name, Type: f.ContentType, Data: f.Data}, true
		}
	}
	for _, f := range sample.BadFiles() {
		if f.Name == name {
			return File{Name: f.Name, Type: f.ContentType, Data: f.Data}, true
		}
	}
	return File{}, false
}

func noSample(name string) string {
	return fmt.Sprintf("there is no sample %q; there are %s", name, strings.Join(SampleNames(), ", "))
}

// SampleNames returns the names of all samples: first the valid ones, such as sample.jpg,
// voice.ogg and sample.pdf, then those with a problem, whose name is the code of the
// finding about it, such as jpeg-cmyk.jpg and opus-not-mono.ogg.
func SampleNames() []string {
	var names []string
	for _, f := range sample.Files() {
		names = append(names, f.Name)
	}
	for _, f := range sample.BadFiles() {
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// Sample puts a sample into the bucket, under its own name.
func (w *World) Sample(name string) Object {
	w.t.Helper()
	file, ok := sampleFile(name)
	if !ok {
		w.t.Fatalf("ferrytest: Sample: %s", noSample(name))
	}
	return w.Put(file)
}

// Put puts a file into the bucket, under its name and with its type.
func (w *World) Put(file File) Object {
	w.t.Helper()
	object := Object{Bucket: local.Bucket, Key: file.Name}
	ctx, cancel := context.WithTimeout(context.Background(), w.settings.timeout)
	defer cancel()
	_, err := s3.NewFromConfig(w.AWSConfig()).PutObject(ctx, &s3.PutObjectInput{
		Bucket: &object.Bucket, Key: &object.Key, Body: strings.NewReader(string(file.Data)), ContentType: &file.Type,
	})
	if err != nil {
		w.t.Fatalf("ferrytest: putting %s: %v", object, err)
	}
	return object
}
