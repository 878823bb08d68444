// The first page: what works, what failed lately, and what to do next.

package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/internal/activity"
	"ferry/internal/gateway"
	"ferry/internal/journal"
)

const (
	lampLook      = 3               // newest entries that make a lamp red if all of them failed
	countWindow   = time.Hour       // in which what happened is counted
	failureWindow = 24 * time.Hour  // in which failures count
	maxFailures   = 300             // newest failures that are grouped
	maxCauses     = 12              // groups that are shown
	healthAge     = 2 * time.Second // for which a result of the health checks is shown
)

// lamp says whether a part works.
type lamp struct {
	Name  string
	State string // ok, warn, bad or unknown
	Text  string
	Path  string // of more about it; empty means none
}

// cause is a group of failures.
type cause struct {
	Code, Text, Operation string
	Kind                  activity.Kind
	Count                 int
	Last                  time.Time
	WhyID, Path           string
}

// counted is what happened in the last hour.
type counted struct {
	journal.Count
	Name, Path string
}

// todo is a command to run next.
type todo struct{ Why, Command string }

type nowPage struct {
	Lamps    []lamp
	Causes   []cause
	More     bool // there are more failures than were grouped
	Counts   []counted
	Todos    []todo
	Dev      bool
	Account  string
	Accounts []string

	counts map[activity.Kind]journal.Count
}

func (c *Console) routeNow() {
	c.page(navItem{"/", "Now", "n"}, viewer, c.serveNow)
}

func (c *Console) serveNow(w http.ResponseWriter, r *request) {
	v, err := c.reader(r)
	if err != nil {
		c.renderError(w, r, asProblem(err))
		return
	}
	page := nowPage{Dev: c.config.Simulator != nil, Account: v.account, Accounts: v.accounts}
	for _, fill := range []func(*reader, context.Context, *nowPage) error{(*reader).parts, (*reader).count, (*reader).lamps, (*reader).causes} {
		if err := fill(v, r.Context(), &page); err != nil { // such as a database that does not respond, which is what the lamps say
			if r.Context().Err() != nil { // the browser has disconnected
				return
			}
			c.config.Logger.Error("a part of the console's first page failed", "error", err)
			page.Lamps = append(page.Lamps, lamp{"Journal", "bad", "It cannot be read; the server's log says why.", ""})
			break
		}
	}
	page.Todos = v.todos(&page)
	c.render(w, r, "now", page)
}

// healthNames are the parts of the health checks, as people call them.
var healthNames = map[string]string{"api": "API", "database": "Database", "simulator": "Simulator", "s3": "S3 server"}

// health returns the result of the health checks, which may be some moments old: pages of
// several windows ask for it.
func (c *Console) health(ctx context.Context) gateway.Health {
	c.checked.Lock()
	defer c.checked.Unlock()
	if time.Since(c.checked.at) > healthAge {
		c.checked.health, c.checked.at = c.config.Gateway.Health(ctx), time.Now()
	}
	return c.checked.health
}

// parts adds the lamps of what the health checks say.
func (v *reader) parts(ctx context.Context, page *nowPage) error {
	for _, part := range v.c.health(ctx).Parts {
		name := healthNames[part.Name]
		if name == "" {
			name = part.Name
		}
		l := lamp{Name: name, State: "ok", Text: "responds"}
		if part.Status != "ok" {
			l.State, l.Text = "bad", "is not available"
			if part.Reason != "" {
				l.Text += ": " + v.text(part.Reason)
			}
		}
		page.Lamps = append(page.Lamps, l)
	}
	return nil
}

// lamps adds the lamps of what happened lately.
func (v *reader) lamps(ctx context.Context, page *nowPage) error {
	graph, err := v.recent(ctx, page, "Graph API", activity.Graph, activity.Send)
	if err != nil {
		return err
	}
	stores, err := v.recent(ctx, page, "Stores", activity.Fetch, activity.Archive)
	if err != nil {
		return err
	}
	events, err := v.eventsLamp(ctx)
	if err != nil {
		return err
	}
	webhook, err := v.recent(ctx, page, "Webhook", activity.Webhook)
	if !v.c.config.Gateway.ReceivesWebhooks() {
		webhook.State, webhook.Text = "unknown", "is off: the server has no app secret (--app-secret-file)"
	}
	page.Lamps = append(page.Lamps, graph, stores, events, webhook)
	return err
}

// recent returns the lamp of what the entries of some kinds in the last hour are about. It
// is red if the last ones have all failed: one alone, such as of an object that does not
// exist, says little about a store.
func (v *reader) recent(ctx context.Context, page *nowPage, name string, kinds ...activity.Kind) (lamp, error) {
	l := lamp{Name: name, State: "unknown", Text: "nothing in the last hour", Path: "/timeline?kind=" + url.QueryEscape(string(kinds[0]))}
	var all journal.Count
	for _, kind := range kinds {
		n := page.counts[kind]
		all.All, all.Failed, all.Last = all.All+n.All, all.Failed+n.Failed, max(all.Last, n.Last)
	}
	if all.All == 0 {
		return l, nil
	}
	list, err := v.entries(ctx, journal.Filter{Kinds: kinds, Latest: true, Limit: int(min(all.All, lampLook)), Before: all.Last + 1})
	if err != nil || len(list) == 0 {
		return l, err
	}
	last := list[len(list)-1]
	l.State, l.Text = "ok", fmt.Sprintf("last: %s %s, %s ago", last.Operation, last.Outcome, span(v.c.config.Now().Sub(last.Time)))
	if all.Failed > 0 {
		l.State = "warn"
		l.Text += fmt.Sprintf("; %d of %d in the last hour failed or were refused", all.Failed, all.All)
	}
	works := func(e activity.Entry) bool { return e.Outcome != activity.Failed && e.Outcome != activity.Ambiguous }
	if len(list) == lampLook && !slices.ContainsFunc(list, works) {
		l.State = "bad"
	}
	return l, nil
}

// eventsLamp returns the lamp of the deliveries of all accounts.
func (v *reader) eventsLamp(ctx context.Context) (lamp, error) {
	l := lamp{Name: "Events", State: "ok", Text: "nothing waits", Path: "/events"}
	accounts := v.accounts
	if v.account != "" {
		accounts = []string{v.account}
	}
	var waiting, dead int64
	held, failing := 0, 0
	for _, account := range accounts {
		list, err := v.c.config.State.Destinations(ctx, account)
		if err != nil {
			return l, err
		}
		for _, d := range list {
			waiting, dead = waiting+d.Waiting, dead+d.Dead
			if !d.HeldAt.IsZero() {
				held++
			} else if d.Waiting > 0 && d.LastError != "" {
				failing++
			}
		}
	}
	var parts []string
	add := func(n int64, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf(text, n))
		}
	}
	add(dead, "%d dead")
	add(int64(failing), "destinations that fail: %d")
	add(int64(held), "destinations on hold: %d")
	add(waiting, "%d waiting")
	if len(parts) > 0 {
		l.Text = strings.Join(parts, ", ")
	}
	switch {
	case dead > 0:
		l.State, l.Path = "bad", "/events?state=dead"
	case held > 0 || failing > 0:
		l.State = "warn"
	}
	return l, nil
}

// varying is what differs between texts with the same cause: ids and numbers.
var varying = regexp.MustCompile(`[0-9a-fA-F-]{8,}|[0-9]+|"[^"]*"|'[^']*'`)

// causes adds the last failures, grouped by cause. Of the steps of one request, the last
// one counts; deliveries that fail are grouped by destination.
func (v *reader) causes(ctx context.Context, page *nowPage) error {
	kinds := slices.DeleteFunc(slices.Clone(activity.Kinds), func(k activity.Kind) bool { return k == activity.Phone }) // the other side of the same
	list, err := v.entries(ctx, journal.Filter{Kinds: kinds, Failed: true, Latest: true, Limit: maxFailures, Since: v.c.config.Now().Add(-failureWindow)})
	if err != nil {
		return err
	}
	page.More = len(list) == maxFailures
	seen, groups := make(map[string]bool), make(map[string]int)
	for _, e := range slices.Backward(list) {
		if e.Trace != "" && e.Kind != activity.Attempt {
			if seen[e.Trace] {
				continue
			}
			seen[e.Trace] = true
		}
		operation := e.Operation
		if e.Kind == activity.Attempt { // of whatever event
			operation = e.Destination
		}
		key := string(e.Kind) + " " + operation + " " + e.Code + " " + varying.ReplaceAllString(e.Text, "#")
		at, ok := groups[key]
		if !ok {
			if len(page.Causes) == maxCauses {
				page.More = true
				continue
			}
			at = len(page.Causes)
			groups[key] = at
			row := rowOf(e)
			page.Causes = append(page.Causes, cause{Code: e.Code, Text: shortTo(300, e.Text), Operation: operation, Kind: e.Kind, Last: e.Time, WhyID: row.WhyID, Path: row.Path})
		}
		page.Causes[at].Count++
	}
	return nil
}

// count adds what happened in the last hour.
func (v *reader) count(ctx context.Context, page *nowPage) (err error) {
	page.counts, err = v.c.config.Gateway.Journal().Count(ctx, v.account, v.c.config.Now().Add(-countWindow))
	for _, kind := range activity.Kinds {
		if n := page.counts[kind]; n.All > 0 {
			page.Counts = append(page.Counts, counted{n, kindNames[kind], "/timeline?since=1h&kind=" + string(kind)})
		}
	}
	return err
}

// kindNames say what there is several of.
var kindNames = map[activity.Kind]string{
	activity.Call: "calls of the API", activity.Fetch: "sources opened", activity.Inspect: "files inspected", activity.Graph: "requests to Meta",
	activity.Webhook: "webhooks received", activity.Event: "events recorded", activity.Attempt: "attempts to deliver", activity.Message: "messages accepted or refused",
	activity.Send: "attempts to send", activity.Archive: "files archived", activity.Phone: "things the phones and the simulator did", activity.Admin: "changes by administrators",
}

// todos returns what to do next: first what is wrong, then what to try.
func (v *reader) todos(page *nowPage) (todos []todo) {
	add := func(why, command string) { todos = append(todos, todo{why, command}) }
	if len(v.accounts) == 0 {
		add("Link a WhatsApp Business Account", "ferry account link --account 123456789012 --waba-id ID --meta-token-file FILE --subscribe")
	}
	if i := slices.IndexFunc(page.Causes, func(c cause) bool { return c.WhyID != "" }); i >= 0 {
		add("Find out why the last one failed", "ferry why "+shellWord(page.Causes[i].WhyID))
	}
	if slices.ContainsFunc(page.Lamps, func(l lamp) bool { return l.Path == "/events?state=dead" }) {
		add("Deliver dead events again, when their receiver is repaired", "ferry events replay --dead")
	}
	if page.Dev {
		add("Send a picture of yours", "ferry send --to +16505551234 --media photo.jpg --wait read")
		add("Be the person who answers", "ferry trigger inbound --from +16505551234 --text "+strconv.Quote("Where is my order?"))
	}
	add("Follow what happens", "ferry logs --follow")
	return todos
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9._:/@%+=-]+$`)

// shellWord returns a text as one word of a POSIX shell.
func shellWord(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
