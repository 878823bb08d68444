// The part of the control API that exports and imports the whole state.

package metasim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
)

// controlWorld adds the paths about the whole state.
func (s *Server) controlWorld(mux *http.ServeMux) {
	mux.HandleFunc("GET /export", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		if err := s.Export(w); err != nil {
			s.logStorage(err)
			panic(http.ErrAbortHandler) // the client finds that the last line is missing
		}
	})
	mux.HandleFunc("POST /import", func(w http.ResponseWriter, r *http.Request) {
		if err := s.importSpooled(http.MaxBytesReader(w, r.Body, maxWorld)); err != nil {
			writeControlError(w, http.StatusBadRequest, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	for pattern, handler := range s.cfg.ControlPaths {
		mux.Handle(pattern, handler)
	}
}

// importSpooled imports a stream that can be read once only.
func (s *Server) importSpooled(body io.Reader) (err error) {
	spool, err := os.CreateTemp("", "metasim-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, spool.Close(), os.Remove(spool.Name())) }()
	if _, err := io.Copy(spool, body); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return s.Import(spool)
}

// Export writes the state of the Server to w; see Server.Export. It returns an error if what
// arrives is not complete.
func (c *ControlClient) Export(ctx context.Context, w io.Writer) error {
	response, err := c.open(ctx, http.MethodGet, "/export", nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := verifyWorld(io.TeeReader(response.Body, w)); err != nil {
		return fmt.Errorf("metasim: control API: %w; try again", err)
	}
	return nil
}

// Import replaces the state of the Server; see Server.Import.
func (c *ControlClient) Import(ctx context.Context, r io.Reader) error {
	response, err := c.open(ctx, http.MethodPost, "/import", r)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// open sends a request and returns the response, which the caller closes, or the error
// that it is.
func (c *ControlClient) open(ctx context.Context, method, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.baseURL+path, body)
	if err != nil {
		return nil, fmt.Errorf("metasim: control API: %w", err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("metasim: control API: %w", err)
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		defer response.Body.Close()
		content, err := io.ReadAll(io.LimitReader(response.Body, maxControlBody))
		if err != nil {
			return nil, fmt.Errorf("metasim: control API: reading the response: %w", err)
		}
		return nil, controlError(response.StatusCode, content)
	}
	return response, nil
}
