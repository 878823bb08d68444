package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A program is a receiver of ferry listen: it verifies what it is posted.
type program struct {
	got   chan string // "sns", "eum" or "meta" and the message, or what is wrong
	roots func() []byte
}

// startReceiver starts a program on this machine, and sets its URL: receiver CA-FILE. Its path
// /500 refuses everything, /once/500 refuses only once, and /other receives as "other".
func startReceiver(ts *testscript.TestScript, _ bool, args []string) {
	ca := ts.MkAbs(args[0])
	p := &program{got: make(chan string, 1000), roots: func() []byte {
		text, _ := os.ReadFile(ca)
		return text
	}}
	var refused atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text, err := p.verify(r.Header, body)
		if err != nil {
			text = err.Error()
		}
		isFirst := r.URL.Path == "/once/500" && refused.CompareAndSwap(false, true)
		if r.URL.Path == "/500" || isFirst {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, "database is down\nsecond line\n")
			p.got <- "refused " + text
			return
		}
		if r.URL.Path == "/other" && err == nil {
			text = "other " + text
		}
		p.got <- text
		_, _ = io.WriteString(w, "thanks")
	}))
	ts.Defer(server.Close)
	ts.Setenv("RECEIVER", server.URL)
	ts.Setenv("RECEIVER_PORT", server.URL[strings.LastIndex(server.URL, ":"):])
	receivers = p
}

var receivers *program // of the one script that has a receiver

// awaitReceived waits until the program has received a text in a form: received FORM TEXT.
func awaitReceived(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.After(time.Minute)
	for {
		select {
		case text := <-receivers.got:
			if strings.HasPrefix(text, "bad") {
				ts.Fatalf("%s", text)
			}
			if strings.HasPrefix(text, args[0]+" ") && strings.Contains(text, args[1]) {
				return
			}
		case <-deadline:
			ts.Fatalf("%v was not received", args)
		}
	}
}

// verify returns the form and the content of a request whose signature is right.
func (p *program) verify(header http.Header, body []byte) (string, error) {
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		_, _ = io.WriteString(h, text)
		return h.Sum(nil)
	}
	switch {
	case header.Get("X-Amz-Sns-Message-Type") != "":
		message, err := p.verifyNotification(body)
		if err != nil {
			return "", fmt.Errorf("bad notification: %w", err)
		}
		return "sns " + message, nil
	case header.Get("X-Hub-Signature-256") != "":
		if want := "sha256=" + hex.EncodeToString(mac([]byte("0123456789abcdef0123456789abcdef"), string(body))); header.Get("X-Hub-Signature-256") != want {
			return "", errors.New("bad X-Hub-Signature-256")
		}
		return "meta " + string(body), nil
	case header.Get("Webhook-Signature") != "":
		key, _ := base64.StdEncoding.DecodeString(strings.Repeat("QUJD", 10))
		signed := header.Get("Webhook-Id") + "." + header.Get("Webhook-Timestamp") + "." + string(body)
		if header.Get("Webhook-Signature") != "v1,"+base64.StdEncoding.EncodeToString(mac(key, signed)) {
			return "", errors.New("bad Webhook-Signature")
		}
		return "signed " + string(body), nil
	}
	return "eum " + string(body), nil
}

// verifyNotification verifies a notification as SNS's documentation says, with the
// certificate at its URL.
func (p *program) verifyNotification(body []byte) (message string, err error) {
	var n map[string]any
	if err := json.Unmarshal(body, &n); err != nil {
		return "", err
	}
	signed := ""
	for _, name := range []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"} {
		if text, ok := n[name].(string); ok {
			signed += name + "\n" + text + "\n"
		}
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.roots()) {
		return "", errors.New("the file with the certificate has none")
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	response, err := client.Get(n["SigningCertURL"].(string))
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", errors.New("no certificate is served")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return "", err
	}
	signature, err := base64.StdEncoding.DecodeString(n["Signature"].(string))
	if err != nil {
		return "", err
	}
	algorithm := x509.SHA1WithRSA
	if n["SignatureVersion"] == "2" {
		algorithm = x509.SHA256WithRSA
	}
	return n["Message"].(string), certificate.CheckSignature(algorithm, []byte(signed), signature)
}
