package socialmessaging_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/socialmessaging"
)

func TestEndpointComesFromTheSDKsSettings(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"mediaId":"7"}`) }))
	defer server.Close()
	for _, variable := range []string{"AWS_ENDPOINT_URL_SOCIALMESSAGING", "AWS_ENDPOINT_URL"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, server.URL)
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("us-east-1"), config.WithSharedConfigFiles([]string{}))
			if err != nil {
				t.Fatal(err)
			}
			cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
			if err := post(socialmessaging.NewFromConfig(cfg)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEndpointsOfAWS(t *testing.T) {
	const ours, all = "AWS_ENDPOINT_URL_SOCIALMESSAGING", "AWS_ENDPOINT_URL"
	profile := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profile, []byte("[default]\nservices = s\nendpoint_url = http://profile.example\n[services s]\nsocialmessaging =\n  endpoint_url = http://service.example\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type env map[string]string
	for name, test := range map[string]struct {
		files []string
		env   env
		want  string
	}{
		"by default":          {nil, nil, "https://social-messaging.eu-west-1.amazonaws.com"},
		"dual-stack":          {nil, env{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://social-messaging.eu-west-1.api.aws"},
		"FIPS":                {nil, env{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://social-messaging-fips.eu-west-1.amazonaws.com"},
		"FIPS and dual-stack": {nil, env{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://social-messaging-fips.eu-west-1.api.aws"},
		"configured":          {nil, env{ours: "http://ferry.example:8080/"}, "http://ferry.example:8080"},
		"configured, ignored": {nil, env{ours: "http://ferry.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://social-messaging.eu-west-1.amazonaws.com"},
		"of the profile, this service before all":           {[]string{profile}, nil, "http://service.example"},
		"of the profile, ignored":                           {[]string{profile}, env{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://social-messaging.eu-west-1.amazonaws.com"},
		"of the environment before the profile":             {[]string{profile}, env{all: "http://all.example"}, "http://all.example"},
		"of the environment, this service, before all else": {[]string{profile}, env{all: "http://all.example", ours: "http://ours.example"}, "http://ours.example"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			files := append([]string{}, test.files...) // nil would mean the files of the user
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("eu-west-1"), config.WithSharedConfigFiles(files))
			if err != nil {
				t.Fatal(err)
			}
			var sent urls
			cfg.HTTPClient = &sent
			if err := post(socialmessaging.NewFromConfig(cfg)); err != nil || !slices.Equal(sent, urls{test.want + "/v1/whatsapp/media"}) {
				t.Errorf("%q, %v; want %s", sent, err, test.want)
			}
		})
	}
}

// The partitions and their domains are those that the SDK's module lists.
func TestEveryPartitionHasItsDomains(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2").Output()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(output)), "internal/endpoints/awsrulesfn/partitions.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Partitions []struct {
			ID      string
			Outputs struct{ DNSSuffix, DualStackDNSSuffix, ImplicitGlobalRegion string }
			Regions map[string]any
		}
	}
	if err := json.Unmarshal(data, &list); err != nil || len(list.Partitions) < 8 {
		t.Fatalf("%d partitions, %v", len(list.Partitions), err)
	}
	for _, partition := range list.Partitions {
		partition.Regions[partition.Outputs.ImplicitGlobalRegion] = nil // some have no other
		for region := range partition.Regions {
			if strings.HasSuffix(region, "-global") {
				continue // not a region of this service
			}
			var sent urls
			options := socialmessaging.Options{Region: region, HTTPClient: &sent, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")}
			_ = post(socialmessaging.New(options))
			options.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
			_ = post(socialmessaging.New(options))
			host := "https://social-messaging." + region + "."
			want := urls{host + partition.Outputs.DNSSuffix + "/v1/whatsapp/media", host + partition.Outputs.DualStackDNSSuffix + "/v1/whatsapp/media"}
			if !slices.Equal(sent, want) {
				t.Errorf("%s: %q, want %q", partition.ID, sent, want)
			}
		}
	}
}

func TestEndpointMayHaveAPath(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://gateway.example/ferry":     "https://gateway.example/ferry/v1/whatsapp/media",
		"https://gateway.example/a%2Fb/":    "https://gateway.example/a%2Fb/v1/whatsapp/media",
		"http://[::1]:4080/?query=1#ignore": "http://[::1]:4080/v1/whatsapp/media",
	} {
		var sent urls
		client := socialmessaging.New(socialmessaging.Options{
			Region: "eu-west-1", BaseEndpoint: &endpoint, HTTPClient: &sent, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""),
		})
		if err := post(client); err != nil || !slices.Equal(sent, urls{want}) {
			t.Errorf("%s: %q, %v", endpoint, sent, err)
		}
	}
}

// A client that has no endpoint says so at once: it sends nothing and does not retry.
func TestMissingOrWrongEndpointIsAnErrorBeforeARequest(t *testing.T) {
	const invalid = "failed to resolve service endpoint, endpoint rule error, Invalid Configuration: "
	type options = socialmessaging.Options
	for name, test := range map[string]struct {
		change func(*options)
		want   string
	}{
		"no region":                     {func(o *options) { o.Region = "" }, invalid + "Missing Region"},
		"a region that is no host name": {func(o *options) { o.Region = "eu-west-1/x" }, "failed to bind endpoint params, invalid input region eu-west-1/x"},
		"a region with an empty label":  {func(o *options) { o.Region = "eu..west" }, "invalid input region eu..west"},
		"FIPS of a custom endpoint": {func(o *options) {
			o.BaseEndpoint = new("http://127.0.0.1:1")
			o.EndpointOptions.UseFIPSEndpoint = aws.FIPSEndpointStateEnabled
		}, invalid + "FIPS and custom endpoint are not supported"},
		"dual stack of a custom endpoint": {func(o *options) {
			o.BaseEndpoint = new("http://127.0.0.1:1")
			o.EndpointOptions.UseDualStackEndpoint = aws.DualStackEndpointStateEnabled
		}, invalid + "Dualstack and custom endpoint are not supported"},
		"an endpoint without a scheme":   {func(o *options) { o.BaseEndpoint = new("foo") }, `the endpoint "foo" is not a URL such as`},
		"an endpoint that is an address": {func(o *options) { o.BaseEndpoint = new("127.0.0.1:4080") }, `the endpoint "127.0.0.1:4080" is not a URL such as`},
		"a host name taken for a scheme": {func(o *options) { o.BaseEndpoint = new("localhost:4080") }, `the endpoint "localhost:4080" is not a URL such as`},
		"an endpoint without a host":     {func(o *options) { o.BaseEndpoint = new("http:///ferry") }, `the endpoint "http:///ferry" is not a URL such as`},
		"an empty endpoint":              {func(o *options) { o.BaseEndpoint = new("") }, `the endpoint "" is not a URL such as`},
	} {
		t.Run(name, func(t *testing.T) {
			var sent urls
			client := socialmessaging.New(options{Region: "eu-west-1", HTTPClient: &sent, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", "")}, test.change)
			err := post(client)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "attempts") || len(sent) != 0 {
				t.Errorf("%v, sent to %q; want %q, after one attempt and no request", err, sent, test.want)
			}
		})
	}
}

// urls answers every request, and records its URL.
type urls []string

func (u *urls) Do(r *http.Request) (*http.Response, error) {
	*u = append(*u, r.URL.String())
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"mediaId":"1"}`))}, nil
}
