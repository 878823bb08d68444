package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
)

var noAccounts = metasim.Config{} // besides the two that every simulator has

// Meta's responses, and the exceptions that callers receive.
func TestMetasErrorsBecomeExceptions(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	node := startNode(t, w.ferry.url, w.key)
	input := jsFromBucket(w.phone, w.bucket, "a.jpg")

	type row struct {
		name      string
		fault     metasim.Fault
		exception string
		status    int
		says      []string
	}
	var rows []row
	for _, code := range []int{190, 10, 200, 299, 368, 131005, 131031} {
		rows = append(rows, row{fmt.Sprint(code), metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: code},
			"AccessDeniedByMetaException", http.StatusForbidden, []string{"Meta", fmt.Sprintf("code %d", code)}})
	}
	for _, code := range []int{4, 17, 341, 613, 80007, 130429, 131056} {
		rows = append(rows, row{fmt.Sprint(code), metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: code},
			"ThrottledRequestException", http.StatusTooManyRequests, []string{"Meta", fmt.Sprintf("code %d", code)}})
	}
	for _, code := range []int{1, 2, 131000, 131016, 131057, 133004} {
		rows = append(rows, row{fmt.Sprint(code), metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: code},
			"DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta", fmt.Sprintf("code %d", code)}})
	}
	rows = append(rows,
		row{"HTTP 429", metasim.Fault{Operation: metasim.OperationUpload, Status: 429}, "ThrottledRequestException", http.StatusTooManyRequests, []string{"Meta"}},
		row{"HTTP 429 without an envelope", metasim.Fault{Operation: metasim.OperationUpload, Status: 429, Body: "slow down"}, "ThrottledRequestException", http.StatusTooManyRequests, []string{"Meta"}},
		row{"100 with details", metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 100, Message: "(#100) Invalid parameter", Details: "The picture has seven corners."},
			"InvalidParametersException", http.StatusBadRequest, []string{"Meta", "code 100", "(#100) Invalid parameter", "The picture has seven corners."}},
		row{"131053", metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 131053}, "InvalidParametersException", http.StatusBadRequest, []string{"Meta", "code 131053"}},
		row{"HTTP 500", metasim.Fault{Operation: metasim.OperationUpload, Status: 500}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"HTTP 503 with HTML", metasim.Fault{Operation: metasim.OperationUpload, Status: 503, Body: "<html>Sorry</html>"}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"HTTP 200 with HTML", metasim.Fault{Operation: metasim.OperationUpload, Body: "<html>Sorry</html>"}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"HTTP 200 with half a JSON", metasim.Fault{Operation: metasim.OperationUpload, Body: `{"id":"12`}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"HTTP 200 without an id", metasim.Fault{Operation: metasim.OperationUpload, AfterBody: true, Body: "{}"}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"HTTP 302", metasim.Fault{Operation: metasim.OperationUpload, Status: 302, Body: "<html>Moved</html>"}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"connection cut before any byte", metasim.Fault{Operation: metasim.OperationUpload, CutAfterBytes: -1}, "DependencyException", http.StatusBadGateway, []string{"WhatsApp", "Meta"}},
		row{"a token in Meta's own words", metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 190, Message: "The token " + metaToken + " has expired"},
			"AccessDeniedByMetaException", http.StatusForbidden, []string{"code 190"}},
	)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			w.sim.fault(row.fault)
			defer w.sim.clear()
			node.post(input).wantException(t, row.exception, row.status, row.says...)
		})
	}
	if files := w.sim.allMedia(); len(files) != 0 {
		t.Errorf("Meta has %d files after errors only", len(files))
	}
	w.sim.wantStored(node.post(input).mediaID(t), file.Data)
}

func TestSlowMetaIsADependencyException(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{args: []string{"--upload-timeout", "500ms"}})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, Latency: time.Minute})
	startNode(t, w.ferry.url, w.key).post(jsFromBucket(w.phone, w.bucket, "a.jpg")).wantException(t, "DependencyException", http.StatusBadGateway, "WhatsApp")
}

func TestUnreachableMetaIsADependencyException(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{args: []string{"--graph-url", fmt.Sprintf("https://127.0.0.1:%d", closedPort(t))}})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	startNode(t, w.ferry.url, w.key).post(jsFromBucket(w.phone, w.bucket, "a.jpg")).wantException(t, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
}

// A server without a trusted certificate is not Meta.
func TestNoTokenIsSentToAServerThatIsNotTrusted(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	for i, variable := range w.in.env {
		if strings.HasPrefix(variable, "SSL_CERT_FILE=") {
			w.in.env[i] = "SSL_CERT_FILE=/dev/null"
		}
	}
	w.sim.reset()
	distrustful := w.in.serve(w.s3.store().flag())
	_, err := goClient(distrustful.url, w.key).PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.jpg"))
	wantGoException(t, err, "DependencyException", http.StatusBadGateway, "WhatsApp", "Meta")
	if sent := w.sim.uploads(); len(sent) != 0 {
		t.Errorf("%d requests with a token were sent to a server whose certificate is not trusted", len(sent))
	}
}

func TestQuotaOfMediaCallsThrottles(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{args: []string{"--media-rate", "2"}})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	node := startNode(t, w.ferry.url, w.key)
	throttled := 0
	for range 50 { // until one is throttled: how many pass depends on how long they take
		result := node.post(jsFromBucket(w.phone, w.bucket, "a.txt"))
		if result.Error == nil {
			continue
		}
		result.wantException(t, "ThrottledRequestException", http.StatusTooManyRequests, "quota of 2 calls of PostWhatsAppMessageMedia per second")
		throttled++
		break
	}
	if throttled == 0 {
		t.Error("50 calls in a row passed a quota of 2 per second")
	}
	// Reads are not media calls.
	for range 5 {
		wantMembers(t, node.call("ListLinkedWhatsAppBusinessAccounts", members{}), w.linked.ID)
	}
}

func TestUploadsBeyondTheLimitAreThrottled(t *testing.T) {
	w := newWorld(t, worldOptions{args: []string{"--max-uploads", "1"}})
	data := pdf(256 << 10)
	w.s3.put(t, w.bucket, "a.pdf", data, "application/pdf")
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, Latency: time.Minute})
	first := make(chan error, 1)
	go func() {
		_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
		first <- err
	}()
	eventually(t, "the first upload is at Meta", func() bool { return len(w.sim.uploads()) == 1 })
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.pdf"))
	wantGoException(t, err, "ThrottledRequestException", http.StatusTooManyRequests, "1 transfers in progress")
	w.ferry.signal()
	w.ferry.signalAgain()
	select {
	case <-first: // cut off by the stop
	case <-time.After(stopLimit):
		t.Error("the first upload has not ended with the server")
	}
	w.ferry.wantExit(1)
}
