package metasim

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// endless is an infinite sequence of one byte.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

// sizedForm returns the body of an upload of size bytes, which is generated while
// it is read, and its length.
func sizedForm(name, contentType, head string, size int) (io.Reader, string) {
	before, after, _ := strings.Cut(formOf(field("messaging_product", "whatsapp"), file(name, contentType, "\x00CUT\x00")), "\x00CUT\x00")
	body := io.MultiReader(strings.NewReader(before+head), io.LimitReader(endless('x'), int64(size-len(head))), strings.NewReader(after))
	return body, strconv.Itoa(len(before) + size + len(after))
}

func TestUploadStreamsInConstantMemory(t *testing.T) {
	const size = 64 << 20
	s := startSim(t, func(c *Config) { c.Storage = NewDiscardStorage() })
	upload := func() {
		body, _ := sizedForm("a.pdf", "application/pdf", pdf, size)
		a := s.mustSend(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1, "Content-Type", formType)
		if a.status != http.StatusOK {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	upload()
	runtime.ReadMemStats(&after)

	// All allocations of client and server, including garbage.
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 4<<20 {
		t.Errorf("%d bytes were allocated for an upload of %d", allocated, size)
	}
	if got := s.lastRequest(); got.FileSize != size || got.BytesRead <= size {
		t.Errorf("history: file of %d bytes, body of %d", got.FileSize, got.BytesRead)
	}
}

func TestFramingFindsTheEndWhereverReadsAreSplit(t *testing.T) {
	closing := "\r\n--" + boundary + "--"
	tests := map[string]struct {
		body       string
		want       error
		surrounded bool
	}{
		"complete":                  {"--" + boundary + "\r\nx" + closing + "\r\n", nil, false},
		"no line end":               {"--" + boundary + "\r\nx" + closing, nil, false},
		"nothing but the end":       {"--" + boundary + "--", nil, false},
		"no end":                    {"--" + boundary + "\r\nx\r\n--" + boundary + "-", errUnclosed, false},
		"empty":                     {"", errUnclosed, true},
		"preamble":                  {"\r\n--" + boundary + "\r\nx" + closing, nil, true},
		"epilogue":                  {"--" + boundary + "\r\nx" + closing + "\r\n.", nil, true},
		"epilogue with another end": {"--" + boundary + "\r\nx" + closing + "\r\n" + closing, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for step := 1; step <= len(test.body)+1; step++ {
				f := newFraming(bytes.NewReader([]byte(test.body)), boundary)
				var err error
				for err == nil {
					_, err = f.Read(make([]byte, step))
				}
				if err == io.EOF {
					err = f.finish()
				}
				if err != test.want || f.surrounded() != test.surrounded {
					t.Fatalf("reads of %d bytes: %v, %v; want %v, %v", step, err, f.surrounded(), test.want, test.surrounded)
				}
			}
		})
	}
}
