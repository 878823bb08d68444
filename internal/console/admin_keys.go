// Access keys: who has which, what their policies say, and how they are made and ended.

package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	manage "ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
)

const (
	keysOnPage     = 50
	policiesOnPage = 4
	accountChoices = 200 // accounts that a form suggests
)

// keysPage lists keys.
type keysPage struct {
	standing
	Keys     []keyRow
	Account  string // that the list is limited to
	Accounts []string
	Next     string
	Form     keyForm
	Lives    []choice
	May      may
}

type keyRow struct {
	state.AccessKey
	Status string // active, disabled or expired
}

// keyForm is what a person has typed to make a key.
type keyForm struct{ Account, Name, Access, Policy, Expires, Problem string }

// keyPage is about one key.
type keyPage struct {
	standing
	keyRow
	Documents []string // its policies, indented
	More      int      // policies that are not shown
	May       may
	Keep      []choice // times for which it stays valid when it is rotated
}

// choice is a time that a form offers.
type choice struct{ Value, Text string }

// lives are the times for which a new key may be valid, and keeps those for which a key that is
// rotated stays valid.
var (
	lives = []choice{{"", "until it is deleted"}, {"15m", "15 minutes, with a session token"}, {"1h", "1 hour, with a session token"}, {"4h", "4 hours, with a session token"},
		{"12h", "12 hours, with a session token"}, {"36h", "36 hours, with a session token"}}
	keeps = []choice{{"", "until it is disabled or deleted"}, {"1h", "for 1 hour"}, {"24h", "for 1 day"}, {"168h", "for 7 days"}, {"720h", "for 30 days"}}
)

// chosen returns the time that a person has chosen; 0 means none.
func chosen(what, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, invalid("The time for which %s is valid is %.40q; expected one such as 1h.", what, text)
	}
	return d, nil
}

// createdKey is a key with its secret, which is shown once.
type createdKey struct {
	state.AccessKey
	Secret, Token string
	Old           keyRow // that it is the successor of; the zero value means none
}

func (c *Console) routeKeys() {
	c.page(navItem{Path: "/admin/keys"}, viewer, func(w http.ResponseWriter, r *request) {
		page, err := c.keys(r)
		if err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
		c.render(w, r, "admin-keys", page)
	})
	c.page(navItem{Path: "/admin/keys/{id}"}, viewer, c.serveKey)
	c.action("/admin/keys", "CreateKey", admin, c.createKey)
	c.action("/admin/keys/{id}/status", "ChangeKey", admin, c.changeKey)
	c.action("/admin/keys/{id}/rotate", "RotateKey", admin, c.rotateKey)
	c.action("/admin/keys/{id}/delete", "DeleteKey", admin, c.deleteKey)
}

func (c *Console) keys(r *request) (keysPage, error) {
	query := r.URL.Query()
	page := keysPage{standing: c.standing(r, admin), Account: query.Get("account"), Form: keyForm{Account: query.Get("account"), Name: "app", Access: "policy"}, Lives: lives}
	page.Return = "/admin/keys"
	all, err := manage.AccessKeys(r.Context(), c.config.State, page.Account)
	if err != nil {
		return page, typed(err)
	}
	shown, next := afterPage(all, query.Get("after"), keysOnPage, func(k state.AccessKey) string { return k.ID })
	for _, key := range shown {
		page.Keys = append(page.Keys, c.keyRow(key))
	}
	page.Next = next
	usages, err := c.config.State.Usages(r.Context())
	for _, u := range usages[:min(len(usages), accountChoices)] {
		page.Accounts = append(page.Accounts, u.AccountID)
	}
	if err != nil {
		return page, err
	}
	page.May, err = c.ask(r, query.Get("key"))
	return page, err
}

func (c *Console) serveKey(w http.ResponseWriter, r *request) {
	page, err := c.key(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	c.render(w, r, "admin-key", page)
}

func (c *Console) key(r *request) (page keyPage, err error) {
	page.standing = c.standing(r, admin)
	page.AccessKey, err = c.config.State.AccessKey(r.Context(), r.PathValue("id"))
	if errors.Is(err, state.ErrNotFound) {
		return page, problem{http.StatusNotFound, fmt.Sprintf("There is no access key %.100q.", r.PathValue("id")), "It may have been deleted."}
	}
	if err != nil {
		return page, err
	}
	page.keyRow, page.Keep = c.keyRow(page.AccessKey), keeps
	page.More = max(0, len(page.Policies)-policiesOnPage)
	for _, document := range page.Policies[:min(len(page.Policies), policiesOnPage)] {
		page.Documents = append(page.Documents, inOrder(document))
	}
	page.May, err = c.ask(r, page.ID)
	return page, err
}

// inOrder returns a JSON text with indentation, its members in their order.
func inOrder(text string) string {
	var pretty bytes.Buffer
	if json.Indent(&pretty, []byte(text), "", "  ") != nil {
		return text
	}
	return pretty.String()
}

// createKey makes a key, and shows its secret in the response to the form, once.
func (c *Console) createKey(r *request) (done, error) {
	form := keyForm{Account: r.field("account"), Name: r.field("name"), Access: r.field("access"), Policy: r.field("policy"), Expires: r.field("expires")}
	again := func(err error) (done, error) {
		page, pageErr := c.keys(r)
		if pageErr != nil {
			return done{}, pageErr
		}
		form.Problem = problemText(err)
		page.Form = form
		return done{Page: "admin-keys", Data: page}, err
	}
	if !c.isConfirmed(r.user) {
		return again(problem{http.StatusForbidden, "A new secret is shown only after a fresh login.", "Use a new link as this page says, then send the form again."})
	}
	document := form.Policy
	switch {
	case form.Access == "full":
		document = manage.FullAccessPolicy
	case document == "":
		return again(invalid("The policy is empty; a key without a policy is not allowed to do anything."))
	}
	life, err := chosen("the key", form.Expires)
	if err != nil {
		return again(err)
	}
	key, token, err := c.newKey(r, life, form, document)
	if err != nil {
		return again(typed(err))
	}
	text := fmt.Sprintf("none → user %s, %s", key.Name, accessText(form.Access))
	if key.IsTemporary() {
		text += ", temporary until " + key.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return done{
		Page: "admin-key-created", Data: createdKey{AccessKey: key, Secret: key.Secret.Reveal(), Token: token.Reveal()},
		Account: key.AccountID, Resource: key.ID, Text: text,
	}, nil
}

// newKey makes a key, which is temporary unless life is 0.
func (c *Console) newKey(r *request, life time.Duration, form keyForm, document string) (key state.AccessKey, token secret.Secret, err error) {
	if life != 0 {
		return manage.CreateTemporaryKey(r.Context(), c.config.State, life, form.Account, form.Name, document)
	}
	key, err = manage.CreateAccessKey(r.Context(), c.config.State, form.Account, form.Name, document)
	return key, secret.Secret{}, err
}

// rotateKey makes the successor of a key, and shows its secret in the response to the form, once.
func (c *Console) rotateKey(r *request) (done, error) {
	if !c.isConfirmed(r.user) {
		return done{}, problem{http.StatusForbidden, "A new secret is shown only after a fresh login.", "Use a new link as the page Keys says, then rotate the key again."}
	}
	keep, err := chosen("the old key", r.field("keep"))
	if err != nil {
		return done{}, err
	}
	old, successor, err := manage.RotateAccessKey(r.Context(), c.config.State, r.PathValue("id"), keep)
	if err != nil {
		return done{}, typed(err)
	}
	text := fmt.Sprintf("user %s: successor %s", old.Name, successor.ID)
	if !old.ExpiresAt.IsZero() {
		text += ", ends at " + old.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return done{
		Page: "admin-key-created", Data: createdKey{AccessKey: successor, Secret: successor.Secret.Reveal(), Old: c.keyRow(old)},
		Account: old.AccountID, Resource: old.ID, Text: text,
	}, nil
}

func accessText(access string) string {
	if access == "full" {
		return "full access"
	}
	return "1 policy"
}

// changeKey disables a key, or enables it again.
func (c *Console) changeKey(r *request) (done, error) {
	key, err := c.config.State.AccessKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return done{}, err
	}
	status := r.field("status")
	if status != "active" && status != "disabled" {
		return done{}, invalid("The status is %.40q; expected active or disabled.", status)
	}
	if err := manage.SetAccessKeyDisabled(r.Context(), c.config.State, key.ID, status == "disabled"); err != nil {
		return done{}, typed(err)
	}
	return done{To: "/admin/keys/" + key.ID, Account: key.AccountID, Resource: key.ID, Text: fmt.Sprintf("user %s: %s → %s", key.Name, c.keyRow(key).Status, status)}, nil
}

// deleteKey deletes a key.
func (c *Console) deleteKey(r *request) (done, error) {
	key, err := c.config.State.AccessKey(r.Context(), r.PathValue("id"))
	if err != nil {
		return done{}, err
	}
	if r.field("sure") == "" {
		return done{}, invalid("Nothing was deleted: the box that confirms it is not ticked.")
	}
	if err := manage.DeleteAccessKey(r.Context(), c.config.State, key.ID); err != nil {
		return done{}, typed(err)
	}
	return done{To: "/admin/keys", Account: key.AccountID, Resource: key.ID, Text: fmt.Sprintf("user %s: %s → deleted", key.Name, c.keyRow(key).Status)}, nil
}

// keyRow returns a key without its secret, with its status.
func (c *Console) keyRow(key state.AccessKey) keyRow {
	key.Secret = secret.Secret{}
	return keyRow{key, key.Status(c.config.State.Clock())}
}

// actions are the actions that policies may allow, for forms.
var actions = social.Actions()

// knownAction reports whether there is an action of a name, in whatever case.
func knownAction(name string) bool {
	return slices.ContainsFunc(actions, func(a string) bool { return strings.EqualFold(a, name) })
}
