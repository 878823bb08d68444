package event_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSignalsOfACallBelongToTheConversationWithItsUser(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		const metadata = `"messaging_product":"whatsapp","metadata":{"display_phone_number":"15550783881","phone_number_id":"1"}`
		session := `,"session":{"sdp_type":"offer","sdp":"v=0\r\n"}`
		for _, value := range []string{
			`{` + metadata + `,"calls":[{"id":"wacid.1","from":"4915112345678","to":"15550783881","event":"connect","timestamp":"1","direction":"USER_INITIATED"` + session + `}]}`,
			`{` + metadata + `,"calls":[{"id":"wacid.1","from":"4915112345678","to":"15550783881","event":"terminate","timestamp":"2","direction":"USER_INITIATED","status":"COMPLETED","duration":7}]}`,
			`{` + metadata + `,"calls":[{"id":"wacid.2","from":"15550783881","to":"4915112345678","event":"connect","timestamp":"3","direction":"BUSINESS_INITIATED"` + session + `}]}`,
			`{` + metadata + `,"statuses":[{"id":"wacid.2","type":"call","status":"RINGING","timestamp":"3","recipient_id":"4915112345678"}]}`,
			`{` + metadata + `,"calls":[{"id":"wacid.3","from_user_id":"US.13491208655302741918","to":"15550783881","event":"connect","timestamp":"4"}]}`,
			`{` + metadata + `,"calls":[{"id":"wacid.4","event":"connect"}]}`,
		} {
			r.want(200, bodyWith(change("calls", value)))
			r.want(200, bodyWith(change("calls", value))) // Meta repeats it: one event
		}
		number := r.linked.PhoneNumbers[0].ID
		person := number + "/4915112345678"
		want := []string{person, person, person, person, number + "/US.13491208655302741918", r.linked.ID + "/calls"}
		var got []string
		for _, e := range r.events(r.linked.AccountID) {
			got = append(got, e.Conversation)
			if e.Name != "calls" || e.PhoneNumberID != number || e.MessageID != "" {
				t.Errorf("the event is %s of number %s; want calls of %s", e.Name, e.PhoneNumberID, number)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the conversations: %s", diff)
		}
	})
}
