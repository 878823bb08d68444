package event_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ferry/internal/event"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestSecretThatIsBoundToAnAppSignsOnlyForAccountsLinkedWithTheApp(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		r := newReceiver(t, engine.Open(t), func(c *event.ReceiverConfig) {
			c.AppSecrets = []event.AppSecret{
				{AppID: "11", Secret: secret.New("secret of 11")}, {AppID: "22", Secret: secret.New("secret of 22")},
				{Secret: secret.New("secret for all")}, {AppID: "33", Secret: secret.New("secret of two")}, {AppID: "11", Secret: secret.New("secret of two")},
			}
		})
		link := func(account, waba, number, app string) {
			t.Helper()
			_, err := r.state.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: waba, AppID: app, Token: secret.New("EAA-token"),
				PhoneNumbers: []state.PhoneNumber{{MetaID: number, DisplayNumber: "+" + number}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		// Two tenants: the first one with app 11, the second one with app 22. Both have
		// linked the account 700. The account 100 was linked without an app.
		link("777777777777", "300", "3", "11")
		link("888888888888", "400", "4", "22")
		link("777777777777", "700", "7", "11")
		link("888888888888", "700", "7", "22")
		n := 0
		for _, test := range []struct {
			secret, waba, number string
			status               int
			accounts             string // that receive an event
		}{
			{"secret of 11", "300", "3", 200, "777777777777"},
			{"secret of 22", "300", "3", 404, ""},
			{"secret of 11", "400", "4", 404, ""},
			{"secret of 22", "400", "4", 200, "888888888888"},
			{"secret of 11", "700", "7", 200, "777777777777"},
			{"secret of 22", "700", "7", 200, "888888888888"},
			{"secret of 11", "100", "1", 404, ""},
			{"secret for all", "100", "1", 200, "111122223333"},
			{"secret for all", "700", "7", 200, "777777777777 888888888888"},
			{"secret for all", "400", "4", 200, "888888888888"},
			{"secret of two", "300", "3", 200, "777777777777"},
			{"secret of two", "400", "4", 404, ""},
			{"secret of 11", "999", "9", 404, ""},
			{"secret of nobody", "300", "3", 401, ""},
		} {
			n++
			wamid := fmt.Sprintf("wamid.%d", n)
			body := bodyWith(messagesOf(test.waba, test.number, text(wamid)))
			if got := r.send(strings.NewReader(body), http.Header{"X-Hub-Signature-256": {sign(test.secret, body)}}); got != test.status {
				t.Errorf("%s for account %s: status %d, expected %d", test.secret, test.waba, got, test.status)
			}
			var accounts []string
			for _, id := range []string{"111122223333", "777777777777", "888888888888"} {
				for _, e := range r.events(id) {
					if e.WAMID == wamid {
						accounts = append(accounts, id)
					}
				}
			}
			if got := strings.Join(accounts, " "); got != test.accounts {
				t.Errorf("%s for account %s: events of %q, expected %q", test.secret, test.waba, got, test.accounts)
			}
		}
		unlinked, err := r.state.UnlinkedUpdates(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[string]int64)
		for _, u := range unlinked {
			got[u.BusinessAccount+" "+u.AppID] = u.Updates
		}
		want := map[string]int64{"300 22": 1, "400 11": 1, "400 33": 1, "100 11": 1, "999 ": 1}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("refused: %v, expected %v", got, want)
		}
		link("111122223333", "100", "1", "11") // the list no longer has what is linked with the app now
		if unlinked, err = r.state.UnlinkedUpdates(t.Context()); err != nil || len(unlinked) != len(want)-1 {
			t.Errorf("after the account 100 was linked with the app 11: %+v, %v", unlinked, err)
		}
	})
}

func TestAppSecretIsParsedWithOrWithoutItsApp(t *testing.T) {
	for text, want := range map[string]event.AppSecret{
		"c0ffee":            {Secret: secret.New("c0ffee")},
		" c0ffee\n":         {Secret: secret.New("c0ffee")},
		"634974688:c0ffee":  {AppID: "634974688", Secret: secret.New("c0ffee")},
		"634974688:c0f:fee": {AppID: "634974688", Secret: secret.New("c0f:fee")},
		"":                  {}, " ": {}, ":": {}, ":c0ffee": {}, "634974688:": {}, "app:c0ffee": {}, "-1:c0ffee": {}, strings.Repeat("1", 33) + ":c0ffee": {},
	} {
		var got event.AppSecret
		err := got.UnmarshalText([]byte(text))
		if got.AppID != want.AppID || !got.Secret.Equal(want.Secret) || (err == nil) == want.Secret.IsZero() {
			t.Errorf("%q is the secret %q of the app %q, %v", text, got.Secret.Reveal(), got.AppID, err)
		}
		if err != nil && strings.Contains(err.Error(), "c0ffee") {
			t.Errorf("%q: the error has the secret: %v", text, err)
		}
	}
}
