// The stores: whether they respond, accept the credentials, and serve objects as ferry reads
// them.

package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/object"
	"ferry/internal/state"
)

// A target is a bucket of a store, and an object in it if one is known.
type target struct{ bucket, key string }

// noKey is the key of no object: a store that accepts the credentials says that it is missing.
const noKey = "ferry-doctor-asks-for-no-object"

// storeReach returns the lines about the connection to a store, and its clock.
func (x *examination) storeReach(ctx context.Context, index int) []Result {
	bucket := ""
	if names := exactBuckets(x.config.Objects.Stores()[index]); len(names) > 0 {
		bucket = names[0]
	}
	reached, err := x.config.Objects.Reach(ctx, index, bucket)
	if err != nil {
		found, fix := unreached(reached.Host, err)
		return []Result{fail("store", reached.Host, found, fix), skip("clock", reached.Host, "the store does not respond")}
	}
	return []Result{
		ok("store", reached.Host, fmt.Sprintf("responds in %d ms", reached.Took.Milliseconds())),
		compareClocks(reached.Host, reached.Date, reached.At, reached.Took),
	}
}

// exactBuckets returns the buckets of a store that are named, rather than matched.
func exactBuckets(s object.StoreConfig) (names []string) {
	for _, pattern := range s.Buckets {
		if !strings.ContainsAny(pattern, "*?[\\") && len(names) < maxBuckets {
			names = append(names, pattern)
		}
	}
	return names
}

// objects returns for each store what it is examined with: the objects of the options, else
// the newest uploads of each bucket, else the buckets that the configuration names.
func (x *examination) objects(ctx context.Context) [][]target {
	stores := x.config.Objects.Stores()
	targets := make([][]target, len(stores))
	add := func(t target) {
		i := x.config.Objects.StoreOf(t.bucket)
		if i >= 0 && len(targets[i]) < maxBuckets && !slices.ContainsFunc(targets[i], func(o target) bool { return o.bucket == t.bucket }) {
			targets[i] = append(targets[i], t)
		}
	}
	for _, name := range x.options.Objects {
		if bucket, key, isName := strings.Cut(strings.TrimPrefix(name, "s3://"), "/"); isName {
			add(target{bucket, key})
		}
	}
	for _, name := range x.recentSources(ctx) {
		if bucket, key, isName := strings.Cut(strings.TrimPrefix(name, "s3://"), "/"); isName {
			add(target{bucket, key})
		}
	}
	for _, s := range stores {
		for _, bucket := range exactBuckets(s) {
			add(target{bucket: bucket})
		}
	}
	return targets
}

// recentSources returns the objects of the newest uploads.
func (x *examination) recentSources(ctx context.Context) (names []string) {
	if x.config.State == nil || x.listErr != nil {
		return nil
	}
	list, _, err := x.config.State.ListMedia(ctx, state.MediaPlace{}, recentFiles, func(m state.AccountMedia) bool { return strings.HasPrefix(m.SourceName, "s3://") })
	if err != nil {
		return nil
	}
	for _, m := range list {
		names = append(names, m.SourceName)
	}
	return names
}

// store returns the lines about the buckets of a store.
func (x *examination) store(ctx context.Context, index int, targets []target) []Result {
	config := x.config.Objects.Stores()[index]
	host := hostOfStore(config)
	if len(targets) == 0 {
		return []Result{skip("access", host, "no bucket of this store is known: name an object in it with --object s3://BUCKET/KEY")}
	}
	var results []Result
	for _, t := range targets {
		if x.failed["store "+host] {
			results = append(results, skip("access", "s3://"+t.bucket, "the store does not respond"))
			continue
		}
		results = append(results, x.bucket(ctx, config, t)...)
	}
	return results
}

// hostOfStore returns the subject of the line about the connection to a store.
func hostOfStore(s object.StoreConfig) string {
	if s.Endpoint != "" {
		return hostOf(s.Endpoint)
	}
	return "s3." + s.Region + ".amazonaws.com"
}

// bucket tries a bucket as calls use it.
func (x *examination) bucket(ctx context.Context, config object.StoreConfig, t target) []Result {
	subject, key := "s3://"+t.bucket, t.key
	if key == "" {
		key = noKey
	}
	steps, err := x.config.Objects.Try(ctx, t.bucket, key)
	if err != nil {
		return []Result{problem("access", subject, err)}
	}
	byName := make(map[string]object.Step)
	for _, s := range steps {
		byName[s.Name] = s
	}
	access, isThere := x.access(subject, t, byName)
	if access.Status == Fail || !isThere {
		return []Result{access}
	}
	results := []Result{access}
	for _, line := range []struct{ check, step string }{{"range", object.StepRange}, {"if-match", object.StepIfMatch}, {"presigned", object.StepURL}} {
		step := byName[line.step]
		r := ok(line.check, subject, step.Text)
		if step.Err != nil {
			r = problem(line.check, subject, step.Err)
		}
		if step.Err != nil && line.check == "if-match" { // ferry compares ETags itself
			r.Status = Warn
		}
		results = append(results, r)
	}
	sum := byName[object.StepChecksum]
	switch {
	case sum.Err != nil:
		results = append(results, problem("checksum", subject, sum.Err))
	case config.VerifyChecksums && sum.Text == object.NoChecksum:
		results = append(results, warn("checksum", subject, sum.Text+", which verify_checksums would compare", "Upload objects with a checksum (aws s3 cp --checksum-algorithm CRC32C), or remove verify_checksums."))
	default:
		results = append(results, ok("checksum", subject, sum.Text))
	}
	return results
}

// access says whether a store accepts the credentials and has the bucket, and reports whether
// the object is there. HEAD has no error code, so that the range request decides; of that, a
// store that ignores ranges has accepted everything else.
func (x *examination) access(subject string, t target, steps map[string]object.Step) (r Result, isThere bool) {
	const name = "access"
	if err := steps[object.StepCredentials].Err; err != nil {
		return problem(name, subject, err), false
	}
	head, first := steps[object.StepHead], steps[object.StepRange]
	failed, isProblem := errors.AsType[*object.Error](first.Err)
	credentials := steps[object.StepCredentials].Text
	switch {
	case first.Err == nil && head.Err != nil:
		return problem(name, subject, head.Err), false
	case first.Err == nil, isProblem && failed.Code == "no-ranges":
		return ok(name, subject, credentials+"; "+t.key+": "+head.Text), true
	case isProblem && failed.Code == "object-not-found" && t.key == "":
		return ok(name, subject, credentials+"; the bucket is there. Name an object in it, to try more: --object "+subject+"/KEY"), false
	case isProblem && failed.Code == "object-not-found":
		return ok(name, subject, credentials+"; the bucket is there, and "+t.key+" no longer. Name an object in it, to try more: --object "+subject+"/KEY"), false
	case isProblem && failed.Code == "store-denied" && t.key == "":
		return warn(name, subject, credentials+"; the store does not say whether an object exists, or refuses the credentials", "Name an object that exists, to find out: --object "+subject+"/KEY. With s3:ListBucket a missing object is reported as missing."), false
	}
	return problem(name, subject, first.Err), false
}

// problem returns the line of an error of a store.
func problem(check, subject string, err error) Result {
	if failed, isProblem := errors.AsType[*object.Error](err); isProblem {
		return fail(check, subject, fmt.Sprintf("%s [%s]", failed.Message, failed.Code), failed.Fix)
	}
	return fail(check, subject, text(err), "Check the store's configuration.")
}
