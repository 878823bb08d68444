// Accounts, and the WhatsApp business accounts and phone numbers that are linked to them.

package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ferry/internal/activity"
	manage "ferry/internal/admin"
	"ferry/internal/graph"
	"ferry/internal/journal"
	"ferry/internal/secret"
	"ferry/internal/social"
	"ferry/internal/state"
)

const (
	accountsOnPage = 10
	linkedOnPage   = 25   // business accounts, of all accounts on the page
	numbersOnPage  = 80   // phone numbers, of all of these
	unlinkedOnPage = 20   // business accounts of which webhooks report, and that nobody has linked
	metaEntries    = 1000 // requests to Meta in which the last use of a token is looked for
)

// accountsPage lists accounts.
type accountsPage struct {
	standing
	Accounts []accountView
	Account  string // that the page is limited to
	Next     string // after which there are more
	Unlinked []state.Unlinked
	Check    *tokenCheck

	uses                    map[string]tokenUse
	linkedLeft, numbersLeft int // that may still be shown, so that the page stays small
}

// accountView is an account with what belongs to it.
type accountView struct {
	state.Usage
	Switches []accountSwitch
	Archive  state.Archive
	Keys     int
	Linked   []linkedView
	More     int // business accounts that are not shown
}

// accountSwitch is a setting of an account.
type accountSwitch struct {
	Setting  state.Setting
	Name     string
	On, Both bool // Both: it is on for all accounts
}

// linkedView is a linked business account.
type linkedView struct {
	state.BusinessAccount
	AWSID   string
	Targets []target
	Token   tokenUse
	Numbers []numberView
	More    int // numbers that are not shown
}

type numberView struct {
	state.PhoneNumber
	AWSID string
}

// target is where the events of a business account go.
type target struct {
	Name         string // or the ARN of a topic
	IsConfigured bool
	IsMissing    bool // it was chosen, and the configuration does not have it
}

// tokenUse is what became of the last request to Meta with a token, as far as the journal
// has it. The zero tokenUse means that it has none.
type tokenUse struct {
	At       time.Time
	Accepted bool
	Status   int
}

// tokenCheck is what Meta says about a business account now.
type tokenCheck struct {
	state.BusinessAccount
	Problem string
	Differs []string // between Meta and what is stored
}

func (c *Console) routeAccounts() {
	c.page(navItem{Path: "/admin/accounts"}, viewer, func(w http.ResponseWriter, r *request) {
		page, err := c.accounts(r, r.URL.Query().Get("account"))
		if err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
		c.render(w, r, "admin-accounts", page)
	})
	c.action("/admin/accounts/check", "CheckToken", operator, c.checkToken)
	c.action("/admin/accounts/setting", "ChangeAccount", admin, c.changeAccount)
}

// accounts returns the page about an account, or about those after one.
func (c *Console) accounts(r *request, account string) (accountsPage, error) {
	page := accountsPage{standing: c.standing(r, operator), Account: account, linkedLeft: linkedOnPage, numbersLeft: numbersOnPage}
	all, err := c.config.State.Usages(r.Context())
	if err != nil {
		return page, err
	}
	if account != "" {
		all = slices.DeleteFunc(all, func(u state.Usage) bool { return u.AccountID != account })
		if len(all) == 0 {
			return page, notFound("account", account)
		}
	}
	all, page.Next = afterPage(all, r.URL.Query().Get("after"), accountsOnPage, func(u state.Usage) string { return u.AccountID })
	if page.uses, err = c.tokenUses(r.Context(), account); err != nil {
		return page, err
	}
	for _, usage := range all {
		view, err := c.account(r.Context(), &page, usage)
		if err != nil {
			return page, err
		}
		page.Accounts = append(page.Accounts, view)
	}
	page.Unlinked, err = c.config.State.UnlinkedUpdates(r.Context())
	page.Unlinked = page.Unlinked[:min(len(page.Unlinked), unlinkedOnPage)]
	return page, err
}

func (c *Console) account(ctx context.Context, page *accountsPage, usage state.Usage) (view accountView, err error) {
	limits := c.config.Gateway.Limits()
	view = accountView{Usage: usage, Switches: []accountSwitch{
		{state.Reuse, "Reuse of media", usage.Reuse, false},
		{state.Verify, "Verification of uploads", usage.Verify, limits.VerifyUploads},
		{state.LinkToID, "Link to id", usage.LinkToID, limits.LinkToID},
		{state.TextAsPlain, "Text files as text/plain", usage.TextAsPlain, limits.TextAsPlain},
	}}
	keys, err := manage.AccessKeys(ctx, c.config.State, usage.AccountID)
	if err != nil {
		return view, err
	}
	view.Keys = len(keys)
	if view.Archive, err = c.config.State.ArchiveOf(ctx, usage.AccountID); err != nil {
		return view, err
	}
	linked, err := manage.LinkedAccounts(ctx, c.config.State, usage.AccountID)
	if err != nil {
		return view, err
	}
	shown := min(len(linked), page.linkedLeft)
	page.linkedLeft, view.More = page.linkedLeft-shown, len(linked)-shown
	for _, l := range linked[:shown] {
		one, err := c.linked(ctx, page, l)
		if err != nil {
			return view, err
		}
		view.Linked = append(view.Linked, one)
	}
	return view, nil
}

func (c *Console) linked(ctx context.Context, page *accountsPage, l state.BusinessAccount) (view linkedView, err error) {
	view = linkedView{BusinessAccount: l, AWSID: social.BusinessAccountID(l)}
	for _, n := range l.PhoneNumbers {
		if use := page.uses[n.ID]; use.At.After(view.Token.At) {
			view.Token = use
		}
		if page.numbersLeft == 0 {
			view.More++
			continue
		}
		page.numbersLeft--
		view.Numbers = append(view.Numbers, numberView{n, social.PhoneNumberID(n)})
	}
	view.Targets, err = c.targets(ctx, l)
	return view, err
}

// targets returns where the events of a business account go.
func (c *Console) targets(ctx context.Context, l state.BusinessAccount) (list []target, err error) {
	router := c.config.Gateway.Events().Router()
	names, err := router.Targets(ctx, l.AccountID, l.ID)
	for _, name := range names {
		t := target{Name: name, IsConfigured: !isTopic(name)}
		t.IsMissing = t.IsConfigured && !slices.ContainsFunc(router.Destinations(), isNamed(name))
		list = append(list, t)
	}
	return list, err
}

// tokenUses returns what became of the last requests to Meta, by the id of the phone
// number, as far as the newest entries of the journal have them. A refusal of the request itself says nothing about the token.
func (c *Console) tokenUses(ctx context.Context, account string) (map[string]tokenUse, error) {
	_, last, err := c.config.Gateway.Journal().Bounds(ctx)
	if err != nil {
		return nil, err
	}
	entries, err := c.config.Gateway.Journal().Read(ctx, journal.Filter{Account: account, Kinds: []activity.Kind{activity.Graph}, After: max(0, last-journal.MaxCounted), Latest: true, Limit: metaEntries})
	uses := make(map[string]tokenUse)
	for _, e := range slices.Backward(entries) {
		isRefused := e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
		if _, known := uses[e.PhoneNumberID]; known || e.PhoneNumberID == "" || !isRefused && (e.Status < 200 || e.Status > 299) {
			continue
		}
		uses[e.PhoneNumberID] = tokenUse{e.Time, !isRefused, e.Status}
	}
	return uses, err
}

// checkToken asks Meta for a business account with its token.
func (c *Console) checkToken(r *request) (done, error) {
	account, id := r.field("account"), r.field("id")
	owner, err := c.config.State.Owner(r.Context(), account, id)
	if err != nil {
		return done{}, err
	}
	stored, err := c.config.State.BusinessAccount(r.Context(), account, id)
	if err != nil {
		return done{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), trialTimeout)
	defer cancel()
	read, err := manage.ReadAccount(ctx, c.config.Gateway.Graph(), owner.MetaID, owner.Token)
	stored.Token = secret.Secret{}
	check := &tokenCheck{BusinessAccount: stored}
	result := "accepted"
	if err != nil {
		check.Problem, result = metaProblem(err), "not accepted: "+metaProblem(err)
		c.config.Logger.Warn("Meta did not say what a token is for", "account", account, "waba", stored.MetaID, "cause", err)
	} else {
		check.Differs = differences(stored, read)
	}
	page, err := c.accounts(r, account)
	page.Check, page.Return = check, "/admin/accounts"
	return done{Page: "admin-accounts", Data: page, Account: account, Resource: social.BusinessAccountID(stored), Text: "the token is " + result}, err
}

// metaProblem returns what a person is shown of an error of the Graph API.
func metaProblem(err error) string {
	if refused, ok := errors.AsType[*graph.Error](err); ok {
		return "Meta refuses it: " + refused.Summary()
	}
	if _, ok := errors.AsType[*graph.UnreachableError](err); ok {
		return "Meta cannot be reached, or sent no usable response."
	}
	return "Meta could not be asked. The log of the server says why."
}

// differences lists what Meta says otherwise than what is stored.
func differences(stored, read state.BusinessAccount) (list []string) {
	differs := func(what, was, is string) {
		if was != is {
			list = append(list, fmt.Sprintf("%s: %q here, %q at Meta", what, was, is))
		}
	}
	differs("name", stored.Name, read.Name)
	for _, n := range read.PhoneNumbers {
		at := slices.IndexFunc(stored.PhoneNumbers, func(s state.PhoneNumber) bool { return s.MetaID == n.MetaID })
		if at < 0 {
			list = append(list, "phone number "+n.MetaID+": not linked here")
			continue
		}
		s := stored.PhoneNumbers[at]
		differs("name of "+n.MetaID, s.VerifiedName, n.VerifiedName)
		differs("quality of "+n.MetaID, s.QualityRating, n.QualityRating)
		differs("registration of "+n.MetaID, registration(s), registration(n))
	}
	for _, s := range stored.PhoneNumbers {
		if !slices.ContainsFunc(read.PhoneNumbers, func(n state.PhoneNumber) bool { return s.MetaID == n.MetaID }) {
			list = append(list, "phone number "+s.MetaID+": no longer at Meta")
		}
	}
	return list
}

func registration(n state.PhoneNumber) string {
	if n.IsUnregistered {
		return "not registered"
	}
	return "registered"
}

// changeAccount turns a setting on or off.
func (c *Console) changeAccount(r *request) (done, error) {
	account, setting, on := r.field("account"), state.Setting(r.field("setting")), r.field("on") == "true"
	before, err := c.config.State.Settings(r.Context(), account)
	if err != nil {
		return done{}, err
	}
	was, known := map[state.Setting]bool{state.Reuse: before.Reuse, state.Verify: before.Verify, state.LinkToID: before.LinkToID, state.TextAsPlain: before.TextAsPlain}[setting]
	if !known {
		return done{}, invalid("The setting is %.40q; expected %s, %s, %s or %s.", setting, state.Reuse, state.Verify, state.LinkToID, state.TextAsPlain)
	}
	if err := manage.Set(r.Context(), c.config.State, account, setting, on); err != nil {
		return done{}, typed(err)
	}
	return done{To: "/admin/accounts?account=" + account, Account: account, Text: fmt.Sprintf("%s: %s → %s", setting, onOff(was), onOff(on))}, nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}
