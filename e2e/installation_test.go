package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/metasim"
	"ferry/socialmessaging"
)

// ferry's accounts.
const (
	account      = "111122223333"
	otherAccount = "444455556666"
)

// installation is what an operator sets up before `ferry serve`, with ferry's own
// commands: keyset, database, access keys, linked accounts.
type installation struct {
	t         testing.TB
	program   string
	directory string // ferry.db and keyset.json
	env       []string
	sim       *simulator
	wrapper   []string // command that runs the server; nil means none
}

// install creates a keyset and an empty database.
func install(t testing.TB, b *build, sim *simulator) *installation {
	t.Helper()
	in := &installation{t: t, program: b.path(t), directory: t.TempDir(), sim: sim}
	in.env = environment(in.directory,
		"SSL_CERT_FILE="+trusted(t).certFile,
		"FERRY_DATABASE="+in.file("ferry.db"), "FERRY_KEYSET_FILE="+in.file("keyset.json"), "FERRY_GRAPH_URL="+sim.url)
	mustRun(t, environment(in.directory), in.program, "keyset", "create", in.file("keyset.json"))
	return in
}

func (in *installation) file(name string) string { return filepath.Join(in.directory, name) }

// accessKey is a caller's access key.
type accessKey struct{ id, secret string }

// createKey creates a key with the given policy documents, or with full access.
func (in *installation) createKey(account string, policies ...string) accessKey {
	in.t.Helper()
	args := []string{"key", "create", "--account", account}
	if len(policies) == 0 {
		args = append(args, "--full-access")
	}
	for _, policy := range policies {
		file, err := os.CreateTemp(in.directory, "policy-*.json")
		if err != nil {
			in.t.Fatal(err)
		}
		if _, err := file.WriteString(policy); err != nil {
			in.t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			in.t.Fatal(err)
		}
		args = append(args, "--policy", file.Name())
	}
	exported := exports(mustRun(in.t, in.env, in.program, args...))
	return accessKey{exported["AWS_ACCESS_KEY_ID"], exported["AWS_SECRET_ACCESS_KEY"]}
}

var exportLine = regexp.MustCompile(`(?m)^export ([A-Z0-9_]+)='([^']*)'$`)

// exports returns the variables that a shell which sources the text would have.
func exports(text string) map[string]string {
	values := map[string]string{}
	for _, line := range exportLine.FindAllStringSubmatch(text, -1) {
		values[line[1]] = line[2]
	}
	return values
}

// linkedAccount is a line of `ferry account list --json`.
type linkedAccount struct {
	Account      string
	ID           string // "waba-…"
	WABAID       string // Meta's
	Name         string
	PhoneNumbers []struct {
		PhoneNumberID     string // "phone-number-id-…"
		MetaPhoneNumberID string
	}
}

// link links a WhatsApp Business Account, and returns it as it is linked.
func (in *installation) link(account, metaID, token string) linkedAccount {
	in.t.Helper()
	mustRun(in.t, append(in.env, "FERRY_META_TOKEN="+token), in.program, "account", "link", "--account", account, "--waba-id", metaID, "--app-id", metaApp)
	for _, linked := range in.linked(account) {
		if linked.WABAID == metaID {
			return linked
		}
	}
	in.t.Fatalf("account %s is not linked to %s after 'ferry account link'", metaID, account)
	return linkedAccount{}
}

func (in *installation) linked(account string) []linkedAccount {
	in.t.Helper()
	var all []linkedAccount
	for line := range strings.Lines(mustRun(in.t, in.env, in.program, "account", "list", "--json", "--account", account)) {
		var linked linkedAccount
		if err := json.Unmarshal([]byte(line), &linked); err != nil {
			in.t.Fatal(err)
		}
		all = append(all, linked)
	}
	return all
}

// server is a running `ferry serve`.
type server struct {
	*process
	url string
}

// serve runs the server until the end of the test.
func (in *installation) serve(args ...string) *server {
	in.t.Helper()
	line := append(slices.Clone(in.wrapper), append([]string{in.program, "serve", "--listen", "127.0.0.1:0", "--log-format", "json"}, args...)...)
	s := &server{process: start(in.t, line[0], in.env, line[1:]...)}
	serving := s.waitMessage("serving")
	if s.url = "http://" + serving.Address; serving.TLS {
		s.url = "https://" + serving.Address
	}
	eventually(in.t, "/readyz answers 200", func() bool { return answers(s.url+"/readyz", http.StatusOK) })
	return s
}

// useHosts makes servers that are started later use a hosts file of their own, in
// a mount namespace of their own.
func (in *installation) useHosts(lines ...string) {
	in.t.Helper()
	hosts := in.file("hosts")
	if err := os.WriteFile(hosts, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		in.t.Fatal(err)
	}
	in.wrapper = []string{"unshare", "--map-root-user", "--mount", "sh", "-ec", `mount --bind "$0" /etc/hosts && exec "$@"`, hosts}
	if err := exec.Command(in.wrapper[0], append(in.wrapper[1:], "true")...).Run(); err != nil {
		missingOnMachine(in.t, "a mount namespace", "run the tests where 'unshare --map-root-user --mount' is allowed")
	}
}

// world is a server with everything that callers need: a linked account with a
// phone number, a key with full access, and a bucket.
type world struct {
	t      testing.TB
	sim    *simulator
	s3     *s3Server
	in     *installation
	ferry  *server
	key    accessKey
	linked linkedAccount
	phone  string // "phone-number-id-…"
	bucket string
	toMeta *proxy // before Meta; nil means none
}

// worldOptions change a world.
type worldOptions struct {
	binary    *build // default: built with the race detector
	simulator metasim.Config
	lax       bool    // the simulator accepts what Meta accepts
	stores    []store // that precede the world's own
	args      []string
	metaProxy bool   // between ferry and Meta
	database  string // URL of a PostgreSQL database; default: an SQLite file
}

func newWorld(t testing.TB, options worldOptions) *world {
	t.Helper()
	if options.binary == nil {
		options.binary = raceBuild
	}
	start := startSimulator
	if options.lax {
		start = startLaxSimulator
	}
	w := &world{t: t, s3: sharedS3(t), sim: start(t, options.simulator)}
	w.bucket = w.s3.bucket(t, "media")
	if options.metaProxy {
		w.toMeta = startProxy(t, w.sim.url)
		w.sim.url = w.toMeta.url
	}
	w.in = install(t, options.binary, w.sim)
	if options.database != "" {
		w.in.env = append(w.in.env, "FERRY_DATABASE="+options.database)
	}
	w.key = w.in.createKey(account)
	w.linked = w.in.link(account, metaAccount, metaToken)
	w.phone = w.linked.PhoneNumbers[0].PhoneNumberID
	args := options.args
	for _, s := range append(options.stores, w.s3.store()) {
		args = append(args, s.flag())
	}
	w.ferry = w.in.serve(args...)
	return w
}

// goClient returns ferry's Go client. It does not retry.
func goClient(url string, key accessKey) *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{
		Region: region, BaseEndpoint: aws.String(url), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key.id, key.secret, ""),
	})
}

// retryingClient returns ferry's Go client, which repeats failed calls as the SDKs of AWS do.
func retryingClient(url string, key accessKey) *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{
		Region: region, BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider(key.id, key.secret, ""),
	})
}

func (w *world) client() *socialmessaging.Client { return goClient(w.ferry.url, w.key) }

// fromBucket returns the input of an upload from the world's bucket.
func (w *world) fromBucket(key string) *socialmessaging.PostWhatsAppMessageMediaInput {
	return fromBucket(w.phone, w.bucket, key)
}

func fromBucket(phone, bucket, key string) *socialmessaging.PostWhatsAppMessageMediaInput {
	return &socialmessaging.PostWhatsAppMessageMediaInput{OriginationPhoneNumberId: &phone, SourceS3File: &socialmessaging.S3File{BucketName: &bucket, Key: &key}}
}

func fromURL(phone, url, contentType string) *socialmessaging.PostWhatsAppMessageMediaInput {
	return &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &phone,
		SourceS3PresignedUrl:     &socialmessaging.S3PresignedUrl{Url: &url, Headers: map[string]string{"Content-Type": contentType}},
	}
}

// post uploads a file and returns the media id. The upload must succeed.
func (w *world) post(input *socialmessaging.PostWhatsAppMessageMediaInput) string {
	w.t.Helper()
	output, err := w.client().PostWhatsAppMessageMedia(w.t.Context(), input)
	if err != nil {
		w.t.Fatal(err)
	}
	return *output.MediaId
}

// wantStored checks that Meta has a file, complete.
func (s *simulator) wantStored(mediaID string, data []byte) metasim.Media {
	s.t.Helper()
	media := s.media(mediaID)
	if media.SHA256 != digestOf(data) || media.Size != int64(len(data)) {
		s.t.Errorf("media %s has %d bytes with SHA-256 %s at Meta, want %d with %s", mediaID, media.Size, media.SHA256, len(data), digestOf(data))
	}
	return media
}
