package e2e

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/socialmessaging"
)

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// With --data, keys, ids and objects survive a restart of ferry dev.
func TestDevKeepsItsData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	file := sampleFile(t, "sample.pdf")

	first := startDev(t, raceBuild, "--data", data)
	first.putObject(t, "folder/a.pdf", file.Data, file.ContentType)
	first.wantUpload(t, "folder/a.pdf", file.Data)
	first.stop()

	second := startDev(t, raceBuild, "--data", data)
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "FERRY_WABA_ID", "FERRY_PHONE_NUMBER_ID", "FERRY_BUCKET"} {
		if first.values[name] == "" || first.values[name] != second.values[name] {
			t.Errorf("%s was %q, and is %q after the restart", name, first.values[name], second.values[name])
		}
	}
	second.wantUpload(t, "folder/a.pdf", file.Data)
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o700 {
		t.Errorf("the data directory, which holds secrets, has mode %o, want 700", mode)
	}
}

// Without --data nothing is kept, and two processes share nothing but the ids and
// keys of the sample world.
func TestTwoDevsInMemoryShareNoData(t *testing.T) {
	first, second := startDev(t, raceBuild), startDev(t, raceBuild)
	file := sampleFile(t, "sample.pdf")
	first.putObject(t, "a.pdf", file.Data, file.ContentType)
	_, err := goClient(second.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"], second.key()).
		PostWhatsAppMessageMedia(t.Context(), fromBucket(second.values["FERRY_PHONE_NUMBER_ID"], second.values["FERRY_BUCKET"], "a.pdf"))
	if _, missing := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !missing {
		t.Errorf("an object of the first world, in the second: %v", err)
	}
	if first.key() != second.key() {
		t.Error("two worlds have different keys")
	}
}

func (w *devWorld) key() accessKey {
	return accessKey{w.values["AWS_ACCESS_KEY_ID"], w.values["AWS_SECRET_ACCESS_KEY"]}
}

// s3 returns a client of the world's S3 server.
func (w *devWorld) s3() *s3.Client {
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: aws.String(w.values["AWS_ENDPOINT_URL_S3"]), UsePathStyle: true, HTTPClient: w.client,
		Credentials: credentials.NewStaticCredentialsProvider(w.key().id, w.key().secret, ""),
	})
}

func (w *devWorld) putObject(t testing.TB, key string, data []byte, contentType string) {
	t.Helper()
	gateway := &s3Server{client: w.s3()}
	gateway.put(t, w.values["FERRY_BUCKET"], key, data, contentType)
}

// object returns the content of an object of the bucket.
func (w *devWorld) object(t testing.TB, key string) []byte {
	t.Helper()
	output, err := w.s3().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(w.values["FERRY_BUCKET"]), Key: &key})
	if err != nil {
		t.Fatal(err)
	}
	defer output.Body.Close()
	data, err := io.ReadAll(output.Body)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// wantUpload checks that an object of the bucket can be uploaded, and arrives complete.
func (w *devWorld) wantUpload(t testing.TB, key string, data []byte) {
	t.Helper()
	client := goClient(w.values["AWS_ENDPOINT_URL_SOCIALMESSAGING"], w.key())
	output, err := client.PostWhatsAppMessageMedia(t.Context(), fromBucket(w.values["FERRY_PHONE_NUMBER_ID"], w.values["FERRY_BUCKET"], key))
	if err != nil {
		t.Fatal(err)
	}
	w.sim.wantStored(*output.MediaId, data)
}
