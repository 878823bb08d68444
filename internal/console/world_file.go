// The world as a file: saved to the browser's disk, and loaded from there.

package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A World is the whole world of ferry dev.
type World interface {
	// Save writes the file of the world.
	Save(ctx context.Context, to io.Writer) error
	// LoadFrom puts the world of a file in place of the running one. If the file is not whole,
	// it changes nothing and returns why, in words for people.
	LoadFrom(ctx context.Context, from io.Reader) error
	// Reset empties the world.
	Reset(ctx context.Context) error
	// SeedDir returns the directory of the seed, "" if there is none.
	SeedDir() string
	// SeedAgain puts what the directory of the seed has into the running world, and says what
	// that is. Errors are for people.
	SeedAgain(ctx context.Context) (what string, err error)
	// Object opens an object of S3, and returns its type.
	Object(ctx context.Context, bucket, key string) (io.ReadCloser, string, error)
}

const (
	maxWorldUpload = 2 << 30          // bytes of a form with the file of a world
	worldTime      = 10 * time.Minute // for sending or receiving the file of a world
)

func (c *Console) routeWorldFile() {
	if c.config.World == nil {
		return
	}
	c.mux.HandleFunc("GET /world/file", c.forRole(admin, c.saveWorld)) // files of messages are in it
	c.mux.HandleFunc("POST /world/load", c.forRole(admin, c.loadWorld))
	c.action("/world/seed", "SeedWorld", admin, c.seedAgain)
}

// seedAgain puts what the directory of the seed has into the world.
func (c *Console) seedAgain(r *request) (done, error) {
	what, err := c.config.World.SeedAgain(r.Context())
	if err != nil {
		return done{}, problem{http.StatusBadRequest, "The seed was not put in: " + err.Error(), ""}
	}
	return done{To: "/world", Text: what}, nil
}

// saveWorld sends the file of the world. If it cannot be saved completely, the connection is
// cut, so that the browser reports that.
func (c *Console) saveWorld(w http.ResponseWriter, r *request) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(worldTime)) // what cannot be set has no limit
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="world.ferry"`)
	if err := c.config.World.Save(r.Context(), w); err != nil {
		c.config.Logger.Error("the world could not be saved", "error", err)
		panic(http.ErrAbortHandler)
	}
}

// loadWorld loads the file of a form, which is not kept in memory: the box that confirms it
// comes first in the form.
func (c *Console) loadWorld(w http.ResponseWriter, r *request) {
	err := c.loadForm(w, r)
	c.finish(w, r, "LoadWorld", done{To: "/world", Text: "the world of a file"}, err)
}

func (c *Console) loadForm(w http.ResponseWriter, r *request) error {
	deadline := time.Now().Add(worldTime)
	_ = http.NewResponseController(w).SetReadDeadline(deadline)
	r.Body = http.MaxBytesReader(w, r.Body, maxWorldUpload)
	parts, err := r.MultipartReader()
	if err != nil {
		return problem{http.StatusUnsupportedMediaType, "The request is not a form with a file.", "Send multipart/form-data with sure=1 and then file."}
	}
	sure := false
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return invalid("Nothing was loaded: no file was chosen.")
		case err != nil:
			return invalid("Nothing was loaded: the form cannot be read: %v", err)
		case part.FormName() == "sure":
			sure = true
		case part.FormName() == "file" && !sure:
			return invalid("Nothing was loaded: the box that confirms it is not ticked.")
		case part.FormName() == "file" && part.FileName() == "":
			return invalid("Nothing was loaded: no file was chosen.")
		case part.FormName() == "file":
			return c.loadPart(r, part)
		}
	}
}

func (c *Console) loadPart(r *request, file io.Reader) error {
	err := c.config.World.LoadFrom(r.Context(), file)
	if err == nil {
		return nil
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem{http.StatusRequestEntityTooLarge, fmt.Sprintf("Nothing was loaded: the file has more than %d MiB.", tooLarge.Limit>>20), "Start ferry dev with --load FILE."}
	}
	text := err.Error()
	return problem{http.StatusBadRequest, "The file is not the one that was saved: " + strings.TrimSuffix(text, ".") + ".", "Choose a file as 'Save' or 'ferry world save' writes it."}
}
