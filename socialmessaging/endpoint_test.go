package socialmessaging_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

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
	const ours = "AWS_ENDPOINT_URL_SOCIALMESSAGING"
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"by default":          {nil, "https://social-messaging.eu-west-1.amazonaws.com"},
		"dual-stack":          {map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://social-messaging.eu-west-1.api.aws"},
		"FIPS":                {map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://social-messaging-fips.eu-west-1.amazonaws.com"},
		"FIPS and dual-stack": {map[string]string{"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"}, "https://social-messaging-fips.eu-west-1.api.aws"},
		"configured":          {map[string]string{ours: "http://ferry.example:8080/"}, "http://ferry.example:8080"},
		"configured, ignored": {map[string]string{ours: "http://ferry.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://social-messaging.eu-west-1.amazonaws.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			var endpoint string
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion("eu-west-1"), config.WithSharedConfigFiles([]string{}))
			if err != nil {
				t.Fatal(err)
			}
			cfg.HTTPClient = transport(func(r *http.Request) (*http.Response, error) {
				endpoint = r.URL.Scheme + "://" + r.URL.Host
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"mediaId":"1"}`))}, nil
			})
			if err := post(socialmessaging.NewFromConfig(cfg)); err != nil || endpoint != test.want {
				t.Errorf("%s, %v; want %s", endpoint, err, test.want)
			}
		})
	}
}
