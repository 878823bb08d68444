package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"ferry/bench/child"
)

// newFileStore answers every GET with the content of the objects o20k or o1m.
func newFileStore(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size := int64(mib)
		if strings.HasSuffix(r.URL.Path, "/"+objectKey(warmUpSize)) {
			size = warmUpSize
		}
		http.ServeContent(w, r, "", time.Time{}, newFile(size))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestOwnMoversMoveTheFileWhole(t *testing.T) {
	sink := httptest.NewServer(newSinkHandler())
	defer sink.Close()
	hashed := sha256.New()
	if _, err := io.Copy(hashed, newFile(mib)); err != nil {
		t.Fatal(err)
	}
	post(t, sink.URL+"/digest/on", "", nil)
	j := job{store: newFileStore(t), sink: sink.URL, key: objectKey(mib)}
	want := stats{Digest: hex.EncodeToString(hashed.Sum(nil))}
	for name, move := range map[string]func(context.Context, string) error{
		"bare": j.newBare(false), "sha256": j.newBare(true), "naive": j.newNaive(),
		"curl": func(ctx context.Context, key string) error {
			return new(curlWatch).pipe(ctx, j.store+"/"+bucket+"/"+key, j.sink+"/v25.0/"+sinkPhone+"/media")
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("curl"); err != nil && name == "curl" {
				t.Skip("there is no curl")
			}
			if err := move(t.Context(), j.key); err != nil {
				t.Fatal(err)
			}
			want.Files, want.Bytes = want.Files+1, want.Bytes+mib
			if got := statsOf(t, sink.URL); got != want {
				t.Errorf("stats %+v, want %+v", got, want)
			}
		})
	}
}

func TestTheSlowLinePassesNoMoreThanItsRate(t *testing.T) {
	const rate = 2e6
	sink := httptest.NewServer(newSinkHandler())
	defer sink.Close()
	line, err := startLine(t.Context(), strings.TrimPrefix(sink.URL, "http://"), rate)
	if err != nil {
		t.Fatal(err)
	}
	j := job{store: newFileStore(t), sink: line.url, key: objectKey(warmUpSize)}
	move := j.newBare(false)
	started := time.Now()
	// Two connections share the line.
	if _, err := repeat(t.Context(), 12, 2, func(ctx context.Context) error { return move(ctx, j.key) }); err != nil {
		t.Fatal(err)
	}
	if took, least := time.Since(started).Seconds(), (12*warmUpSize-2*linePiece)/rate; took < least {
		t.Errorf("%d bytes took %.3f s, less than the line's %.3f s", 12*warmUpSize, took, least)
	}
	if line.returned.Load() == 0 {
		t.Error("the line did not count what came back")
	}
}

func TestALineWithoutARateOnlyCounts(t *testing.T) {
	line, err := startLine(t.Context(), strings.TrimPrefix(newFileStore(t), "http://"), 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := child.Get(t.Context(), line.url+"/x/"+objectKey(mib))
	if err != nil || len(text) != mib {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if returned := line.returned.Load(); returned < mib || returned > mib+kib {
		t.Errorf("counted %d bytes", returned)
	}
}

func TestRepeatEndsWithTheFirstFailure(t *testing.T) {
	calls := 0
	_, err := repeat(t.Context(), 100, 1, func(context.Context) error {
		if calls++; calls == 3 {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	if err != io.ErrUnexpectedEOF || calls != 3 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestTheCertificateIsTrustedByItself(t *testing.T) {
	dir := t.TempDir()
	if err := makeCertificate(dir); err != nil {
		t.Fatal(err)
	}
	env := strings.Join((&site{caFile: dir + "/" + certificateFile}).env(), "\n")
	for _, name := range []string{"SSL_CERT_FILE=", "AWS_CA_BUNDLE=", "REQUESTS_CA_BUNDLE=", "CURL_CA_BUNDLE=", "NODE_EXTRA_CA_CERTS="} {
		if !strings.Contains(env, name) {
			t.Errorf("movers do not get %s", name)
		}
	}
}
