package event

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"ferry/internal/secret"
	"ferry/internal/state"
)

// RouterConfig configures a Router.
type RouterConfig struct {
	// State has what PutWhatsAppBusinessAccountEventDestinations has set. Required.
	State *state.DB
	// Destinations are those of the configuration. Default: none.
	Destinations []Destination
	// Region is that of the server. Default: us-east-1.
	Region string
	// AnyRegion says that ARNs may name any region.
	AnyRegion bool
	// NoTopics refuses SNS topics that callers choose, with what to do about it.
	// Default: they are accepted.
	NoTopics string
}

// Router knows where events go. It is safe for concurrent use.
type Router struct {
	config RouterConfig
	byName map[string]Destination
}

// NewRouter returns a Router. Its error lists all mistakes of the destinations.
func NewRouter(config RouterConfig) (*Router, error) {
	if config.State == nil {
		return nil, errors.New("event: State is required")
	}
	if config.Region == "" {
		config.Region = "us-east-1"
	}
	r := &Router{config: config, byName: make(map[string]Destination)}
	r.config.Destinations = slices.Clone(config.Destinations)
	for i, d := range r.config.Destinations {
		d = d.withDefaults()
		r.config.Destinations[i], r.byName[d.Name] = d, d
	}
	return r, CheckDestinations(config.Destinations)
}

// CheckDestinations returns all mistakes of destinations, without their secrets.
func CheckDestinations(destinations []Destination) error {
	var problems []error
	names := make(map[string]bool)
	for _, d := range destinations {
		if err := d.withDefaults().check(); err != nil {
			problems = append(problems, fmt.Errorf("destination %q: %w", d.Name, err))
		}
		if names[d.Name] {
			problems = append(problems, fmt.Errorf("two destinations are called %q", d.Name))
		}
		names[d.Name] = true
	}
	return errors.Join(append(problems, checkFiles(destinations)...)...)
}

// A destination in the outbox is "event/", the business account, "/", and the ARN of
// a topic or the name of a destination in the configuration.
const prefix = "event/"

func destinationKey(businessAccountID, target string) string {
	return prefix + businessAccountID + "/" + target
}

// splitKey returns the parts of destinationKey.
func splitKey(destination string) (businessAccountID, target string, ok bool) {
	rest, ok := strings.CutPrefix(destination, prefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/")
}

// Route sets the destinations of an event: those that its business account has
// chosen, and those of the configuration that apply without a choice. No destination
// receives an event twice.
func (r *Router) Route(ctx context.Context, e *state.Event) error {
	targets, err := r.targets(ctx, e.AccountID, e.BusinessAccountID, func(d Destination) bool { return d.accepts(e) })
	if err != nil {
		return err
	}
	e.Destinations = nil
	for _, target := range targets {
		e.Destinations = append(e.Destinations, destinationKey(e.BusinessAccountID, target))
	}
	return nil
}

// Targets returns where events of a business account go, whatever filters the
// destinations have: names of the configuration, and ARNs of topics. A name that the
// configuration does not have is one that the business account has chosen.
func (r *Router) Targets(ctx context.Context, accountID, businessAccountID string) ([]string, error) {
	return r.targets(ctx, accountID, businessAccountID, func(Destination) bool { return true })
}

func (r *Router) targets(ctx context.Context, accountID, businessAccountID string, accepts func(Destination) bool) (targets []string, err error) {
	chosen, err := r.config.State.EventDestinations(ctx, businessAccountID)
	if err != nil {
		return nil, err
	}
	for _, choice := range chosen {
		name, _, _, isConfigured := nameInARN(choice.ARN)
		if !isConfigured {
			targets = append(targets, choice.ARN)
		} else if d, ok := r.byName[name]; !ok || d.isFor(accountID, businessAccountID) && accepts(d) {
			targets = append(targets, name) // one that is missing now may be configured again
		}
	}
	for _, d := range r.config.Destinations {
		if !d.OnPut && d.isFor(accountID, businessAccountID) && accepts(d) && !slices.Contains(targets, d.Name) {
			targets = append(targets, d.Name)
		}
	}
	return targets, nil
}

// Destinations returns the destinations of the configuration, with their defaults and
// without secrets: a URL has its host only.
func (r *Router) Destinations() []Destination {
	list := slices.Clone(r.config.Destinations)
	for i := range list {
		d := &list[i]
		d.Secrets, d.AWS.SecretAccessKey, d.AWS.SessionToken = nil, secret.Secret{}, secret.Secret{}
		if u, err := url.Parse(d.URL); err == nil && u.Host != "" {
			d.URL = u.Scheme + "://" + u.Host
		} else {
			d.URL = ""
		}
	}
	return list
}

// accepts reports whether an event passes the filters of a destination.
func (d Destination) accepts(e *state.Event) bool {
	if d.Type == EventBridge && e.Name == statusAccepted {
		return false // AWS has no detail-type for it
	}
	if len(d.PhoneNumbers) > 0 && !slices.Contains(d.PhoneNumbers, e.PhoneNumberID) {
		return false
	}
	return len(d.Events) == 0 || slices.ContainsFunc(d.Events, func(pattern string) bool {
		matches, _ := path.Match(pattern, e.Name) // names have no slashes
		return matches
	})
}

// statusAccepted is the name of the event that Meta has accepted a message.
const statusAccepted = "status.accepted"

// A Choice is a destination that a caller has chosen by its ARN.
type Choice struct {
	// Topic is set if it is an SNS topic; otherwise it is a destination of the
	// configuration.
	Topic Topic
}

// ErrChoice is wrapped by the errors of Choose, whose texts are for the caller.
var ErrChoice = errors.New("the event destination cannot be used")

// choiceError is an error of Choose.
type choiceError struct{ text string }

func (e *choiceError) Error() string { return e.text }
func (e *choiceError) Unwrap() error { return ErrChoice }

func refuseChoice(format string, args ...any) error {
	return &choiceError{fmt.Sprintf(format, args...)}
}

// Choose checks the ARN of a destination that a caller chooses for a business
// account.
func (r *Router) Choose(holder Holder, arn string) (Choice, error) {
	fields := strings.SplitN(arn, ":", 6)
	service := ""
	if len(fields) == 6 {
		service = fields[2]
	}
	switch service {
	case "sns":
		topic, err := ParseTopic(arn)
		if err != nil {
			return Choice{}, refuseChoice("%s.", err)
		}
		if r.config.NoTopics != "" {
			return Choice{}, refuseChoice("%s", r.config.NoTopics)
		}
		return Choice{Topic: topic}, nil
	case "connect":
		return Choice{}, refuseChoice("Amazon Connect instances are not supported as event destinations by this server. %s", r.expected(holder))
	case "social-messaging":
		name, accountID, region, ok := nameInARN(arn)
		d, isConfigured := r.byName[name]
		if ok && isConfigured && accountID == holder.AccountID && (region == holder.Region || r.config.AnyRegion) && d.isFor(holder.AccountID, holder.BusinessAccountID) {
			return Choice{}, nil
		}
	}
	return Choice{}, refuseChoice("There is no event destination '%s'. %s", arn, r.expected(holder))
}

// expected says which ARNs Choose accepts.
func (r *Router) expected(holder Holder) string {
	var names []string
	for _, d := range r.config.Destinations {
		if d.isFor(holder.AccountID, holder.BusinessAccountID) {
			names = append(names, destinationARN(holder.Region, holder.AccountID, d.Name))
		}
	}
	kinds := "the ARN of a standard SNS topic"
	if r.config.NoTopics != "" {
		kinds = "the ARN of a destination in the server's configuration"
	}
	if len(names) == 0 {
		return "Expected " + kinds + "; the server's configuration has no destination for this account."
	}
	return "Expected " + kinds + ", or one of: " + strings.Join(names, ", ") + "."
}
