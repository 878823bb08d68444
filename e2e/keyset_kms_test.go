package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ferry/socialmessaging"
)

// A kmsStand is moto's KMS behind a proxy that can be taken down.
type kmsStand struct {
	t     *testing.T
	url   string
	moto  string
	down  atomic.Bool
	calls atomic.Int64
}

func startKMS(t *testing.T) *kmsStand {
	t.Helper()
	k := &kmsStand{t: t, moto: startMoto(t)}
	target, err := url.Parse(k.moto)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.calls.Add(1)
		if k.down.Load() {
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// python runs lines with boto3's client of KMS, and returns what they print.
func (k *kmsStand) python(lines string) string {
	k.t.Helper()
	command := exec.Command(pythonBinary(k.t), "-c", "import base64, boto3, json, sys\nkms = boto3.client('kms')\n"+lines)
	command.Env = append(os.Environ(), "AWS_ENDPOINT_URL_KMS="+k.moto, "AWS_DEFAULT_REGION="+region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")
	output, err := command.CombinedOutput()
	if err != nil {
		k.t.Fatalf("%v: %s", err, output)
	}
	return strings.TrimSpace(string(output))
}

func (k *kmsStand) createKey() (arn string) {
	k.t.Helper()
	return k.python(`print(kms.create_key()['KeyMetadata']['Arn'])`)
}

// The keyset is encrypted by a key of KMS, from its creation to its rotation.
func TestKeysetIsEncryptedByKMS(t *testing.T) {
	kms := startKMS(t)
	arn, other := kms.createKey(), kms.createKey()
	in := install(t, raceBuild, startSimulator(t, noAccounts))
	file, clearEnv := in.file("wrapped.json"), in.env
	in.env = append(in.env, "FERRY_KMS_ENDPOINT="+kms.url, "FERRY_KEYSET_KMS_KEY="+arn, "FERRY_KEYSET_FILE="+file, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test")

	// An installation with a keyset in the clear changes to one that KMS has encrypted.
	key := (&installation{t: t, program: in.program, directory: in.directory, env: clearEnv}).createKey(account)
	if said := mustRun(t, append(clearEnv, in.env[len(clearEnv):]...), in.program, "keyset", "wrap", "--keyset-file", in.file("keyset.json"), "--keyset-kms-key", "", "--kms-key", arn, file); !strings.Contains(said, "encrypted by "+arn) {
		t.Errorf("wrap said %q", said)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "keyData") || !strings.Contains(string(text), "encryptedKeyset") {
		t.Errorf("the file has %s, %v", text, err)
	}
	s := in.serve()
	client := goClient(s.url, key)
	call := func(when string) {
		t.Helper()
		if _, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{}); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	call("at first")

	// KMS fails while the server runs: nothing happens.
	kms.down.Store(true)
	before := kms.calls.Load()
	time.Sleep(11 * time.Second) // longer than the time between two looks at the file
	call("while KMS is down")
	if n := kms.calls.Load() - before; n > 0 {
		t.Errorf("KMS was called %d times for a keyset that has not changed", n)
	}
	// It fails at the start of a server, and of a command: they say so after some attempts.
	begun := time.Now()
	if stdout, stderr, status := run(t, in.env, "", in.program, "serve", "--listen", "127.0.0.1:0"); status != 1 || !strings.Contains(stderr, "KMS did not respond properly to the request to decrypt the keyset with the key "+arn) {
		t.Errorf("a start without KMS has the status %d, and says %s %s", status, stdout, stderr)
	}
	if n := kms.calls.Load() - before; n != 5 || time.Since(begun) > 30*time.Second {
		t.Errorf("it was tried %d times in %v", n, time.Since(begun))
	}
	kms.down.Store(false)

	// The key is rotated.
	if stdout := mustRun(t, in.env, in.program, "keyset", "rotate", "--wait", "90s", "--grace", "0s"); !strings.Contains(stdout, "The rotation is complete") {
		t.Errorf("rotate said %s", stdout)
	}
	if text, err := os.ReadFile(file); err != nil || strings.Contains(string(text), "keyData") || !strings.Contains(string(text), "encryptedKeyset") {
		t.Errorf("after the rotation, the file has %s, %v", text, err)
	}
	call("after the rotation")
	s.stop()

	// What is not the keyset of this key of KMS is refused.
	foreign, unbound, changed := in.file("foreign.json"), in.file("unbound.json"), in.file("changed.json")
	mustRun(t, in.env, in.program, "keyset", "create", "--kms-key", other, foreign)
	kms.python(`
text = json.load(open('` + file + `'))
plain = kms.decrypt(CiphertextBlob=base64.b64decode(text['encryptedKeyset']), EncryptionContext={'purpose': 'ferry keyset'})['Plaintext']
json.dump({'encryptedKeyset': base64.b64encode(kms.encrypt(KeyId='` + arn + `', Plaintext=plain, EncryptionContext={'purpose': 'other'})['CiphertextBlob']).decode()}, open('` + unbound + `', 'w'))
blob = bytearray(base64.b64decode(text['encryptedKeyset']))
blob[-1] ^= 1
json.dump({'encryptedKeyset': base64.b64encode(bytes(blob)).decode()}, open('` + changed + `', 'w'))`)
	for name, test := range map[string]struct{ file, arn, want string }{
		"encrypted by another key":         {foreign, arn, "check that this is the key of the keyset"}, // as moto says it
		"the ARN of another key":           {file, other, "check that this is the key of the keyset"},
		"for another purpose":              {unbound, arn, "for another purpose"},
		"changed":                          {changed, arn, "was changed"},
		"in the clear":                     {in.file("keyset.json"), arn, "the keyset is not encrypted, but --keyset-kms-key says that it is"},
		"encrypted, and no key configured": {file, "", "set --keyset-kms-key to the ARN of this key"},
		"no such key":                      {file, strings.Replace(arn, arn[len(arn)-12:], "000000000000", 1), "KMS"},
	} {
		env := append(in.env, "FERRY_KEYSET_FILE="+test.file, "FERRY_KEYSET_KMS_KEY="+test.arn)
		if _, stderr, status := run(t, env, "", in.program, "serve", "--listen", "127.0.0.1:0"); status != 1 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "keyData") {
			t.Errorf("%s: the status is %d, and the error %s", name, status, stderr)
		}
	}

	// The keyset in the clear can be had again, for a backup that needs no KMS.
	mustRun(t, in.env, in.program, "keyset", "wrap", "--clear", in.file("clear.json"))
	if listed := mustRun(t, append(clearEnv, "FERRY_KEYSET_FILE="+in.file("clear.json")), in.program, "key", "list"); !strings.Contains(listed, key.id) {
		t.Errorf("with the keyset in the clear: %s", listed)
	}
}
