package e2e

import (
	"bytes"
	"net/http"
	"testing"
)

// Files that WhatsApp does not accept are refused before a byte is sent to Meta.
func TestFilesThatWhatsAppDoesNotAcceptAreRefused(t *testing.T) {
	nodeBinary(t)
	w := newWorld(t, worldOptions{})
	node := startNode(t, w.ferry.url, w.key)
	jpeg, png, webp := sampleFile(t, "sample.jpg").Data, sampleFile(t, "sample.png").Data, sampleFile(t, "sticker-static.webp").Data

	for _, row := range []struct {
		name, contentType string
		data              []byte
		says              []string
	}{
		{"type not accepted", "image/gif", []byte("GIF89a, and so on"), []string{"image/gif"}},
		{"archive", "application/zip", []byte("PK\x03\x04 and so on"), []string{"application/zip"}},
		{"type contradicts bytes", "image/jpeg", png, []string{"image/jpeg", "image/png"}},
		{"an error page for an image", "image/jpeg", []byte("<!DOCTYPE html><html><body>Not here</body></html>"), []string{"image/jpeg"}},
		{"empty", "text/plain", nil, []string{"empty"}},
		{"image too large", "image/jpeg", pad(jpeg, 5<<20+1), []string{"5,242,881", "image/jpeg"}},
		{"static sticker too large", "image/webp", pad(webp, 100<<10+1), []string{"102,401", "sticker"}},
		{"audio too large", "audio/mpeg", pad(sampleFile(t, "sample.mp3").Data, 16<<20+1), []string{"16,777,217", "audio/mpeg"}},
		{"unknown type", "binary/octet-stream", []byte{0, 1, 2, 3, 4, 5, 6, 7}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			w.s3.put(t, w.bucket, "file", row.data, row.contentType)
			node.post(jsFromBucket(w.phone, w.bucket, "file")).wantException(t, "InvalidParametersException", http.StatusBadRequest, row.says...)
			node.post(jsFromURL(w.phone, w.s3.presign(t, w.bucket, "file"), row.contentType)).wantException(t, "InvalidParametersException", http.StatusBadRequest, row.says...)
		})
	}
	t.Run("larger than every limit", func(t *testing.T) {
		stream := newDocument(100<<20 + 1)
		w.s3.putStream(t, w.bucket, "file", stream, stream.size, "application/pdf")
		node.post(jsFromBucket(w.phone, w.bucket, "file")).wantException(t, "InvalidParametersException", http.StatusBadRequest, "104,857,601", "application/pdf", "[too-large]")
	})
	if sent := w.sim.uploads(); len(sent) != 0 {
		t.Errorf("%d uploads to Meta were started for files that it does not accept", len(sent))
	}

	t.Run("exactly at the limit", func(t *testing.T) {
		data := pad(jpeg, 5<<20)
		w.s3.put(t, w.bucket, "file", data, "image/jpeg")
		w.sim.wantStored(node.post(jsFromBucket(w.phone, w.bucket, "file")).mediaID(t), data)
	})
}

// Where the store has no useful type, the bytes and then the extension decide.
func TestBytesAndExtensionDecideWhereNoTypeIsStored(t *testing.T) {
	w := newWorld(t, worldOptions{})
	for _, name := range []string{"sample.jpg", "sample.mp4", "voice.ogg", "sample.m4a", "sample.docx", "sample.xlsx", "sample.txt", "sample.amr"} {
		file := sampleFile(t, name)
		w.s3.put(t, w.bucket, "stored/"+name, file.Data, "")
		media := w.sim.wantStored(w.post(w.fromBucket("stored/"+name)), file.Data)
		if want := map[string]string{"audio/ogg": "audio/ogg; codecs=opus"}[file.ContentType]; media.MIMEType != file.ContentType && media.MIMEType != want {
			t.Errorf("%s was sent to Meta as %s, want %s", name, media.MIMEType, file.ContentType)
		}
		if media.FileName != name {
			t.Errorf("%s was sent to Meta under the name %q", name, media.FileName)
		}
	}
}

// pad appends zeros to a file.
func pad(data []byte, size int) []byte {
	return append(bytes.Clone(data), make([]byte, size-len(data))...)
}
