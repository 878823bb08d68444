package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
)

const (
	// RotationGrace is how long page tokens and the tickets of previews stay valid that were
	// sealed with the old key: the time between the end of its use and its removal.
	RotationGrace = time.Hour
	// rotationPoll is the time between two looks at the servers.
	rotationPoll = time.Second
	// maxNamed bounds the servers and rows that a message names.
	maxNamed = 5
)

// A Rotation replaces the primary key of a keyset by a new one, while servers run:
//
//  1. A new key is added to the keyset. It opens values, and seals none.
//  2. When every server holds it, it becomes the primary key.
//  3. When every server seals with it, everything in the database is sealed again, and the
//     old key is retired: no transaction seals with it from then on.
//  4. After a time of grace, the old key is removed from the keyset.
//  5. When no server holds it any more, the rotation is complete.
//
// What is next follows from the keyset and the database alone, so that a rotation may be
// ended at any moment, and continued by any process that has both.
type Rotation struct {
	// State is opened with the keyset of File. Required.
	State *state.DB
	// File is the keyset's file, which is replaced. Required.
	File secret.KeysetFile
	// Out is where the next keyset is written, if File cannot be replaced. Default: none.
	Out secret.KeysetFile
	// Wait is how long Run waits for servers, and for the end of the time of grace.
	Wait time.Duration
	// Grace is the time between the end of the use of a key and its removal.
	Grace time.Duration
	// Poll is the time between two looks. Default: 1 s.
	Poll time.Duration
	// Changed is called with each step that was made, and Waiting with each reason to wait.
	Changed, Waiting func(text string)
	// Reach is called before and after each change, with its name: an error ends Run there.
	// It is for tests. Default: none.
	Reach func(point string) error

	end    time.Time // of the time to wait
	reason string    // of the last wait
}

// Run continues a rotation, or begins one if none has begun, and does what can be done now.
// left says what is to be done when Run returns before the rotation is complete; empty means
// that it is complete.
func (r *Rotation) Run(ctx context.Context) (left string, err error) {
	r.end = time.Now().Add(r.Wait)
	for {
		if _, err := r.State.ReloadKeyset(ctx); err != nil {
			return "", err
		}
		step, err := r.next(ctx)
		if err != nil {
			return "", err
		}
		switch {
		case step.isEnd:
			return step.left, nil
		case step.wait == "":
			continue
		}
		if left, err := r.wait(ctx, step); left != "" || err != nil {
			return left, err
		}
	}
}

// A step says how to continue.
type step struct {
	isEnd bool
	left  string    // at the end: what is left to do
	wait  string    // what Run has to wait for; empty means for nothing
	until time.Time // when that is certain to be over; zero means that it is not known
}

// next makes the next step.
func (r *Rotation) next(ctx context.Context) (step, error) {
	uses, err := r.State.KeyUses(ctx)
	if err != nil {
		return step{}, err
	}
	servers, err := r.State.Servers(ctx)
	if err != nil {
		return step{}, err
	}
	var added uint32
	var old, removed []state.KeyUse
	isBehind := false // the primary key
	for _, use := range uses {
		switch {
		case use.IsMissing && use.Values > 0:
			return step{}, missingKey(use)
		case use.IsMissing:
			removed = append(removed, use)
		case use.IsPrimary:
			isBehind = true
		case isBehind && use.RetiredAt.IsZero():
			added = use.ID
		default:
			old = append(old, use)
		}
	}
	switch {
	case added != 0:
		return r.promote(ctx, servers, added)
	case len(old) > 0:
		return r.retire(ctx, servers, old)
	case len(removed) > 0:
		return r.finish(ctx, servers, removed)
	}
	return r.begin(ctx)
}

func missingKey(use state.KeyUse) error {
	if use.ID == 0 {
		return fmt.Errorf("%d values in the database do not show with which key they are sealed; they may be damaged", use.Values)
	}
	return fmt.Errorf("%d values in the database are sealed with key %d, which is not in the keyset; add it from an older keyset first, for example with tinkey", use.Values, use.ID)
}

// begin adds a new key.
func (r *Rotation) begin(ctx context.Context) (step, error) {
	next, id, err := r.State.Keyset().WithNewKey()
	if err != nil {
		return step{}, err
	}
	return r.replace(ctx, "add", next, fmt.Sprintf("key %d is added", id))
}

// promote makes a key the primary one, if all servers hold it.
func (r *Rotation) promote(ctx context.Context, servers []state.Server, added uint32) (step, error) {
	if waiting := named(servers, func(s state.Server) bool { return !s.Holds(added) }); waiting != "" {
		return step{wait: fmt.Sprintf("until every server holds key %d: %s", added, waiting)}, nil
	}
	next, err := r.State.Keyset().WithPrimary(added)
	if err != nil {
		return step{}, err
	}
	return r.replace(ctx, "promote", next, fmt.Sprintf("key %d is the primary key", added))
}

// retire seals everything again, retires the old keys and, after the time of grace, removes
// them.
func (r *Rotation) retire(ctx context.Context, servers []state.Server, old []state.KeyUse) (step, error) {
	primary := r.State.Keyset().Primary()
	if waiting := named(servers, func(s state.Server) bool { return s.SealsWith != primary }); waiting != "" {
		return step{wait: fmt.Sprintf("until every server seals with key %d: %s", primary, waiting)}, nil
	}
	var ids []uint32
	var retired time.Time
	isSealing := false
	for _, use := range old {
		ids = append(ids, use.ID)
		isSealing = isSealing || use.RetiredAt.IsZero() || use.Values > 0
		if use.RetiredAt.After(retired) {
			retired = use.RetiredAt
		}
	}
	if isSealing {
		return step{}, r.reseal(ctx, ids)
	}
	if end := retired.Add(r.Grace); r.State.Clock().Before(end) {
		return step{until: end, wait: fmt.Sprintf("until %s, because page tokens that were sealed with %s are valid until then",
			end.UTC().Format("2006-01-02 15:04:05 UTC"), keys(ids))}, nil
	}
	next, err := r.State.Keyset().Without(ids...)
	if err != nil {
		return step{}, err
	}
	return r.replace(ctx, "remove", next, "the keyset is without "+keys(ids)+", which backups from before the rotation still need")
}

// reseal seals everything with the primary key, and retires the others.
func (r *Rotation) reseal(ctx context.Context, old []uint32) error {
	total := 0
	unopened, err := r.State.Reseal(ctx, func(values int) error {
		total += values
		return r.reach("reseal")
	})
	if total > 0 {
		r.Changed(fmt.Sprintf("%d values are sealed with key %d", total, r.State.Keyset().Primary()))
	}
	if err != nil {
		return err
	}
	if len(unopened) > 0 {
		return fmt.Errorf("%d values cannot be opened with any key of the keyset, and keep the rotation from its end; they are damaged: delete or replace what they belong to (%s)", len(unopened), some(unopened))
	}
	if err := r.reach("before retire"); err != nil {
		return err
	}
	left, err := r.State.RetireKeys(ctx)
	if err != nil || left > 0 { // sealed by a server meanwhile that has not read the keyset yet
		return err
	}
	r.Changed("nothing is sealed with " + keys(old) + " any more")
	return r.reach("after retire")
}

// finish ends the rotation when no server holds the removed keys any more.
func (r *Rotation) finish(ctx context.Context, servers []state.Server, removed []state.KeyUse) (step, error) {
	var ids []uint32
	for _, use := range removed {
		ids = append(ids, use.ID)
	}
	waiting := named(servers, func(s state.Server) bool { return slices.ContainsFunc(ids, s.Holds) })
	if waiting != "" {
		return step{wait: fmt.Sprintf("until no server holds %s: %s", keys(ids), waiting)}, nil
	}
	if err := r.reach("before end"); err != nil {
		return step{}, err
	}
	return step{isEnd: true}, r.State.EndRotation(ctx)
}

// replace replaces the keyset by the next one, or writes that beside it.
func (r *Rotation) replace(ctx context.Context, point string, next *secret.Keyset, text string) (step, error) {
	if err := r.reach("before " + point); err != nil {
		return step{}, err
	}
	if r.Out.Path != "" {
		if err := r.Out.Create(ctx, next); err != nil {
			return step{}, err
		}
		r.Changed("in " + r.Out.Path + ", " + text)
		return step{isEnd: true, left: fmt.Sprintf("put %s in the place of the keyset of every server, and run the command again with it as --keyset-file", r.Out.Path)}, nil
	}
	if err := r.File.Replace(ctx, r.State.Keyset(), next); err != nil {
		return step{}, fmt.Errorf("replacing the keyset: %w", err)
	}
	r.Changed(text)
	return step{}, r.reach("after " + point)
}

func (r *Rotation) reach(point string) error {
	if r.Reach == nil {
		return nil
	}
	return r.Reach(point)
}

// wait waits a moment. left says what is left to do if there is no time to wait.
func (r *Rotation) wait(ctx context.Context, s step) (left string, err error) {
	isHopeless := !s.until.IsZero() && time.Until(r.end) < s.until.Sub(r.State.Clock())
	if isHopeless || time.Now().After(r.end) {
		return "wait " + s.wait + "; then run the command again", nil
	}
	if s.wait != r.reason {
		r.reason = s.wait
		r.Waiting("waiting " + s.wait)
	}
	select {
	case <-time.After(cmp.Or(r.Poll, rotationPoll)):
		return "", nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// named returns the names of the servers that are selected.
func named(servers []state.Server, selects func(state.Server) bool) string {
	var names []string
	for _, s := range servers {
		if selects(s) {
			names = append(names, s.Name)
		}
	}
	return some(names)
}

// some returns the first of some names, and how many more there are.
func some(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// keys returns the ids of keys as a part of a sentence.
func keys(ids []uint32) string {
	if len(ids) == 1 {
		return fmt.Sprintf("key %d", ids[0])
	}
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = fmt.Sprint(id)
	}
	return "keys " + strings.Join(texts, ", ")
}
