package social_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"ferry/internal/admin"
	"ferry/internal/event"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

const topicARN = "arn:aws:sns:us-east-1:111122223333:events"

// putDestinations sets the destinations of a linked account; a role may follow an ARN.
func (w *world) putDestinations(key state.AccessKey, waba string, arnAndRole ...string) error {
	w.t.Helper()
	list := []types.WhatsAppBusinessAccountEventDestination{}
	if len(arnAndRole) > 0 {
		list = append(list, types.WhatsAppBusinessAccountEventDestination{EventDestinationArn: &arnAndRole[0]})
	}
	if len(arnAndRole) > 1 {
		list[0].RoleArn = &arnAndRole[1]
	}
	_, err := w.client(key).PutWhatsAppBusinessAccountEventDestinations(w.t.Context(),
		&socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput{Id: &waba, EventDestinations: list})
	return err
}

func TestEventDestinationIsShownUntilAnEmptyListRemovesIt(t *testing.T) {
	w := newWorld(t)
	arn := "arn:aws:social-messaging:us-east-1:111122223333:waba/" + strings.TrimPrefix(w.waba, "waba-")
	role := "arn:aws:iam::111122223333:role/publisher"
	check := func(want ...types.WhatsAppBusinessAccountEventDestination) {
		t.Helper()
		got, err := w.client(w.key).GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &w.waba})
		w.must(err)
		list, err := w.client(w.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
		w.must(err)
		for _, destinations := range [][]types.WhatsAppBusinessAccountEventDestination{got.Account.EventDestinations, list.LinkedAccounts[0].EventDestinations} {
			if diff := cmp.Diff(want, destinations, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		}
	}
	check()
	w.must(w.putDestinations(w.key, w.waba, topicARN))
	check(types.WhatsAppBusinessAccountEventDestination{EventDestinationArn: new(topicARN)})
	w.must(w.putDestinations(w.key, arn, topicARN, role)) // by ARN; Put is idempotent
	w.must(w.putDestinations(w.key, arn, topicARN, role))
	check(types.WhatsAppBusinessAccountEventDestination{EventDestinationArn: new(topicARN), RoleArn: &role})
	w.must(w.putDestinations(w.key, w.waba))
	check()
}

func TestEventDestinationIsRefusedWithWhatIsPossible(t *testing.T) {
	w := newWorld(t, withDestinations(event.Destination{Name: "orders", Type: event.Stdout}))
	own := "arn:aws:social-messaging:us-east-1:111122223333:event-destination/orders"
	for _, test := range []struct {
		waba string
		arn  []string
		want string
	}{
		// AWS looks at the account before it looks at the destination.
		{"waba-0123456789abcdef0123456789abcdef", []string{"arn:aws:sns:no:no:no"}, "LinkedWhatsAppBusinessAccountId Not Found"},
		{"arn:aws:social-messaging:us-east-1:444455556666:waba/" + strings.TrimPrefix(w.waba, "waba-"), nil, "LinkedWhatsAppBusinessAccountId Not Found"},
		{w.waba, []string{topicARN + ".fifo"}, "FIFO topics are not supported"},
		{w.waba, []string{"arn:aws:connect:us-east-1:111122223333:instance/1"}, "Amazon Connect"},
		{w.waba, []string{"arn:aws:social-messaging:us-east-1:111122223333:event-destination/x"}, own},
		{w.waba, []string{own, "arn:aws:iam::111122223333:role/publisher"}, "roleArn is only for SNS topics"},
	} {
		err := w.putDestinations(w.key, test.waba, test.arn...)
		exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err)
		if !ok || !strings.Contains(exception.ErrorMessage(), test.want) {
			t.Errorf("%v: %v", test.arn, err)
		}
	}
	w.must(w.putDestinations(w.key, w.waba, own))
	for _, destinations := range [][]types.WhatsAppBusinessAccountEventDestination{nil, {{EventDestinationArn: new(topicARN)}, {EventDestinationArn: new(topicARN)}}} {
		_, err := w.client(w.key).PutWhatsAppBusinessAccountEventDestinations(t.Context(),
			&socialmessaging.PutWhatsAppBusinessAccountEventDestinationsInput{Id: &w.waba, EventDestinations: destinations})
		if err == nil || !strings.Contains(fmt.Sprint(err), "eventDestinations") {
			t.Errorf("%d destinations: %v", len(destinations), err)
		}
	}
}

func TestEventDestinationNeedsTheRightToUseIt(t *testing.T) {
	w := newWorld(t)
	const role, foreign = "arn:aws:iam::111122223333:role/publisher", "arn:aws:sns:us-east-1:444455556666:events"
	put := `{"Effect":"Allow","Action":"social-messaging:*","Resource":"*"}`
	key := func(more string) state.AccessKey {
		return w.newKey(account, `{"Version":"2012-10-17","Statement":[`+put+more+`]}`)
	}
	bare := key("")
	passing := key(`,{"Effect":"Allow","Action":"iam:PassRole","Resource":"` + role + `"}`)
	publishing := key(`,{"Effect":"Allow","Action":"sns:Publish","Resource":"` + foreign + `"}`)
	for _, test := range []struct {
		name    string
		key     state.AccessKey
		arns    []string
		lacking string
	}{
		{"a topic of the account", bare, []string{topicARN}, ""},
		{"a topic of another account", bare, []string{foreign}, "sns:Publish on resource: " + foreign},
		{"with the right to publish", publishing, []string{foreign}, ""},
		{"a role", bare, []string{topicARN, role}, "iam:PassRole on resource: " + role},
		{"with the right to pass it", passing, []string{topicARN, role}, ""},
		{"another role", passing, []string{topicARN, role + "2"}, "iam:PassRole on resource: " + role + "2"},
		{"a topic of another account with a role", passing, []string{foreign, role}, ""}, // the role says who may publish
		{"full access", w.key, []string{foreign, role}, ""},
		{"none", w.newKey(account), []string{topicARN}, "social-messaging:PutWhatsAppBusinessAccountEventDestinations"},
		{"a stranger", w.newKey(stranger, admin.FullAccessPolicy), []string{topicARN}, "LinkedWhatsAppBusinessAccountId Not Found"},
	} {
		err := w.putDestinations(test.key, w.waba, test.arns...)
		if (err == nil) != (test.lacking == "") || !strings.Contains(fmt.Sprint(err), test.lacking) && err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// withDestinations configures destinations.
func withDestinations(destinations ...event.Destination) func(*settings) {
	return func(s *settings) { s.destinations = destinations }
}
