package testcode_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"ferry/internal/activity"
	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/internal/testcode"
	"ferry/metasim"
	"ferry/socialmessaging"
)

const anna, bruno = "4915112345678", "33612345678"

// session is a world in which something is done.
type session struct {
	*testing.T
	*local.World
	client *socialmessaging.Client
	bucket *s3.Client
}

func startSession(t *testing.T) *session {
	t.Helper()
	w, err := local.Start(t.Context(), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	login := credentials.NewStaticCredentialsProvider(w.AccessKeyID, w.SecretAccessKey.Reveal(), "")
	return &session{
		T: t, World: w,
		client: socialmessaging.New(socialmessaging.Options{Region: w.Region, BaseEndpoint: &w.APIURL, Credentials: login, Retryer: aws.NopRetryer{}}),
		bucket: s3.New(s3.Options{Region: w.Region, BaseEndpoint: &w.S3URL, UsePathStyle: true, Credentials: login}),
	}
}

func (s *session) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// await waits until the simulator has something.
func (s *session) await(wait metasim.Wait) metasim.Waited {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	defer cancel()
	found, err := s.Simulator.Wait(ctx, wait)
	if err != nil {
		s.Fatalf("%+v: %v", wait, err)
	}
	return found
}

func (s *session) put(key, mime string, data []byte) {
	s.Helper()
	_, err := s.bucket.PutObject(s.Context(), &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: &key, Body: strings.NewReader(string(data)), ContentType: &mime})
	s.must(err)
}

func (s *session) post(key string) (string, error) {
	out, err := s.client.PostWhatsAppMessageMedia(s.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &s.PhoneNumberID, SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: &key},
	})
	if err != nil {
		return "", err
	}
	return *out.MediaId, nil
}

// send sends a message, waits for a status, and returns the wamid.
func (s *session) send(number, to, status, format string, args ...any) string {
	s.Helper()
	mark := s.Simulator.Mark()
	message := fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+%s",%s}`, to, fmt.Sprintf(format, args...))
	_, err := s.client.SendWhatsAppMessage(s.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &number, MetaApiVersion: aws.String(local.GraphVersion), Message: []byte(message),
	})
	s.must(err)
	found := s.await(metasim.Wait{For: metasim.WaitMessage, Since: mark, To: to, Status: status})
	return found.Messages[0].ID
}

func (s *session) receive(number string, in metasim.Inbound) metasim.Received {
	s.Helper()
	sent, err := s.Simulator.Receive(number, in)
	s.must(err)
	s.await(metasim.Wait{For: metasim.WaitWebhook, Contains: sent.ID, State: metasim.WebhookDelivered})
	return sent
}

func (s *session) change(who string, change metasim.PersonChange) {
	s.Helper()
	_, err := s.Simulator.ChangePerson(local.MetaPhoneNumberID, who, change)
	s.must(err)
}

func (s *session) entries() []activity.Entry {
	s.Helper()
	entries, err := s.Gateway.Journal().Read(s.Context(), journal.Filter{})
	s.must(err)
	return entries
}

// record returns what was done.
func (s *session) record(about testcode.About) *testcode.Recording {
	s.Helper()
	return s.recordOf(s.entries(), about)
}

func (s *session) recordOf(entries []activity.Entry, about testcode.About) *testcode.Recording {
	s.Helper()
	return testcode.Record(testcode.Config{
		Simulator: s.Simulator, Entries: entries,
		Object: func(bucket, key string) ([]byte, string, bool) {
			object, mime, err := s.Object(s.Context(), bucket, key)
			if err != nil {
				return nil, "", false
			}
			defer object.Close()
			data, err := io.ReadAll(object)
			return data, mime, err == nil
		},
		Sample: local.Sample(),
	}, about)
}

// play does a little of everything.
func (s *session) play() (photo string) {
	s.Helper()
	offline, online := true, false
	s.put("pictures/it's a \"photo\".jpg", "image/jpeg", sampleData(s.T, "sample.jpg"))
	s.put("note.txt", "text/plain", []byte("not a sample: 100 % `$HOME`\n"))
	s.put("cmyk.jpg", "image/jpeg", sampleData(s.T, "opus-not-mono.ogg"))
	if _, err := s.post("missing.jpg"); err == nil {
		s.Fatal("there is no missing.jpg")
	}
	if _, err := s.post("cmyk.jpg"); err == nil {
		s.Fatal("an Ogg file was accepted as a picture")
	}
	hello := s.receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: "Hi, \"it's\" me: `$(id)` \\ <b>\n😀"}})
	_, err := s.Simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 131016, Times: 1})
	s.must(err)
	if _, err := s.post("note.txt"); err == nil {
		s.Fatal("the fault did not act")
	}
	mediaID, err := s.post("pictures/it's a \"photo\".jpg")
	s.must(err)
	photo = s.send(s.PhoneNumberID, anna, "read", `"type":"image","image":{"id":%q,"caption":"Yours, \"Anna\" 'quoted'"},"context":{"message_id":%q}`, mediaID, hello.ID)
	s.receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Reaction: &metasim.InboundReaction{MessageID: photo, Emoji: "👍"}})
	buttons := s.send(s.PhoneNumberID, anna, "read", `"type":"interactive","interactive":{"type":"button","body":{"text":"Right?"},"action":{"buttons":[{"type":"reply","reply":{"id":"yes","title":"Yes"}}]}}`)
	s.receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Interactive: &metasim.InboundInteractive{ButtonReply: &metasim.InboundReply{ID: "yes", Title: "Yes"}}, Context: &metasim.InboundContext{ID: buttons}})
	voice := s.receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Type: "audio"})
	_, err = s.client.GetWhatsAppMessageMedia(s.Context(), &socialmessaging.GetWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &s.PhoneNumberID, MediaId: &voice.MediaID, DestinationS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("in/")},
	})
	s.must(err)
	s.change(anna, metasim.PersonChange{Offline: &offline})
	note, err := s.post("note.txt")
	s.must(err)
	late := s.send(s.PhoneNumberID, anna, "sent", `"type":"document","document":{"id":%q,"filename":"note.txt"}`, note)
	s.change(anna, metasim.PersonChange{Offline: &online})
	s.await(metasim.Wait{For: metasim.WaitMessage, ID: late, Status: "read"})
	_, err = s.client.DeleteWhatsAppMessageMedia(s.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{OriginationPhoneNumberId: &s.PhoneNumberID, MediaId: &note})
	s.must(err)
	_, err = s.Simulator.PutTemplate(local.MetaAccountID, []byte(`{"name":"ready","language":"en_US","category":"UTILITY","components":[{"type":"BODY","text":"Hi {{1}}, it is ready.","example":{"body_text":[["Anna"]]}}]}`))
	s.must(err)
	s.send(local.PhoneNumberID2, bruno, "read", `"type":"template","template":{"name":"ready","language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Bruno"}]}]}`)
	_, err = s.Simulator.AddFault(metasim.Fault{Operation: metasim.OperationSendMessage, FailLater: 131049, Times: 1, Probability: 1})
	s.must(err)
	s.send(local.PhoneNumberID2, bruno, "failed", `"type":"text","text":{"body":"not delivered"}`)
	_, err = s.Simulator.AdvanceClock(25 * time.Hour)
	s.must(err)
	s.send(s.PhoneNumberID, anna, "failed", `"type":"text","text":{"body":"too late"}`)
	return photo
}

func sampleData(t *testing.T, name string) []byte {
	t.Helper()
	data := sample.Data(name)
	if data == nil {
		t.Fatalf("there is no sample %s", name)
	}
	return data
}

// runGo runs a generated test in a package of this module, which has it in an overlay only.
func runGo(t *testing.T, code string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "session_test.go")
	overlay := filepath.Join(t.TempDir(), "overlay.json")
	replace, _ := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(root, "internal/testcode/testdata/session/session_test.go"): file}})
	for path, text := range map[string]string{file: code, overlay: string(replace)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-count=1", "-overlay", overlay, "-run", "^TestSession$", "-v", "./internal/testcode/testdata/session")
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil || !strings.Contains(string(output), "--- PASS: TestSession") {
		t.Errorf("%v\n%s\n%s", err, output, code)
	}
}

// runShell runs a generated script in a world that is new.
func runShell(t *testing.T, code string) {
	t.Helper()
	for _, program := range []string{"bash", "aws", "curl", "sed"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(program + " is not in PATH")
		}
	}
	world := startSession(t)
	command := exec.CommandContext(t.Context(), "bash", "-c", code)
	command.Env = append(os.Environ(), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null")
	for _, v := range world.Environment() {
		if !v.Unset {
			command.Env = append(command.Env, v.Name+"="+v.Value)
		}
	}
	if output, err := command.CombinedOutput(); err != nil || !strings.HasSuffix(string(output), "session: everything has happened again\n") {
		t.Errorf("%v\n%s\n%s", err, output, code)
	}
}

// What was done in a real session happens again in the test and in the script that are made of
// it.
func TestRecordedSessionHappensAgain(t *testing.T) {
	s := startSession(t)
	photo := s.play()
	for name, about := range map[string]testcode.About{"everything": {}, "person": {Person: anna}, "message": {ID: photo}} {
		recording := s.record(about)
		code, err := recording.Go()
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name+"/Go", func(t *testing.T) { runGo(t, code) })
		if name == "everything" { // each call of the AWS CLI takes a second
			t.Run(name+"/shell", func(t *testing.T) { runShell(t, recording.Shell()) })
		}
	}
}

// A message may have been sent to Meta before the entry of its acceptance is written.
func TestFaultBelongsToTheMessageThatItActedOnWhereverTheEntryOfItsAcceptanceIs(t *testing.T) {
	s := startSession(t)
	s.play()
	want, err := s.record(testcode.About{}).Go()
	s.must(err)
	for _, until := range []activity.Kind{activity.Graph, activity.Send} { // of the same call
		var entries []activity.Entry
		waiting, happened := map[string]activity.Entry{}, map[string]bool{}
		for _, e := range s.entries() {
			if e.Kind == activity.Message && e.Operation == "accept" && !happened[e.Trace] {
				waiting[e.Trace] = e
				continue
			}
			entries = append(entries, e)
			if e.Kind != until {
				continue
			}
			happened[e.Trace] = true
			if accepted, ok := waiting[e.Trace]; ok {
				entries = append(entries, accepted)
				delete(waiting, e.Trace)
			}
		}
		if len(waiting) > 0 {
			t.Fatalf("%d messages have no entry of kind %s", len(waiting), until)
		}
		if got, err := s.recordOf(entries, testcode.About{}).Go(); err != nil || got != want {
			t.Errorf("accepted after %s: %v\n%s", until, err, cmp.Diff(want, got))
		}
	}
}

// The journal has no trace id of Meta's for a request whose response was lost.
func TestFaultOfALostResponseIsRepeatedBeforeItsCall(t *testing.T) {
	s := startSession(t)
	s.put("note.txt", "text/plain", []byte("a note"))
	if _, err := s.post("note.txt"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Simulator.AddFault(metasim.Fault{Operation: metasim.OperationUpload, LoseAnswer: true, Times: 1})
	s.must(err)
	if _, err := s.post("note.txt"); err == nil {
		t.Fatal("the fault did not act")
	}
	code, err := s.record(testcode.About{}).Go()
	s.must(err)
	fault, first, last := strings.Index(code, "addFault(t, w"), strings.Index(code, "post(t, w"), strings.LastIndex(code, "post(t, w")
	if fault < first || fault > last {
		t.Errorf("the fault is at %d, the calls are at %d and %d:\n%s", fault, first, last, code)
	}
}

// A recording says of the faults that have been removed which ones acted on what it repeats, and is silent about others.
func TestRemovedFaultsAreNotedWhereTheyActed(t *testing.T) {
	s := startSession(t)
	photo := s.play()
	s.Simulator.ClearFaults()
	noted := func(about testcode.About) (faults int) {
		for _, note := range s.record(about).Notes {
			if strings.Contains(note, "does not exist any more: it is not repeated") {
				faults++
			}
		}
		return faults
	}
	for name, c := range map[string]struct {
		about testcode.About
		want  int
	}{"everything": {testcode.About{}, 2}, "a message without faults": {testcode.About{ID: photo}, 0}, "the person of one": {testcode.About{Person: bruno}, 1}} {
		if got := noted(c.about); got != c.want {
			t.Errorf("%s: %d faults are noted, want %d", name, got, c.want)
		}
	}
}
