package e2e

import (
	"database/sql"
	"net/http"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// A caller can do nothing about a damaged token in the database: it learns the
// request id, and the log has the cause.
func TestUnexpectedErrorsAreLoggedAndNotShown(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.jpg", file.Data, file.ContentType)
	// Before the first call: ferry caches for a second what it has read.
	db, err := sql.Open("sqlite", "file:"+w.in.file("ferry.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), `UPDATE business_account SET sealed_token = x'00'`); err != nil {
		t.Fatal(err)
	}

	input := jsFromBucket(w.phone, w.bucket, "a.jpg")
	results := map[string]outcome{"JavaScript": startNode(t, w.ferry.url, w.key).post(input)}
	t.Run("boto3", func(t *testing.T) {
		results["boto3"] = w.boto3(pythonBinary(t), members{"operation": "post_whatsapp_message_media", "input": input})[0]
	})
	for sdk, result := range results {
		result.wantException(t, "InternalServiceException", http.StatusInternalServerError)
		if want := "The server failed. Its log has the cause under this request's id."; result.Error.Message != want {
			t.Errorf("%s was told %q, want %q", sdk, result.Error.Message, want)
		}
		entry := w.ferry.waitRequest(result.Error.RequestID)
		if entry.Level != "ERROR" || entry.Operation != "PostWhatsAppMessageMedia" || entry.Exception != "InternalServiceException" {
			t.Errorf("the request is logged as %s", entry.line)
		}
		if !strings.Contains(entry.Cause, "sealed_token") || !strings.Contains(entry.Cause, "cannot be opened") {
			t.Errorf("the logged cause is %q, want that sealed_token cannot be opened", entry.Cause)
		}
	}
}
