package doctor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func TestDiskIsLowBeforeItIsFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ferry.db")
	free := uint64(0) // the file is SQLite's, whichever engine the others use
	db, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t), Filesystem: func(string) (state.Filesystem, error) { return state.Filesystem{Free: free}, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	x := &examination{config: Config{State: db}}
	for _, row := range []struct {
		free uint64
		want Status
		text string
	}{
		{state.Reserve - 1, Fail, "16.0 MiB free"}, {state.Reserve, Warn, "below 16.0 MiB the server refuses uploads"}, {lowDisk - 1, Warn, "512.0 MiB free"}, {lowDisk, OK, "512.0 MiB free"}, {1 << 40, OK, "1024 GiB free"},
	} {
		free = row.free
		if got := x.disk(t.Context()); len(got) != 1 || got[0].Status != row.want || !strings.Contains(got[0].Found, row.text) || (row.want == OK) != (got[0].Fix == "") {
			t.Errorf("%d bytes: %+v", row.free, got)
		}
	}
}

func TestSecretsOfAnOlderKeyAreAWarningUntilTheRotationIsComplete(t *testing.T) {
	path, first := statetest.Path(t), statetest.Sealer(t)
	open := func(sealer *secret.Sealer) *state.DB {
		db, err := state.Open(t.Context(), state.Config{Path: path, Sealer: sealer})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	if err := open(first).CreateAccessKey(t.Context(), state.AccessKey{ID: "AKIA1", AccountID: "111122223333", Name: "app", Secret: secret.New("a secret"), Policies: []string{"{}"}}); err != nil {
		t.Fatal(err)
	}
	both, id, err := first.Keyset().WithNewKey()
	if err == nil {
		both, err = both.WithPrimary(id)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := both.Text()
	if err != nil {
		t.Fatal(err)
	}
	second, err := secret.NewSealer(text)
	if err != nil {
		t.Fatal(err)
	}
	db := open(second)
	x := &examination{config: Config{State: db, Sealer: second}}
	if got := x.keyset(t.Context()); len(got) != 1 || got[0].Status != Warn || !strings.Contains(got[0].Found, fmt.Sprintf("the primary key is %d, which has encrypted 0 of 2 secrets", id)) || !strings.Contains(got[0].Fix, "ferry keyset rotate") {
		t.Errorf("before: %+v", got)
	}
	if _, err := db.Reseal(t.Context(), func(int) error { return nil }); err != nil { // what the command does
		t.Fatal(err)
	}
	if got := x.keyset(t.Context()); len(got) != 1 || got[0].Status != OK {
		t.Errorf("after: %+v", got)
	}
}

func TestCertificateIsRenewedBeforeItExpires(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cert.pem")
	for life, want := range map[time.Duration]Status{-time.Hour: Fail, 24 * time.Hour: Warn, 30 * 24 * time.Hour: OK} {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(life)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		x := &examination{config: Config{CertFile: file}}
		if got := x.certificate(t.Context()); len(got) != 1 || got[0].Status != want || (want == OK) != (got[0].Fix == "") {
			t.Errorf("a certificate for %v: %+v", life, got)
		}
	}
	if err := os.WriteFile(file, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := (&examination{config: Config{CertFile: file}}).certificate(t.Context()); len(got) != 1 || got[0].Status != Skipped {
		t.Errorf("no certificate: %+v", got)
	}
}

func TestClocksAreComparedWithinWhatTheRequestTook(t *testing.T) {
	at := time.Date(2026, 11, 30, 12, 0, 0, 400e6, time.UTC)
	for _, row := range []struct {
		date, took time.Duration
		want       Status
		text       string
	}{
		{0, 10 * time.Millisecond, OK, "agrees"},
		{-time.Second, 2 * time.Second, OK, "agrees"},
		{20 * time.Second, time.Second, OK, "ahead of"},
		{-40 * time.Second, time.Second, Warn, "behind"},
		{-40 * time.Second, 30 * time.Second, OK, "behind"},
		{20 * time.Minute, time.Second, Fail, "ahead of"},
		{-24 * time.Hour, time.Second, Fail, "behind"},
	} {
		date := at.Add(row.date).Truncate(time.Second)
		if got := compareClocks("host", date, at, row.took); got.Status != row.want || !strings.Contains(got.Found, row.text) {
			t.Errorf("%v in %v: %+v", row.date, row.took, got)
		}
	}
	if got := compareClocks("host", time.Time{}, at, 0); got.Status != Skipped {
		t.Errorf("without a date: %+v", got)
	}
}

func TestProxyThatFerryDoesNotUseIsAWarning(t *testing.T) {
	client, err := graph.New(graph.Config{})
	if err != nil {
		t.Fatal(err)
	}
	stores, err := object.New(t.Context(), object.Config{DefaultRegion: "us-east-1", Stores: []object.StoreConfig{{Endpoint: "https://s3.example.com:9000", AccessKeyID: "a", SecretAccessKey: secret.New("secret-key")}}})
	if err != nil {
		t.Fatal(err)
	}
	defer stores.Close()
	proxied := map[string]bool{}
	x := &examination{config: Config{Graph: client, Objects: stores, Proxy: func(r *http.Request) (*url.URL, error) {
		if proxied[r.URL.Host] {
			return url.Parse("http://user:password@proxy.example.com:3128")
		}
		return nil, nil
	}}}
	for _, row := range []struct {
		host string
		want Status
		text string
	}{
		{"", OK, "no proxy for Meta"}, {"graph.facebook.com", OK, "requests to Meta go through the proxy"}, {"s3.example.com:9000", Warn, "a proxy for s3.example.com:9000, which ferry connects to directly"},
	} {
		proxied = map[string]bool{row.host: true}
		got := x.network(t.Context())
		if len(got) != 1 || got[0].Status != row.want || !strings.Contains(got[0].Found, row.text) || strings.Contains(fmt.Sprint(got), "password") {
			t.Errorf("a proxy for %q: %+v", row.host, got)
		}
	}
}

func TestHostThatDoesNotRespondIsNamedWithoutItsAddresses(t *testing.T) {
	for base, want := range map[string]string{
		"http://127.0.0.1:1":              "it refuses connections",
		"https://no-such-host.invalid":    "its name", // does not exist, or cannot be resolved here
		"http://no-such-host.invalid:443": "its name",
	} {
		client, err := graph.New(graph.Config{BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		x := &examination{config: Config{Graph: client}}
		got := x.meta(t.Context())
		client.Close()
		if len(got) != 2 || got[0].Status != Fail || !strings.HasPrefix(got[0].Found, want) || got[0].Fix == "" || got[1].Status != Skipped {
			t.Errorf("%s: %+v", base, got)
		}
	}
}

// A check that hangs is ended, and does not hold up the others.
func TestChecksAreBoundedAndKeepTheirOrder(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var checks []check
	started := make(chan bool, 1)
	checks = append(checks, func(ctx context.Context) []Result {
		if _, hasDeadline := ctx.Deadline(); !hasDeadline {
			t.Error("a check has no deadline")
		}
		started <- true
		<-ctx.Done()
		return []Result{fail("slow", "", "", "")}
	})
	for i := range 3 * atOnce {
		checks = append(checks, func(context.Context) []Result { return []Result{ok(fmt.Sprint(i), "", "")} })
	}
	go func() { <-started; cancel() }()
	results := runAll(ctx, checks)
	if len(results) != len(checks) || results[0].Check != "slow" {
		t.Fatalf("%v", results)
	}
	for i, r := range results[1:] {
		if r.Check != fmt.Sprint(i) {
			t.Errorf("result %d is %s", i, r.Check)
		}
	}
	if Worst(results) != Fail || Worst(results[1:]) != OK || Worst([]Result{warn("", "", "", ""), skip("", "", "")}) != Warn {
		t.Error("the worst status")
	}
}

func TestTextFitsItsWidthAndKeepsCommandsWhole(t *testing.T) {
	const command = "ferry account link --account 111122223333 --waba-id 102290129340398 --meta-token-file FILE --app-id 634974688087057"
	text := Text([]Result{
		ok("version", "", "ferry 1"), skip("clock", "host", "Meta does not respond"),
		fail("token", "waba-1", strings.Repeat("Meta says that it is not valid. ", 10), "Make a new token, and link the account again with it: "+command),
	}, 100)
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if utf8.RuneCountInString(line) > 100 && !strings.Contains(line, command) || strings.TrimRight(line, " ") != line {
			t.Errorf("%q", line)
		}
	}
	for _, want := range []string{"✓ version      ferry 1\n", "– clock        host: Meta does not respond\n", "\n                 " + command + "\n", "\n3 checks: 1 ok, 1 failed, 1 left out.\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
