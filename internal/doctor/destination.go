// The destinations of events.

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/event"
	"ferry/internal/state"
)

// eventTargets looks whether the destinations that a business account has chosen are in the
// configuration.
func (x *examination) eventTargets(ctx context.Context, subject string, account state.BusinessAccount) []Result {
	const name = "events"
	if x.config.Events == nil {
		return nil
	}
	router := x.config.Events.Router()
	names, err := router.Targets(ctx, account.AccountID, account.ID)
	if err != nil {
		return []Result{skip(name, subject, "its destinations cannot be read: "+text(err))}
	}
	var missing []string
	for _, target := range names {
		isConfigured := slices.ContainsFunc(router.Destinations(), func(d event.Destination) bool { return d.Name == target })
		if !strings.HasPrefix(target, "arn:") && !isConfigured {
			missing = append(missing, target)
		}
	}
	switch {
	case len(missing) > 0:
		return []Result{fail(name, subject, "it has chosen destinations that the configuration does not have: "+list(missing), "Add them with --destination, or let the account choose others (PutWhatsAppBusinessAccountEventDestinations).")}
	case len(names) == 0:
		return []Result{ok(name, subject, "it has chosen no destination: its events are only recorded")}
	}
	return []Result{ok(name, subject, "its events go to "+list(names))}
}

// destination tries a destination of the configuration: it sends a test event if the options
// say so, and looks otherwise whether the destination is there.
func (x *examination) destination(ctx context.Context, d event.Destination) []Result {
	const name = "destination"
	const fix = "Correct the destination (--destination), or what is behind it. Events wait for it and are retried for 72 hours."
	subject := fmt.Sprintf("%s (%s)", d.Name, d.Type)
	var found string
	var err error
	if x.options.TestEvents {
		_, err = x.config.Events.Test(ctx, state.BusinessAccount{}, d.Name)
		found = "it has accepted a test event"
	} else {
		found, err = x.config.Events.Reach(ctx, d.Name)
	}
	if err != nil {
		return []Result{fail(name, subject, text(err), fix)}
	}
	held, dead, err := x.deliveries(ctx, d.Name)
	switch {
	case err != nil:
		return []Result{ok(name, subject, found+"; what waits for it cannot be read")}
	case held != "":
		return []Result{warn(name, subject, found+"; deliveries to it are held: "+held, "Release it when it is to receive them: ferry events release --help")}
	case dead > 0:
		return []Result{warn(name, subject, fmt.Sprintf("%s; events that were given up: %d", found, dead), "See why, and deliver them again or discard them: ferry events list --dead")}
	}
	return []Result{ok(name, subject, found)}
}

// deliveries returns why deliveries to a destination are held, empty if they are not, and how
// many were given up.
func (x *examination) deliveries(ctx context.Context, name string) (held string, dead int64, err error) {
	if x.listErr != nil {
		return "", 0, x.listErr
	}
	var accounts []string
	for _, a := range x.accounts {
		if !slices.Contains(accounts, a.AccountID) {
			accounts = append(accounts, a.AccountID)
		}
	}
	var problems []error
	for _, account := range accounts {
		summaries, err := x.config.State.Destinations(ctx, account)
		problems = append(problems, err)
		for _, s := range summaries {
			if !strings.HasPrefix(s.Destination, "event/") || !strings.HasSuffix(s.Destination, "/"+name) {
				continue
			}
			dead += s.Dead
			if !s.HeldAt.IsZero() {
				held = s.HeldReason
				if held == "" {
					held = "without a reason"
				}
			}
		}
	}
	return held, dead, errors.Join(problems...)
}
