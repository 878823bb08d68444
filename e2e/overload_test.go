package e2e

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// A gate is before Meta and holds uploads until it is opened.
type gate struct {
	held chan struct{} // one for each upload
	open chan struct{}
}

// holdUploads puts a gate before the simulator.
func holdUploads(t testing.TB, sim *simulator) *gate {
	t.Helper()
	meta, err := url.Parse(sim.url)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{held: make(chan struct{}, 1000), open: make(chan struct{})}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(meta) }, Transport: trustingTransport()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/media") {
			g.held <- struct{}{}
			<-g.open
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	sim.url = server.URL
	return g
}

// Ten times as many uploads as an account may have in progress: those above the limit are
// refused while the others are still in progress, with a time to retry, and another account
// is served meanwhile. All that were accepted arrive.
func TestUploadsAboveTheLimitAreRefusedAtOnceAndTheOthersComplete(t *testing.T) {
	const places, offered = 8, 60 // three quarters of the places are for one account
	sim, s3 := startSimulator(t, noAccounts), sharedS3(t)
	meta := holdUploads(t, sim)
	in := install(t, raceBuild, sim)
	key, other := in.createKey(account), in.createKey(otherAccount)
	phone := in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	otherPhone := in.link(otherAccount, otherMetaAccount, otherMetaToken).PhoneNumbers[0].PhoneNumberID
	bucket, data := s3.bucket(t, "media"), pdf(256<<10)
	s3.put(t, bucket, "a.pdf", data, "application/pdf")
	server := in.serve("--media-rate=0", "--max-uploads=8", s3.store().flag())

	type result struct {
		id  string
		err error
	}
	post := func(key accessKey, phone string, results chan<- result) {
		output, err := goClient(server.url, key).PostWhatsAppMessageMedia(t.Context(), fromBucket(phone, bucket, "a.pdf"))
		if err != nil {
			results <- result{err: err}
			return
		}
		results <- result{id: *output.MediaId}
	}
	results, others := make(chan result, offered), make(chan result, 1)
	for range offered {
		go post(key, phone, results)
	}
	for range places * 3 / 4 {
		<-meta.held
	}
	for range offered - places*3/4 {
		refused := <-results
		wantGoException(t, refused.err, "ThrottledRequestException", http.StatusTooManyRequests, "6 transfers in progress")
		if response, ok := errors.AsType[*awshttp.ResponseError](refused.err); !ok || response.Response.Header.Get("Retry-After") != "1" {
			t.Errorf("a refusal has no Retry-After: %v", refused.err)
		}
	}
	go post(other, otherPhone, others)
	<-meta.held
	close(meta.open)
	for range places * 3 / 4 {
		accepted := <-results
		if accepted.err != nil {
			t.Fatal(accepted.err)
		}
		sim.wantStored(accepted.id, data)
	}
	if accepted := <-others; accepted.err != nil {
		t.Errorf("the other account: %v", accepted.err)
	}
}
