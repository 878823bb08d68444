package ferrytest

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/internal/tty"
	"ferry/internal/why"
)

const (
	whyTime  = 10 * time.Second // to find out
	whyWidth = 120              // characters of a line
)

// writeWhy writes what became of the message, file, event or call that an entry is about,
// as `ferry why` does.
func (w *World) writeWhy(text *strings.Builder, about Entry) {
	id := cmp.Or(about.WAMID, about.MessageID, about.MediaID, about.EventID, about.RequestID)
	if id == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), whyTime)
	defer cancel()
	client := &control.Client{Endpoint: w.APIURL, Region: w.Region, Credentials: w.AWSConfig().Credentials, HTTPClient: w.client}
	report, err := control.Do(ctx, client, control.Why, control.WhyInput{ID: id})
	if err != nil {
		fmt.Fprintf(text, "\nWhy: %s is not known, because %s\n", id, tty.Clean(err.Error()))
		return
	}
	text.WriteString("\n")
	for line := range strings.Lines(why.Text(*report, whyWidth)) {
		text.WriteString(tty.Clean(strings.TrimRight(line, "\n")) + "\n")
	}
}
