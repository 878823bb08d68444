package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"ferry/internal/sample"
	"ferry/metasim"
	"ferry/socialmessaging"
)

func TestServeWithAConfigurationFileOverHTTPS(t *testing.T) {
	nodeBinary(t)
	gateway := sharedS3(t)
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	key := in.createKey(account)
	phone := in.link(account, metaAccount, metaToken).PhoneNumbers[0].PhoneNumberID
	bucket, file := gateway.bucket(t, "media"), sampleFile(t, "sample.txt")
	gateway.put(t, bucket, "a.txt", file.Data, file.ContentType)
	c := trusted(t)
	if err := os.WriteFile(in.file("secret"), []byte(s3SecretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf(`region: eu-central-1
tls-cert: %s
tls-key: %s
drain-timeout: 10s
log-level: debug
store:
  - buckets: ["other-*"]
    endpoint: https://s3.example.com
    access_key_id: none
    secret_access_key: none
  - buckets: ["media-*"]
    endpoint: %s
    region: us-east-1
    path_style: true
    access_key_id: %s
    secret_access_key_file: %s
`, c.certFile, c.keyFile, gateway.endpoint, s3AccessKey, in.file("secret"))
	if err := os.WriteFile(in.file("ferry.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	ferry := in.serve("--config", in.file("ferry.yaml"))
	if !strings.HasPrefix(ferry.url, "https://") {
		t.Fatalf("the API is at %s, want https", ferry.url)
	}
	node := startNode(t, ferry.url, key)
	home := func(c *jsCall) { c.Region = "eu-central-1" }
	sim.wantStored(node.post(jsFromBucket(phone, bucket, "a.txt"), home).mediaID(t), file.Data)
	result := node.call("GetLinkedWhatsAppBusinessAccountPhoneNumber", members{"id": phone}, home)
	wantMembers(t, result, `"arn":"arn:aws:social-messaging:eu-central-1:`+account+`:phone-number-id/`)
	node.post(jsFromBucket(phone, bucket, "a.txt")).wantCode(t, "InvalidSignatureException", http.StatusForbidden, "valid region")
}

// Files of all types are uploaded from sources of both kinds at the same time, over
// a connection to Meta that breaks now and then. No file may be mixed up with another.
func TestManyUploadsAtOnceArriveComplete(t *testing.T) {
	w := newWorld(t, worldOptions{args: []string{"--media-rate=0"}})
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: -1, Probability: 0.1})
	for _, file := range sample.Files() {
		w.s3.put(t, w.bucket, file.Name, file.Data, file.ContentType)
	}
	client, slots := w.client(), make(chan struct{}, 16)
	var uploads sync.WaitGroup
	var mu sync.Mutex
	sent := map[string]sample.File{} // by media id
	for range 4 {
		for _, file := range sample.Files() {
			for _, input := range []*socialmessaging.PostWhatsAppMessageMediaInput{
				w.fromBucket(file.Name), fromURL(w.phone, w.s3.presign(t, w.bucket, file.Name), file.ContentType),
			} {
				slots <- struct{}{}
				uploads.Go(func() {
					defer func() { <-slots }()
					output, err := client.PostWhatsAppMessageMedia(t.Context(), input)
					if exception, ok := socialmessaging.AsException(err); ok && exception.Code == "DependencyException" {
						return // the connection broke in each attempt, or when Meta may have had the file
					}
					if err != nil {
						t.Errorf("%s: %v", file.Name, err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					sent[*output.MediaId] = file
				})
			}
		}
	}
	uploads.Wait()
	for id, file := range sent {
		if media := w.sim.wantStored(id, file.Data); media.FileName != file.Name {
			t.Errorf("%s has the name %s at Meta", file.Name, media.FileName)
		}
	}
	if stored := len(w.sim.allMedia()); stored != len(sent) || stored < 60 {
		t.Errorf("%d of 120 uploads succeeded and Meta has %d files; want the same number, and at least 60", len(sent), stored)
	}
}
