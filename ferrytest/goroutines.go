// Goroutines that outlive their test. Those of one test are told from those of others by a
// label, which each goroutine has from the one that started it.

package ferrytest

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/http"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// leakTime is how long goroutines have to end after the world was closed.
const leakTime = 5 * time.Second

const goroutineLabel = "ferrytest"

// labels are those of the tests that have worlds.
var labels = struct {
	sync.Mutex
	of map[testing.TB]*label
}{of: make(map[testing.TB]*label)}

// A label is that of the goroutines of one test.
type label struct {
	text   string
	worlds int // that have not ended
}

// markGoroutines labels this goroutine, and so all that it starts.
func (w *World) markGoroutines() {
	labels.Lock()
	defer labels.Unlock()
	l := labels.of[w.t]
	if l == nil {
		l = &label{text: rand.Text()}
		labels.of[w.t] = l
	}
	l.worlds++
	w.label = l.text
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(goroutineLabel, l.text)))
}

// unmarkGoroutines takes the label from this goroutine when the last world of the test
// ends, and reports whether it has.
func (w *World) unmarkGoroutines() bool {
	labels.Lock()
	defer labels.Unlock()
	l := labels.of[w.t]
	if l.worlds--; l.worlds > 0 {
		return false
	}
	delete(labels.of, w.t)
	pprof.SetGoroutineLabels(context.Background())
	return true
}

// goroutinesLeft returns the goroutines with the label that do not end.
func (w *World) goroutinesLeft() (list []found) {
	http.DefaultClient.CloseIdleConnections()
	pause := 200 * time.Microsecond
	for end := time.Now().Add(leakTime); ; pause *= 2 {
		stacks := w.stacks()
		if len(stacks) == 0 || time.Now().After(end) {
			for _, stack := range stacks {
				list = append(list, found{GoroutinesLeft, stack})
			}
			return list
		}
		time.Sleep(pause)
	}
}

// stacks returns the stacks of the goroutines with the label.
func (w *World) stacks() (stacks []string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return nil // a buffer takes everything
	}
	label := strconv.Quote(goroutineLabel) + ":" + strconv.Quote(w.label)
	for _, block := range strings.Split(profile.String(), "\n\n") {
		if !strings.Contains(block, label) || strings.Contains(block, "os/signal.loop+") { // that of the process, which never ends
			continue
		}
		var frames []string
		for _, line := range strings.Split(block, "\n")[1:] {
			if fields := strings.Fields(line); len(fields) >= 4 && fields[0] == "#" { // # address function+offset file:line
				frames = append(frames, fields[2]+" "+fields[3])
			}
		}
		stacks = append(stacks, strings.Join(frames, "\n    "))
	}
	return stacks
}
