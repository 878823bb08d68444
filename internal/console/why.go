// Why a file or a message did not arrive: the report of `ferry why` as a page.

package console

import (
	"net/http"
	"net/url"
	"strings"

	"ferry/internal/tty"
	"ferry/internal/why"
)

// reportWidth is the width of the copied text of a report, as `ferry why` prints it.
const reportWidth = 80

// whyPage is a report, or the form that asks for an id.
type whyPage struct {
	ID       string
	Report   *why.Report // nil without an id
	Stations []whyStation
	Text     string // the report as `ferry why` prints it
}

// whyStation is a station with its links.
type whyStation struct {
	why.Station
	Advice, Command string
	Links           []link
}

type link struct{ Path, Name string }

func (c *Console) routeWhy() {
	c.page(navItem{"/why", "Why", "y"}, viewer, c.serveWhy)
	c.page(navItem{Path: "/why/{id...}"}, viewer, c.serveWhy)
}

func (c *Console) serveWhy(w http.ResponseWriter, r *request) {
	id := strings.TrimSpace(r.URL.Query().Get("id"))
	if path := r.PathValue("id"); path != "" {
		if rest, ok := strings.CutPrefix(path, "s3:/"); ok && !strings.HasPrefix(rest, "/") {
			path = "s3://" + rest // of which the server's router has made one slash
		}
		id = path
	}
	page := whyPage{ID: id}
	if id == "" {
		c.render(w, r, "why", page)
		return
	}
	v, err := c.reader(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	report, err := v.why(r.Context(), id)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	page.Report, page.Text = &report, cleanLines(why.Text(report, reportWidth))
	for _, s := range report.Stations {
		one := whyStation{Station: s}
		one.Advice, one.Command = why.SplitCommand(s.Next)
		for _, ref := range s.Refs {
			if l := c.linkTo(ref); l.Path != "" {
				one.Links = append(one.Links, l)
			}
		}
		page.Stations = append(page.Stations, one)
	}
	c.render(w, r, "why", page)
}

// cleanLines returns a text of several lines as a terminal may have it.
func cleanLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = tty.Clean(line)
	}
	return strings.Join(lines, "\n")
}

// linkTo returns the page about what a station is about; the zero link means none.
func (c *Console) linkTo(ref why.Ref) link {
	if len(ref.ID) > maxLinkID {
		return link{}
	}
	switch ref.Kind {
	case "request":
		return link{tracePath(ref.ID), "steps of the request"}
	case "event":
		return link{"/events/" + url.PathEscape(ref.ID), "event"}
	case "message":
		return link{"/events/" + url.PathEscape(ref.ID), "message and its events"}
	}
	switch {
	case c.config.Simulator == nil && ref.Kind == "media":
		return link{"/media/" + url.PathEscape(ref.ID), "file"} // which says if there is no record of it
	case c.config.Simulator == nil:
		return link{}
	}
	switch ref.Kind {
	case "media":
		if _, ok := c.config.Simulator.Media(ref.ID); ok {
			return link{"/media/" + url.PathEscape(ref.ID), "file"}
		}
	case "wamid":
		if _, ok := c.config.Simulator.Message(ref.ID); ok {
			return link{"/messages/" + url.PathEscape(ref.ID), "statuses at WhatsApp"}
		}
	}
	return link{}
}
