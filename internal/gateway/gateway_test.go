package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/internal/admin"
	"ferry/internal/gateway"
	"ferry/internal/guard"
	"ferry/internal/guard/guardtest"
	"ferry/internal/object"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
	"ferry/socialmessaging"
)

const account = "111122223333"

// running is a gateway on a free port.
type running struct {
	*gateway.Gateway
	address string
	drain   context.CancelFunc // ends Run's context
	ended   <-chan error       // what Run returned
	state   *state.DB
}

// start starts a gateway. adjust receives the address that it will have; wrap
// replaces the handler of its API.
func start(t *testing.T, adjust func(config *gateway.Config, address string), wrap ...func(http.Handler) http.Handler) *running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := open(t, listener, adjust)
	for _, around := range wrap {
		g.Wrap(around)
	}
	ctx, drain := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		drain()
		_ = g.Close()
	})
	return &running{g, listener.Addr().String(), drain, ended, g.State()}
}

// open opens a gateway, without running it.
func open(t *testing.T, listener net.Listener, adjust func(config *gateway.Config, address string)) *gateway.Gateway {
	t.Helper()
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	config := gateway.Config{Listener: listener, Objects: object.Config{DefaultRegion: "us-east-1"}}
	if config.Sealer, err = secret.NewSealer(keyset); err != nil {
		t.Fatal(err)
	}
	if config.State, err = state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: config.Sealer}); err != nil {
		t.Fatal(err)
	}
	if adjust != nil {
		adjust(&config, listener.Addr().String())
	}
	g, err := gateway.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func status(t *testing.T, url string) int {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestReadinessEndsWhenTheDrainBegins(t *testing.T) {
	g := start(t, func(c *gateway.Config, _ string) { c.DrainDelay = time.Hour })
	for _, path := range []string{"/livez", "/readyz"} {
		if got := status(t, "http://"+g.address+path); got != 200 {
			t.Errorf("%s: %d", path, got)
		}
	}
	g.drain()
	for status(t, "http://"+g.address+"/readyz") != http.StatusServiceUnavailable { //nolint:revive // until the drain has begun
	}
	if got := status(t, "http://"+g.address+"/livez"); got != 200 {
		t.Errorf("/livez while it drains: %d", got)
	}
	g.Stop(errors.New("a second signal"))
	if err := <-g.ended; err != nil {
		t.Error(err)
	}
}

func TestGatewayIsNotReadyWithoutItsDatabase(t *testing.T) {
	g := start(t, nil)
	_ = g.state.Close()
	if got := status(t, "http://"+g.address+"/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
}

func TestClientThatStopsSendingIsDisconnected(t *testing.T) {
	g := start(t, func(c *gateway.Config, _ string) { c.BodyTimeout = 50 * time.Millisecond })
	for _, head := range []string{
		"POST /v1/whatsapp/media HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
		"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n",
	} {
		connection, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(connection, head)
		_ = connection.SetReadDeadline(time.Now().Add(20 * time.Second)) // then the test fails
		response, err := io.ReadAll(connection)
		if err != nil || !bytes.HasPrefix(response, []byte("HTTP/1.1 ")) {
			t.Errorf("%q: %q, %v", head, response, err)
		}
		_ = connection.Close()
	}
}

// Clients that connect and send nothing do not keep others out.
func TestHealthIsAnsweredWhileStrangersHoldAllConnections(t *testing.T) {
	g := start(t, func(c *gateway.Config, _ string) { c.Admission.MaxConnections = 4 })
	for range 8 {
		connection, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
	}
	for range 8 {
		if got := status(t, "http://"+g.address+"/livez"); got != http.StatusOK {
			t.Errorf("/livez: %d", got)
		}
	}
}

// A stranger who knows the id of a key sends a body slowly. The server has read it
// up to its bound when it refuses the request.
func TestSlowBodyOfAStrangerIsRefusedForARetry(t *testing.T) {
	g := start(t, func(c *gateway.Config, _ string) { c.Admission.MaxUnverified = 1 << 20 })
	key, err := admin.CreateAccessKey(t.Context(), g.state, account, "app", admin.FullAccessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	var first net.Conn
	for i := range 24 {
		connection, err := net.Dial("tcp", g.address)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		if i == 0 {
			first = connection
		}
		_, _ = fmt.Fprintf(connection, "POST /v1/whatsapp/media HTTP/1.1\r\nHost: %s\r\nContent-Length: 65536\r\nX-Amz-Date: %s\r\n"+
			"Authorization: AWS4-HMAC-SHA256 Credential=%s/%s/us-east-1/social-messaging/aws4_request, SignedHeaders=host;x-amz-date, Signature=%064d\r\n\r\n",
			g.address, now.Format("20060102T150405Z"), key.ID, now.Format("20060102"), 0)
		_, _ = io.WriteString(connection, strings.Repeat("x", 65535))
	}
	_ = first.SetReadDeadline(time.Now().Add(20 * time.Second)) // then the test fails
	response, err := http.ReadResponse(bufio.NewReader(first), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("X-Amzn-Errortype") != "ServiceUnavailable" || response.Header.Get("Retry-After") == "" {
		t.Errorf("answered with %s, %v", response.Status, response.Header)
	}
}

// A presigned URL may name the endpoint of a configured store, but not if that
// leads to a listener of this process or to the database.
func TestOwnAddressIsNoSource(t *testing.T) {
	console, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	database := guardtest.NewCanary(t)
	databaseAddress := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(database.Port))
	var refused []string
	g := start(t, func(c *gateway.Config, address string) {
		c.Parts = []gateway.Part{{Name: "console", Listener: console, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			t.Error("a request reached the console")
		})}}
		c.Own = new(guard.Own)
		c.Own.Add(databaseAddress)
		refused = []string{address, console.Addr().String(), databaseAddress.String()}
		for _, endpoint := range refused {
			c.Objects.Stores = append(c.Objects.Stores, object.StoreConfig{Endpoint: "http://" + endpoint, PathStyle: true, AccessKeyID: "a", SecretAccessKey: secret.New("b")})
		}
	})
	linked, err := g.state.Link(t.Context(), state.BusinessAccount{AccountID: account, MetaID: "1", Token: secret.New("t"), PhoneNumbers: []state.PhoneNumber{{MetaID: "2"}}})
	if err != nil {
		t.Fatal(err)
	}
	key, err := admin.CreateAccessKey(t.Context(), g.state, account, "app", admin.FullAccessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	client := socialmessaging.New(socialmessaging.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + g.address + "/"), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key.ID, key.Secret.Reveal(), "")})
	for _, address := range refused {
		link := fmt.Sprintf("http://%s/bucket/livez?X-Amz-Credential=a&X-Amz-Signature=b", address)
		_, err = client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: new(social.PhoneNumberID(linked.PhoneNumbers[0])),
			SourceS3PresignedUrl:     &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"Content-Type": "text/plain"}},
		})
		if failed, ok := errors.AsType[*socialmessaging.DependencyException](err); !ok || !strings.Contains(failed.ErrorMessage(), "cannot be reached") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestCertificateNeedsItsKey(t *testing.T) {
	keyset, _ := secret.GenerateKeyset()
	sealer, _ := secret.NewSealer(keyset)
	db, err := state.Open(t.Context(), state.Config{Path: statetest.OncePath(t), Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.Open(t.Context(), gateway.Config{State: db, Sealer: sealer, CertFile: "cert.pem"}); err == nil || !strings.Contains(err.Error(), "both files or none") {
		t.Errorf("%v", err)
	}
}
