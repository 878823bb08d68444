package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ferry/metasim"
	"ferry/socialmessaging/types"
)

const pretendedDigest = "abababababababababababababababababababababababababababababababab"

func TestUploadsAreVerifiedIfTheServerOrTheAccountSaysSo(t *testing.T) {
	note := []byte("All that is gold does not glitter.\n")
	for name, c := range map[string]struct {
		args   []string
		turnOn bool
	}{
		"the server":  {args: []string{"--verify-uploads"}},
		"the account": {args: []string{"--media-rate", "0"}, turnOn: true}, // it uploads until the server notices
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, worldOptions{args: c.args})
			w.s3.put(t, w.bucket, "note.txt", note, "text/plain")
			entry := w.ferry.waitUpload(w.post(w.fromBucket("note.txt")))
			if c.turnOn {
				if entry.Verified || entry.SHA256 != "" {
					t.Errorf("without the setting: %s", entry.line)
				}
				mustRun(t, w.in.env, w.in.program, "account", "verify", "--account", account, "on")
				for started := time.Now(); !entry.Verified && time.Since(started) < startLimit; { // a running server notices within a second
					entry = w.ferry.waitUpload(w.post(w.fromBucket("note.txt")))
				}
			}
			if !entry.Verified || entry.SHA256 != digestOf(note) {
				t.Errorf("%s", entry.line)
			}

			// Meta pretends to have other bytes than were sent.
			w.sim.reset()
			w.sim.fault(metasim.Fault{Operation: metasim.OperationRetrieve, Body: `{"id":"1","mime_type":"text/plain","file_size":35,"sha256":"` + pretendedDigest + `"}`})
			_, err := w.client().PostWhatsAppMessageMedia(t.Context(), w.fromBucket("note.txt"))
			failed, ok := errors.AsType[*types.DependencyException](err)
			if !ok || !strings.Contains(failed.ErrorMessage(), "another SHA-256") || !strings.Contains(failed.ErrorMessage(), pretendedDigest) {
				t.Errorf("%v", err)
			}
			if files := w.sim.allMedia(); len(files) != 0 {
				t.Errorf("Meta still has %d files", len(files))
			}
		})
	}
}
