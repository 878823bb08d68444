// What pages show of the journal, of events and of reports. All of it is read here, where a
// viewer's is redacted: phone numbers are shortened, Meta's message ids too, because a
// number is part of them, and there are no bodies of events and no internal causes.

package console

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"ferry/internal/activity"
	"ferry/internal/control"
	"ferry/internal/graph"
	"ferry/internal/journal"
	"ferry/internal/social"
	"ferry/internal/why"
)

// maxAccounts bounds the accounts among which a page chooses.
const maxAccounts = 200

// A reader reads for the person who sends a request.
type reader struct {
	c        *Console
	account  string // that the person has chosen; empty means all
	accounts []string
	redacts  bool            // for a viewer
	numbers  map[string]bool // of people, in digits, as far as they are known
}

// reader returns the reader for a request.
func (c *Console) reader(r *request) (*reader, error) {
	v := &reader{c: c, redacts: r.user.Role < operator, numbers: make(map[string]bool)}
	var err error
	if v.accounts, err = c.config.State.Accounts(r.Context(), maxAccounts); err != nil {
		return nil, err
	}
	wanted := r.FormValue("account")
	if wanted != "" && !slices.Contains(v.accounts, wanted) {
		return nil, invalid("There is no account %.40q; expected one of the %d accounts of this server.", wanted, len(v.accounts))
	}
	if v.account = wanted; len(v.accounts) == 1 {
		v.account = "" // what belongs to no account is shown, too
	}
	return v, nil
}

// own returns the account whose events are shown and changed: the chosen one, or the
// first; empty means that there is none.
func (v *reader) own() string {
	if v.account == "" && len(v.accounts) > 0 {
		return v.accounts[0]
	}
	return v.account
}

// choose makes the account of own the chosen one, if there are several.
func (v *reader) choose() {
	if len(v.accounts) > 1 {
		v.account = v.own()
	}
}

// service returns ferry's own operations for the account of own.
func (v *reader) service() social.Account { return v.c.config.Gateway.Service().Account(v.own()) }

// entries returns what the journal has.
func (v *reader) entries(ctx context.Context, f journal.Filter) ([]activity.Entry, error) {
	f.Account = v.account
	list, err := v.c.config.Gateway.Journal().Read(ctx, f)
	if err != nil || !v.redacts {
		return list, err
	}
	for _, e := range list {
		v.learn(e.Person, e.WAMID)
	}
	for i := range list {
		v.redact(&list[i])
	}
	return list, nil
}

// redact changes an entry to what a viewer sees.
func (v *reader) redact(e *activity.Entry) {
	e.Cause, e.Remote = "", ""
	if e.Kind == activity.Admin { // its text may have numbers that no entry names
		for _, number := range digits.FindAllString(e.Text, -1) {
			if !slices.Contains(v.accounts, number) {
				v.numbers[number] = true
			}
		}
	}
	for _, text := range []*string{
		&e.Person, &e.WAMID, &e.Text, &e.Operation, &e.Object, &e.Destination, &e.Resource, &e.Code, &e.By, &e.Trace, &e.MetaTrace, &e.EventID, &e.MessageID, &e.MediaID,
	} {
		*text = v.text(*text)
	}
	details := make([]slog.Attr, len(e.Details))
	for i, d := range e.Details {
		details[i] = slog.String(d.Key, v.text(d.Value.String()))
	}
	e.Details = details
}

// why says what became of an id. Without a chosen account it asks for those whose entries
// have the id, and then for all others.
func (v *reader) why(ctx context.Context, id string) (report why.Report, err error) {
	for _, account := range v.asked(ctx, id) {
		report, err = v.c.config.Gateway.Service().Account(account).Why(ctx, control.WhyInput{ID: id})
		if err != nil {
			return report, byService(err)
		}
		if report.Answer != why.NotFound {
			break
		}
	}
	if !v.redacts {
		return report, nil
	}
	v.learn(report.People...)
	report.Subject, report.Verdict = v.text(report.Subject), v.text(report.Verdict)
	for i := range report.Stations {
		s := &report.Stations[i]
		for j := range s.Facts {
			s.Facts[j] = v.text(s.Facts[j])
		}
		s.Next = v.text(s.Next)
		s.Refs = slices.DeleteFunc(s.Refs, func(ref why.Ref) bool { return ref.ID != v.text(ref.ID) })
	}
	for i := range report.Candidates {
		c := &report.Candidates[i]
		c.Text, c.Person = v.text(c.Text), ""
	}
	return report, nil
}

// asked returns the accounts that may know an id, the likely ones first.
func (v *reader) asked(ctx context.Context, id string) []string {
	if v.account != "" {
		return []string{v.account}
	}
	var likely []string
	if journal.IsID(id) { // an error here is one of the report, too
		found, _ := v.c.config.Gateway.Journal().Read(ctx, journal.Filter{IDs: journal.Spellings(id), Latest: true, Limit: 100})
		for _, e := range slices.Backward(found) {
			if e.Account != "" && !slices.Contains(likely, e.Account) {
				likely = append(likely, e.Account)
			}
		}
	}
	for _, account := range v.accounts {
		if !slices.Contains(likely, account) {
			likely = append(likely, account)
		}
	}
	if len(likely) == 0 {
		return []string{""} // which knows nothing
	}
	return likely
}

// events returns a page of events.
func (v *reader) events(ctx context.Context, in control.ListEventsInput) (control.ListEventsOutput, error) {
	in.Body = in.Body && !v.redacts
	page, err := v.service().ListEvents(ctx, in)
	if err != nil || !v.redacts {
		return page, byService(err)
	}
	for _, e := range page.Events {
		v.learn(e.WAMID, e.To)
	}
	for i := range page.Events {
		e := &page.Events[i]
		e.WAMID, e.To, e.Error, e.Body = v.text(e.WAMID), v.text(e.To), v.text(e.Error), nil
		for j := range e.Deliveries {
			e.Deliveries[j].Error = v.text(e.Deliveries[j].Error)
		}
	}
	return page, nil
}

// destinations returns the destinations of the account.
func (v *reader) destinations(ctx context.Context) (control.ListDestinationsOutput, error) {
	list, err := v.service().ListDestinations(ctx)
	for i := range list.Destinations {
		list.Destinations[i].LastError = v.text(list.Destinations[i].LastError)
	}
	return list, byService(err)
}

// byService returns an error of the service as a problem, if it has a text for people.
func byService(err error) error {
	if text, status, ok := social.Problem(err); ok {
		return problem{status, text, ""}
	}
	return err
}

// byMeta returns an error of a request to Meta as a problem.
func byMeta(err error) error {
	if _, _, ok := social.Problem(err); ok {
		return byService(err)
	}
	_, refused := errors.AsType[*graph.Error](err)
	_, unreachable := errors.AsType[*graph.UnreachableError](err)
	if refused || unreachable {
		return problem{http.StatusBadGateway, metaProblem(err), "If that lasts, check the token: Admin, Accounts."}
	}
	return err
}

var (
	// A phone number as people write it, an id of Meta's for a message, or a number.
	toRedact = regexp.MustCompile(`wamid\.[A-Za-z0-9+/=_-]+|\+[1-9][0-9 ()-]{5,20}[0-9]|[0-9]{6,20}`)
	digits   = regexp.MustCompile(`[0-9]{6,15}`)
)

// learn adds people whose numbers are to be redacted: numbers, or ids that contain them.
func (v *reader) learn(ids ...string) {
	for _, id := range ids {
		if encoded, ok := strings.CutPrefix(id, "wamid."); ok {
			decoded, _ := base64.StdEncoding.DecodeString(encoded)
			id = digits.FindString(string(decoded))
		}
		if id = strings.TrimPrefix(id, "+"); digits.FindString(id) == id && id != "" {
			v.numbers[id] = true
		}
	}
}

// text returns a text as the person may see it.
func (v *reader) text(text string) string {
	if !v.redacts {
		return text
	}
	return toRedact.ReplaceAllStringFunc(text, func(found string) string {
		switch {
		case strings.HasPrefix(found, "wamid."):
			return "wamid.…" + found[max(6, len(found)-8):]
		case found[0] == '+' || v.numbers[found]:
			return shortNumber(found)
		}
		return found
	})
}
