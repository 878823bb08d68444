package gateway

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/state"
)

const (
	// tokenInterval is the time between two looks at the tokens of Meta.
	tokenInterval = time.Hour
	// tokenTimeout bounds one request about a token.
	tokenTimeout = 10 * time.Second
	// maxInspected bounds the tokens that are looked at.
	maxInspected = 1000
)

// tokens knows when the linked tokens of Meta expire, for the metrics. Meta says it; the
// database does not know.
type tokens struct {
	state    *state.DB
	graph    *graph.Client
	apps     []graph.App
	activity *activity.Recorder
	now      func() time.Time

	first atomic.Pointer[time.Time] // when the first one expires; nil means that none is known to expire
}

// expiry returns when the first token expires; false means that none is known to expire.
func (t *tokens) expiry() (time.Time, bool) {
	if at := t.first.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// Run looks at the tokens again and again until ctx is done.
func (t *tokens) Run(ctx context.Context) error {
	for {
		t.look(ctx)
		select {
		case <-time.After(tokenInterval):
		case <-ctx.Done():
			return nil
		}
	}
}

// look asks Meta about all tokens. What is known stays known if none can be read.
func (t *tokens) look(ctx context.Context) {
	accounts, err := t.state.LinkedAccounts(ctx, "")
	if err != nil {
		return
	}
	seen := make(map[string]bool)
	var first *time.Time
	isKnown := false
	for _, account := range accounts[:min(len(accounts), maxInspected)] {
		owner, err := t.state.Owner(ctx, account.AccountID, account.ID)
		if err != nil || seen[owner.Token.Reveal()] {
			continue
		}
		seen[owner.Token.Reveal()] = true
		grant, err := t.inspect(ctx, owner)
		if err != nil {
			continue
		}
		isKnown = true
		if !grant.IsValid && grant.Expires.IsZero() {
			grant.Expires = t.now()
		}
		if at := grant.Expires; !at.IsZero() && (first == nil || at.Before(*first)) {
			first = &at
		}
	}
	if isKnown {
		t.first.Store(first)
	}
}

// inspect asks Meta about the token of an account: as its app, or with the token itself if
// the secret of the app is not known.
func (t *tokens) inspect(ctx context.Context, owner state.BusinessAccount) (graph.Grant, error) {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	var app graph.App
	if i := slices.IndexFunc(t.apps, func(a graph.App) bool { return a.ID == owner.AppID && a.ID != "" }); i >= 0 {
		app = t.apps[i]
	}
	client := t.graph.Observed(func(x graph.Exchange) {
		entry := x.Entry()
		entry.Account = owner.AccountID
		t.activity.Record(ctx, entry)
	})
	return client.InspectToken(ctx, app, owner.Token)
}
