package console

import (
	"net/http"
	"net/url"
	"strings"

	"ferry/internal/activity"
)

// done is what an action has done.
type done struct {
	To     string // page to show next
	Text   string // what has changed, as before → after, for the record
	Person string // whom it is about
	WAMID  string
	Media  string

	Account  string // 12 digits
	Resource string // what it is about, such as the id of a key

	// Page is shown in place of To, with Data: for what no later page may show, such as a
	// secret, and for a form that has to be filled in again. Empty means none.
	Page string
	Data any
}

// action registers a change that a form makes. It needs a role, and is recorded under its
// name, whatever comes of it: what somebody with another role tries, too. A path in the field "return" is shown next in place of
// done.To.
func (c *Console) action(pattern, name string, least role, do func(*request) (done, error)) {
	c.mux.HandleFunc("POST "+pattern, c.forRole(viewer, func(w http.ResponseWriter, r *request) {
		err := r.user.lacks(least)
		if err == nil {
			err = r.parse(w)
		}
		var result done
		if err == nil {
			result, err = do(r)
		}
		c.finish(w, r, name, result, err)
	}))
}

// finish records a change, and shows what has come of it.
func (c *Console) finish(w http.ResponseWriter, r *request, name string, result done, err error) {
	entry := activity.Entry{Time: c.config.Now(), Operation: name, Outcome: activity.OK, Text: result.Text, WAMID: result.WAMID, MediaID: result.Media}
	entry.Account, entry.Resource = result.Account, result.Resource
	if err != nil {
		p := asProblem(err)
		entry.Outcome, entry.Text, entry.Status = activity.Refused, p.Text, p.Status
		if p.Status >= http.StatusInternalServerError {
			entry.Outcome, entry.Cause = activity.Failed, err.Error()
		}
	}
	c.record(r.Context(), r, entry)
	switch {
	case result.Page != "" && err != nil:
		c.renderStatus(w, r, asProblem(err).Status, result.Page, result.Data)
		return
	case result.Page != "":
		c.render(w, r, result.Page, result.Data)
		return
	case err != nil:
		c.renderError(w, r, asProblem(err))
		return
	}
	http.Redirect(w, r.Request, returnPath(r, result.To), http.StatusSeeOther)
}

// returnPath returns the page to show next: a path of this console.
func returnPath(r *request, to string) string {
	wanted := r.PostFormValue("return")
	u, err := url.Parse(wanted)
	if wanted == "" || err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(wanted, "\\") {
		return to
	}
	return wanted
}
