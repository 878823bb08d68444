package metasim

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// errCut is returned by reads of a request's body that a fault has cut.
var errCut = errors.New("cut by a fault")

// slicesPerSecond is the number of chunks in which a second of a limited bandwidth
// is sent.
const slicesPerSecond = 20

// rateLimit limits the bandwidth of a stream.
type rateLimit struct {
	perSecond int64 // bytes; 0 for no limit
	sleep     func(time.Duration) error
}

// chunk returns how many of n bytes to move before the next wait.
func (p rateLimit) chunk(n int) int {
	if p.perSecond == 0 {
		return n
	}
	return int(min(int64(n), max(1, p.perSecond/slicesPerSecond)))
}

// wait waits for the time that n bytes take.
func (p rateLimit) wait(n int) error {
	if p.perSecond == 0 || n == 0 {
		return nil
	}
	return p.sleep(time.Duration(float64(n) / float64(p.perSecond) * float64(time.Second)))
}

// requestBody counts the bytes of a request's body, and applies the bandwidth and
// the cut of a fault.
type requestBody struct {
	source    io.ReadCloser
	read      int64 // bytes
	rateLimit rateLimit
	cutAt     int64 // bytes; 0 for never
	cut       bool  // it was cut
}

func (b *requestBody) Read(p []byte) (int, error) {
	p = p[:b.rateLimit.chunk(len(p))]
	if b.cutAt > 0 {
		left := b.cutAt - b.read
		if left <= 0 {
			b.cut = true
			return 0, errCut
		}
		p = p[:min(int64(len(p)), left)]
	}
	n, err := b.source.Read(p)
	b.read += int64(n)
	if waitErr := b.rateLimit.wait(n); waitErr != nil {
		return n, waitErr
	}
	return n, err
}

func (b *requestBody) Close() error { return b.source.Close() }

// responseWriter counts the bytes of a response's body, and applies the bandwidth
// and the cut of a fault.
type responseWriter struct {
	http.ResponseWriter
	wrote     func(status int) // called before the header goes out
	buffers   *sync.Pool
	status    int   // 0 until the header is written
	written   int64 // bytes of the body
	rateLimit rateLimit
	cutAt     int64 // bytes of the body; 0 for never
	cut       bool
	muted     bool // the response is lost: nothing is written
}

func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 || w.muted {
		return
	}
	w.status = status
	w.wrote(status)
	w.ResponseWriter.WriteHeader(status)
}

// Write panics with http.ErrAbortHandler where the fault cuts. The client expects
// more bytes, and sees a broken connection.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.muted {
		return len(p), nil
	}
	w.WriteHeader(http.StatusOK)
	total := 0
	for total < len(p) {
		piece := p[total:]
		piece = piece[:w.rateLimit.chunk(len(piece))]
		cut := w.cutAt > 0 && w.written+int64(len(piece)) > w.cutAt
		if cut {
			piece = piece[:w.cutAt-w.written]
		}
		n, err := w.ResponseWriter.Write(piece)
		total += n
		w.written += int64(n)
		if cut {
			w.flush()
			w.cut = true
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			return total, err
		}
		if w.rateLimit.perSecond > 0 {
			w.flush()
			if err := w.rateLimit.wait(n); err != nil {
				return total, err
			}
		}
	}
	return total, nil
}

// ReadFrom lets net/http send files without copying them, unless a fault limits or
// cuts the response.
func (w *responseWriter) ReadFrom(source io.Reader) (int64, error) {
	if w.muted {
		return io.Copy(io.Discard, source)
	}
	w.WriteHeader(http.StatusOK)
	if fast, ok := w.ResponseWriter.(io.ReaderFrom); ok && w.rateLimit.perSecond == 0 && w.cutAt == 0 {
		n, err := fast.ReadFrom(source)
		w.written += n
		return n, err
	}
	buffer := w.buffers.Get().(*[copyBuffer]byte)
	defer w.buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{source}, buffer[:])
}

func (w *responseWriter) flush() {
	if err := http.NewResponseController(w.ResponseWriter).Flush(); err != nil {
		return // a writer that cannot flush does not buffer
	}
}
