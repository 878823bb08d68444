// Administration: the pages of ferry serve about accounts, keys, stores, destinations,
// limits, and what was changed. Everybody may read them; changes need a role, and what
// makes a secret needs a link that was used lately, too.

package console

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	manage "ferry/internal/admin"
)

const (
	confirmLife  = 5 * time.Minute  // for which a login counts as fresh
	trialTimeout = 30 * time.Second // for a trial of a store, a destination or a token
)

// routeAdmin registers the pages of administration.
func (c *Console) routeAdmin() {
	c.page(navItem{"/admin", "Admin", "a"}, viewer, func(w http.ResponseWriter, r *request) {
		http.Redirect(w, r.Request, "/admin/accounts", http.StatusSeeOther)
	})
	c.routeAccounts()
	c.routeKeys()
	c.routeStores()
	c.routeDestinations()
	c.page(navItem{Path: "/admin/limits"}, viewer, c.serveLimits)
	c.routeDoctor()
	c.page(navItem{Path: "/admin/audit"}, viewer, c.serveAudit)
	c.action("/admin/confirm", "ConfirmLogin", admin, c.confirm)
}

// standing is what a page of administration says about the person's login.
type standing struct {
	Can        bool   // the person has the role that the page's changes need
	Confirmed  bool   // and a login that is fresh enough to make secrets
	Person     string // name of the person
	HasSession bool   // that a link can confirm
	Origin     string // of the console, for the command
	Return     string // path of the page
}

// standing returns what a page says about the person's login. least is the role for its
// changes.
func (c *Console) standing(r *request, least role) standing {
	s := standing{Can: r.user.Role >= least, Confirmed: c.isConfirmed(r.user), Person: r.user.Name, HasSession: r.user.HasSession, Return: r.URL.Path}
	if len(c.config.Origins) > 0 {
		s.Origin = c.config.Origins[0]
	}
	return s
}

// isConfirmed reports whether a link was used so lately that the person may see secrets.
func (c *Console) isConfirmed(u user) bool {
	return !c.config.NeedsLogin || c.config.Now().Sub(u.Confirmed) < confirmLife
}

// confirm uses a new link for the session, so that its person may see secrets.
func (c *Console) confirm(r *request) (done, error) {
	if !c.logins.Allow() {
		return done{}, problem{http.StatusTooManyRequests, "There are too many logins at once.", "Try again in a second."}
	}
	cookies := r.CookiesNamed(cookieName)
	if !r.user.HasSession || len(cookies) != 1 {
		return done{}, problem{http.StatusForbidden, "There is no session to confirm: the proxy has logged you in.", "Open the link itself."}
	}
	token := r.field("link")
	if u, err := url.Parse(token); err == nil && u.Query().Get("token") != "" {
		token = u.Query().Get("token")
	}
	if err := c.config.State.ConfirmConsoleSession(r.Context(), cookies[0].Value, token); err != nil {
		if asProblem(err).Status != http.StatusNotFound {
			return done{}, err
		}
		return done{}, problem{http.StatusForbidden, "This link has been used, is older than a minute, or is for another person or role.",
			fmt.Sprintf("Make one with 'ferry console login --role %s --name %s'.", r.user.Role, r.user.Name)}
	}
	return done{To: "/admin/keys", Text: "login older than 5 minutes → fresh"}, nil
}

// afterPage returns the elements of a list after one, at most limit, and the last of them
// if there are more.
func afterPage[T any](all []T, after string, limit int, key func(T) string) (page []T, next string) {
	at := 0
	if after != "" {
		at = slices.IndexFunc(all, func(one T) bool { return key(one) == after }) + 1
	}
	page = all[at:]
	if len(page) > limit {
		page = page[:limit]
		next = key(page[limit-1])
	}
	return page, next
}

// problemText returns the text of an error that a form shows.
func problemText(err error) string {
	if err == nil {
		return ""
	}
	p := asProblem(err)
	return strings.TrimSpace(p.Text + " " + p.Advice)
}

// typed returns an error of package admin as a problem, if it is about what was typed.
func typed(err error) error {
	wrong, ok := errors.AsType[*manage.Mistake](err)
	if !ok {
		return err
	}
	text := wrong.Error()
	return problem{http.StatusBadRequest, strings.ToUpper(text[:1]) + text[1:] + ".", ""}
}
