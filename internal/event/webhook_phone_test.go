package event_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/secret"
	"ferry/internal/state"
)

// change returns an entry with one change.
func change(field, value string) string {
	return `{"id":"100","time":1,"changes":[{"field":"` + field + `","value":` + value + `}]}`
}

// namedElsewhere are values that name a phone number outside their metadata, by field: the
// first and the second one of the test.
var namedElsewhere = map[string]struct{ first, second string }{
	"messaging_handovers": {
		`{"messaging_product":"whatsapp","sender":{"phone_number":"4915"},"recipient":{"display_phone_number":"15550783881","phone_number_id":"1"},"type":"control_passed"}`,
		`{"messaging_product":"whatsapp","sender":{"phone_number":"4915"},"recipient":{"display_phone_number":"15550783882","phone_number_id":"2"},"type":"control_passed"}`},
	"account_settings_update": {
		`{"type":"phone_number_settings","phone_number_settings":{"phone_number_id":"1","calling":{"status":"ENABLED"}}}`,
		`{"type":"phone_number_settings","phone_number_settings":{"phone_number_id":"2","calling":{"status":"ENABLED"}}}`},
	"phone_number_quality_update": {`{"display_phone_number":"15550783881","event":"ONBOARDING"}`, `{"display_phone_number":"+1 (555) 078-3882","event":"ONBOARDING"}`},
	"phone_number_name_update":    {`{"display_phone_number":"+1 555 078 3881","decision":"APPROVED"}`, `{"display_phone_number":"15550783882","decision":"APPROVED"}`},
	"business_username_updates":   {`{"display_phone_number":"15550783881","status":"approved"}`, `{"display_phone_number":"15550783882","status":"approved"}`},
	"security":                    {`{"display_phone_number":"15550783881","event":"PIN_CHANGED"}`, `{"display_phone_number":"15550783882","event":"PIN_CHANGED"}`},
	"account_update":              {`{"phone_number":"15550783881","event":"ACCOUNT_RESTRICTION"}`, `{"phone_number":"15550783882","event":"ACCOUNT_RESTRICTION"}`},
	"a_field_of_2031":             {`{"x":{"phone_number_id":1}}`, `{"x":{"phone_number_id":2}}`},
}

func TestUpdateThatNamesAPhoneNumberAnywhereGoesOnlyToAccountsThatLinkedTheNumber(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		second, err := r.state.Link(t.Context(), state.BusinessAccount{AccountID: "444455556666", MetaID: "100", Token: secret.New("EAA-token"),
			PhoneNumbers: []state.PhoneNumber{{MetaID: "2", DisplayNumber: "+1 555-078-3882"}}})
		if err != nil {
			t.Fatal(err)
		}
		for field, values := range namedElsewhere {
			r.want(200, bodyWith(change(field, values.first)))
			r.want(200, bodyWith(change(field, values.second)))
		}
		want := slices.Sorted(maps.Keys(namedElsewhere))
		for _, linked := range []state.BusinessAccount{r.linked, second} {
			var names []string
			number := linked.PhoneNumbers[0]
			for _, e := range r.events(linked.AccountID) {
				names = append(names, e.Name)
				reference := []byte(`"MetaPhoneNumberIds":[{"metaPhoneNumberId":"` + number.MetaID + `","arn":"arn:aws:social-messaging:eu-west-1:` + linked.AccountID + `:phone-number-id/` + number.ID + `"}]`)
				if e.PhoneNumberID != number.ID || !bytes.Contains(e.Body, reference) {
					t.Errorf("the event %s of account %s names the number %q: %s", e.Name, linked.AccountID, e.PhoneNumberID, e.Body)
				}
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("account %s: %s", linked.AccountID, diff)
			}
		}
	})
}

func TestPhoneNumberThatIsNamedByItsDigitsIsCountedUntilItIsLinked(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		r.want(404, bodyWith(change("phone_number_quality_update", `{"display_phone_number":"1 (555) 078-3882","event":"ONBOARDING"}`)))
		r.want(404, bodyWith(change("account_settings_update", `{"phone_number_settings":{"phone_number_id":"2"}}`)))
		r.wantNames()
		counted := func() (numbers []string) {
			t.Helper()
			unlinked, err := r.state.UnlinkedUpdates(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range unlinked {
				numbers = append(numbers, u.BusinessAccount+" "+u.PhoneNumber)
			}
			slices.Sort(numbers)
			return numbers
		}
		if diff := cmp.Diff([]string{"100 +15550783882", "100 2"}, counted()); diff != "" {
			t.Error(diff)
		}
		if _, err := r.state.Link(t.Context(), state.BusinessAccount{AccountID: "444455556666", MetaID: "100", Token: secret.New("EAA-token"),
			PhoneNumbers: []state.PhoneNumber{{MetaID: "2", DisplayNumber: "+1 (555) 078-3882"}}}); err != nil {
			t.Fatal(err)
		}
		if got := counted(); len(got) > 0 {
			t.Errorf("still counted: %q", got)
		}
	})
}

func TestUpdateOfAWholeBusinessAccountGoesToEveryAccountThatLinkedIt(t *testing.T) {
	onBoth(t, func(t *testing.T, r *hook) {
		other := linkMeta(t, r.state, "444455556666")
		r.want(200, bodyWith(change("message_template_status_update", `{"event":"APPROVED","message_template_id":1,"other_info":{"title":"x"}}`)))
		for _, id := range []string{r.linked.AccountID, other.AccountID} {
			if events := r.events(id); len(events) != 1 || bytes.Contains(events[0].Body, []byte("metaPhoneNumberId")) {
				t.Errorf("account %s has the events %+v", id, events)
			}
		}
	})
}
