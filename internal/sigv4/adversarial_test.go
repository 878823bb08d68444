package sigv4

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"ferry/internal/secret"
)

// A row of testdata/adversarial/*.txt is "ID STATUS CODE EDIT && EDIT …". It edits a valid request. These
// edits are made before the request is signed, so that the signature is right:
//
//	sign-target T | sign-header N: V | sign-without N | sign-body B | date D | scope S | signed-list L
//	payload P (signed last line and x-amz-content-sha256) | sha V (the header alone) | undeclared | chunked
//	query-auth
//
// These change the signed bytes:
//
//	method M | version V | target T | add N: V | set N: V | drop N | body B | authorization V
//	auth OLD => NEW | trailer N: V | clock +901s (of the server) | key ID (in Credential)
//
// {N*x} stands for N times x, \xHH for a byte. CODE is the exception, "ok", "body" if the body cannot be
// read to its end, or "net/http" if the standard library rejects the request.
var fileRows = map[string]int{"a_header.txt": 230, "b_body.txt": 60, "c_framing.txt": 19}

// sampleRows are rows that must be present.
var sampleRows = strings.Fields("A01 A03 A05 A07 A09 A11 A13 A15 A17 A19 A21 A23 A25 A27 A29 A31 A33 A35 A37 A39 A41 A43 " +
	"B01 B03 B05 B07 B09 B11 B13 B15 B17 B19 C03 C07 C11 C13 C17")

const testSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

var (
	testVerifier = Verifier{Service: "social-messaging", Region: "us-east-1"}
	testClock    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	testKey      = Key{Secret: secret.New(testSecret)}
	// The other access keys. The id is not signed, so that "key ID" makes a request one of theirs.
	otherKeys = map[string]Key{
		"ASIDEXAMPLE": {Secret: testKey.Secret, TokenHash: HashToken("TOKEN")},
		"ASIDOTHER":   {Secret: testKey.Secret, TokenHash: HashToken("OTHERTOKEN")},
		"ASIDENDED":   {Secret: testKey.Secret, TokenHash: HashToken("TOKEN"), EndedAt: testClock},
		"AKIDENDED":   {Secret: testKey.Secret, EndedAt: testClock},
	}
)

func TestAdversarialRows(t *testing.T) {
	files, err := filepath.Glob("testdata/adversarial/*.txt")
	if err != nil || len(files) != len(fileRows) {
		t.Fatalf("%d files, want %d (%v)", len(files), len(fileRows), err)
	}
	seen := map[string]bool{}
	for _, file := range files {
		rows := 0
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			rows++
			fields := append(strings.SplitN(line, " ", 4), "")
			id, _, _ := strings.Cut(fields[0], ".")
			seen[id] = true
			if got, want := outcome(t, fields[3]), fields[1]+" "+fields[2]; got != want {
				t.Errorf("%s: %s: %s, want %s", fields[0], fields[3], got, want)
			}
		}
		if name := filepath.Base(file); rows < fileRows[name] || fileRows[name] == 0 {
			t.Errorf("%s has %d rows, want at least %d", name, rows, fileRows[name])
		} else {
			t.Logf("%s: %d rows", name, rows)
		}
	}
	for _, id := range sampleRows {
		if !seen[id] {
			t.Errorf("no row %s", id)
		}
	}
}

// outcome runs one row and returns "STATUS CODE".
func outcome(t *testing.T, edits string) string {
	t.Helper()
	d := newDraft()
	var after []string
	for edit := range strings.SplitSeq(edits, " && ") {
		if edit = expand(edit); edit != "" && !d.beforeSigning(edit) {
			after = append(after, edit)
		}
	}
	d.sign()
	for _, edit := range after {
		if !d.afterSigning(edit) {
			t.Fatalf("edit %q: not known, or nothing to change", edit)
		}
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(d.raw())))
	if err != nil {
		return "400 net/http"
	}
	err = verify(testVerifier, r, testKey, testClock.Add(d.clock))
	var e *Error
	switch {
	case err == nil:
		return "200 ok"
	case errors.As(err, &e):
		return fmt.Sprint(e.Status, " ", e.Code)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "400 body"
	}
	return "500 " + err.Error()
}

var (
	repeat  = regexp.MustCompile(`\{(\d+)\*([^{}]*)\}`)
	hexByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)
)

// expand replaces {N*x} and \xHH.
func expand(s string) string {
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[1])
		return strings.Repeat(parts[2], n)
	})
	return hexByte.ReplaceAllStringFunc(s, func(m string) string {
		b, _ := strconv.ParseUint(m[2:], 16, 8)
		return string([]byte{byte(b)})
	})
}
