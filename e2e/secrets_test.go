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

	"ferry/internal/sample"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// Secrets are passed to ferry in every way that it accepts, and calls fail in every
// way. None of the secrets may then be in the log at level debug, in a response or in
// the database's files, in any usual encoding.
func TestSecretsAppearNowhere(t *testing.T) {
	w := newSecretWorld(t)
	uploads := w.upload()
	w.uploadToAFaultyMeta()
	w.sendMisplacedSecrets()
	printed := w.runCommands()
	w.ferry.stop()
	if logged := len(w.ferry.requests("PostWhatsAppMessageMedia")); logged < uploads {
		t.Fatalf("the log has %d entries about uploads, want at least %d: the search would prove nothing", logged, uploads)
	}
	places := w.databaseFiles()
	places["standard output"], places["the log"] = w.ferry.stdout.String(), w.ferry.stderr.String()
	places["a response"], places["what a command printed"] = w.responses.String(), printed
	places["the simulator's history"] = w.sim.history()
	for what, text := range places {
		for whose, secret := range w.secrets {
			wantNoTrace(t, what+": "+whose, text, secret)
		}
		// The simulator's history may contain any path, but no token.
		if found := presignedText.FindString(text); found != "" && what != "the simulator's history" {
			t.Errorf("%s contains the query of a presigned URL: %s", what, found)
		}
	}
}

// secretWorld is a world with secrets in all its parts.
type secretWorld struct {
	*world
	secrets   map[string]string // by what they are
	urls      map[string]string // presigned URLs by what is special about them; most of them do not work
	refused   string            // a bucket of a store with a wrong secret key
	down      string            // endpoint of a store that does not respond
	file      sample.File
	responses strings.Builder // of the API
}

func newSecretWorld(t *testing.T) *secretWorld {
	w, stores := describeSecrets(t)
	w.world = newWorld(t, worldOptions{stores: stores, args: []string{"--log-level", "debug"}})
	w.complete()
	return w
}

// describeSecrets returns a secretWorld without a server, and the stores that the server must have.
func describeSecrets(t *testing.T) (*secretWorld, []store) {
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
	return &secretWorld{secrets: secrets, down: down.Endpoint, refused: gateway.bucket(t, "wrong-secret"), file: sampleFile(t, "sample.jpg")}, []store{wrong, down}
}

// complete adds what needs the server: an object, URLs for it, and their signatures.
func (w *secretWorld) complete() {
	t, secrets := w.t, w.secrets
	secrets["the caller's secret key"] = w.key.secret
	keyset, err := os.ReadFile(w.in.file("keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	secrets["the keyset"] = keyMaterial(t, string(keyset))
	w.in.link(otherAccount, otherMetaAccount, otherMetaToken)
	w.s3.put(t, w.bucket, "a.jpg", w.file.Data, w.file.ContentType)

	good := w.s3.presign(t, w.bucket, "a.jpg")
	w.urls = map[string]string{
		"good": good, "tampered": good + "0", "too long": good + "&x=" + strings.Repeat("x", 2000), "not a URL": "::" + good,
		"missing": w.s3.presign(t, w.bucket, "missing"), "wrongly signed": presignedWithWrongSecret(t, w.world),
		"not allowed":           "https://files.example.com/a?" + query(t, good),
		"host down":             strings.Replace(good, w.s3.endpoint, w.down, 1),
		"signed with version 2": w.s3.endpoint + "/" + w.bucket + "/a.jpg?AWSAccessKeyId=" + s3AccessKey + "&Signature=" + url.QueryEscape("canaryOfVersion2/+6c1f==") + "&Expires=4102444800",
	}
	for name, signed := range w.urls {
		values, err := url.ParseQuery(query(t, signed))
		if err != nil {
			t.Fatal(err)
		}
		secrets["the signature of the URL that is "+name] = cmp.Or(values.Get("Signature"), strings.TrimSuffix(values.Get("X-Amz-Signature"), "0"))
	}
	for what, secret := range secrets {
		if secret == "" {
			t.Fatalf("%s is empty", what)
		}
	}
}

// post makes an upload and keeps the response if it fails.
func (w *secretWorld) post(input *socialmessaging.PostWhatsAppMessageMediaInput) {
	if _, err := w.client().PostWhatsAppMessageMedia(w.t.Context(), input); err != nil {
		fmt.Fprintln(&w.responses, err)
	}
}

// upload makes uploads, most of which fail, and returns their number.
func (w *secretWorld) upload() int {
	inputs := []*socialmessaging.PostWhatsAppMessageMediaInput{
		w.fromBucket("a.jpg"), w.fromBucket("missing"), fromBucket(w.phone, w.refused, "a.jpg"), fromBucket(w.phone, "down-bucket", "a.jpg"),
	}
	customerKey := w.secrets["a customer's key"]
	for _, signed := range w.urls {
		withKey := fromURL(w.phone, signed, w.file.ContentType)
		withKey.SourceS3PresignedUrl.Headers["x-amz-server-side-encryption-customer-algorithm"] = "AES256"
		withKey.SourceS3PresignedUrl.Headers["x-amz-server-side-encryption-customer-key"] = customerKey
		inputs = append(inputs, fromURL(w.phone, signed, w.file.ContentType), withKey, fromURL(w.phone, signed, "text/plain\r\nX: "+customerKey))
	}
	for _, input := range inputs {
		w.post(input)
	}
	return len(inputs)
}

// uploadToAFaultyMeta makes uploads to which Meta responds with a token.
func (w *secretWorld) uploadToAFaultyMeta() {
	for _, fault := range []metasim.Fault{
		{ErrorCode: 190, Message: "The token " + metaToken + " has expired"}, {ErrorCode: 100, Message: "Bad", Details: "Bearer " + metaToken},
		{Status: http.StatusInternalServerError, Body: metaToken}, {Body: "<html>" + metaToken + "</html>"}, {CutAfterBytes: -1},
		{Status: http.StatusFound, Body: metaToken}, {AfterBody: true, Body: `{"id":"` + strings.Repeat(metaToken, 4) + `"}`},
	} {
		fault.Operation = metasim.OperationUpload
		w.sim.fault(fault)
		w.post(w.fromBucket("a.jpg"))
		w.post(fromURL(w.phone, w.urls["good"], w.file.ContentType))
		w.sim.clear()
	}
}

// sendMisplacedSecrets sends requests with secrets in places where they do not belong.
func (w *secretWorld) sendMisplacedSecrets() {
	good := w.urls["good"]
	for _, raw := range []rawRequest{
		{method: "POST", path: "/v1/whatsapp/media", body: `{"originationPhoneNumberId":` + fmt.Sprintf("%q", w.phone) + `,"sourceS3PresignedUrl":"` + good + `"}`, service: "social-messaging"},
		{method: "POST", path: "/v1/whatsapp/media", body: `{"sourceS3PresignedUrl":{"url":["` + good + `"]}}`, service: "social-messaging"},
		{method: "POST", path: "/v1/whatsapp/media", body: `{"sourceS3PresignedUrl":{"url":"` + good, service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/media?url=" + url.QueryEscape(good), service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/waba/list?token=" + metaToken, service: "social-messaging"},
		{method: "GET", path: "/v1/whatsapp/waba/list", change: setHeader("Authorization", "Bearer "+metaToken)},
		{method: "GET", path: "/v1/whatsapp/waba/list", change: setHeader("Authorization", "AWS4-HMAC-SHA256 Credential="+w.key.id+", Signature="+w.key.secret)},
		{method: "GET", path: "/" + metaToken},
	} {
		fmt.Fprintln(&w.responses, send(w.t, w.ferry.url, w.key, raw).body)
	}
}

// runCommands runs commands with secrets, and returns what they print.
func (w *secretWorld) runCommands() string {
	stdout, stderr, _ := run(w.t, w.cliEnv(), "", w.in.program, "--log-level", "debug", "media", "post", "--phone-number-id", w.phone, w.urls["good"], w.urls["missing"], w.urls["host down"])
	_, configured, status := run(w.t, append(w.in.env, `FERRY_STORE={"endpoint":"https://s3.test","secret_access_key":"`+s3SecretKey+`","oops":1}`), "", w.in.program, "serve")
	if status == 0 {
		w.t.Error("a store with an unknown member was accepted")
	}
	return stdout + stderr + configured
}

// databaseFiles returns the content of the database's files by their names.
func (w *secretWorld) databaseFiles() map[string]string {
	names, err := filepath.Glob(w.in.file("ferry.db*"))
	if err != nil || len(names) == 0 {
		w.t.Fatalf("there are no database files: %v", err)
	}
	files := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		files[filepath.Base(name)] = string(content)
	}
	return files
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
	files := 0
	for _, suffix := range []string{"", "-wal", "-shm"} {
		content, err := os.ReadFile(in.file("ferry.db" + suffix))
		if err != nil {
			continue
		}
		files++
		wantNoTrace(t, "ferry.db"+suffix, string(content), metaToken)
		wantNoTrace(t, "ferry.db"+suffix, string(content), key.secret)
		if suffix == "" || suffix == "-wal" {
			if info, err := os.Stat(in.file("ferry.db" + suffix)); err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("ferry.db%s can be read by others: mode %o", suffix, info.Mode().Perm())
			}
		}
	}
	if files < 2 {
		t.Errorf("found %d of the database's files, want the database and its write-ahead log", files)
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
