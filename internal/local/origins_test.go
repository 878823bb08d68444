package local_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ferry/internal/local"
)

func TestOnlyPagesOfThisMachineAndListedOnesMayCallAPIAndS3(t *testing.T) {
	world, err := local.Start(t.Context(), local.Config{Origins: []string{"https://app.example"}, Hosts: []string{"ferry.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	s3URL := strings.Replace(world.S3URL, "ferry.test", "localhost", 1)
	apiURL := strings.Replace(world.APIURL, "ferry.test", "localhost", 1)
	client := s3.New(s3.Options{Region: world.Region, BaseEndpoint: &s3URL, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(world.AccessKeyID, world.SecretAccessKey.Reveal(), "")})
	if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(local.Bucket), Key: aws.String("a.txt"), Body: strings.NewReader("hello")}); err != nil {
		t.Fatal(err)
	}
	presigned, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(local.Bucket), Key: aws.String("a.txt")})
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, url string, header ...string) (status int, allowed string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(header); i += 2 {
			if r.Header.Set(header[i], header[i+1]); header[i] == "Host" {
				r.Host = header[i+1]
				r.Header.Del("Host")
			}
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode, response.Header.Get("Access-Control-Allow-Origin")
	}
	for origin, isAllowed := range map[string]bool{
		"http://localhost:3000": true, "http://127.0.0.1:8080": true, "https://app.example": true,
		"http://evil.example": false, "null": false, "http://app.example": false,
	} {
		want := map[bool]string{true: origin}[isAllowed]
		for _, url := range []string{presigned.URL, s3URL + "/" + local.Bucket + "/a.txt", apiURL + "/v1/whatsapp/media"} {
			status, allowed := send("OPTIONS", url, "Origin", origin, "Access-Control-Request-Method", "POST")
			if (status == http.StatusOK) != isAllowed || !isAllowed && status != http.StatusForbidden || allowed != want {
				t.Errorf("preflight request of %s to %.40s: %d %q", origin, url, status, allowed)
			}
		}
		if status, allowed := send("GET", presigned.URL, "Origin", origin); (status == http.StatusOK) != isAllowed || allowed != want {
			t.Errorf("presigned request of %s: %d %q", origin, status, allowed)
		}
		if status, allowed := send("GET", s3URL+"/"+local.Bucket+"/a.txt", "Origin", origin); status != http.StatusForbidden || allowed != want {
			t.Errorf("unsigned request of %s to S3: %d %q", origin, status, allowed)
		}
		if status, allowed := send("POST", apiURL+"/v1/whatsapp/media", "Origin", origin); status != http.StatusForbidden || allowed != want {
			t.Errorf("unsigned request of %s to the API: %d %q", origin, status, allowed)
		}
	}
	for host, isOwn := range map[string]bool{
		"ferry.test:1": true, local.Bucket + ".localhost": true, local.Bucket + ".ferry.test": true, "evil.example": false, "ferry.test.evil.example": false,
	} {
		controlURL := strings.Replace(world.ControlURL, "ferry.test", "localhost", 1)
		for _, url := range []string{s3URL, controlURL + "/health", apiURL + "/livez"} {
			if url != s3URL && strings.HasPrefix(host, local.Bucket) { // only S3 has names of buckets
				continue
			}
			if status, _ := send("GET", url, "Host", host); (status != http.StatusMisdirectedRequest) != isOwn {
				t.Errorf("%s with the host %s: %d", url, host, status)
			}
		}
	}
}
