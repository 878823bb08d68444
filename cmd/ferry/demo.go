// ferry demo: the main job, shown on real files.

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/internal/media"
	"ferry/internal/sample"
	"ferry/internal/state"
	"ferry/internal/tty"
	"ferry/socialmessaging"
)

type demoCommand struct{}

// Run starts a world on free ports and puts the sample files into its bucket.
// It lints each file, and uploads it from the bucket and from a presigned URL.
// After each upload it retrieves the file from WhatsApp (the simulator),
// compares the two, uploads the file again, which must return the same media id
// because of reuse, and deletes it once for each of the two uploads. At last it
// sends a picture, and waits for the event that says that it was read.
func (demoCommand) Run(ctx context.Context, terminal *terminal) (err error) {
	world, err := local.Start(ctx, local.Config{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	_ = terminal.out.Printf("API %s, WhatsApp simulator %s, S3 %s\n\n", world.APIURL, world.SimulatorURL, world.S3URL)
	return newDemo(world, terminal.out).run(ctx)
}

type demo struct {
	world  *local.World
	out    *tty.Output
	bucket *s3.Client
	client *socialmessaging.Client
}

func newDemo(world *local.World, out *tty.Output) *demo {
	provider := credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")
	return &demo{
		world:  world,
		out:    out,
		bucket: s3.New(s3.Options{Region: world.Region, BaseEndpoint: &world.S3URL, UsePathStyle: true, Credentials: provider}),
		client: socialmessaging.New(socialmessaging.Options{Region: world.Region, BaseEndpoint: aws.String(world.APIURL), Credentials: provider}),
	}
}

const demoRow = "%-22s %-13s %8s %-17s %8s  %-7s %s\n"

func (d *demo) run(ctx context.Context) error {
	if err := d.world.Gateway.State().Set(ctx, local.AccountID, state.Reuse, true); err != nil {
		return err
	}
	_ = d.out.Printf(demoRow, "FILE", "SOURCE", "SIZE", "MEDIA ID", "TIME", "SHA-256", "TYPE")
	uploads, failures := 0, 0
	for _, file := range sample.Files() {
		_, err := d.bucket.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String(local.Bucket), Key: &file.Name, Body: bytes.NewReader(file.Data), ContentType: &file.ContentType,
		})
		if err != nil {
			return fmt.Errorf("putting %s into the bucket: %w", file.Name, err)
		}
		if err := lintSample(ctx, file); err != nil {
			return err
		}
		for _, kind := range []string{"bucket", "presigned URL"} {
			uploads++
			if err := d.upload(ctx, file, kind); err != nil {
				failures++
				_ = d.out.Printf("%-22s %-13s FAILED: %v\n", file.Name, kind, err)
			}
		}
	}
	_ = d.out.Printf("\n%d files without findings; %d of %d uploads read back unchanged from WhatsApp, reused and deleted\n",
		len(sample.Files()), uploads-failures, uploads)
	if failures > 0 {
		return fmt.Errorf("%d of %d uploads failed", failures, uploads)
	}
	return d.sendPicture(ctx)
}

// lintSample checks a file as `ferry media lint` does.
func lintSample(ctx context.Context, file sample.File) error {
	size := int64(len(file.Data))
	result, err := media.Check(ctx, media.File{DeclaredType: file.ContentType, Name: file.Name, Size: size, Head: file.Data[:min(size, media.HeadSize)]})
	if err == nil && len(result.Findings) > 0 {
		err = errors.New(result.Refusal(media.LooksBad))
	}
	if err != nil {
		return fmt.Errorf("linting %s: %w", file.Name, err)
	}
	return nil
}

// upload uploads one file, retrieves it, uploads it again, deletes it for both
// uploads, and prints a row.
func (d *demo) upload(ctx context.Context, file sample.File, kind string) error {
	input := &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &d.world.PhoneNumberID}
	if kind == "bucket" {
		input.SourceS3File = &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &file.Name}
	} else {
		signed, err := s3.NewPresignClient(d.bucket).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(local.Bucket), Key: &file.Name})
		if err != nil {
			return err
		}
		input.SourceS3PresignedUrl = &socialmessaging.S3PresignedUrl{Url: &signed.URL, Headers: map[string]string{"Content-Type": file.ContentType}}
	}
	started := time.Now()
	output, err := d.client.PostWhatsAppMessageMedia(ctx, input)
	if err != nil {
		return err
	}
	if output.MediaId == nil {
		return errors.New("the response has no media id")
	}
	taken := time.Since(started)
	mimeType, digest, err := d.readBack(ctx, *output.MediaId)
	if err != nil {
		return fmt.Errorf("reading media %s back: %w", *output.MediaId, err)
	}
	if digest != sha256.Sum256(file.Data) {
		return fmt.Errorf("media %s is not the file that was uploaded: its SHA-256 is %x", *output.MediaId, digest)
	}
	again, err := d.client.PostWhatsAppMessageMedia(ctx, input)
	if err != nil {
		return fmt.Errorf("uploading it again: %w", err)
	}
	if aws.ToString(again.MediaId) != *output.MediaId {
		return fmt.Errorf("media %s was not reused: the second upload of the file returned %s", *output.MediaId, aws.ToString(again.MediaId))
	}
	for range 2 { // once for each upload
		_, err = d.client.DeleteWhatsAppMessageMedia(ctx, &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: output.MediaId, OriginationPhoneNumberId: &d.world.PhoneNumberID})
		if err != nil {
			return fmt.Errorf("deleting media %s: %w", *output.MediaId, err)
		}
	}
	if _, there := d.world.Simulator.Media(*output.MediaId); there {
		return fmt.Errorf("media %s still exists at WhatsApp after it was deleted", *output.MediaId)
	}
	_ = d.out.Printf(demoRow, file.Name, kind, fmt.Sprintf("%d B", len(file.Data)), *output.MediaId, taken.Round(100*time.Microsecond), "match", mimeType)
	return nil
}

// readBack has the API put the file into the bucket, and reads it from there.
func (d *demo) readBack(ctx context.Context, mediaID string) (mimeType string, digest [sha256.Size]byte, err error) {
	const prefix = "from-whatsapp/"
	output, err := d.client.GetWhatsAppMessageMedia(ctx, &socialmessaging.GetWhatsAppMessageMediaInput{
		MediaId: &mediaID, OriginationPhoneNumberId: &d.world.PhoneNumberID,
		DestinationS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String(prefix)},
	})
	if err != nil {
		return "", digest, err
	}
	mimeType = aws.ToString(output.MimeType)
	_, subtype, _ := strings.Cut(mimeType, "/")
	object, err := d.bucket.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String(local.Bucket), Key: aws.String(prefix + mediaID + "." + subtype)})
	if err != nil {
		return "", digest, err
	}
	defer object.Body.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, object.Body); err != nil {
		return "", digest, err
	}
	return mimeType, [sha256.Size]byte(hash.Sum(nil)), nil
}
