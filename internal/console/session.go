// Who is logged in, and what they may do. There are no passwords: `ferry console login`
// makes a link that logs in once (state.AddConsoleLogin), or a proxy has identified the
// person (trust.go).

package console

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ferry/internal/activity"
	"ferry/internal/admission"
	"ferry/internal/state"
)

// A role says what a person may do. A larger one may do more.
type role int

const (
	viewer   role = iota + 1 // look at everything but secrets
	operator                 // and deliver again, hold and discard
	admin                    // and change accounts, keys and the world
)

// Roles are the names of the roles, from the least to the greatest.
var Roles = []string{"viewer", "operator", "admin"}

// roleOf returns the role of a name, 0 if there is none.
func roleOf(name string) role {
	for i, known := range Roles {
		if known == name {
			return role(i + 1)
		}
	}
	return 0
}

func (r role) String() string {
	if r < viewer || r > admin {
		return "nobody"
	}
	return Roles[r-1]
}

// user is who sends a request.
type user struct {
	Name       string
	Role       role
	HasSession bool      // of a link; otherwise a proxy has named the person, or nobody logs in
	Confirmed  time.Time // when a link was last used; zero means never
}

// cookieName begins with a prefix by which browsers accept it only from a secure origin,
// for the whole of this host and no other.
const cookieName = "__Host-ferry"

// forRole returns a handler for those who have at least a role. Others are led to the
// login, or are told which role is missing.
func (c *Console) forRole(least role, serve func(http.ResponseWriter, *request)) http.HandlerFunc {
	return func(w http.ResponseWriter, original *http.Request) {
		r := &request{Request: original}
		var err error
		if r.user, err = c.who(original); err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
		switch {
		case r.user.Role == 0 && original.Method == http.MethodGet && r.part() == nil && original.URL.Path != "/stream":
			http.Redirect(w, original, "/login", http.StatusSeeOther)
		case r.user.Role == 0:
			c.renderError(w, r, problem{http.StatusUnauthorized, "You are not logged in, or your session has ended.", loginAdvice})
		case r.user.Role < least:
			c.renderError(w, r, asProblem(r.user.lacks(least)))
		default:
			admission.Verified(original.Context())
			serve(w, r)
		}
	}
}

// lacks returns the problem of a person whose role is less than the least one; nil if it
// is not.
func (u user) lacks(least role) error {
	if u.Role >= least {
		return nil
	}
	return problem{http.StatusForbidden, "Your role is " + u.Role.String() + "; this needs the role " + least.String() + ".",
		"Log in with a link of 'ferry console login --role " + least.String() + "'."}
}

const loginAdvice = "Run 'ferry console login' on the server, and open the link that it prints."

// who returns who sends a request. The zero user is not logged in.
func (c *Console) who(r *http.Request) (user, error) {
	if !c.config.NeedsLogin {
		return user{Name: "developer", Role: admin}, nil
	}
	var known user
	var err error
	if known.Name, err = c.config.Trust.person(r); err != nil {
		return user{}, err
	}
	if known.Name != "" {
		known.Role = c.config.Trust.role()
	}
	cookies := r.CookiesNamed(cookieName)
	if len(cookies) != 1 {
		return known, nil
	}
	session, err := c.config.State.ConsoleSession(r.Context(), cookies[0].Value)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return known, nil
	case err != nil:
		return user{}, err
	case known.Name != "" && known.Name != session.Name: // the browser was used by somebody else
		return known, nil
	}
	u := user{Name: session.Name, Role: max(known.Role, roleOf(session.Role)), HasSession: true}
	if roleOf(session.Role) == u.Role { // a link with less does not confirm what the proxy allows
		u.Confirmed = session.Confirmed
	}
	return u, nil
}

// serveLogin shows the page that a link leads to. It changes nothing: programs that look
// at links in advance would use them up.
func (c *Console) serveLogin(w http.ResponseWriter, original *http.Request) {
	r := &request{Request: original}
	if !c.config.NeedsLogin {
		http.Redirect(w, original, "/", http.StatusSeeOther)
		return
	}
	token := original.URL.Query().Get("token")
	if named, _ := c.config.Trust.person(original); named != "" && token == "" {
		http.Redirect(w, original, "/", http.StatusSeeOther)
		return
	}
	c.render(w, r, "login", token)
}

// logIn begins a session.
func (c *Console) logIn(w http.ResponseWriter, original *http.Request) {
	r := &request{Request: original}
	if !c.logins.Allow() {
		w.Header().Set("Retry-After", "1")
		c.renderError(w, r, problem{http.StatusTooManyRequests, "There are too many logins at once.", "Try again in a second."})
		return
	}
	if err := r.parse(w); err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	known, err := c.login(r)
	if errors.Is(err, state.ErrNotFound) {
		c.renderError(w, r, problem{http.StatusForbidden, "This link has been used, or is older than a minute.", loginAdvice})
		return
	}
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	if named, _ := c.config.Trust.person(original); named != "" && named != known.Name {
		c.renderError(w, r, problem{http.StatusForbidden, fmt.Sprintf("The link logs in %.100q, and the proxy says that you are %.100q.", known.Name, named),
			"Make a link with --name and the name that the proxy says."})
		return
	}
	if old := original.CookiesNamed(cookieName); len(old) == 1 { // its id is not used again
		err = c.config.State.EndConsoleSession(original.Context(), old[0].Value)
	}
	cookie, addErr := c.config.State.AddConsoleSession(original.Context(), known)
	if err = errors.Join(err, addErr); err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	r.user = user{Name: known.Name, Role: roleOf(known.Role)}
	c.record(original.Context(), r, activity.Entry{Operation: "LogIn", Outcome: activity.OK, Text: "role " + known.Role})
	http.SetCookie(w, sessionCookie(cookie.Reveal(), int(state.SessionLife.Seconds())))
	http.Redirect(w, original, "/", http.StatusSeeOther)
}

// login returns the person whom the token of a link logs in.
func (c *Console) login(r *request) (state.ConsoleUser, error) {
	token := r.PostFormValue("token")
	if own := c.config.Token; !own.IsZero() && subtle.ConstantTimeCompare([]byte(own.Reveal()), []byte(token)) == 1 {
		return state.ConsoleUser{Name: "developer", Role: admin.String()}, nil
	}
	return c.config.State.UseConsoleLogin(r.Context(), token)
}

// logOut ends the session.
func (c *Console) logOut(w http.ResponseWriter, r *request) {
	for _, cookie := range r.CookiesNamed(cookieName) {
		if err := c.config.State.EndConsoleSession(r.Context(), cookie.Value); err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
	}
	c.record(r.Context(), r, activity.Entry{Operation: "LogOut", Outcome: activity.OK})
	http.SetCookie(w, sessionCookie("", -1))
	http.Redirect(w, r.Request, "/login", http.StatusSeeOther)
}

func sessionCookie(value string, seconds int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: seconds, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}
