// Templates of the seed that change while the world runs.

package local

import (
	"errors"
	"time"

	"ferry/internal/seed"
)

// seedPoll is the time between two looks at the files of templates. A file is read when two
// looks have found it the same, so that one that an editor is writing is not.
const seedPoll = 250 * time.Millisecond

// templateWatch knows how the files of templates were.
type templateWatch struct {
	world *World
	known map[string]seed.TemplateFile // as they were read
	seen  map[string]seed.TemplateFile // as the last look has found them
}

// watchTemplates puts templates of the seed that change into the world, until it ends.
func (w *World) watchTemplates() {
	watch := &templateWatch{w, w.templateFiles, make(map[string]seed.TemplateFile)}
	w.group.Go(func() error {
		ticker := time.NewTicker(seedPoll)
		defer ticker.Stop()
		for {
			select {
			case <-w.watching.Done():
				return nil
			case <-ticker.C:
				watch.look()
			}
		}
	})
}

// look reads the files that have changed.
func (t *templateWatch) look() {
	files, err := seed.Templates(t.world.config.Seed)
	if err != nil {
		return // the directory is being replaced
	}
	for _, file := range files {
		before, wasSeen := t.seen[file.Path]
		t.seen[file.Path] = file
		if file == t.known[file.Path] || !wasSeen || before != file {
			continue
		}
		t.known[file.Path] = file
		t.reload(file)
	}
}

// reload changes the template of a file. A file that is wrong changes nothing.
func (t *templateWatch) reload(file seed.TemplateFile) {
	log := t.world.config.Logger
	template, err := file.Read(t.world.config.Seed)
	var problem *seed.Problem
	if err == nil {
		problem, err = t.world.putTemplate(template, true)
	}
	if of, ok := errors.AsType[*seed.Error](err); ok {
		problem, err = &of.Problems[0], nil
	}
	switch {
	case err != nil:
		log.Error("seed: the template stays as it was", "file", file.Path, "error", err)
	case problem != nil:
		log.Error("seed: the template stays as it was", "file", problem.File, "line", problem.Line, "problem", problem.Text)
	default:
		log.Info("seed: the template was changed", "file", file.Path)
	}
}
