package social_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"ferry/internal/sample"
	"ferry/internal/secret"
	"ferry/internal/store"
	"ferry/metasim"
	"ferry/socialmessaging"
)

func (w *world) template(waba, key string) (string, error) {
	out, err := w.client(w.key).CreateWhatsAppMessageTemplateMedia(w.t.Context(), &socialmessaging.CreateWhatsAppMessageTemplateMediaInput{ID: &waba, SourceS3File: toFile(key)})
	if err != nil {
		return "", err
	}
	return *out.MetaHeaderHandle, nil
}

// checkHandle compares what a handle stands for with a file.
func checkHandle(t *testing.T, w *world, handle string, data []byte, contentType string) {
	t.Helper()
	sum := sha256.Sum256(data)
	got, ok := w.simulator.Handle(handle)
	if !ok || got.AppID != "500" || got.Size != int64(len(data)) || got.SHA256 != hex.EncodeToString(sum[:]) || got.MIMEType != contentType {
		t.Errorf("handle %q stands for %+v, %v", handle, got, ok)
	}
}

func TestTemplateMediaGetsAHandle(t *testing.T) {
	w := newWorld(t)
	for _, file := range sample.Files() {
		w.put(file.Name, file.ContentType, file.Data)
		handle, err := w.template(w.waba, file.Name)
		switch file.ContentType {
		case "application/pdf", "image/jpeg", "image/png", "video/mp4":
			w.must(err)
			checkHandle(t, w, handle, file.Data, file.ContentType)
		default:
			if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.Message, "templates take") {
				t.Errorf("%s: %v", file.Name, err)
			}
		}
	}
}

func TestTemplateMediaIsTakenUpWhereItBroke(t *testing.T) {
	w := newWorld(t)
	data := append([]byte("%PDF-1.4\n"), make([]byte, 8<<20)...)
	data = append(data, "\n%%EOF\n"...)
	w.put("large.pdf", "application/pdf", data)
	for _, cut := range []int64{1, 1 << 20, 5 << 20} {
		_, err := w.simulator.AddFault(metasim.Fault{Operation: metasim.OperationUploadBytes, CutAfterBytes: cut, Times: 1})
		w.must(err)
	}
	handle, err := w.template(w.waba, "large.pdf")
	w.must(err)
	checkHandle(t, w, handle, data, "application/pdf")
	sent := 0
	for _, request := range w.simulator.Requests() {
		if request.Operation == metasim.OperationUploadBytes {
			sent += int(request.BytesRead)
		}
	}
	if sent > len(data)+len(data)/2 {
		t.Errorf("%d bytes were sent of a file of %d: it was begun anew", sent, len(data))
	}
	if line := lastLine(t, w.log); line["attempts"] != float64(4) {
		t.Errorf("logged %v", line)
	}
}

func TestTemplateMediaNeedsAnApp(t *testing.T) {
	w := newWorld(t)
	linked, err := w.store.Link(t.Context(), store.BusinessAccount{AccountID: account, MetaID: "200", Token: secret.New("t")})
	w.must(err)
	_, err = w.template("waba-"+linked.ID, "sample.pdf")
	if exception, ok := errors.AsType[*socialmessaging.InvalidParametersException](err); !ok || !strings.Contains(exception.Message, "--app-id") {
		t.Errorf("%v", err)
	}
	_, err = w.template("waba-00000000000000000000000000000000", "sample.pdf")
	if _, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); !ok {
		t.Errorf("%v", err)
	}
}
