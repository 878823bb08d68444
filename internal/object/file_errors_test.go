package object

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// refusing is a store that refuses every request with a code.
func refusing(t *testing.T, status int, code string) string {
	document := "<Error><Code>" + code + "</Code><Message>arn:aws:iam::111122223333:user/canary at 10.0.0.1</Message></Error>"
	return rawStore(t, func(conn net.Conn, _ *http.Request, _ <-chan struct{}) {
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d No\r\nX-Amz-Id-2: a\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(document), document)
	})
}

func TestErrorCodesOfStoresAreShownAndExplained(t *testing.T) {
	const reads, writes = "s3:GetObject", "s3:PutObject"
	for _, c := range []struct {
		code        string // of the store
		status      int
		read, write Kind
		want, says  string // the code of the error, and what its text has
	}{
		{"NoSuchKey", 404, NotFound, NotFound, "", ""},
		{"NoSuchBucket", 404, NotFound, NotFound, "bucket-not-found", "has no such bucket"},
		{"AccessDenied", 403, Denied, Denied, "store-denied", "kms:"},
		{"AccountProblem", 403, Denied, Denied, "store-account", "account"},
		{"AllAccessDisabled", 403, Denied, Denied, "store-account", "account"},
		{"NotSignedUp", 403, Denied, Denied, "store-account", "account"},
		{"InvalidPayer", 403, Denied, Denied, "store-account", "account"},
		{"InvalidAccessKeyId", 403, Denied, Denied, "store-key-unknown", "access key"},
		{"SignatureDoesNotMatch", 403, Denied, Denied, "store-signature", "secret access key"},
		{"ExpiredToken", 400, Denied, Denied, "store-token", "Renew"},
		{"InvalidToken", 400, Denied, Denied, "store-token", "Renew"},
		{"TokenRefreshRequired", 400, Denied, Denied, "store-token", "Renew"},
		{"RequestTimeTooSkewed", 403, Unavailable, Unavailable, "store-clock", "clock"},
		{"AuthorizationHeaderMalformed", 400, Denied, Denied, "store-region", "region"},
		{"IllegalLocationConstraintException", 400, Denied, Denied, "store-region", "region"},
		{"PermanentRedirect", 301, Invalid, Invalid, "store-region", "Region"},
		{"TemporaryRedirect", 307, Invalid, Invalid, "store-region", "Region"},
		{"InvalidObjectState", 403, Invalid, Denied, "", ""},
		{"KMS.DisabledException", 400, Denied, Denied, "kms-key", "kms:"},
		{"KMS.NotFoundException", 400, Denied, Denied, "kms-key", "kms:"},
		{"KMS.KMSInvalidStateException", 400, Denied, Denied, "kms-key", "kms:"},
		{"KMS.AccessDeniedException", 403, Denied, Denied, "kms-key", "kms:"},
		{"KMS.ThrottlingException", 400, Unavailable, Unavailable, "store-throttled", "Retry later"},
		{"KMS.KeyUnavailableException", 500, Unavailable, Unavailable, "store-failed", "Retry later"},
		{"SlowDown", 503, Unavailable, Unavailable, "store-throttled", "Retry later"},
		{"ServiceUnavailable", 503, Unavailable, Unavailable, "store-throttled", "Retry later"},
		{"TooManyRequests", 429, Unavailable, Unavailable, "store-throttled", "Retry later"},
		{"InternalError", 500, Unavailable, Unavailable, "store-failed", "Retry later"},
		{"RequestTimeout", 400, Unavailable, Unavailable, "store-failed", "Retry later"},
		{"InvalidRequest", 400, Invalid, Invalid, "store-refused", ""},
		{"MethodNotAllowed", 405, Invalid, Invalid, "store-refused", ""},
		{"EntityTooLarge", 400, Invalid, Invalid, "store-refused", ""},
		{"NewCodeOfTomorrow", 418, Invalid, Invalid, "store-refused", ""},
		{"NewCodeOfTomorrow", 403, Denied, Denied, "store-denied", "kms:"},
	} {
		t.Run(c.code, func(t *testing.T) {
			t.Parallel()
			cfg := impatient(refusing(t, c.status, c.code))
			cfg.RetryBackoff = 1
			opener := newOpener(t, cfg)
			f, err := opener.File("media", "k")
			if err != nil {
				t.Fatal(err)
			}
			sink, err := opener.FileSink("media", "k")
			if err != nil {
				t.Fatal(err)
			}
			_, openErr := f.Open(t.Context(), "")
			opened := wantKind(t, openErr, c.read)
			written := wantKind(t, sink.Put(t.Context(), contentOf([]byte("body"))), c.write)
			for right, e := range map[string]*Error{reads: opened, writes: written} {
				if said := fmt.Sprintf("(HTTP %d, %s)", c.status, c.code); !strings.Contains(e.Message, said) {
					t.Errorf("%q does not say %s", e.Message, said)
				}
				if c.want != "" && e.Code != c.want || !strings.Contains(e.Error(), c.says) || e.Fix == "" {
					t.Errorf("%v, want [%s] and %q", e, c.want, c.says)
				}
				if strings.HasPrefix(c.want, "store-denied") && !strings.Contains(e.Fix, right) {
					t.Errorf("%v does not name %s", e, right)
				}
				if strings.Contains(e.Error(), "canary") || strings.Contains(e.Error(), "10.0.0.1") {
					t.Errorf("the store's text is shown: %v", e)
				}
			}
		})
	}
}

func TestOnlyTheCodeOfAStoreIsShown(t *testing.T) {
	for _, code := range []string{
		"10.0.0.1", "AKIAIOSFODNN7EXAMPLE", "ASIA1234567890ABCDEF", "Access denied for canary", "a-secret-access-key", "https://10.0.0.1/canary",
		"Canary\x1b[31m", strings.Repeat("Canary", 40), "canary", "Ünïcode", "A.B.C", secretKey.Reveal(), "fe80::1", "Host.internal.corp",
	} {
		for way, source := range sources(t, impatient(refusing(t, 403, code))) {
			_, err := source.Open(t.Context(), "")
			e := wantKind(t, err, map[string]Kind{"file": Denied, "url": Invalid}[way])
			if !strings.Contains(e.Message, "(HTTP 403)") || strings.Contains(e.Error(), code) {
				t.Errorf("%s, %q: %v", way, code, e)
			}
		}
	}
}

func TestOnlyAKeyThatLooksURLEncodedGetsTheHint(t *testing.T) {
	for key, hint := range map[string]bool{
		"my+file.jpg": true, "a%2Bb.jpg": true, "%C3%A4.jpg": true, "dir/a%20b.jpg": true,
		"my file.jpg": false, "100%.jpg": false, "a%b.jpg": false, "a%zz.jpg": false, "plain.jpg": false, "%": false, "ä.jpg": false,
	} {
		_, sc := fakeS3(t)
		opener := newOpener(t, Config{Stores: []StoreConfig{sc}})
		f, err := opener.File("media", "none/"+key)
		if err != nil {
			t.Fatal(err)
		}
		u, err := opener.URL(presign(t, sc, opener.stores[0].client, "none/"+key, nil, 0), jpeg())
		if err != nil {
			t.Fatal(err)
		}
		for _, source := range []Source{f, u} {
			_, err := source.Open(t.Context(), "")
			if e := wantKind(t, err, NotFound); e.Code != "object-not-found" || strings.Contains(e.Fix, "unquote_plus") != hint {
				t.Errorf("%s: %v", source, e)
			}
		}
	}
}

func TestObjectsInAnArchiveAreToBeRestored(t *testing.T) {
	for way, source := range sources(t, impatient(refusing(t, 403, "InvalidObjectState"))) {
		_, err := source.Open(t.Context(), "")
		if e := wantKind(t, err, Invalid); e.Code != "archived" || !strings.Contains(e.Fix, "restore-object") {
			t.Errorf("%s: %v", way, e)
		}
	}
}

func TestPresignedURLsSayWhatTheirStoreSays(t *testing.T) {
	for _, c := range []struct {
		code   string
		status int
		kind   Kind
		want   string
		says   string
	}{
		{"NoSuchKey", 404, NotFound, "object-not-found", "Check the bucket and the key"},
		{"NoSuchBucket", 404, NotFound, "bucket-not-found", "no such bucket"},
		{"SignatureDoesNotMatch", 403, Invalid, "url-refused", "its signature is wrong"},
		{"AccessDenied", 403, Invalid, "url-refused", "s3:GetObject"},
		{"ExpiredToken", 400, Invalid, "url-refused", "session token"},
		{"InvalidAccessKeyId", 403, Invalid, "url-refused", "does not exist any more"},
		{"RequestTimeTooSkewed", 403, Invalid, "url-refused", "clock"},
		{"KMS.DisabledException", 400, Invalid, "kms-key", "kms:Decrypt"},
		{"SlowDown", 503, Unavailable, "store-throttled", "Retry later"},
		{"InternalError", 500, Unavailable, "store-failed", "Retry later"},
		{"PermanentRedirect", 301, Invalid, "url-redirect", "own Region"},
		{"MethodNotAllowed", 405, Invalid, "url-status", "HTTP 200"},
	} {
		t.Run(c.code, func(t *testing.T) {
			_, err := sources(t, impatient(refusing(t, c.status, c.code)))["url"].Open(t.Context(), "")
			e := wantKind(t, err, c.kind)
			if e.Code != c.want || !strings.Contains(e.Error(), c.says) || c.status >= 400 && !strings.Contains(e.Message, c.code) {
				t.Errorf("%v, want [%s] and %q", e, c.want, c.says)
			}
			noCanary(t, e)
		})
	}
}
