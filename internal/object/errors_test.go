package object

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

func TestScrubbedTexts(t *testing.T) {
	const query = "X-Amz-Signature=5ignature-canary&X-Amz-Security-Token=token%2Fcanary%3D%3D&k=v"
	s := newScrubber(append(querySecrets(query), "customer-key-canary")...)
	for text, want := range map[string]string{
		"dial tcp 127.0.0.1:9: connect: refused":                    "dial tcp [address]: connect: refused",
		"dial tcp [::1]:9: connect: refused":                        "dial tcp [[address]]:9: connect: refused",
		"lookup x.example.org. on 10.0.0.53:53: no such host":       "lookup x.example.org. on [address]: no such host",
		"bad 2001:db8::1 and fe80:: and ::ffff:10.0.0.1 and 1.2.3":  "bad [address] and [address] and [address] and 1.2.3",
		"fe80::1%eth0 is bad":                                       "[address] is bad",
		`Get "http://minio/b/k?x-id=GetObject": EOF`:                `Get "http://minio/b/k?[hidden]": EOF`,
		"the server repeats " + query:                               "the server repeats [hidden]",
		"the server decodes token/canary== of it":                   "the server decodes [hidden] of it",
		"the server sends customer-key-canary":                      "the server sends [hidden]",
		"SignedHeaders=host, Signature=" + strings.Repeat("0a", 32): "SignedHeaders=host, Signature=[hidden]",
		"two\r\nlines\x00":                                          "two  lines ",
		"feed the cafe at 12:30":                                    "feed the cafe at 12:30",
	} {
		if got := s.error(errors.New(text)).Error(); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
	if got := s.error(errors.New(strings.Repeat("ä", 5000))).Error(); len(got) > maxCause+4 {
		t.Errorf("%d bytes of a cause", len(got))
	}
	if s.error(nil) != nil {
		t.Error("no error becomes one")
	}
}

func TestScrubbedErrorsKeepTheirIdentityOnly(t *testing.T) {
	inner := &url.Error{Op: "Get", URL: "https://h/k?X-Amz-Signature=canary", Err: &net.OpError{
		Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 1}, Err: syscall.ECONNREFUSED,
	}}
	e := origin{name: "The presigned URL"}.fail(noRanges, fmt.Errorf("wrapped: %w", inner))
	if !errors.Is(e, syscall.ECONNREFUSED) {
		t.Error("errors.Is does not see the cause")
	}
	if found := new(url.Error); errors.As(e, &found) {
		t.Error("errors.As gives the URL away")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{e, e.Cause, *e} {
			if text := fmt.Sprintf(verb, value); strings.Contains(text, "canary") || strings.Contains(text, "10.0.0.1") {
				t.Errorf("%s shows %s", verb, text)
			}
		}
	}
}

func TestSourcesAndBodiesPrintNoSecret(t *testing.T) {
	for way, source := range sources(t, impatient(says(t, okHead+"Content-Length: 4\r\n\r\nbody"))) {
		obj, err := source.Open(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range []any{source, obj, *obj, obj.Body} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
				text := fmt.Sprintf(verb, value)
				for _, leak := range []string{"canary", secretKey.Reveal()} {
					if strings.Contains(text, leak) {
						t.Errorf("%s: %s of %T shows %s: %s", way, verb, value, leak, text)
					}
				}
			}
		}
		obj.Body.Close()
	}
}
