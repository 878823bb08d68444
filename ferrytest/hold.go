// A world that failed and stays open, to be looked at.

package ferrytest

import (
	"os"
	"os/signal"
	"time"

	"ferry/internal/tty"
)

// consoleVariable names the environment variable that holds a failed world open.
const consoleVariable = "FERRYTEST_CONSOLE"

// hold holds the world of a failed test open until Ctrl-C, or until shortly before the
// deadline of the test.
func (w *World) hold() {
	if os.Getenv(consoleVariable) == "" || !w.t.Failed() || w.local == nil || w.network != nil {
		return
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)
	var over <-chan time.Time
	if deadline, ok := w.deadline(); ok {
		over = time.After(max(0, time.Until(deadline)-stopMargin))
	}
	_ = tty.NewOutput(os.Stderr).Printf(`
%s has failed, and its world stays open until Ctrl-C.

  API                %s
  WhatsApp simulator %s
  its control API    %s
  S3                 %s

`, w.t.Name(), w.APIURL, w.SimulatorURL, w.ControlURL, w.S3URL)
	select {
	case <-interrupted:
	case <-over:
	}
}
