package listen

import (
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"time"

	"ferry/internal/control"
)

// SNS is a notification of Amazon SNS. Its certificate is made for this process and
// served over https on this machine, with a certificate that it has signed itself.
type SNS struct {
	version string // of the signature: "1" is SHA-1, "2" is SHA-256
	region  string
	key     *rsa.PrivateKey
	url     string // of the certificate
	pem     []byte
	server  *http.Server
}

const (
	topicName         = "ferry-listen"
	certificatePath   = "/SimpleNotificationService-ferry.pem"
	certificateLife   = 365 * 24 * time.Hour
	certificateHeader = 5 * time.Second // time to read the header of a request for it
)

// NewSNS makes a certificate and serves it until Close.
func NewSNS(version, region string) (*SNS, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "ferry listen on this machine"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &SNS{version: version, region: cmp.Or(region, "us-east-1"), key: key, pem: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
	s.url = "https://" + listener.Addr().String() + certificatePath
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+certificatePath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-pem-file")
		_, _ = w.Write(s.pem)
	})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: certificateHeader,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}}
	go func() { _ = s.server.ServeTLS(listener, "", "") }()
	return s, nil
}

// Certificate returns the PEM that programs must trust to fetch it from URL.
func (s *SNS) Certificate() []byte { return s.pem }

// URL returns where the certificate is served.
func (s *SNS) URL() string { return s.url }

// Close ends the server.
func (s *SNS) Close() error {
	if err := s.server.Close(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (*SNS) takes(control.Event) bool { return true }

// notification is the body (docs/references.md#sns).
type notification struct {
	Type             string
	MessageID        string `json:"MessageId"`
	TopicARN         string `json:"TopicArn"`
	Message          string
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
	UnsubscribeURL   string
	Attributes       map[string]attribute `json:"MessageAttributes"`
}

type attribute struct{ Type, Value string }

func (s *SNS) encode(e control.Event, now time.Time) (http.Header, []byte, error) {
	var outer envelope
	_ = json.Unmarshal(e.Body, &outer) // an event without an account has a topic without one
	topic := "arn:aws:sns:" + s.region + ":" + outer.Account + ":" + topicName
	n := notification{
		Type: "Notification", MessageID: e.ID, TopicARN: topic, Message: string(e.Body), Timestamp: now.UTC().Format("2006-01-02T15:04:05.000Z"),
		SignatureVersion: s.version, SigningCertURL: s.url, UnsubscribeURL: "https://127.0.0.1/?Action=Unsubscribe",
		Attributes: map[string]attribute{"eventId": {"String", e.ID}, "eventName": {"String", e.Name}},
	}
	signed := []byte("Message\n" + n.Message + "\nMessageId\n" + n.MessageID + "\nTimestamp\n" + n.Timestamp + "\nTopicArn\n" + n.TopicARN + "\nType\n" + n.Type + "\n")
	hash, digest := crypto.SHA1, sha1.Sum(signed)
	sum := digest[:]
	if s.version == "2" {
		long := sha256.Sum256(signed)
		hash, sum = crypto.SHA256, long[:]
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, hash, sum)
	if err != nil {
		return nil, nil, err
	}
	n.Signature = base64.StdEncoding.EncodeToString(signature)
	body, err := json.Marshal(n)
	return http.Header{
		"Content-Type": {"text/plain; charset=UTF-8"}, "User-Agent": {"Amazon Simple Notification Service Agent"},
		"X-Amz-Sns-Message-Type": {"Notification"}, "X-Amz-Sns-Message-Id": {e.ID}, "X-Amz-Sns-Topic-Arn": {topic},
		"X-Amz-Sns-Subscription-Arn": {topic + ":" + e.ID},
	}, body, err
}
