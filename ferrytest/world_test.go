package ferrytest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"ferry/ferrytest"
	"ferry/socialmessaging"
)

const text = `"type":"text","text":{"body":"Hello"}`

func TestPictureIsPostedSentAndReadAndTheAnswerIsPublished(t *testing.T) {
	t.Parallel()
	w := ferrytest.Start(t)
	anna := w.Person("+49 151 12345678")
	media := post(t, w, w.Sample("sample.jpg"))
	w.Await(ferrytest.Uploaded(ferrytest.Media(media), ferrytest.Type("image/jpeg")))
	id := send(t, w, anna, fmt.Sprintf(`"type":"image","image":{"id":%q,"caption":"Your order"}`, media))
	m := w.Await(ferrytest.Delivered(anna, ferrytest.Type("image/jpeg"), ferrytest.Text("Your order"), ferrytest.JSON("$.image.caption", "Your order")))
	if m.WAMID == "" || m.MediaID != media || m.Type != "image" {
		t.Errorf("delivered: %+v", m)
	}
	w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.JSON("$.statuses[0].status", "delivered"), ferrytest.JSON("$.statuses[0].id", m.WAMID)))
	w.Await(ferrytest.Published("", ferrytest.Named("status.accepted"), ferrytest.Of(id)))

	anna.Reads(m)
	w.Await(ferrytest.Read(anna, ferrytest.Of(m.WAMID)))
	mark := w.Mark()
	sent := anna.Answers(m, "Thanks")
	e := w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.Since(mark), ferrytest.Text("Thanks"),
		ferrytest.JSON("$.messages[0].context.id", m.WAMID), ferrytest.JSON(`$["messages"][0].id`, sent.ID)))
	if !strings.Contains(string(e.Envelope), `"whatsAppWebhookEntry":`) {
		t.Errorf("envelope %s", e.Envelope)
	}
}

func TestPeopleSendEverything(t *testing.T) {
	t.Parallel()
	w := ferrytest.Start(t)
	anna := w.Person("+4915112345678")
	send(t, w, anna, `"type":"interactive","interactive":{"type":"button","body":{"text":"Ready?"},"action":{"buttons":[{"type":"reply","reply":{"id":"yes","title":"Yes, please"}},{"type":"reply","reply":{"id":"no","title":"No"}}]}}`)
	buttons := w.Await(ferrytest.Delivered(anna, ferrytest.Type("interactive")))
	send(t, w, anna, `"type":"interactive","interactive":{"type":"list","body":{"text":"Which?"},"action":{"button":"Choose","sections":[{"title":"All","rows":[{"id":"a","title":"First"},{"id":"b","title":"Second"}]}]}}`)
	list := w.Await(ferrytest.Delivered(anna, ferrytest.JSON("$.interactive.type", "list")))
	for name, c := range map[string]struct {
		act  func()
		path string
		want any
	}{
		"text":     {func() { anna.Says("Hello") }, "$.messages[0].text.body", "Hello"},
		"voice":    {func() { anna.Sends(ferrytest.SampleFile("voice.ogg")) }, "$.messages[0].audio.voice", true},
		"picture":  {func() { anna.Sends(ferrytest.SampleFile("sample.jpg")) }, "$.messages[0].image.mime_type", "image/jpeg"},
		"sticker":  {func() { anna.Sends(ferrytest.SampleFile("sticker-static.webp")) }, "$.messages[0].type", "sticker"},
		"video":    {func() { anna.Sends(ferrytest.SampleFile("sample.mp4")) }, "$.messages[0].type", "video"},
		"document": {func() { anna.Sends(ferrytest.SampleFile("sample.pdf")) }, "$.messages[0].document.filename", "sample.pdf"},
		"location": {func() { anna.SharesLocation(52.5, 13.4, "Berlin") }, "$.messages[0].location.latitude", 52.5},
		"contact":  {func() { anna.SharesContact("Ada Lovelace", "+16505551234") }, "$.messages[0].contacts[0].name.formatted_name", "Ada Lovelace"},
		"reaction": {func() { anna.Reacts(buttons, "👍") }, "$.messages[0].reaction.emoji", "👍"},
		"button":   {func() { anna.Presses(buttons, "Yes, please") }, "$.messages[0].interactive.button_reply.id", "yes"},
		"row":      {func() { anna.Presses(list, "b") }, "$.messages[0].interactive.list_reply.title", "Second"},
		"number":   {func() { w.Person("+4915100000001").ChangesNumber("+4915100000002") }, "$.messages[0].system.wa_id", "4915100000002"},
		"other":    {func() { anna.To(w.MetaPhoneNumberID2).Says("Hi") }, "$.metadata.phone_number_id", w.MetaPhoneNumberID2},
	} {
		mark := w.Mark()
		c.act()
		if e := w.Await(ferrytest.Published("", ferrytest.Since(mark), ferrytest.JSON(c.path, c.want))); e.Name == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

func TestPeopleWhoAreNotReached(t *testing.T) {
	t.Parallel()
	w := ferrytest.Start(t)
	anna, bruno, carla := w.Person("+4915112345678"), w.Person("+4915112345679"), w.Person("+4915112345670")
	anna.Blocks()
	send(t, w, anna, text)
	w.Await(ferrytest.Failed(anna, ferrytest.Code("131026")))
	anna.Unblocks()
	send(t, w, anna, text)
	w.Await(ferrytest.Delivered(anna))

	bruno.GoesOffline()
	send(t, w, bruno, text)
	w.Never(time.Hour, ferrytest.Delivered(bruno))
	bruno.ComesOnline()
	w.Await(ferrytest.Delivered(bruno))

	carla.LeavesWhatsApp()
	send(t, w, carla, text)
	w.Await(ferrytest.Failed(carla, ferrytest.Code("131026")))
}

func TestFaultsAct(t *testing.T) {
	t.Parallel()
	w := ferrytest.Start(t)
	w.Fault(ferrytest.Fault{Operation: "upload", ErrorCode: 131016, Times: 1})
	object := w.Sample("sample.jpg")
	_, err := w.Client().PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &w.PhoneNumberID, SourceS3File: object.S3File()},
		func(o *socialmessaging.Options) { o.Retryer = aws.NopRetryer{} })
	if err == nil || !strings.Contains(err.Error(), "131016") {
		t.Errorf("the error is %v", err)
	}
	w.Await(ferrytest.Requested("upload", ferrytest.Where("status at least 400", func(e ferrytest.Entry) bool { return e.Status >= 400 })))
	failed := w.Await(ferrytest.Called("PostWhatsAppMessageMedia"))
	if failed.Code == "" || failed.Outcome == "ok" {
		t.Errorf("the call: %+v", failed)
	}
	post(t, w, object)
	w.Await(ferrytest.Called("PostWhatsAppMessageMedia", ferrytest.Succeeded()))
}

func TestClockMovesFerryAndWhatsAppTogether(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, time.February, 3, 4, 5, 6, 0, time.UTC)
	w := ferrytest.Start(t, ferrytest.Clock(at))
	anna := w.Person("+4915112345678")
	anna.Says("Hello")
	send(t, w, anna, text)
	if m := w.Await(ferrytest.Delivered(anna)); m.WAMID == "" || w.Now().Sub(at) > time.Minute {
		t.Errorf("%+v at %v", m, w.Now())
	}
	w.Advance(25 * time.Hour)
	if now := w.Now(); now.Sub(at) < 25*time.Hour || now.Sub(at) > 26*time.Hour {
		t.Errorf("the clock shows %v", now)
	}
	mark := w.Mark()
	id := send(t, w, anna, text)
	w.Await(ferrytest.Failed(anna, ferrytest.Since(mark), ferrytest.Code("131047")))
	w.Await(ferrytest.Published("", ferrytest.Of(id), ferrytest.Named("status.failed"), ferrytest.JSON("$.statuses[0].errors[0].code", 131047)))
	w.Never(time.Minute, ferrytest.Delivered(anna))
}

// A month of a world in a bubble.
func TestMonthInABubbleTakesNoTime(t *testing.T) {
	t.Parallel()
	var took time.Duration
	began := time.Now()
	synctest.Test(t, func(t *testing.T) {
		w := ferrytest.Start(t, ferrytest.MemoryNetwork())
		anna := w.Person("+4915112345678")
		media := post(t, w, w.Sample("sample.jpg"))
		send(t, w, anna, fmt.Sprintf(`"type":"image","image":{"id":%q}`, media))
		w.Await(ferrytest.Delivered(anna, ferrytest.Type("image/jpeg")))
		time.Sleep(25 * time.Hour)
		send(t, w, anna, text)
		w.Await(ferrytest.Failed(anna, ferrytest.Code("131047")))
		if _, ok := w.Simulator.Media(media); !ok {
			t.Error("the file has expired after a day")
		}
		before := realTime(began)
		w.Never(31*24*time.Hour, ferrytest.Delivered(anna))
		took = realTime(began) - before
		if _, ok := w.Simulator.Media(media); ok {
			t.Error("the file has not expired after a month")
		}
	})
	withinTarget(t, "a month", took, monthTarget)
}

func TestFiftyWorldsStartAtOnce(t *testing.T) {
	began := time.Now()
	var all, started sync.WaitGroup
	started.Add(50)
	for range 50 {
		all.Go(func() {
			failed := failing(t, func(t testing.TB) {
				defer started.Wait() // then they end
				defer started.Done()
				ferrytest.Start(t)
			})
			if failed != "" {
				t.Error(failed)
			}
		})
	}
	started.Wait()
	took := time.Since(began)
	all.Wait()
	withinTarget(t, "the start of fifty worlds", took, fiftyTarget)
}

func TestWorldsShareNothing(t *testing.T) {
	t.Parallel()
	first, second := ferrytest.Start(t), ferrytest.Start(t)
	first.Person("+4915112345678").Says("Hello")
	first.Await(ferrytest.Published("", ferrytest.Text("Hello")))
	if e := second.Mark(); e != 0 {
		t.Errorf("the second world has %d entries", e)
	}
	if first.BusinessAccountID != second.BusinessAccountID {
		t.Error("the ids differ between worlds")
	}
}

func TestClientsOfTheConfigurationReachTheWorldOnly(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") // of the developer
	w := ferrytest.Start(t, ferrytest.Topics("orders"))
	w.Expect(ferrytest.UnknownOperation)
	out, err := s3.NewFromConfig(w.AWSConfig()).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &w.Bucket})
	if err != nil || len(out.Contents) != 0 {
		t.Errorf("listing the bucket: %v, %v", out, err)
	}
	topic, err := sns.NewFromConfig(w.AWSConfig()).CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("orders")})
	if err != nil || *topic.TopicArn != "arn:aws:sns:us-east-1:111122223333:orders" {
		t.Errorf("creating the topic: %v, %v", topic, err)
	}
	_, err = sqs.NewFromConfig(w.AWSConfig()).ListQueues(t.Context(), &sqs.ListQueuesInput{}, func(o *sqs.Options) { o.Retryer = aws.NopRetryer{} })
	if err == nil {
		t.Error("SQS has answered")
	}
	w.Person("+4915112345678").Says("Hello")
	w.Await(ferrytest.Published("orders", ferrytest.Text("Hello")))
}

func TestWorldCallsAServerOfTheTest(t *testing.T) {
	t.Parallel()
	for _, options := range [][]ferrytest.Option{nil, {ferrytest.MemoryNetwork()}} {
		w := ferrytest.Start(t, options...)
		listener := w.Listen()
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
		served := make(chan error)
		go func() { served <- server.Serve(listener) }()
		response, err := w.HTTPClient().Get("http://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != "hello" {
			t.Errorf("body %q", body)
		}
		_ = server.Close()
		<-served
	}
}

func TestCommandRunsInTheWorld(t *testing.T) {
	t.Parallel()
	w := ferrytest.Start(t)
	command := w.Command(t.Context(), "sh", "-c", "echo $AWS_ENDPOINT_URL_SOCIALMESSAGING $FERRY_PHONE_NUMBER_ID ${AWS_PROFILE-none} $AWS_ENDPOINT_URL_SNS")
	command.Stdout = nil
	out, err := command.Output()
	if want := w.APIURL + " " + w.PhoneNumberID + " none http://"; err != nil || !strings.HasPrefix(string(out), want) {
		t.Errorf("%q, %v; want %q", out, err, want)
	}
}

func TestCommandEndsWithTheTest(t *testing.T) {
	t.Parallel()
	log := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		if err := w.Command(context.Background(), "sh", "-c", "echo started; exec sleep 1000").Start(); err != nil {
			t.Fatal(err)
		}
		t.Error("shown")
	})
	if !strings.Contains(log, "shown") {
		t.Errorf("the log is %q", log)
	}
}

func TestMemoryNetworkHasNoCommands(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		ferrytest.Start(t, ferrytest.MemoryNetwork()).Command(context.Background(), "true")
	})
	if !strings.Contains(failed, "another process cannot reach a network in memory") {
		t.Errorf("%q", failed)
	}
}

// In a bubble, retries take the time that they take in production, and none of the test's.
func TestRetriesInABubbleTakeTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := ferrytest.Start(t, ferrytest.MemoryNetwork())
		anna := w.Person("+4915112345678")

		// The program's SDK waits before it retries an upload.
		w.Fault(ferrytest.Fault{Operation: "upload", ErrorCode: 131016, Times: 2})
		begun := time.Now()
		post(t, w, w.Sample("sample.jpg"))
		if took := time.Since(begun); took <= 0 || took > time.Minute {
			t.Errorf("the upload took %v of the bubble's time", took)
		}

		// ferry waits longer and longer before it publishes an event again.
		w.FaultTopic(ferrytest.DefaultTopic, 12)
		begun = time.Now()
		said := anna.Says("Hello")
		w.Await(ferrytest.PublishFailed(ferrytest.DefaultTopic, ferrytest.Of(said.ID)))
		time.Sleep(24 * time.Hour)
		published := w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.Of(said.ID)))
		if after := published.Time.Sub(begun); after < 10*time.Second || after > 12*time.Hour {
			t.Errorf("the event was published after %v of the bubble's time", after)
		}
	})
}
