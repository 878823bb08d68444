package e2e

import (
	"database/sql"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/socialmessaging"
)

const uploadAndSendWithBoto3 = `
import boto3, json, os
social, phone = boto3.client('socialmessaging'), os.environ['PHONE']
media = social.post_whatsapp_message_media(originationPhoneNumberId=phone, sourceS3File={'bucketName': os.environ['BUCKET'], 'key': 'a.jpg'})['mediaId']
message = json.dumps({'messaging_product': 'whatsapp', 'to': '+16505551234', 'type': 'image', 'image': {'id': media}})
print(media, social.send_whatsapp_message(originationPhoneNumberId=phone, metaApiVersion='v23.0', message=message)['messageId'])
`

const uploadAndSendWithCLI = `set -e
media=$(aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $PHONE --source-s3-file bucketName=$BUCKET,key=a.jpg --query mediaId --output text)
echo "{\"messaging_product\":\"whatsapp\",\"to\":\"+16505551234\",\"type\":\"image\",\"image\":{\"id\":\"$media\"}}" > $HOME/message.json
id=$(aws socialmessaging send-whatsapp-message --origination-phone-number-id $PHONE --meta-api-version v23.0 --message fileb://$HOME/message.json --query messageId --output text)
echo $media $id`

// Each client takes the three values of a temporary key from the environment.
func TestSDKsUseATemporaryKeyUntilItExpires(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	printed, told, status := run(t, w.in.env, "", w.in.program, "key", "create", "--account", account, "--full-access", "--name", "ci", "--expires", "1h")
	key := exports(printed)
	if status != 0 || !strings.HasPrefix(key["AWS_ACCESS_KEY_ID"], "ASIA") || key["AWS_SESSION_TOKEN"] == "" || !strings.Contains(told, "The key ends at ") {
		t.Fatalf("ferry key create ended with status %d: %s", status, told)
	}
	environmentOf := func(values map[string]string) []string {
		env := environment(t.TempDir(), "AWS_ENDPOINT_URL_SOCIALMESSAGING="+w.ferry.url, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "PHONE="+w.phone, "BUCKET="+w.bucket)
		for name, value := range values {
			env = append(env, name+"="+value)
		}
		return env
	}
	type client struct {
		name  string
		make  func(env []string) (stdout, stderr string, status int)
		words *regexp.Regexp // in which it reports an expired token
	}
	clients := []client{
		{"boto3", func(env []string) (string, string, int) {
			return run(t, env, "", pythonBinary(t), "-c", uploadAndSendWithBoto3)
		}, regexp.MustCompile(`ClientError: An error occurred \(ExpiredTokenException\) when calling the PostWhatsAppMessageMedia operation: The security token included in the request is expired`)},
		{"AWS CLI", func(env []string) (string, string, int) {
			awsBinary(t)
			return run(t, env, "", "sh", "-c", uploadAndSendWithCLI)
		}, regexp.MustCompile(`An error occurred \(ExpiredTokenException\) when calling the PostWhatsAppMessageMedia operation: The security token included in the request is expired`)},
		{"JavaScript", func(env []string) (string, string, int) {
			return run(t, env, "", nodeBinary(t), "node/session_token.mjs")
		}, regexp.MustCompile(`ExpiredTokenException: The security token included in the request is expired`)},
		{"ferry", func(env []string) (string, string, int) {
			media, stderr, status := run(t, env, "", w.in.program, "media", "post", "--phone-number-id", w.phone, "s3://"+w.bucket+"/a.jpg")
			id := regexp.MustCompile(`\d{10,}`).FindString(media)
			if status != 0 || id == "" {
				return media, stderr, status
			}
			message, stderr, status := run(t, env, "", w.in.program, "send", "--phone-number-id", w.phone, "--to", "+16505551234", "--text", "from ferry")
			return id + " " + message, stderr, status
		}, regexp.MustCompile(`ExpiredTokenException`)},
	}
	uuid := regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	var works []client
	for i, c := range clients {
		if t.Run(c.name, func(t *testing.T) {
			stdout, stderr, status := c.make(environmentOf(key))
			media, _, _ := strings.Cut(strings.TrimSpace(stdout), " ")
			if status != 0 || !mediaIDForm.MatchString(media) || !uuid.MatchString(stdout) {
				t.Fatalf("it ended with status %d: %s%s", status, stdout, stderr)
			}
			w.sim.wantStored(media, file.Data)
			withoutToken := map[string]string{"AWS_ACCESS_KEY_ID": key["AWS_ACCESS_KEY_ID"], "AWS_SECRET_ACCESS_KEY": key["AWS_SECRET_ACCESS_KEY"]}
			if stdout, stderr, status := c.make(environmentOf(withoutToken)); status == 0 || !strings.Contains(stdout+stderr, "UnrecognizedClientException") || !strings.Contains(stdout+stderr, "Set AWS_SESSION_TOKEN") {
				t.Errorf("without the token, it ended with status %d: %s%s", status, stdout, stderr)
			}
		}) {
			works = append(works, clients[i])
		}
	}
	w.sim.sent(len(works))

	w.expire(key)
	for _, c := range works {
		t.Run(c.name+" after the end", func(t *testing.T) {
			stdout, stderr, status := c.make(environmentOf(key))
			if status == 0 || !c.words.MatchString(stdout+stderr) || !strings.Contains(stdout+stderr, "ferry key create --expires") {
				t.Errorf("it ended with status %d, want %s: %s%s", status, c.words, stdout, stderr)
			}
		})
	}
	list := mustRun(t, w.in.env, w.in.program, "key", "list")
	if !regexp.MustCompile(key["AWS_ACCESS_KEY_ID"] + `  .* expired\n`).MatchString(list) {
		t.Errorf("ferry key list prints %s", list)
	}
	places := map[string]string{"the log": w.ferry.stderr.String(), "the list": list}
	for _, name := range []string{"ferry.db", "ferry.db-wal"} {
		content, err := os.ReadFile(w.in.file(name))
		if err != nil {
			t.Fatal(err)
		}
		places[name] = string(content)
	}
	for what, text := range places {
		wantNoTrace(t, what, text, key["AWS_SESSION_TOKEN"])
		wantNoTrace(t, what, text, key["AWS_SECRET_ACCESS_KEY"])
	}
}

// expire puts the end of a temporary key into the past, as if its time had passed, and waits until
// the server knows it.
func (w *world) expire(key map[string]string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.in.file("ferry.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	result, err := db.ExecContext(w.t.Context(), `UPDATE temporary_key SET expires_at = $1 WHERE id = $2`, time.Now().Add(-time.Minute).UnixMilli(), key["AWS_ACCESS_KEY_ID"])
	if err != nil {
		w.t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		w.t.Fatalf("%d rows changed, %v", n, err)
	}
	client := socialmessaging.New(socialmessaging.Options{Region: region, BaseEndpoint: &w.ferry.url, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key["AWS_ACCESS_KEY_ID"], key["AWS_SECRET_ACCESS_KEY"], key["AWS_SESSION_TOKEN"])})
	eventually(w.t, "the server refuses the key, which it reads again after a second", func() bool {
		_, err := client.ListLinkedWhatsAppBusinessAccounts(w.t.Context(), nil)
		return err != nil
	})
}
