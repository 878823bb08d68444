package local

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"ferry/internal/doctor"
)

// DoctorPath is the path of the control API at which the world examines itself: POST, with
// doctor.Options as JSON.
const DoctorPath = "/_ferry/doctor"

const (
	doctorKey  = "ferry-doctor.txt" // of the object with which the store is examined
	maxOptions = 16 << 10           // bytes of a request
)

// serveDoctor examines the world.
func (w *World) serveDoctor(rw http.ResponseWriter, r *http.Request) {
	var options doctor.Options
	if err := json.NewDecoder(http.MaxBytesReader(rw, r.Body, maxOptions)).Decode(&options); err != nil {
		http.Error(rw, "expected the options as JSON", http.StatusBadRequest)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(w.Examine(r.Context(), options))
}

// Examine examines the world, as 'ferry doctor' does. While it runs, the sample bucket has an
// object more, with which the store is examined, unless the options name one.
func (w *World) Examine(ctx context.Context, options doctor.Options) []doctor.Result {
	w.examining.Lock()
	defer w.examining.Unlock()
	if len(options.Objects) == 0 {
		const text = "An object of ferry doctor.\n"
		metadata := map[string]string{"Content-Type": "text/plain"}
		if _, err := w.buckets.PutObject(ctx, Bucket, doctorKey, metadata, bytes.NewReader([]byte(text)), int64(len(text))); err == nil {
			defer func() { _, _ = w.buckets.DeleteObject(context.WithoutCancel(ctx), Bucket, doctorKey) }()
			options.Objects = []string{"s3://" + Bucket + "/" + doctorKey}
		}
	}
	return w.Gateway.Examine(ctx, options)
}
