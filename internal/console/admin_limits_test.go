package console_test

import (
	"bytes"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/console"
	"ferry/internal/gateway"
	"ferry/internal/local"
)

// encoded returns a form with fields, name and value in turn.
func encoded(fields ...string) string {
	values := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		values.Set(fields[i], fields[i+1])
	}
	return values.Encode()
}

// putObject writes an object to the S3 server of a world.
func putObject(t *testing.T, w *local.World, key, content string) {
	t.Helper()
	client := s3.New(s3.Options{
		Region: w.Region, BaseEndpoint: aws.String(w.S3URL), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(w.AccessKeyID, w.SecretAccessKey.Reveal(), ""),
	})
	_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &key, Body: bytes.NewReader([]byte(content)), ContentType: aws.String("text/plain")})
	if err != nil {
		t.Fatal(err)
	}
}

// Each limit that a flag of ferry serve changes stands on the page as in the table of
// ARCHITECTURE.md.
func TestLimitsHaveTheNamesOfTheTableOfBounds(t *testing.T) {
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := make(map[string]string)
	for _, row := range console.LimitRows(gateway.Limits{}) {
		shown[row.What] = row.Flag
	}
	_, table, _ := strings.Cut(string(text), "\n## Bounds\n")
	table, _, _ = strings.Cut(table, "\n## ")
	found := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 || !strings.Contains(cells[3], "`--") || strings.Contains(cells[0], "`ferry ") {
			continue
		}
		what, flag := strings.TrimSpace(cells[0]), strings.Trim(strings.TrimSpace(cells[3]), "`")
		if found++; shown[what] != flag {
			t.Errorf("%q with the flag %s is not on the page", what, flag)
		}
	}
	if found < 10 {
		t.Errorf("the table has only %d limits with flags: is this test still right?", found)
	}
}
