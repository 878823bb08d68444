package e2e

import (
	"net/http"
	"slices"
	"testing"

	"ferry/metasim"
)

// An operator who asks Meta about a request needs Meta's id of it, whether the
// call succeeded or not.
func TestLogHasMetasTraceIDs(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)

	entry := w.ferry.waitUpload(w.post(w.fromBucket("a.txt")))
	w.wantTraceIDs(entry)

	w.sim.reset()
	w.sim.fault(metasim.Fault{Operation: metasim.OperationUpload, ErrorCode: 190})
	_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("a.txt"))
	wantGoException(t, err, "AccessDeniedByMetaException", http.StatusForbidden)
	w.wantTraceIDs(w.ferry.waitRequest(requestIDOf(t, err)))
}

// wantTraceIDs checks that an entry has the trace ids of the uploads that Meta saw.
func (w *world) wantTraceIDs(entry logEntry) {
	w.t.Helper()
	var want []string
	for _, upload := range w.sim.uploads() {
		want = append(want, upload.TraceID)
	}
	if len(want) == 0 || !slices.Equal(entry.MetaTraceIDs, want) {
		w.t.Errorf("the logged trace ids are %q, want %q: %s", entry.MetaTraceIDs, want, entry.line)
	}
}
