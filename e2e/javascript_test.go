package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ferry/metasim"
)

// A program that uses ferry dev needs nothing but the env file.
func TestJavaScriptSDKWorksWithDevsEnvironment(t *testing.T) {
	node := nodeBinary(t)
	dev := startDev(t, raceBuild)
	var got struct {
		Listed, Numbers     []string
		Name                string
		LinkedSince         bool
		Display, Number     string
		FromBucket, FromURL string
	}
	if err := json.Unmarshal([]byte(mustRun(t, dev.env(), node, "node/quickstart.mjs")), &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{dev.values["FERRY_WABA_ID"]}; !slices.Equal(got.Listed, want) {
		t.Errorf("the linked accounts are %v, want %v", got.Listed, want)
	}
	if want := []string{dev.values["FERRY_PHONE_NUMBER_ID"], dev.values["FERRY_PHONE_NUMBER_ID_2"]}; !slices.Equal(got.Numbers, want) {
		t.Errorf("the account's phone numbers are %v, want %v", got.Numbers, want)
	}
	if got.Name != "Lucky Shrub" || !got.LinkedSince || got.Display != "+1 555-078-3881" || got.Number != "+15550783881" {
		t.Errorf("the account is not the sample's: %+v", got)
	}
	for _, id := range []string{got.FromBucket, got.FromURL} {
		if !mediaIDForm.MatchString(id) {
			t.Fatalf("the media id %q does not consist of digits", id)
		}
		dev.sim.wantStored(id, []byte("hello"))
	}
}

func TestJavaScriptSDKReadsAccountsAndPhoneNumbers(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	prefix := "arn:aws:social-messaging:" + region + ":" + account + ":"
	accountARN := prefix + "waba/" + strings.TrimPrefix(w.linked.ID, "waba-")
	phoneARN := prefix + "phone-number-id/" + strings.TrimPrefix(w.phone, "phone-number-id-")

	for _, id := range []string{w.linked.ID, accountARN} {
		result := node.call("GetLinkedWhatsAppBusinessAccount", members{"id": id})
		wantMembers(t, result, `"id":"`+w.linked.ID+`"`, `"arn":"`+accountARN+`"`, `"wabaId":"`+metaAccount+`"`, `"wabaName":"Lucky Shrub"`,
			`"registrationStatus":"COMPLETE"`, `"eventDestinations":[]`, `"metaPhoneNumberId":"`+metaPhone+`"`, `"phoneNumberId":"`+w.phone+`"`)
	}
	for _, id := range []string{w.phone, phoneARN} {
		result := node.call("GetLinkedWhatsAppBusinessAccountPhoneNumber", members{"id": id})
		wantMembers(t, result, `"arn":"`+phoneARN+`"`, `"displayPhoneNumber":"+1 555-078-3881"`, `"phoneNumber":"+15550783881"`,
			`"displayPhoneNumberName":"Lucky Shrub"`, `"qualityRating":"GREEN"`, `"linkedWhatsAppBusinessAccountId":"`+w.linked.ID+`"`)
	}
}

func wantMembers(t testing.TB, result outcome, members ...string) {
	t.Helper()
	if result.Error != nil {
		t.Fatalf("the call failed: %s: %s", result.Error.Name, result.Error.Message)
	}
	for _, member := range members {
		if !strings.Contains(string(result.Output), member) {
			t.Errorf("the output has no %s: %s", member, result.Output)
		}
	}
}

// The SDK's paginator follows nextToken over several linked accounts.
func TestJavaScriptSDKPagesThroughLinkedAccounts(t *testing.T) {
	nodeBinary(t)
	sim := startSimulator(t, metasim.Config{})
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	want := []string{in.link(account, metaAccount, metaToken).ID, in.link(account, otherMetaAccount, otherMetaToken).ID}
	slices.Sort(want)
	node := startNode(t, in.serve().url, key)

	result := node.call("paginate", members{"maxResults": 1})
	if result.Error != nil {
		t.Fatalf("the call failed: %s: %s", result.Error.Name, result.Error.Message)
	}
	var pages [][]struct{ ID string }
	if err := json.Unmarshal(result.Output, &pages); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, page := range pages {
		if len(page) > 1 {
			t.Errorf("a page has %d accounts, want 1", len(page))
		}
		for _, linked := range page {
			got = append(got, linked.ID)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the pages have the accounts %v, want %v", got, want)
	}
	node.call("ListLinkedWhatsAppBusinessAccounts", members{"nextToken": "made-up"}).wantException(t, "InvalidParametersException", http.StatusBadRequest, "nextToken")
	node.call("ListLinkedWhatsAppBusinessAccounts", members{"maxResults": 101}).wantException(t, "ValidationException", http.StatusBadRequest, "maxResults")
}

func TestJavaScriptSDKUploadsFromBucketAndPresignedURL(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	for _, name := range []string{"sample.jpg", "sticker-animated.webp", "voice.ogg", "sample.mp4", "sample.docx", "sample.txt"} {
		file := sampleFile(t, name)
		w.s3.put(t, w.bucket, name, file.Data, file.ContentType)
		w.sim.wantStored(node.post(jsFromBucket(w.phone, w.bucket, name)).mediaID(t), file.Data)
		url := node.presign(w.s3.endpoint, w.bucket, name)
		w.sim.wantStored(node.post(jsFromURL(w.phone, url, file.ContentType)).mediaID(t), file.Data)
	}
}
