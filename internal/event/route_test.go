package event_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/event"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const (
	account  = "111122223333"
	stranger = "444455556666"
	topicARN = "arn:aws:sns:us-east-1:111122223333:events"
)

// newState opens a database with a linked account that has a phone number.
func newState(t *testing.T) (*state.DB, state.BusinessAccount) {
	t.Helper()
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := secret.NewSealer(keyset)
	if err != nil {
		t.Fatal(err)
	}
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	linked, err := db.Link(t.Context(), state.BusinessAccount{
		AccountID: account, MetaID: "100", Name: "Shrub", Token: secret.New("token"),
		PhoneNumbers: []state.PhoneNumber{{MetaID: "1", DisplayNumber: "+1 555"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return db, linked
}

func newRouter(t *testing.T, db *state.DB, destinations ...event.Destination) *event.Router {
	t.Helper()
	router, err := event.NewRouter(event.RouterConfig{State: db, Destinations: destinations})
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// stdout returns a destination of the configuration for accounts.
func stdout(name string, accounts ...string) event.Destination {
	return event.Destination{Name: name, Type: event.Stdout, Accounts: accounts}
}

func TestEventsGoWhereTheyWereChosenToGoAndWhereTheConfigurationSays(t *testing.T) {
	db, linked := newState(t)
	number := linked.PhoneNumbers[0].ID
	failures := stdout("failures", account)
	failures.Events = []string{"status.failed", "message_template_*"}
	number2 := stdout("number-2", account)
	number2.PhoneNumbers = []string{"other"}
	ofNumber := event.Destination{Name: "of-number", Type: event.Stdout, BusinessAccounts: []string{linked.ID}, PhoneNumbers: []string{number}}
	chosen := stdout("chosen")
	chosen.Events = []string{"message.*"}
	onPut := stdout("on-put", account)
	onPut.OnPut = true
	bus := event.Destination{Name: "bus", Type: event.EventBridge, Accounts: []string{account}}
	router := newRouter(t, db, stdout("all", account), failures, number2, ofNumber, chosen, onPut, bus, stdout("strangers", stranger))
	arn := func(name string) string {
		return "arn:aws:social-messaging:us-east-1:111122223333:event-destination/" + name
	}
	for _, test := range []struct {
		put, name, number string
		want              string
	}{
		{"", "message.image", number, "all of-number bus"},
		{"", "status.failed", number, "all failures of-number bus"},
		{"", "status.accepted", number, "all of-number"}, // EventBridge has no detail-type for it
		{"", "message_template_status_update", "", "all failures bus"},
		{topicARN, "message.image", number, topicARN + " all of-number bus"},
		{arn("chosen"), "message.image", number, "chosen all of-number bus"},
		{arn("chosen"), "status.sent", number, "all of-number bus"}, // the filter holds for a choice, too
		{arn("on-put"), "status.sent", number, "on-put all of-number bus"},
		{arn("all"), "status.sent", number, "all of-number bus"},             // not twice
		{arn("strangers"), "status.sent", number, "all of-number bus"},       // it has been taken away since
		{arn("removed"), "status.sent", number, "removed all of-number bus"}, // it waits until it is configured again
	} {
		var put []state.EventDestination
		if test.put != "" {
			put = append(put, state.EventDestination{ARN: test.put})
		}
		if err := db.PutEventDestinations(t.Context(), account, linked.ID, put); err != nil {
			t.Fatal(err)
		}
		e := state.Event{AccountID: account, BusinessAccountID: linked.ID, PhoneNumberID: test.number, Name: test.name}
		if err := router.Route(t.Context(), &e); err != nil {
			t.Fatal(err)
		}
		var want []string
		for target := range strings.FieldsSeq(test.want) {
			want = append(want, "event/"+linked.ID+"/"+target)
		}
		if diff := cmp.Diff(want, e.Destinations); diff != "" {
			t.Errorf("%s with %q chosen: %s", test.name, test.put, diff)
		}
	}
}

// The business accounts that send to one receiver share its slots.
func TestDestinationsOfOneReceiverAreAGroup(t *testing.T) {
	a, b := stdout("a"), stdout("b")
	a.Slots = 20
	w := newWorld(t, event.DelivererConfig{Stdout: func([]byte) error { return nil }}, a, b)
	for destination, want := range map[string]string{
		"event/1/a": "event/a 20", "event/2/a": "event/a 20", "event/1/b": "event/b 8", "event/1/removed": " 0", "send/1": " 0",
		"event/1/" + topicARN: "event/topics 256", "event/2/arn:aws:sns:eu-west-1:111122223333:other": "event/topics 256",
	} {
		name, slots := w.deliverer.Group(destination)
		if got := fmt.Sprint(name, " ", slots); got != want {
			t.Errorf("%s: the group is %q; expected %q", destination, got, want)
		}
	}
}

func TestChoosableDestinationsAreTopicsAndThoseOfTheConfiguration(t *testing.T) {
	db, linked := newState(t)
	router := newRouter(t, db, stdout("orders"), stdout("strangers", stranger))
	holder := event.Holder{AccountID: account, BusinessAccountID: linked.ID, Region: "us-east-1"}
	own := "arn:aws:social-messaging:us-east-1:111122223333:event-destination/orders"
	for _, arn := range []string{topicARN, own, "arn:aws-cn:sns:cn-north-1:111122223333:t", "arn:aws-us-gov:sns:us-gov-west-1:111122223333:t", "arn:aws:sns:ap-southeast-2:999999999999:A_b-9"} {
		choice, err := router.Choose(holder, arn)
		if err != nil || (choice.Topic.ARN == arn) != strings.Contains(arn, ":sns:") {
			t.Errorf("%s: %+v, %v", arn, choice, err)
		}
	}
	for arn, want := range map[string]string{
		"arn:aws:sns:evil.com#:111122223333:t":                                        "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1.evil:111122223333:t":                                   "not the ARN of an SNS topic",
		"arn:aws:sns:../:111122223333:t":                                              "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1@evil:111122223333:t":                                   "not the ARN of an SNS topic",
		"arn:aws:sns::111122223333:t":                                                 "not the ARN of an SNS topic",
		"arn:aws-cn:sns:us-east-1:111122223333:t":                                     "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1:111122223333:a b":                                      "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1:111122223333:a\nb":                                     "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1:111122223333:t:subscription":                           "not the ARN of an SNS topic",
		"arn:aws:sns:us-east-1:1234:t":                                                "not the ARN of an SNS topic",
		topicARN + ".fifo":                                                            "FIFO topics are not supported",
		"arn:aws:connect:us-east-1:111122223333:instance/9":                           "Amazon Connect instances are not supported",
		"arn:aws:sqs:us-east-1:111122223333:queue":                                    "one of: " + own + ".",
		"arn:aws:social-messaging:us-east-1:111122223333:event-destination/unknown":   "one of: " + own + ".",
		"arn:aws:social-messaging:us-east-1:111122223333:event-destination/strangers": "one of: " + own + ".",
		"arn:aws:social-messaging:us-east-1:444455556666:event-destination/orders":    "one of: " + own + ".",
		"arn:aws:social-messaging:eu-west-1:111122223333:event-destination/orders":    "one of: " + own + ".",
		"arn:x": "Expected the ARN of a standard SNS topic",
		"":      "Expected the ARN of a standard SNS topic",
	} {
		_, err := router.Choose(holder, arn)
		if !errors.Is(err, event.ErrChoice) || !strings.Contains(fmt.Sprint(err), want) || strings.Contains(err.Error(), "event-destination/strangers,") {
			t.Errorf("%q: %v", arn, err)
		}
	}
}

func TestMistakesOfDestinationsAreAllListedWithoutTheirSecrets(t *testing.T) {
	db, _ := newState(t)
	const canary = "canary-51c0"
	good := event.Destination{Name: "crm", Type: event.HTTPS, URL: "https://crm.example.com/events", Secrets: []secret.Secret{secret.New("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")}}
	newRouter(t, db, good)
	with := func(change func(d *event.Destination)) event.Destination {
		d := good
		change(&d)
		return d
	}
	for want, d := range map[string]event.Destination{
		"name is":                         with(func(d *event.Destination) { d.Name = "CRM" }),
		"type is":                         with(func(d *event.Destination) { d.Type = "kafka" }),
		"url is missing":                  with(func(d *event.Destination) { d.URL = "" }),
		"plain HTTP":                      with(func(d *event.Destination) { d.URL = "http://crm.example.com/" }),
		"user name or password":           with(func(d *event.Destination) { d.URL = "https://" + canary + ":" + canary + "@crm.example.com/" }),
		"not a URL":                       with(func(d *event.Destination) { d.URL = "https://[" + canary }),
		"scheme":                          with(func(d *event.Destination) { d.URL = "ftp://crm.example.com/" }),
		"secret 1":                        with(func(d *event.Destination) { d.Secrets = []secret.Secret{secret.New(canary)} }),
		"secrets is missing":              with(func(d *event.Destination) { d.Secrets = nil }),
		"path is set":                     with(func(d *event.Destination) { d.Path = "/x" }),
		"accounts":                        with(func(d *event.Destination) { d.Accounts = []string{"1"} }),
		"events":                          with(func(d *event.Destination) { d.Events = []string{"Status Failed"} }),
		"slots":                           with(func(d *event.Destination) { d.Slots = 1000 }),
		"timeout":                         with(func(d *event.Destination) { d.Timeout = 1 }),
		"does not use them":               {Name: "out", Type: event.Stdout, AWS: event.AWS{Region: "us-east-1"}},
		"absolute path":                   {Name: "file", Type: event.File, Path: "events.jsonl"},
		"topic_arn is missing":            {Name: "topic", Type: event.SNS},
		"FIFO":                            {Name: "topic", Type: event.SNS, TopicARN: topicARN + ".fifo"},
		"refuses sources":                 {Name: "bus", Type: event.EventBridge, Source: "aws.social-messaging"},
		"bus is":                          {Name: "bus", Type: event.EventBridge, Bus: "a b"},
		"queue_url is not a URL":          {Name: "queue", Type: event.SQS, QueueURL: "queue"},
		"belong together":                 {Name: "queue", Type: event.SQS, QueueURL: "https://sqs.example.com/1/q", AWS: event.AWS{SecretAccessKey: secret.New(canary)}},
		"region is":                       {Name: "queue", Type: event.SQS, QueueURL: "https://sqs.example.com/1/q", AWS: event.AWS{Region: "evil.com#"}},
		"role_arn is":                     {Name: "queue", Type: event.SQS, QueueURL: "https://sqs.example.com/1/q", AWS: event.AWS{RoleARN: "arn:aws:iam::1:user/x"}},
		`two destinations are called "a"`: {Name: "a", Type: event.Stdout},
	} {
		list := []event.Destination{d, {Name: "BAD", Type: event.Stdout}}
		if d.Name == "a" {
			list = append(list, d)
		}
		_, err := event.NewRouter(event.RouterConfig{State: db, Destinations: list})
		if text := fmt.Sprint(err); !strings.Contains(text, want) || !strings.Contains(text, `"BAD"`) || strings.Contains(text, canary) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
