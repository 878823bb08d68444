package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/metasim"
)

// startWorld starts a world and points the SDK's settings at it.
func startWorld(t *testing.T) *local.World {
	t.Helper()
	world, err := local.Start(t.Context(), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "AWS_REGION": world.Region, "AWS_ACCESS_KEY_ID": world.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": world.SecretAccessKey.Reveal(), "AWS_ENDPOINT_URL_S3": world.S3URL,
		"AWS_ENDPOINT_URL_SOCIALMESSAGING": world.APIURL, "FERRY_PHONE_NUMBER_ID": world.PhoneNumberID,
	} {
		t.Setenv(name, value)
	}
	return world
}

func putFiles(t *testing.T, world *local.World, prefix string, count int) {
	t.Helper()
	bucket := newDemo(world, nil).bucket
	for i := range count {
		_, err := bucket.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String(local.Bucket), Key: aws.String(fmt.Sprintf("%s%04d.txt", prefix, i)),
			Body: strings.NewReader(fmt.Sprint("file ", i)), ContentType: aws.String("text/plain"),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func addFault(t *testing.T, world *local.World, fault metasim.Fault) {
	t.Helper()
	if _, err := world.Simulator.AddFault(fault); err != nil {
		t.Fatal(err)
	}
}

// awaitApplied waits until the simulator's first fault was applied to so many requests.
func awaitApplied(t *testing.T, world *local.World, count int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); world.Simulator.Faults()[0].Applied < count; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not %d requests are hit", count)
		}
	}
}

// uploads counts the files that were uploaded to the simulator.
func uploads(world *local.World) (count int) {
	for _, request := range world.Simulator.Requests() {
		if request.Operation == metasim.OperationUpload && request.MediaID != "" {
			count++
		}
	}
	return count
}

// manifestLine is the part of a line of a manifest that the tests read.
type manifestLine struct{ Source, MediaID, Finding string }

func readLines(t *testing.T, path string) []manifestLine {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var lines []manifestLine
	for line := range bytes.Lines(text) {
		var read manifestLine
		if err := json.Unmarshal(line, &read); err != nil || !bytes.HasSuffix(line, []byte("\n")) {
			t.Fatalf("an incomplete line (%v): %s", err, text)
		}
		lines = append(lines, read)
	}
	return lines
}

func mediaIDs(t *testing.T, path string) (count int) {
	t.Helper()
	for _, line := range readLines(t, path) {
		if line.MediaID != "" {
			count++
		}
	}
	return count
}

func TestInterruptedBulkUploadFinishesUploadsInProgressAndCanBeContinued(t *testing.T) {
	world := startWorld(t)
	putFiles(t, world, "in/", 20)
	path := filepath.Join(t.TempDir(), "out.jsonl")
	args := []string{"media", "post", "s3://" + local.Bucket + "/in/", "--recursive", "--concurrency", "3", "--manifest", path}
	addFault(t, world, metasim.Fault{ID: "slow", Operation: metasim.OperationUpload, Latency: 500 * time.Millisecond})

	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int)
	var out, notes bytes.Buffer
	go func() { ended <- run(ctx, t.Context(), args, &out, &notes) }()
	awaitApplied(t, world, 3)
	interrupt()
	if status := <-ended; status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	if got := mediaIDs(t, path); got != 3 || uploads(world) != 3 {
		t.Errorf("%d lines, %d uploads; want the 3 that were in progress", got, uploads(world))
	}
	if !strings.Contains(notes.String(), "3 files posted") || !strings.Contains(notes.String(), "Interrupted") {
		t.Errorf("the summary: %s", notes.String())
	}

	world.Simulator.RemoveFault("slow")
	if status := run(t.Context(), t.Context(), args, &out, &notes); status != 0 {
		t.Errorf("exit status %d: %s", status, notes.String())
	}
	if got := mediaIDs(t, path); got != 20 || uploads(world) != 20 {
		t.Errorf("%d lines, %d uploads of 20 files", got, uploads(world))
	}
}

func TestSecondInterruptAbortsABulkUpload(t *testing.T) {
	world := startWorld(t)
	putFiles(t, world, "in/", 3)
	path := filepath.Join(t.TempDir(), "out.jsonl")
	addFault(t, world, metasim.Fault{Operation: metasim.OperationUpload, Latency: 10 * time.Minute})
	ctx, interrupt := context.WithCancel(t.Context())
	abort, again := context.WithCancel(t.Context())
	ended := make(chan int)
	var out, notes bytes.Buffer
	go func() {
		ended <- run(ctx, abort, []string{"media", "post", "s3://" + local.Bucket + "/in/", "--recursive", "--manifest", path}, &out, &notes)
	}()
	awaitApplied(t, world, 3)
	interrupt()
	again()
	if status := <-ended; status != exitFailure {
		t.Errorf("exit status %d", status)
	}
	if got := mediaIDs(t, path); got != 0 || !strings.Contains(notes.String(), "3 aborted") {
		t.Errorf("%d lines: %s", got, notes.String())
	}
}

func TestListingOfSeveralPagesIsPostedCompletely(t *testing.T) {
	world := startWorld(t)
	const count = 1007 // a page has 1000
	putFiles(t, world, "many/", count)
	var out, notes bytes.Buffer
	if status := run(t.Context(), t.Context(), []string{"media", "post", "s3://" + local.Bucket, "--recursive", "--concurrency", "16"}, &out, &notes); status != 0 {
		t.Errorf("exit status %d: %s", status, notes.String())
	}
	if got := strings.Count(out.String(), `"mediaId"`); got != count {
		t.Errorf("%d of %d have a media id: %s", got, count, notes.String())
	}
}

func TestMediaGetReadsItsDestination(t *testing.T) {
	get := mediaGetCommand{MediaID: "1", PhoneNumberID: "p", ToURL: "https://b.example/k?X-Amz-Signature=canary", Header: []string{"Content-Type: image/png", "x-a:b:c"}}
	input, err := get.input()
	if err != nil || input.DestinationS3PresignedUrl.Headers["Content-Type"] != "image/png" || input.DestinationS3PresignedUrl.Headers["x-a"] != "b:c" {
		t.Errorf("%+v, %v", input, err)
	}
	get = mediaGetCommand{MediaID: "1", PhoneNumberID: "p", To: "s3://b/in/x_"}
	if input, err = get.input(); err != nil || *input.DestinationS3File.BucketName != "b" || *input.DestinationS3File.Key != "in/x_" {
		t.Errorf("%+v, %v", input, err)
	}
	for _, wrong := range []mediaGetCommand{
		{To: "b/k"}, {To: "s3:///k"}, {ToURL: "ftp://x?canary"}, {ToURL: "https://x/", Header: []string{"canary"}}, {Metadata: true, Header: []string{"a: b"}},
	} {
		if _, err := wrong.input(); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}
