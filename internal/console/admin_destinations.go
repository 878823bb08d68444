// Where events go, what waits for it, and test events.

package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"ferry/internal/event"
	"ferry/internal/social"
	"ferry/internal/state"
)

const (
	linkedConsidered = 500 // business accounts whose destinations are shown
	usersOfOne       = 10  // business accounts that are shown for a destination
	topicsOnPage     = 30  // topics that business accounts have chosen
	accountsCounted  = 100 // accounts whose deliveries are counted
)

// destinationsPage lists destinations.
type destinationsPage struct {
	standing
	Configured []destinationView
	Topics     []destinationView // that business accounts have chosen by their ARNs
	IsPartial  bool              // there are more business accounts or topics than are considered
	Result     *trialResult
}

// destinationView is a destination of the configuration, or a topic.
type destinationView struct {
	event.Destination
	Where   string // without secrets
	Users   []state.BusinessAccount
	More    int // users that are not shown
	Waiting int64
	Dead    int64
	Held    []state.DestinationSummary
}

// Target names the destination as event.Router.Targets does.
func (v destinationView) Target() string {
	if v.Name != "" {
		return v.Name
	}
	return v.TopicARN
}

// trialResult is what became of a test event.
type trialResult struct {
	Target, ID, Problem string
	Took                time.Duration
}

func (c *Console) routeDestinations() {
	c.page(navItem{Path: "/admin/destinations"}, viewer, func(w http.ResponseWriter, r *request) {
		page, err := c.destinations(r)
		if err != nil {
			c.renderError(w, r, asProblem(err))
			return
		}
		c.render(w, r, "admin-destinations", page)
	})
	c.action("/admin/destinations/test", "SendTestEvent", operator, c.sendTest)
}

func isTopic(target string) bool { return strings.HasPrefix(target, "arn:") }

func isNamed(name string) func(event.Destination) bool {
	return func(d event.Destination) bool { return d.Name == name }
}

func (c *Console) destinations(r *request) (destinationsPage, error) {
	page := destinationsPage{standing: c.standing(r, operator)}
	router := c.config.Gateway.Events().Router()
	views := make(map[string]*destinationView)
	var order []string
	for _, d := range router.Destinations() {
		views[d.Name] = &destinationView{Destination: d, Where: whereOf(d)}
		order = append(order, d.Name)
	}
	linked, err := c.config.State.LinkedAccounts(r.Context(), "")
	if err != nil {
		return page, err
	}
	if page.IsPartial = len(linked) > linkedConsidered; page.IsPartial {
		linked = linked[:linkedConsidered]
	}
	for _, l := range linked {
		targets, err := router.Targets(r.Context(), l.AccountID, l.ID)
		if err != nil {
			return page, err
		}
		for _, name := range targets {
			if views[name] == nil {
				if len(views) >= topicsOnPage+len(page.Configured) && isTopic(name) {
					page.IsPartial = true
					continue
				}
				views[name] = &destinationView{Destination: event.Destination{Type: event.SNS, TopicARN: name}, Where: name}
				order = append(order, name)
			}
			views[name].add(l)
		}
	}
	if err := c.countDeliveries(r.Context(), linked, views); err != nil {
		return page, err
	}
	for _, name := range order {
		if isTopic(name) {
			page.Topics = append(page.Topics, *views[name])
		} else {
			page.Configured = append(page.Configured, *views[name])
		}
	}
	return page, nil
}

// add adds a business account whose events go to the destination.
func (v *destinationView) add(l state.BusinessAccount) {
	if len(v.Users) == usersOfOne {
		v.More++
		return
	}
	v.Users = append(v.Users, l)
}

// countDeliveries adds to destinations what waits for them, what is dead, and what is held.
func (c *Console) countDeliveries(ctx context.Context, linked []state.BusinessAccount, views map[string]*destinationView) error {
	var accounts []string
	for _, l := range linked {
		if !slices.Contains(accounts, l.AccountID) && len(accounts) < accountsCounted {
			accounts = append(accounts, l.AccountID)
		}
	}
	for _, account := range accounts {
		list, err := c.config.State.Destinations(ctx, account)
		if err != nil {
			return err
		}
		for _, d := range list {
			kind, rest, _ := strings.Cut(d.Destination, "/")
			_, name, _ := strings.Cut(rest, "/")
			v := views[name]
			if kind != "event" || v == nil {
				continue
			}
			v.Waiting, v.Dead = v.Waiting+d.Waiting, v.Dead+d.Dead
			if !d.HeldAt.IsZero() {
				v.Held = append(v.Held, d)
			}
		}
	}
	return nil
}

// whereOf says where a destination is.
func whereOf(d event.Destination) string {
	switch d.Type {
	case event.SNS:
		return d.TopicARN
	case event.SQS:
		return d.QueueURL
	case event.EventBridge:
		return "bus " + d.Bus
	case event.HTTPS:
		return d.URL
	case event.File:
		return d.Path
	default:
		return "standard output"
	}
}

// sendTest delivers a test event, and shows what came of it.
func (c *Console) sendTest(r *request) (done, error) {
	name := r.field("target")
	page, err := c.destinations(r)
	if err != nil {
		return done{}, err
	}
	views := slices.Concat(page.Configured, page.Topics)
	at := slices.IndexFunc(views, func(v destinationView) bool { return v.Target() == name })
	if at < 0 {
		return done{}, notFound("destination", name)
	}
	var on state.BusinessAccount // on behalf of the first one that uses it, if there is one
	if users := views[at].Users; len(users) > 0 {
		on = users[0]
	}
	ctx, cancel := context.WithTimeout(r.Context(), trialTimeout)
	defer cancel()
	begun := time.Now()
	id, err := c.config.Gateway.Events().Test(ctx, on, name)
	page.Result = &trialResult{Target: name, ID: id, Took: time.Since(begun)}
	text := "test event"
	if on.ID != "" {
		text += " on behalf of " + social.BusinessAccountID(on)
	}
	if err != nil {
		page.Result.Problem = err.Error()
		text += ": not accepted: " + err.Error()
	} else {
		text += ": accepted, " + id
	}
	result := done{Page: "admin-destinations", Data: page, Account: on.AccountID, Resource: name, Text: text}
	return result, nil
}
