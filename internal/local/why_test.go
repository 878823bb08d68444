package local_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"ferry/internal/activity"
	"ferry/internal/admin"
	"ferry/internal/control"
	"ferry/internal/event"
	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/why"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// controlClient returns a client of ferry's own operations.
func controlClient(world *local.World, keyID string, secretKey secret.Secret) *control.Client {
	return &control.Client{Endpoint: world.APIURL, Region: world.Region, HTTPClient: http.DefaultClient,
		Credentials: credentials.NewStaticCredentialsProvider(keyID, secretKey.Reveal(), "")}
}

func developer(world *local.World) *control.Client {
	return controlClient(world, world.AccessKeyID, world.SecretAccessKey)
}

// awaitWhy asks until the report has an answer, a station with a sign, and a text in it.
// What it waits for happens behind the call of the test.
func awaitWhy(t *testing.T, world *local.World, id string, answer why.Answer, station int, sign why.Sign, want string) why.Report {
	t.Helper()
	var report *why.Report
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		changed := world.Gateway.Journal().Changed()
		var err error
		if report, err = control.Do(t.Context(), developer(world), control.Why, control.WhyInput{ID: id}); err != nil {
			t.Fatal(err)
		}
		if report.Answer == answer {
			if len(report.Stations) == 0 {
				return *report
			}
			s := report.Stations[station-1]
			if s.Sign == sign && strings.Contains(strings.Join(s.Facts, "\n")+"\n"+s.Next, want) {
				return *report
			}
		}
		select {
		case <-changed:
		case <-time.After(50 * time.Millisecond): // the database changes without an entry, too
		}
	}
	t.Fatalf("want %s, station %d %s with %q; the last report (%s):\n%s", answer, station, sign, want, report.Answer, why.Text(*report, 120))
	return why.Report{}
}

// sendJSON sends a message, and returns its id or the error.
func sendJSON(t *testing.T, world *local.World, from, message string) (string, error) {
	t.Helper()
	out, err := apiClient(world, world.Region).SendWhatsAppMessage(t.Context(), &socialmessaging.SendWhatsAppMessageInput{
		OriginationPhoneNumberId: &from, MetaApiVersion: aws.String("v23.0"), Message: []byte(message),
	})
	if err != nil {
		return "", err
	}
	return *out.MessageId, nil
}

func mustSend(t *testing.T, world *local.World, message string) string {
	t.Helper()
	id, err := sendJSON(t, world, world.PhoneNumberID, message)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

const (
	person     = "16505551234"
	textTo     = `{"messaging_product":"whatsapp","to":"+` + person + `","type":"text","text":{"body":"Hi"}}`
	documentTo = `{"messaging_product":"whatsapp","to":"+` + person + `","type":"document","document":{"id":"%s"}}`
)

// postNote uploads a file, and returns its media id.
func postNote(t *testing.T, world *local.World) string {
	t.Helper()
	put(t, world, "note.txt", "hello")
	return post(t, world, socialmessaging.PostWhatsAppMessageMediaInput{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("note.txt")}})
}

// lastCall returns the request id of the last call of an operation.
func lastCall(t *testing.T, world *local.World, operation string) string {
	t.Helper()
	entries, err := world.Gateway.Journal().Read(t.Context(), journal.Filter{Kinds: []activity.Kind{activity.Call}, Latest: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Backward(entries) {
		if e.Operation == operation {
			return e.Trace
		}
	}
	t.Fatalf("there is no call of %s", operation)
	return ""
}

func TestWhyFindsAFileOfAnotherPhoneNumber(t *testing.T) {
	world := startWith(t, local.Config{})
	id := postNote(t, world)
	if _, err := sendJSON(t, world, local.PhoneNumberID2, fmt.Sprintf(documentTo, id)); err == nil {
		t.Fatal("the message was accepted")
	}
	for _, by := range []string{id, lastCall(t, world, "SendWhatsAppMessage")} {
		awaitWhy(t, world, by, why.Halted, 6, why.Stopped, "ferry media post --phone-number-id")
	}
}

func TestWhyFollowsAMessageOfAPersonToTheProgram(t *testing.T) {
	world := startWith(t, local.Config{Stdout: func([]byte) error { return nil }, Destinations: []event.Destination{{Name: "lines", Type: event.Stdout, Accounts: []string{local.AccountID}}}})
	say(t, world, person, "Where is it?")
	written := world.Simulator.Written(local.MetaPhoneNumberID, person)
	report := awaitWhy(t, world, written[0].ID, why.Arrived, 8, why.OK, "message.text → ")
	awaitWhy(t, world, report.Stations[7].Refs[0].ID, why.Arrived, 7, why.OK, "WhatsApp has reported message.text")
}

func TestWhyFindsAFileThatHasExpired(t *testing.T) {
	world := startWith(t, local.Config{})
	if _, err := world.Simulator.StopClock(); err != nil {
		t.Fatal(err)
	}
	id := postNote(t, world)
	advance(t, world, 31*24*time.Hour)
	awaitWhy(t, world, id, why.Halted, 5, why.Stopped, "WhatsApp keeps files for 30 days")
	say(t, world, person, "Hello")
	message, err := sendJSON(t, world, world.PhoneNumberID, fmt.Sprintf(documentTo, id))
	if err != nil {
		t.Fatal(err)
	}
	advance(t, world, time.Minute)
	awaitWhy(t, world, message, why.Halted, 5, why.Stopped, "ferry media post SOURCE")
	awaitWhy(t, world, "s3://"+local.Bucket+"/note.txt", why.Halted, 5, why.Stopped, "WhatsApp keeps files for 30 days")
}

func TestWhyFindsAFileThatWasDeleted(t *testing.T) {
	world := startWith(t, local.Config{})
	id := postNote(t, world)
	_, err := apiClient(world, world.Region).DeleteWhatsAppMessageMedia(t.Context(), &socialmessaging.DeleteWhatsAppMessageMediaInput{MediaId: &id, OriginationPhoneNumberId: &world.PhoneNumberID})
	if err != nil {
		t.Fatal(err)
	}
	awaitWhy(t, world, id, why.Halted, 5, why.Stopped, "It was deleted")
	say(t, world, person, "Hello")
	message := mustSend(t, world, fmt.Sprintf(documentTo, id))
	awaitWhy(t, world, message, why.Halted, 5, why.Stopped, "It was deleted")
}

func TestWhyFindsTheEndOfThe24Hours(t *testing.T) {
	world := startWith(t, local.Config{})
	if _, err := world.Simulator.StopClock(); err != nil {
		t.Fatal(err)
	}
	say(t, world, person, "Hello")
	advance(t, world, 25*time.Hour)
	message := mustSend(t, world, textTo)
	advance(t, world, time.Minute)
	report := awaitWhy(t, world, message, why.Halted, 7, why.Stopped, "ferry send --template NAME")
	if !strings.Contains(report.Verdict, "131047") {
		t.Errorf("the verdict is %q", report.Verdict)
	}
	awaitWhy(t, world, wamidOf(t, world), why.Halted, 7, why.Stopped, "within 24 hours")
}

// wamidOf returns Meta's id of the last message.
func wamidOf(t *testing.T, world *local.World) string {
	t.Helper()
	messages := world.Simulator.Messages()
	if len(messages) == 0 {
		t.Fatal("the simulator has no message")
	}
	return messages[len(messages)-1].ID
}

func TestWhyFindsATemplateThatIsPaused(t *testing.T) {
	world := startWith(t, local.Config{})
	id := world.Simulator.Templates(local.MetaAccountID)[0].ID
	if _, err := world.Simulator.ChangeTemplate(id, metasim.TemplateChange{Status: "PAUSED"}); err != nil {
		t.Fatal(err)
	}
	message := mustSend(t, world, `{"messaging_product":"whatsapp","to":"+`+person+`","type":"template","template":{"name":"hello_world","language":{"code":"en_US"}}}`)
	awaitWhy(t, world, message, why.Halted, 6, why.Stopped, "The template is paused")
}

func TestWhySaysThatThePersonMayHaveBlockedTheNumber(t *testing.T) {
	world := startWith(t, local.Config{})
	say(t, world, person, "Hello")
	if _, err := world.Simulator.ChangePerson(local.MetaPhoneNumberID, person, metasim.PersonChange{Blocks: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	message := mustSend(t, world, textTo)
	awaitWhy(t, world, message, why.Halted, 7, why.Stopped, "has blocked the number")
}

// The person has the picture, but the program has no event about it.
func TestWhyFindsADestinationThatIsHeldAndOneThatIsDead(t *testing.T) {
	fail := func([]byte) error { return errors.New("the program is down") }
	world := startWith(t, local.Config{Stdout: fail, Destinations: []event.Destination{{Name: "lines", Type: event.Stdout, Accounts: []string{local.AccountID}}}})
	if _, err := world.Simulator.StopClock(); err != nil {
		t.Fatal(err)
	}
	say(t, world, person, "Hello")
	message := mustSend(t, world, textTo)
	advance(t, world, time.Minute)
	awaitWhy(t, world, message, why.Arrived, 8, why.Finding, "tried again by itself")
	destinations, err := control.Do(t.Context(), developer(world), control.ListDestinations, control.ListDestinationsInput{})
	if err != nil {
		t.Fatal(err)
	}
	name := ""
	for _, d := range destinations.Destinations {
		if strings.HasPrefix(d.Destination, "event/") {
			name = d.Destination
		}
	}
	if _, err := control.Do(t.Context(), developer(world), control.HoldDestination, control.HoldDestinationInput{Destination: name, Reason: "repair"}); err != nil {
		t.Fatal(err)
	}
	awaitWhy(t, world, message, why.Halted, 8, why.Stopped, "(repair). Let its deliveries continue: ferry events release "+name)
	if _, err := control.Do(t.Context(), developer(world), control.ReleaseDestination, control.ReleaseDestinationInput{Destination: name}); err != nil {
		t.Fatal(err)
	}
	advance(t, world, 5*24*time.Hour) // the last attempt is up to some hours after 72 hours
	report := awaitWhy(t, world, message, why.Halted, 8, why.Stopped, "ferry events replay --id ")
	if !strings.Contains(report.Verdict, "did not reach your program") {
		t.Errorf("the verdict is %q", report.Verdict)
	}
}

func TestWhySaysWhatAWebhookNeedsIfNoneComes(t *testing.T) {
	world := startWith(t, local.Config{})
	say(t, world, person, "Hello")
	if err := world.Simulator.SetWebhookDelivery(metasim.WebhookDelivery{Lose: 1}); err != nil {
		t.Fatal(err)
	}
	message := mustSend(t, world, textTo)
	if _, err := world.Simulator.Wait(t.Context(), metasim.Wait{For: metasim.WaitMessage, To: person, Status: "delivered"}); err != nil {
		t.Fatal(err)
	}
	report := awaitWhy(t, world, message, why.Waiting, 7, why.Unknown, "--webhook-verify-token")
	for _, want := range []string{"callback URL", "--app-secret", "ferry account link --subscribe"} {
		if !strings.Contains(report.Stations[6].Next, want) {
			t.Errorf("%s is missing: %s", want, report.Stations[6].Next)
		}
	}
}

func TestWhyFindsAClockThatIsWrong(t *testing.T) {
	world := startWith(t, local.Config{})
	client := apiClient(world, world.Region)
	_, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}, func(o *socialmessaging.Options) {
		o.HTTPClient = skewed{}
	})
	if _, isAPI := errors.AsType[smithy.APIError](err); !isAPI {
		t.Fatalf("%v", err)
	}
	id := lastCall(t, world, "ListLinkedWhatsAppBusinessAccounts")
	awaitWhy(t, world, id, why.Halted, 1, why.Stopped, "Set the clock of the machine that calls")
	report, err := control.Do(t.Context(), otherAccount(t, world), control.Why, control.WhyInput{ID: id})
	if err != nil || report.Answer != why.NotFound {
		t.Errorf("another access key sees %+v, %v", report, err)
	}
}

func TestWhyFindsASecretThatIsWrong(t *testing.T) {
	world := startWith(t, local.Config{})
	_, err := control.Do(t.Context(), controlClient(world, world.AccessKeyID, secret.New("wrong")), control.ListEntries, control.ListEntriesInput{})
	if failed, ok := errors.AsType[*control.ResponseError](err); !ok || failed.Status != http.StatusForbidden {
		t.Fatalf("%v", err)
	}
	awaitWhy(t, world, lastCall(t, world, "ListEntries"), why.Halted, 1, why.Stopped, "Check the secret access key")
}

// otherAccount returns a client of another account, which may do everything.
func otherAccount(t *testing.T, world *local.World) *control.Client {
	t.Helper()
	key := state.AccessKey{ID: "AKIAOTHEREXAMPLE0000", AccountID: "444455556666", Name: "other", Secret: secret.New("other/secret"), Policies: []string{admin.FullAccessPolicy}}
	if err := world.Gateway.State().CreateAccessKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	return controlClient(world, key.ID, key.Secret)
}

func TestWhyOfAnUnknownIDIsNotFound(t *testing.T) {
	world := startWith(t, local.Config{})
	report := awaitWhy(t, world, "wamid.unknown", why.NotFound, 0, "", "")
	if !strings.Contains(report.Verdict, "The journal keeps the last 10000 entries") {
		t.Errorf("the verdict is %q", report.Verdict)
	}
}

// What another account did has no effect on what an account sees.
func TestAccountSeesOnlyItsOwnEntriesAndReports(t *testing.T) {
	world := startWith(t, local.Config{})
	say(t, world, person, "Hello")
	id := postNote(t, world)
	message := mustSend(t, world, fmt.Sprintf(documentTo, id))
	awaitWhy(t, world, message, why.Arrived, 7, why.OK, "delivered")
	stranger := otherAccount(t, world)
	ids := []string{id, message, wamidOf(t, world), "+" + person, "s3://" + local.Bucket + "/note.txt", lastCall(t, world, "PostWhatsAppMessageMedia")}
	own, err := control.Do(t.Context(), developer(world), control.ListEntries, control.ListEntriesInput{})
	if err != nil || len(own.Entries) < 8 {
		t.Fatalf("%d entries, %v", len(own.Entries), err)
	}
	for _, e := range own.Entries {
		ids = append(ids, e.MetaTraceID, e.EventID)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		report, err := control.Do(t.Context(), stranger, control.Why, control.WhyInput{ID: id})
		if err != nil || report.Answer != why.NotFound || len(report.Candidates)+len(report.Stations) > 0 {
			t.Errorf("%s: %+v, %v", id, report, err)
		}
		page, err := control.Do(t.Context(), stranger, control.ListEntries, control.ListEntriesInput{Filter: control.EntryFilter{ID: id}})
		if err != nil || len(page.Entries) > 0 {
			t.Errorf("%s: %+v, %v", id, page, err)
		}
	}
	page, err := control.Do(t.Context(), stranger, control.ListEntries, control.ListEntriesInput{})
	if err != nil || len(page.Entries) > 0 {
		t.Errorf("the other account sees %+v, %v", page, err)
	}
}

// The simulated side is in the journal: what Meta received, told and changed.
func TestJournalHasWhatTheSimulatorDoes(t *testing.T) {
	world := startWith(t, local.Config{})
	say(t, world, person, "Hello")
	id := postNote(t, world)
	message := mustSend(t, world, fmt.Sprintf(documentTo, id))
	awaitWhy(t, world, message, why.Arrived, 7, why.OK, "delivered")
	if _, err := world.Simulator.ChangePerson(local.MetaPhoneNumberID, person, metasim.PersonChange{Offline: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	entries, err := world.Gateway.Journal().Read(t.Context(), journal.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	var phone []string
	traces := make(map[string][]activity.Kind)
	for _, e := range entries {
		if e.MetaTrace != "" {
			traces[e.MetaTrace] = append(traces[e.MetaTrace], e.Kind)
		}
		if e.Kind == activity.Phone {
			phone = append(phone, e.Operation)
			if e.Account != local.AccountID {
				t.Errorf("the account of %s is %q", e.Operation, e.Account)
			}
		}
	}
	for _, want := range []string{"inbound text", "request upload", "request send_message", "status sent", "status delivered", "webhook messages", "person change"} {
		if !slices.Contains(phone, want) {
			t.Errorf("%q is missing in %q", want, phone)
		}
	}
	for trace, kinds := range traces {
		if !slices.Contains(kinds, activity.Phone) || !slices.Contains(kinds, activity.Graph) {
			t.Errorf("Meta's trace %s joins %v; want the call and Meta's side of it", trace, kinds)
		}
	}
}

func TestChangeByAnAdministratorIsInTheJournal(t *testing.T) {
	world := startWith(t, local.Config{})
	arn := "arn:aws:social-messaging:" + world.Region + ":" + local.AccountID + ":waba/" + strings.TrimPrefix(local.BusinessAccountID, "waba-")
	_, err := apiClient(world, world.Region).TagResource(t.Context(), &socialmessaging.TagResourceInput{ResourceArn: &arn, Tags: []socialmessaging.Tag{{Key: aws.String("team"), Value: aws.String("a")}}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = apiClient(world, world.Region).PutWhatsAppBusinessAccountEventDestinations(t.Context(), &socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput{
		Id: aws.String(local.BusinessAccountID), EventDestinations: []socialmessaging.WhatsAppBusinessAccountEventDestination{},
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := control.Do(t.Context(), developer(world), control.ListEntries, control.ListEntriesInput{Filter: control.EntryFilter{Kinds: []string{"admin"}}})
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range page.Entries {
		found = append(found, e.Operation)
		if e.By == "" || e.AccessKeyID != world.AccessKeyID || e.Resource == "" || e.RequestID == "" {
			t.Errorf("it does not say who changed what: %+v", e)
		}
	}
	if !slices.Contains(found, "PutWhatsAppBusinessAccountEventDestinations") {
		t.Errorf("the journal has %v", found)
	}
}

// skewed is a client whose clock is an hour slow.
type skewed struct{}

func (skewed) Do(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
	return http.DefaultClient.Do(r)
}
