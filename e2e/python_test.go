package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
)

// The command from the documentation, in a shell that has sourced the env file.
func TestBoto3WorksWithDevsEnvironment(t *testing.T) {
	pythonBinary(t)
	dev := startDev(t, raceBuild)
	printed := dev.shell(`python3 -c "import boto3,os; s3=boto3.client('s3'); s3.put_object(Bucket=os.environ['FERRY_BUCKET'],Key='a.txt',Body=b'hello',ContentType='text/plain'); print(boto3.client('socialmessaging').post_whatsapp_message_media(originationPhoneNumberId=os.environ['FERRY_PHONE_NUMBER_ID'],sourceS3File={'bucketName':os.environ['FERRY_BUCKET'],'key':'a.txt'})['mediaId'])"`)
	id := strings.TrimSpace(printed)
	if !mediaIDForm.MatchString(id) {
		t.Fatalf("the command printed %q, want a media id", printed)
	}
	dev.sim.wantStored(id, []byte("hello"))
	for _, version := range []string{"s3", "s3v4"} { // the first is boto3's default
		printed := dev.shell(`python3 -c "
import boto3, os
from botocore.config import Config
s3 = boto3.client('s3', config=Config(signature_version='` + version + `'))
url = s3.generate_presigned_url('get_object', Params={'Bucket': os.environ['FERRY_BUCKET'], 'Key': 'a.txt'})
print(boto3.client('socialmessaging').post_whatsapp_message_media(originationPhoneNumberId=os.environ['FERRY_PHONE_NUMBER_ID'],
    sourceS3PresignedUrl={'url': url, 'headers': {'Content-Type': 'text/plain'}})['mediaId'])"`)
		dev.sim.wantStored(strings.TrimSpace(printed), []byte("hello"))
	}
}

func TestAWSCLIWorksWithDevsEnvironment(t *testing.T) {
	awsBinary(t)
	dev := startDev(t, raceBuild)
	waba, phone := dev.values["FERRY_WABA_ID"], dev.values["FERRY_PHONE_NUMBER_ID"]

	var list struct {
		LinkedAccounts []struct {
			ID, WABAName, RegistrationStatus string
			LinkDate                         float64 // the form in which version 1 of the CLI prints timestamps
		}
	}
	decode(t, dev.shell(`aws socialmessaging list-linked-whatsapp-business-accounts`), &list)
	if len(list.LinkedAccounts) != 1 || list.LinkedAccounts[0].ID != waba || list.LinkedAccounts[0].WABAName != "Lucky Shrub" ||
		list.LinkedAccounts[0].RegistrationStatus != "COMPLETE" || list.LinkedAccounts[0].LinkDate == 0 {
		t.Errorf("the linked accounts are %+v, want the sample account %s", list.LinkedAccounts, waba)
	}
	var linked struct {
		Account struct {
			ARN, ID      string
			PhoneNumbers []struct{ ARN, PhoneNumberID, PhoneNumber, DisplayPhoneNumber, QualityRating string }
		}
	}
	decode(t, dev.shell(`aws socialmessaging get-linked-whatsapp-business-account --id $FERRY_WABA_ID`), &linked)
	if linked.Account.ID != waba || len(linked.Account.PhoneNumbers) != 2 || linked.Account.PhoneNumbers[0].PhoneNumberID != phone || linked.Account.PhoneNumbers[0].PhoneNumber != "+15550783881" {
		t.Errorf("the account is %+v, want %s with %s", linked.Account, waba, phone)
	}
	var number struct {
		PhoneNumber                     struct{ PhoneNumberID string }
		LinkedWhatsAppBusinessAccountID string
	}
	decode(t, dev.shell(`aws socialmessaging get-linked-whatsapp-business-account-phone-number --id $FERRY_PHONE_NUMBER_ID`), &number)
	if number.PhoneNumber.PhoneNumberID != phone || number.LinkedWhatsAppBusinessAccountID != waba {
		t.Errorf("the phone number is %+v, want %s of %s", number, phone, waba)
	}
	// `aws s3 cp` sends its default checksum in a trailer.
	var posted struct{ MediaID string }
	decode(t, dev.shell(`printf hello | aws s3 cp --content-type text/plain - s3://$FERRY_BUCKET/cli/a.txt
		aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $FERRY_PHONE_NUMBER_ID --source-s3-file bucketName=$FERRY_BUCKET,key=cli/a.txt`), &posted)
	dev.sim.wantStored(posted.MediaID, []byte("hello"))
	// Version 1 of the CLI signs URLs with Signature Version 2, as boto3 does.
	decode(t, dev.shell(`url=$(aws s3 presign s3://$FERRY_BUCKET/cli/a.txt)
		aws socialmessaging post-whatsapp-message-media --origination-phone-number-id $FERRY_PHONE_NUMBER_ID --source-s3-presigned-url "url=$url,headers={Content-Type=text/plain}"`), &posted)
	dev.sim.wantStored(posted.MediaID, []byte("hello"))
}

func decode(t testing.TB, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// pythonEnv returns the environment of a boto3 program that calls a server.
func (w *world) pythonEnv(url string) []string {
	return environment(w.t.TempDir(), "AWS_ENDPOINT_URL_SOCIALMESSAGING="+url, "AWS_ACCESS_KEY_ID="+w.key.id, "AWS_SECRET_ACCESS_KEY="+w.key.secret, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region)
}

func TestErrorsBecomeExceptionsOfBoto3(t *testing.T) {
	python := pythonBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	w.s3.put(t, w.bucket, "a.gif", []byte("GIF89a, and so on"), "image/gif")
	in := func(key string) members { return jsFromBucket(w.phone, w.bucket, key) }
	// Each upload that reaches Meta fails with the next one of these.
	for _, code := range []int{190, 130429, 100, 131016} {
		w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: code, Times: 1})
	}

	const post = "post_whatsapp_message_media"
	rows := []struct {
		operation string
		input     members
		name      string
		status    int
	}{
		{post, in("a.jpg"), "AccessDeniedByMetaException", http.StatusForbidden},
		{post, in("a.jpg"), "ThrottledRequestException", http.StatusTooManyRequests},
		{post, in("a.jpg"), "InvalidParametersException", http.StatusBadRequest},
		{post, in("a.jpg"), "DependencyException", http.StatusBadGateway},
		{post, in("a.gif"), "InvalidParametersException", http.StatusBadRequest},
		{post, in("missing"), "ResourceNotFoundException", http.StatusNotFound},
		{post, members{"originationPhoneNumberId": w.phone}, "InvalidParametersException", http.StatusBadRequest},
		{post, jsFromBucket(w.phone, "No_Bucket", "a"), "ValidationException", http.StatusBadRequest},
		{post, jsFromURL(w.phone, "https://169.254.169.254/s3xamazonaws.com/", "text/plain"), "InvalidParametersException", http.StatusBadRequest},
		{"get_linked_whatsapp_business_account", members{"id": "waba-0"}, "ResourceNotFoundException", http.StatusNotFound},
	}
	var calls []members
	for _, row := range rows {
		calls = append(calls, members{"operation": row.operation, "input": row.input})
	}
	for i, result := range w.boto3(python, calls...) {
		result.wantException(t, rows[i].name, rows[i].status)
	}
}

// boto3 makes calls with boto3, without retries.
func (w *world) boto3(python string, calls ...members) []outcome {
	w.t.Helper()
	stdin, err := json.Marshal(members{"calls": calls})
	if err != nil {
		w.t.Fatal(err)
	}
	stdout, stderr, status := run(w.t, w.pythonEnv(w.ferry.url), string(stdin), python, "python/exceptions.py")
	lines := slices.Collect(strings.Lines(stdout))
	if status != 0 || len(lines) != len(calls) {
		w.t.Fatalf("exceptions.py ended with status %d after %d of %d calls:\n%s", status, len(lines), len(calls), stderr)
	}
	results := make([]outcome, len(lines))
	for i, line := range lines {
		decode(w.t, line, &results[i])
	}
	return results
}

// boto3 abandons an attempt that takes too long and retries the call while the
// upload of the first attempt is still in progress: all attempts share that upload.
func TestBoto3sRetriesOfASlowCallAreOneUpload(t *testing.T) {
	python := pythonBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, Times: 1, Latency: 1500 * time.Millisecond}) // retry.py waits for a second
	input, err := json.Marshal(jsFromBucket(w.phone, w.bucket, "a.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	env := slices.DeleteFunc(w.pythonEnv(w.ferry.url), func(variable string) bool { return strings.HasPrefix(variable, "AWS_MAX_ATTEMPTS=") })
	stdout, stderr, status := run(t, env, string(input), python, "python/retry.py")
	if status != 0 {
		t.Fatalf("retry.py ended with status %d:\n%s", status, stderr)
	}
	var got struct {
		MediaID string
		Retries int
	}
	decode(t, stdout, &got)
	w.sim.wantStored(got.MediaID, file.Data)
	if sent := w.sim.uploads(); got.Retries == 0 || len(sent) != 1 {
		t.Errorf("after %d retries Meta saw %d uploads, want some retries and one upload: %+v", got.Retries, len(sent), sent)
	}
	for what, gone := range map[string]bool{"the attempt that was abandoned": true, "the attempt that received the response": false} {
		w.ferry.waitLog(what, func(entry logEntry) bool {
			return entry.MediaID == got.MediaID && entry.Status == http.StatusOK && entry.CallerDisconnected == gone
		})
	}
}

func TestBoto3PagesThroughLinkedAccounts(t *testing.T) {
	python := pythonBinary(t)
	third := metasim.BusinessAccount{ID: "302290129340398", Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{{ID: "306540352242922"}}}
	sim := startSimulator(t, metasim.Config{BusinessAccounts: []metasim.BusinessAccount{third}})
	in := install(t, raceBuild, sim)
	w := &world{t: t, key: in.createKey(account)}
	want := []string{in.link(account, metaAccount, metaToken).ID, in.link(account, otherMetaAccount, otherMetaToken).ID, in.link(account, third.ID, third.Token).ID}
	slices.Sort(want)
	var got []string
	for line := range strings.Lines(mustRun(t, w.pythonEnv(in.serve().url), python, "python/pages.py")) {
		var page []string
		decode(t, line, &page)
		if len(page) > 1 {
			t.Errorf("a page has %d accounts, want 1", len(page))
		}
		got = append(got, page...)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the pages have the accounts %v, want %v", got, want)
	}
}
