// Why something did not happen: what else went wrong with the same call, file, message or
// event.

package ferrytest

import (
	"fmt"
	"slices"
	"strings"
)

// maxHops bounds how far entries are joined: from a status to its message, to the upload of
// its file, to the inspection.
const maxHops = 5

// writeWhy writes why an entry went no further, if anything that belongs to it says so.
func (w *World) writeWhy(text *strings.Builder, about Entry) {
	all := slices.Collect(w.entries(0))
	fmt.Fprintf(text, "\nWhy (of #%d):\n", about.Seq)
	wrote := false
	for _, e := range related(about, all) {
		if e.Outcome == "ok" && (e.Kind != "inspect" || e.Code == "") {
			continue
		}
		wrote = true
		fmt.Fprintf(text, "  %s\n", e)
		for _, line := range e.detail("fixes") {
			fmt.Fprintf(text, "      fix: %s\n", line)
		}
	}
	if !wrote {
		text.WriteString("  nothing that belongs to it has failed\n")
	}
}

// related returns the entries that share an id with an entry, or with one that does.
func related(about Entry, all []Entry) (list []Entry) {
	known := map[string]bool{}
	add := func(e Entry) {
		for _, id := range e.ids() {
			known[id] = true
		}
	}
	add(about)
	for range maxHops {
		before := len(known)
		for _, e := range all {
			if slices.ContainsFunc(e.ids(), func(id string) bool { return known[id] }) {
				add(e)
			}
		}
		if len(known) == before {
			break
		}
	}
	for _, e := range all {
		if e.Seq == about.Seq || slices.ContainsFunc(e.ids(), func(id string) bool { return known[id] }) {
			list = append(list, e)
		}
	}
	return list
}

// ids returns the ids by which entries are joined.
func (e Entry) ids() []string {
	ids := []string{e.RequestID, e.WAMID, e.MessageID, e.MediaID, e.EventID}
	return slices.DeleteFunc(ids, func(id string) bool { return id == "" })
}

// detail returns the lines of a detail of an entry.
func (e Entry) detail(key string) []string {
	for _, d := range e.details {
		if text := d.Value.String(); d.Key == key && text != "" {
			return strings.Split(text, "\n")
		}
	}
	return nil
}
