package e2e

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/metasim"
	"ferry/socialmessaging"
)

// Secrets are passed to ferry in every way that it accepts, and calls fail in every
// way. None of the secrets may then be in the log at level debug, in a response or in
// the database's files, in any usual encoding.
func TestSecretsAppearNowhere(t *testing.T) {
	gateway := sharedS3(t)
	secrets := map[string]string{
		"the first account's token": metaToken, "the other account's token": otherMetaToken,
		"the store's secret key":     s3SecretKey,
		"another store's secret key": "canarySecretThatIsWrong/+9999==",
		"a customer's key":           "Y2FuYXJ5S2V5T2ZUaGVDdXN0b21lcjMyYnl0ZXMhISE=",
	}
	wrong, down := gateway.store("wrong-secret-*"), gateway.store("down-*")
	wrong.SecretAccessKey = secrets["another store's secret key"]
	down.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", closedPort(t))
	w := newWorld(t, worldOptions{stores: []store{wrong, down}, args: []string{"--log-level", "debug"}})
	secrets["the caller's secret key"] = w.key.secret
	keyset, err := os.ReadFile(w.in.file("keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["the keyset"] = keyMaterial(t, string(keyset))
	w.in.link(otherAccount, otherMetaAccount, otherMetaToken)

	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	refused := gateway.bucket(t, "wrong-secret")
	links := map[string]string{"good": w.s3.presign(t, w.bucket, "a.jpg"), "missing": w.s3.presign(t, w.bucket, "missing"), "wrongly signed": presignedWithWrongSecret(t, w)}
	links["tampered"] = links["good"] + "0"
	links["not allowed"] = "https://files.example.com/a?" + query(t, links["good"])
	links["host down"] = strings.Replace(links["good"], w.s3.endpoint, down.Endpoint, 1)
	links["signed with version 2"] = w.s3.endpoint + "/" + w.bucket + "/a.jpg?AWSAccessKeyId=" + s3AccessKey + "&Signature=" + url.QueryEscape("canaryOfVersion2/+6c1f==") + "&Expires=4102444800"
	links["too long"] = links["good"] + "&x=" + strings.Repeat("x", 2000)
	links["not a URL"] = "::" + links["good"]
	for name, link := range links {
		values, err := url.ParseQuery(query(t, link))
		if err != nil {
			t.Fatal(err)
		}
		secrets["the signature of the URL that is "+name] = cmp.Or(values.Get("Signature"), strings.TrimSuffix(values.Get("X-Amz-Signature"), "0"))
	}

	inputs := []*socialmessaging.PostWhatsAppMessageMediaInput{
		w.fromBucket("a.jpg"), w.fromBucket("missing"), fromBucket(w.phone, refused, "a.jpg"), fromBucket(w.phone, "down-bucket", "a.jpg"),
	}
	for _, link := range links {
		inputs = append(inputs, fromURL(w.phone, link, file.ContentType))
		withKey := fromURL(w.phone, link, file.ContentType)
		withKey.SourceS3PresignedUrl.Headers["x-amz-server-side-encryption-customer-algorithm"] = "AES256"
		withKey.SourceS3PresignedUrl.Headers["x-amz-server-side-encryption-customer-key"] = secrets["a customer's key"]
		inputs = append(inputs, withKey)
		inputs = append(inputs, fromURL(w.phone, link, "text/plain\r\nX: "+secrets["a customer's key"]))
	}
	var answers strings.Builder
	post := func(input *socialmessaging.PostWhatsAppMessageMediaInput) {
		if _, err := w.client().PostWhatsAppMessageMedia(t.Context(), input); err != nil {
			fmt.Fprintln(&answers, err)
		}
	}
	for _, input := range inputs {
		post(input)
	}
	for _, fault := range []metasim.Fault{
		{ErrorCode: 190, Message: "The token " + metaToken + " has expired"}, {ErrorCode: 100, Message: "Bad", Details: "Bearer " + metaToken},
		{Status: http.StatusInternalServerError, Body: metaToken}, {Body: "<html>" + metaToken + "</html>"}, {CutAfterBytes: -1},
		{Status: http.StatusFound, Body: metaToken}, {AfterBody: true, Body: `{"id":"` + strings.Repeat(metaToken, 4) + `"}`},
	} {
		fault.Operation = metasim.OperationUpload
		w.sim.fault(fault)
		post(w.fromBucket("a.jpg"))
		post(fromURL(w.phone, links["good"], file.ContentType))
		w.sim.clear()
	}
	// Secrets in places where they do not belong.
	for _, raw := range []rawRequest{
		{method: "POST", path: "/v1/whatsapp/media", body: `{"originationPhoneNumberId":` + fmt.Sprintf("%q", w.phone) + `,"sourceS3PresignedUrl":"` + links["good"] + `"}`, service: "social-messaging"},
		{method: "POST", path: "/v1/whatsapp/media", body: `{"sourceS3PresignedUrl":{"url":["` + links["good"] + `"]}}`, service: "social-messaging"},
		{method: "POST", path: "/v1/whatsapp/media", body: `{"sourceS3PresignedUrl":{"url":"` + links["good"], service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/media?url=" + url.QueryEscape(links["good"]), service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/waba/list?token=" + metaToken, service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/waba/list", change: setHeader("Authorization", "Bearer "+metaToken)},
		{method: "GET", path: "/v1/whatsapp/waba/list", change: setHeader("Authorization", "AWS4-HMAC-SHA256 Credential="+w.key.id+", Signature="+w.key.secret)},
		{method: "GET", path: "/" + metaToken},
	} {
		fmt.Fprintln(&answers, send(t, w.ferry.url, w.key, raw).body)
	}
	stdout, stderr, _ := run(t, w.cliEnv(), "", w.in.program, "--log-level", "debug", "media", "post", "--phone-number-id", w.phone, links["good"], links["missing"], links["host down"])
	_, configured, status := run(t, append(w.in.env, `FERRY_STORE={"endpoint":"https://s3.test","secret_access_key":"`+s3SecretKey+`","oops":1}`), "", w.in.program, "serve")
	if status == 0 {
		t.Error("a store with an unknown member was accepted")
	}

	w.ferry.stop()
	places := map[string]string{
		"standard output": w.ferry.stdout.String(), "the log": w.ferry.stderr.String(), "an answer": answers.String(),
		"what ferry media post printed": stdout + stderr, "the message on a wrong setting": configured, "the simulator's history": w.sim.history(),
	}
	files, err := filepath.Glob(w.in.file("ferry.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no database files: %v", err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(name)] = string(content)
	}
	if lines := len(w.ferry.requests("PostWhatsAppMessageMedia")); lines < len(inputs) {
		t.Fatalf("the log has %d entries about uploads, want at least %d: the search would prove nothing", lines, len(inputs))
	}
	for what, text := range places {
		for whose, secret := range secrets {
			if secret != "" {
				wantNoTrace(t, what+": "+whose, text, secret)
			}
		}
		// The simulator's history may contain any path, but no token.
		if found := presignedText.FindString(text); found != "" && what != "the simulator's history" {
			t.Errorf("%s contains the query of a presigned URL: %s", what, found)
		}
	}
}

// While the server runs, the newest writes are in the write-ahead log.
func TestDatabaseOfARunningServerContainsNoSecretInTheClear(t *testing.T) {
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	ferry := in.serve()
	key := in.createKey(account)
	in.link(account, metaAccount, metaToken)
	if _, err := goClient(ferry.url, key).ListLinkedWhatsAppBusinessAccounts(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(in.file("ferry.db" + suffix))
		if err != nil {
			continue
		}
		found++
		wantNoTrace(t, "ferry.db"+suffix, string(content), metaToken)
		wantNoTrace(t, "ferry.db"+suffix, string(content), key.secret)
		if suffix == "" || suffix == "-wal" {
			if info, err := os.Stat(in.file("ferry.db" + suffix)); err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("ferry.db%s can be read by others: mode %o", suffix, info.Mode().Perm())
			}
		}
	}
	if found < 2 {
		t.Errorf("found %d of the database's files, want the database and its write-ahead log", found)
	}
	if status := send(t, ferry.url, key, rawRequest{method: http.MethodGet, path: "/ferry.db"}).status; status != http.StatusNotFound {
		t.Errorf("GET /ferry.db is answered with %d", status)
	}
}

func query(t testing.TB, link string) string {
	t.Helper()
	_, query, found := strings.Cut(link, "?")
	if !found {
		t.Fatalf("%s has no query", link)
	}
	return query
}

// keyMaterial returns the key in a keyset: the longest text between quotes.
func keyMaterial(t testing.TB, keyset string) string {
	t.Helper()
	longest := ""
	for i, part := range strings.Split(keyset, `"`) {
		if i%2 == 1 && len(part) > len(longest) && !strings.Contains(part, "googleapis") {
			longest = part
		}
	}
	if len(longest) < 32 {
		t.Fatal("the keyset has no key")
	}
	return longest
}
