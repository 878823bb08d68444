// The world at the simulator's control API.

package local

import (
	"encoding/json"
	"net/http"
)

// Paths of the control API.
const (
	WorldPath = "/_ferry/world"       // GET: the file of the world
	ResetPath = "/_ferry/world/reset" // POST: empties the world
)

// controlPaths returns what the world adds to the control API.
func (w *World) controlPaths() map[string]http.Handler {
	return map[string]http.Handler{
		"GET " + WorldPath: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", "application/x-ndjson")
			if err := w.Save(r.Context(), rw); err != nil {
				w.config.Logger.Error("the world could not be saved", "error", err)
				panic(http.ErrAbortHandler) // the client finds that the last line is missing
			}
		}),
		"POST " + DoctorPath: http.HandlerFunc(w.serveDoctor),
		"POST " + ResetPath: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if err := w.Reset(r.Context()); err != nil {
				rw.Header().Set("Content-Type", "application/json")
				rw.WriteHeader(http.StatusInternalServerError)
				_ = json.NewEncoder(rw).Encode(map[string]string{"error": err.Error()})
				return
			}
			rw.WriteHeader(http.StatusNoContent)
		}),
	}
}
