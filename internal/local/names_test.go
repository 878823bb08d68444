package local_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
	"ferry/internal/state/statetest"
	"ferry/socialmessaging"
)

func startWith(t *testing.T, config local.Config) *local.World {
	t.Helper()
	if config.Data == "" && config.Database == "" {
		config.Database = statetest.OncePath(t)
	}
	world, err := local.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	})
	return world
}

// variable returns the value of a variable of the world's environment.
func variable(world *local.World, name string) string {
	for _, v := range world.Environment() {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// httpClient returns a client that trusts the world's certificate, if it has one, and
// connects to this machine whatever the name of the host.
func httpClient(t *testing.T, world *local.World) *http.Client {
	t.Helper()
	transport := &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, _ := net.SplitHostPort(address)
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	if file := variable(world, "NODE_EXTRA_CA_CERTS"); file != "" {
		ca, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(ca)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}
	return &http.Client{Transport: transport}
}

// s3Client returns a client of the embedded S3 server under a name.
func s3Client(t *testing.T, world *local.World, host string, pathStyle bool) *s3.Client {
	t.Helper()
	base, err := url.Parse(world.S3URL)
	if err != nil {
		t.Fatal(err)
	}
	endpoint := base.Scheme + "://" + net.JoinHostPort(host, base.Port())
	return s3.New(s3.Options{Region: "eu-central-1", BaseEndpoint: &endpoint, UsePathStyle: pathStyle, HTTPClient: httpClient(t, world),
		Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")})
}

// An object is written, presigned, uploaded, and read back into the store through a
// second presigned URL, under every name of the embedded S3 server.
func TestPresignedURLsOfEveryNameOfTheStoreAreAccepted(t *testing.T) {
	for name, config := range map[string]local.Config{
		"http": {}, "https": {TLS: true}, "other names": {Hosts: []string{"ferry", "10.0.0.7", "*.svc.test"}, TLS: true},
	} {
		t.Run(name, func(t *testing.T) {
			world := startWith(t, config)
			client := socialmessaging.New(socialmessaging.Options{
				Region: "ap-south-1", BaseEndpoint: aws.String(strings.Replace(world.APIURL, "//ferry:", "//127.0.0.1:", 1)), Retryer: aws.NopRetryer{}, HTTPClient: httpClient(t, world),
				Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), ""),
			})
			hosts := []string{"127.0.0.1", "localhost", "::1"}
			if len(config.Hosts) > 0 {
				hosts = append(hosts, "ferry", "10.0.0.7")
			}
			for _, host := range hosts {
				for _, pathStyle := range []bool{true, false} {
					if !pathStyle && net.ParseIP(host) != nil {
						continue
					}
					storeRoundTrip(t, s3Client(t, world, host, pathStyle), client, world)
				}
			}
		})
	}
}

func storeRoundTrip(t *testing.T, store *s3.Client, client *socialmessaging.Client, world *local.World) {
	t.Helper()
	bucket, key, copied := aws.String(local.Bucket), aws.String("a b/note.txt"), aws.String("copy.txt")
	_, err := store.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("hello"), ContentType: aws.String("text/plain")})
	if err != nil {
		t.Fatal(err)
	}
	presigner := s3.NewPresignClient(store)
	get, err := presigner.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	posted, err := client.PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &world.PhoneNumberID,
		SourceS3PresignedUrl:     &socialmessaging.S3PresignedUrl{Url: &get.URL, Headers: map[string]string{"Content-Type": "text/plain"}},
	})
	if err != nil {
		t.Fatalf("%s: %v", get.URL, err)
	}
	put, err := presigner.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: copied, ContentType: aws.String("text/plain")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.GetWhatsAppMessageMedia(t.Context(), &socialmessaging.GetWhatsAppMessageMediaInput{
		OriginationPhoneNumberId: &world.PhoneNumberID, MediaId: posted.MediaId,
		DestinationS3PresignedUrl: &socialmessaging.S3PresignedUrl{Url: &put.URL, Headers: map[string]string{"Content-Type": "text/plain"}},
	})
	if err != nil {
		t.Fatalf("%s: %v", put.URL, err)
	}
	object, err := store.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: copied})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Body.Close()
	if content, err := io.ReadAll(object.Body); string(content) != "hello" || err != nil {
		t.Errorf("%s: read %q back, %v", put.URL, content, err)
	}
}

func TestNothingElseOfThisMachineIsReadThroughPresignedURLs(t *testing.T) {
	world := startWith(t, local.Config{})
	other := start(t, "")
	defer other.Close()
	base, _ := url.Parse(world.S3URL)
	const signed = "?X-Amz-Credential=c&X-Amz-Signature=s"
	object := "/" + local.Bucket + "/a.txt"
	for name, link := range map[string]string{
		"the API":                   world.APIURL + object + signed,
		"the simulator":             strings.Replace(world.SimulatorURL, "127.0.0.1", "localhost", 1) + object + signed,
		"the control API":           world.ControlURL + object + signed,
		"another process":           strings.Replace(other.S3URL, "127.0.0.1", "localhost", 1) + object + signed,
		"https on the port of http": "https://localhost:" + base.Port() + object + signed,
		"another name":              "http://other:" + base.Port() + object + signed,
		"a list of the bucket":      "http://localhost:" + base.Port() + "/" + local.Bucket + signed,
		"no signature":              "http://localhost:" + base.Port() + object,
	} {
		_, err := apiClient(world, "us-east-1").PostWhatsAppMessageMedia(t.Context(), &socialmessaging.PostWhatsAppMessageMediaInput{
			OriginationPhoneNumberId: &world.PhoneNumberID,
			SourceS3PresignedUrl:     &socialmessaging.S3PresignedUrl{Url: &link, Headers: map[string]string{"Content-Type": "text/plain"}},
		})
		if _, refused := errors.AsType[*socialmessaging.InvalidParametersException](err); !refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRegionRestrictsTheAPI(t *testing.T) {
	world := startWith(t, local.Config{Region: "eu-west-1"})
	if _, err := apiClient(world, "eu-west-1").ListLinkedWhatsAppBusinessAccounts(t.Context(), nil); err != nil {
		t.Error(err)
	}
	_, err := apiClient(world, "us-east-1").ListLinkedWhatsAppBusinessAccounts(t.Context(), nil)
	if err == nil || !strings.Contains(err.Error(), "only the region 'eu-west-1', which --region sets") {
		t.Errorf("another region: %v", err)
	}
}

// Download URLs begin with the public URL of the simulator, which this process need
// not reach.
func TestSimulatorHasAPublicURL(t *testing.T) {
	world := startWith(t, local.Config{SimulatorURL: "https://whatsapp.example.test/"})
	if got := variable(world, "FERRY_SIMULATOR_URL"); got != "https://whatsapp.example.test" {
		t.Errorf("the environment names %s", got)
	}
	storeRoundTrip(t, s3Client(t, world, "localhost", true), apiClient(world, "us-east-1"), world)
	put(t, world, "note.txt", "hello")
	id := post(t, world, socialmessaging.PostWhatsAppMessageMediaInput{SourceS3File: &socialmessaging.S3File{BucketName: aws.String(local.Bucket), Key: aws.String("note.txt")}})
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, local.SimulatorAddress(world)+"/"+local.GraphVersion+"/"+id, nil)
	request.Header.Set("Authorization", "Bearer "+world.MetaToken.Reveal())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); !strings.Contains(string(body), `"url":"https:\/\/whatsapp.example.test\/`) && !strings.Contains(string(body), `"url":"https://whatsapp.example.test/`) {
		t.Errorf("the simulator says %s", body)
	}
}

func TestStoreRefusesWhatTheKeyDoesNotProve(t *testing.T) {
	world := startWith(t, local.Config{})
	signed, err := s3.NewPresignClient(s3Client(t, world, "127.0.0.1", true)).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(local.Bucket), Key: aws.String("note.txt")})
	if err != nil {
		t.Fatal(err)
	}
	put(t, world, "note.txt", "hello")
	for name, test := range map[string]struct {
		header, value string
		status        int
		says          string
	}{
		"a page of this machine":   {"Origin", "http://localhost:3000", http.StatusOK, "hello"},
		"a page of another origin": {"Origin", "https://evil.example", http.StatusForbidden, "must not call"},
		"a session token":          {"X-Amz-Security-Token", "left-over", http.StatusBadRequest, "Unset AWS_SESSION_TOKEN"},
		"another host name":        {"Host", "evil.example", http.StatusMisdirectedRequest, "evil.example"},
	} {
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, signed.URL, nil)
		request.Header.Set(test.header, test.value)
		if test.header == "Host" {
			request.Host = test.value
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.status || !strings.Contains(string(body), test.says) {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
}

// A page that lets its own name stand for 127.0.0.1 could sign with the key that
// everybody knows, and read the responses: for GET, a browser sends it no Origin.
func TestAPIAnswersToItsOwnHostNamesOnly(t *testing.T) {
	world := startWith(t, local.Config{Hosts: []string{"ferry"}})
	_, port, _ := strings.Cut(strings.TrimPrefix(world.APIURL, "http://"), ":")
	for host, works := range map[string]bool{
		"127.0.0.1": true, "localhost": true, "api.localhost": true, "ferry": true, "a.ferry": true, "evil.example": false, "localhost.evil.example": false, "192.0.2.1": false,
	} {
		client := socialmessaging.New(socialmessaging.Options{
			Region: "us-east-1", BaseEndpoint: aws.String("http://" + host + ":" + port), Retryer: aws.NopRetryer{}, HTTPClient: httpClient(t, world),
			Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), ""),
		})
		_, err := client.ListLinkedWhatsAppBusinessAccounts(t.Context(), &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{})
		if (err == nil) != works || err != nil && !strings.Contains(err.Error(), "start the server with --host NAME") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

// The server knows that it is called over https, and with HTTP/2.
func TestAPIOverTLSIsCalledByItsOwnPages(t *testing.T) {
	world := startWith(t, local.Config{TLS: true})
	client := httpClient(t, world)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	for origin, want := range map[string]int{
		world.APIURL: http.StatusOK,
		strings.Replace(world.APIURL, "https://", "http://", 1): http.StatusForbidden,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, world.APIURL+"/livez", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Origin", origin)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want || response.ProtoMajor != 2 {
			t.Errorf("%s: %s over %s", origin, response.Status, response.Proto)
		}
	}
}
