package social_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

func TestLinkedAccountIsShownInAWSShape(t *testing.T) {
	w := newWorld(t)
	client := w.client(w.key)
	list, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
	if err != nil || len(list.LinkedAccounts) != 1 || list.NextToken != nil {
		t.Fatalf("%+v, %v", list, err)
	}
	summary := list.LinkedAccounts[0]
	bare := strings.TrimPrefix(w.waba, "waba-")
	if *summary.Id != w.waba || *summary.Arn != "arn:aws:social-messaging:us-east-1:111122223333:waba/"+bare || *summary.WabaId != "100" ||
		*summary.WabaName != "Lucky Shrub" || summary.RegistrationStatus != types.RegistrationStatusComplete || summary.LinkDate.IsZero() || len(summary.EventDestinations) != 0 {
		t.Errorf("%+v", summary)
	}
	for _, id := range []string{*summary.Id, *summary.Arn} {
		account, err := client.GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(summary, summaryOf(account.Account)); diff != "" || len(account.Account.PhoneNumbers) != 1 {
			t.Errorf("%s: %s", id, diff)
		}
		number := account.Account.PhoneNumbers[0]
		if *number.PhoneNumberId != w.phone || *number.MetaPhoneNumberId != "1" || *number.PhoneNumber != "+15550783881" ||
			*number.DisplayPhoneNumber != "+1 555-078-3881" || *number.DisplayPhoneNumberName != "Shrub" || *number.QualityRating == "" {
			t.Errorf("%+v", number)
		}
		for _, phoneID := range []string{*number.PhoneNumberId, *number.Arn} {
			detail, err := client.GetLinkedWhatsAppBusinessAccountPhoneNumber(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: &phoneID})
			if err != nil || *detail.LinkedWhatsAppBusinessAccountId != w.waba {
				t.Fatalf("%+v, %v", detail, err)
			}
			if diff := cmp.Diff(socialmessaging.WhatsAppPhoneNumberDetail(number), *detail.PhoneNumber); diff != "" {
				t.Errorf("%s: %s", phoneID, diff)
			}
		}
	}
}

func TestAccountsComeInPagesWhoseTokensAreSealed(t *testing.T) {
	w := newWorld(t)
	for i := range 6 {
		_, err := w.state.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: fmt.Sprint(200 + i), Token: secret.New("t")})
		w.must(err)
	}
	client, in := w.client(w.key), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{MaxResults: new(int32(3))}
	seen, sizes := map[string]bool{}, []int{}
	var token string
	for {
		page, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), in)
		w.must(err)
		for _, linked := range page.LinkedAccounts {
			seen[*linked.Id] = true
		}
		sizes = append(sizes, len(page.LinkedAccounts))
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
		token = *page.NextToken
	}
	if diff := cmp.Diff([]int{3, 3, 1}, sizes); diff != "" || len(seen) != 7 {
		t.Errorf("%d accounts, %s", len(seen), diff)
	}
	for name, test := range map[string]struct {
		key   state.AccessKey
		token string
	}{
		"forged":             {w.key, "YWJj"},
		"no base64":          {w.key, "!"},
		"changed":            {w.key, token[:len(token)-4] + "AAAA"},
		"of another account": {w.newKey(stranger, admin.FullAccessPolicy), token},
	} {
		_, err := w.client(test.key).ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{NextToken: &test.token})
		if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.ErrorMessage(), "nextToken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStrangerSeesNoAccount(t *testing.T) {
	w := newWorld(t)
	client := w.client(w.newKey(stranger, admin.FullAccessPolicy))
	if list, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), nil); err != nil || len(list.LinkedAccounts) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	_, err := client.GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &w.waba})
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("account: %v", err)
	}
	_, err = client.GetLinkedWhatsAppBusinessAccountPhoneNumber(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountPhoneNumberInput{Id: &w.phone})
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("phone number: %v", err)
	}
}

// summaryOf returns the members that an account shares with its summary.
func summaryOf(a *types.LinkedWhatsAppBusinessAccount) types.LinkedWhatsAppBusinessAccountSummary {
	return types.LinkedWhatsAppBusinessAccountSummary{
		Arn: a.Arn, Id: a.Id, WabaId: a.WabaId, RegistrationStatus: a.RegistrationStatus, LinkDate: a.LinkDate, WabaName: a.WabaName,
		EventDestinations: a.EventDestinations, MarketingMessagesOnboardingStatus: a.MarketingMessagesOnboardingStatus, DatasetId: a.DatasetId,
	}
}

// With AnyRegion, the same resources exist in every region, as `ferry dev` needs.
func TestServiceOfAnyRegionIsTheSameInEach(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.api.AnyRegion = true })
	client := w.client(w.key)
	for _, region := range []string{"eu-west-1", "ap-southeast-2"} {
		within := func(o *socialmessaging.Options) { o.Region = region }
		list, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), nil, within)
		w.must(err)
		arn := *list.LinkedAccounts[0].Arn
		if want := "arn:aws:social-messaging:" + region + ":" + account + ":waba/" + strings.TrimPrefix(w.waba, "waba-"); arn != want {
			t.Errorf("the ARN is %s, want %s", arn, want)
		}
		// The ARN may come from an event, which names the server's own region.
		got, err := client.GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &arn})
		if err != nil || *got.Account.Id != w.waba {
			t.Errorf("%s in us-east-1: %+v, %v", arn, got, err)
		}
		other := strings.Replace(arn, account, stranger, 1)
		_, err = client.GetLinkedWhatsAppBusinessAccount(t.Context(), &socialmessaging.GetLinkedWhatsAppBusinessAccountInput{Id: &other})
		if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
			t.Errorf("the ARN of another account: %v", err)
		}
	}
}
