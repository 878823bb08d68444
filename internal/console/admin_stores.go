// The S3 stores of the configuration, and a trial of each.

package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	store "ferry/internal/object"
)

// storesPage lists the stores.
type storesPage struct {
	standing
	Stores      []storeView
	Bucket, Key string // that were tried last
	Serves      int    // the store that serves the bucket, from 1; 0 means none
	Steps       []trialStep
	Problem     string
}

type storeView struct {
	store.StoreConfig
	Number      int    // from 1
	Credentials string // where they come from
	Example     string // a bucket, if a pattern names exactly one
	Options     []string
}

type trialStep struct {
	store.Step
	Problem, Fix, Code string
}

func (c *Console) routeStores() {
	c.page(navItem{Path: "/admin/stores"}, viewer, func(w http.ResponseWriter, r *request) { c.render(w, r, "admin-stores", c.stores(r)) })
	c.action("/admin/stores/try", "TryStore", admin, c.tryStore)
}

func (c *Console) stores(r *request) storesPage {
	page := storesPage{standing: c.standing(r, admin)}
	for i, s := range c.config.Gateway.Objects().Stores() {
		view := storeView{StoreConfig: s, Number: i + 1, Credentials: "AWS SDK's credential chain: environment, shared files, web identity, container"}
		switch {
		case s.AccessKeyID != "":
			view.Credentials = "access key " + s.AccessKeyID
		case s.UseInstanceProfile:
			view.Credentials += ", role of the EC2 instance"
		}
		for _, pattern := range s.Buckets {
			if view.Example == "" && !strings.ContainsAny(pattern, "*?") {
				view.Example = pattern
			}
		}
		for _, option := range []struct {
			name string
			on   bool
		}{
			{"path style", s.PathStyle}, {"literal keys", s.LiteralKeys || s.Endpoint == ""}, {"requester pays", s.RequestPayer}, {"checksums are verified", s.VerifyChecksums},
			{"buckets of the AWS account " + s.ExpectedBucketOwner, s.ExpectedBucketOwner != ""},
		} {
			if option.on {
				view.Options = append(view.Options, option.name)
			}
		}
		page.Stores = append(page.Stores, view)
		if page.Bucket == "" {
			page.Bucket = view.Example
		}
	}
	return page
}

// tryStore reads an object as calls do, by each way, and shows what came of it.
func (c *Console) tryStore(r *request) (done, error) {
	page := c.stores(r)
	page.Bucket, page.Key = r.field("bucket"), r.PostFormValue("key") // a key may begin or end with a space
	bucket, key, isName := strings.Cut(strings.TrimPrefix(page.Bucket, "s3://"), "/")
	if isName && page.Key == "" { // somebody has typed s3://bucket/key
		page.Bucket, page.Key = bucket, key
	}
	ctx, cancel := context.WithTimeout(r.Context(), trialTimeout)
	defer cancel()
	objects := c.config.Gateway.Objects()
	begun := time.Now()
	steps, err := objects.Try(ctx, page.Bucket, page.Key)
	result := done{Page: "admin-stores", Resource: "s3://" + page.Bucket + "/" + page.Key}
	if failed, ok := errors.AsType[*store.Error](err); ok {
		page.Problem = failed.Message + " " + failed.Fix
		result.Data = page
		return result, invalid("%s", page.Problem)
	}
	if err != nil {
		return done{}, err
	}
	page.Serves = objects.StoreOf(page.Bucket) + 1
	var outcomes []string
	for _, s := range steps {
		shown := trialStep{Step: s}
		outcome := "ok"
		if failed, ok := errors.AsType[*store.Error](s.Err); ok {
			shown.Problem, shown.Fix, shown.Code = failed.Message, failed.Fix, failed.Code
			outcome = failed.Code
		} else if s.Err != nil {
			shown.Problem, outcome = "It failed. The log of the server says why.", "failed"
		}
		if s.Err != nil {
			c.config.Logger.Warn("a step of the trial of a store failed", "step", s.Name, "object", result.Resource, "cause", errors.Join(s.Err, errors.Unwrap(s.Err)))
		}
		page.Steps, outcomes = append(page.Steps, shown), append(outcomes, s.Name+": "+outcome)
	}
	result.Data, result.Text = page, fmt.Sprintf("%s, in %d ms", strings.Join(outcomes, ", "), time.Since(begun).Milliseconds())
	return result, nil
}
