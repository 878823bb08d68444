// Package transfer moves one file from A to B: from a store or a URL to
// WhatsApp ([Engine.Post], [Engine.PostTemplate]), and back ([Engine.Fetch]).
// It also deletes files at WhatsApp ([Engine.Delete]), because files that are
// reused have several users.
//
//	engine.go    Engine, Job, and what all transfers share
//	report.go    what happened on the way
//	post.go      uploads for messages
//	inspect.go   what the file is and what is wrong with it
//	reuse.go     the same bytes, the same media id
//	lookup.go    one HEAD request for all who ask at once
//	verify.go    whether WhatsApp has the bytes that were sent
//	template.go  uploads for templates
//	fetch.go     downloads
//	delete.go    deletion at WhatsApp
//	quota.go     what one account may use at once
//	error.go     the errors of this package
//
// An Engine does not know the API that uses it. A [Job] says who the transfer is
// for, from where, to where and with which limits; the context has the deadline
// and nothing else. A [Report] says what happened, on
// success and on failure.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"ferry/internal/activity"
	"ferry/internal/graph"
	"ferry/internal/object"
	"ferry/internal/once"
	"ferry/internal/state"
)

// The budget of one Job. It bounds the requests of all loops together: the
// retries of a request, the resumes of a body, and the retries of a transfer.
const (
	// MaxGets bounds the requests to the source, GET and HEAD together.
	MaxGets = 6
	// MaxPosts bounds the requests that send the file, or a part of it, to Meta.
	MaxPosts = 3
)

// retryDelay is the longest wait before the first retry of a transfer; it
// doubles for the second.
const retryDelay = 200 * time.Millisecond

// ErrTimeout is the cause of a context whose transfer took longer than Config.Timeout.
var ErrTimeout = errors.New("the transfer took longer than the server allows")

// DefaultTimeout is the default of Config.Timeout.
const DefaultTimeout = 10 * time.Minute

// DefaultMaxTransfers is the default of Config.MaxTransfers.
const DefaultMaxTransfers = 256

// Config is what an Engine works with.
type Config struct {
	State   *state.DB      // required
	Graph   *graph.Client  // required
	Objects *object.Opener // required
	// Transfers in progress at once, of all accounts; default 256. One account gets
	// at most three quarters of them. An account without a transfer in progress
	// always gets one more, and while all are taken, slow transfers of the account
	// with the most give way to accounts with less than their share.
	MaxTransfers int
	// How long one transfer may take, retries included; default 10 minutes.
	Timeout  time.Duration
	Activity *activity.Recorder // default: drops the entries
	Logger   *slog.Logger       // default: discards
	Now      func() time.Time   // default time.Now
}

// Engine transfers files. It is safe for concurrent use.
type Engine struct {
	config  Config
	quota   *quota
	sharing once.Group[sharedUpload] // uploads for reuse, by phone number and version of the source
	lookups lookups
}

// New returns an Engine.
func New(config Config) (*Engine, error) {
	if config.State == nil || config.Graph == nil || config.Objects == nil {
		return nil, errors.New("transfer: State, Graph and Objects are required")
	}
	if config.MaxTransfers <= 0 {
		config.MaxTransfers = DefaultMaxTransfers
	}
	if config.Timeout <= 0 {
		config.Timeout = DefaultTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	return &Engine{config: config, quota: newQuota(config.MaxTransfers)}, nil
}

// InProgress returns the number of transfers in progress.
func (e *Engine) InProgress() int { return e.quota.inProgress() }

// A Job is one transfer. Fields that a method does not use are ignored.
type Job struct {
	Trace       string        // request id that the activity entries are joined by; empty means none
	Span        activity.Span // of what the transfer is a part of; the zero Span means that it is not traced
	AccountID   string        // 12 digits: whose share of transfers and retries it uses
	AccessKeyID string        // that the media id belongs to; empty means ferry itself
	UserName    string        // of the access key
	Sender      state.Sender  // phone number that the file belongs to; for all but PostTemplate

	Source object.Source // of Post and PostTemplate
	// Reuse returns the media id of the same bytes, if the phone number has them
	// at WhatsApp. Only Post looks at it.
	Reuse bool
	// Verify compares the SHA-256 that WhatsApp reports with that of the bytes
	// that were sent. Only Post looks at it.
	Verify bool
	// TextAsPlain sends text formats such as CSV as text/plain. Of Post and PostTemplate.
	TextAsPlain bool
	WillFail    WillFail // of Post and PostTemplate; default RefuseWillFail
	// MessageType is the type of the message that will show the file, such as "image". A
	// file that it cannot show is refused. Empty means any. Only Post looks at it.
	MessageType string

	Owner state.BusinessAccount // of PostTemplate: the account, with Meta's app id

	MediaID string // of Fetch and Delete
	// Destination returns where Fetch writes the file, whose MIME type (without
	// parameters) is known by then. Nil means that only the metadata is wanted.
	Destination func(mimeType string) (object.Sink, error)

	MaxGets  int // default MaxGets
	MaxPosts int // default MaxPosts
}

// A run is one Job in progress. Only the goroutine that does the work uses it.
type run struct {
	engine *Engine
	job    Job
	report *Report
	graph  *graph.Client // the engine's, observed
	budget *object.Budget
	source object.Source // of the job, within the budget
	place  *place        // nil for a deletion, which needs none
	span   activity.Span // of the step in progress, or of the job

	inspected *inspection // of an earlier attempt
}

// holder is who receives and releases media ids.
func (j Job) holder() state.Holder {
	return state.Holder{AccessKeyID: j.AccessKeyID, UserName: j.UserName}
}

// start returns a run for a job.
func (e *Engine) start(ctx context.Context, job Job, report *Report) *run {
	if job.MaxGets <= 0 {
		job.MaxGets = MaxGets
	}
	if job.MaxPosts <= 0 {
		job.MaxPosts = MaxPosts
	}
	r := &run{engine: e, job: job, report: report, span: job.Span}
	r.budget = object.NewBudget(job.MaxGets, r.mayRetry)
	r.graph = e.config.Graph.Observed(func(x graph.Exchange) { r.observe(ctx, x) })
	report.PhoneNumberID, report.MediaID = job.Sender.ID, job.MediaID
	if job.Source != nil {
		r.source, report.Object = job.Source.WithBudget(r.budget), job.Source.String()
	}
	return r
}

// transfer runs a job: it occupies one of the places for transfers, and applies
// Config.Timeout. The report is complete when it returns.
func (e *Engine) transfer(ctx context.Context, job Job, report *Report, work func(ctx context.Context, r *run) error) (err error) {
	r := e.start(ctx, job, report)
	defer func() { err = r.finish(recover(), err) }()
	if r.place, err = e.quota.begin(job.AccountID); err != nil {
		return err
	}
	defer r.place.end()
	ctx, free := r.place.within(ctx)
	defer free()
	ctx, cancel := context.WithTimeoutCause(ctx, e.config.Timeout, ErrTimeout)
	defer cancel()
	return withCause(ctx, work(ctx, r))
}

// withCause adds the reason for which ctx has ended to an error of work in ctx.
func withCause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

// finish completes the report, also after a panic, and returns the error of the
// run: that of the work, or one for the panic.
func (r *run) finish(panicked any, err error) error {
	if panicked != nil {
		err = fail(Internal, fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()), "The server failed while it moved the file. Its log has the cause.")
	}
	r.report.Gets = r.budget.Requests()
	r.report.Ambiguous = graph.IsAmbiguous(err)
	return err
}

// mayRetry uses one retry of the account's share.
func (r *run) mayRetry() bool { return r.engine.quota.mayRetry(r.job.AccountID) }

// retry reports whether the transfer that failed with err is retried. If so, it
// records err and waits for the backoff.
func (r *run) retry(ctx context.Context, err error) bool {
	if r.report.Attempts >= r.job.MaxPosts || r.budget.Spent() || !r.mayRetry() {
		return false
	}
	r.report.Retried = append(r.report.Retried, err)
	select {
	case <-time.After(rand.N(retryDelay << (r.report.Attempts - 1))):
		return true
	case <-ctx.Done():
		return false
	}
}

// observe records a request to Meta.
func (r *run) observe(ctx context.Context, x graph.Exchange) {
	switch x.Operation {
	case "upload", "upload_bytes":
		r.report.Posts++
	}
	if x.TraceID != "" && len(r.report.MetaTraces) < maxTraces {
		r.report.MetaTraces = append(r.report.MetaTraces, x.TraceID)
	}
	entry := x.Entry()
	entry.MediaID, entry.Object = r.job.MediaID, r.report.Object
	r.record(ctx, entry)
}

// step does one step of the run, and records it. What is recorded meanwhile is a part of it.
func (r *run) step(ctx context.Context, kind activity.Kind, operation string, do func(*activity.Entry) error) error {
	begun := time.Now()
	entry := activity.Entry{Kind: kind, Time: r.engine.config.Now(), Operation: operation, Object: r.report.Object, Outcome: activity.OK}
	if kind == activity.Fetch && r.source != nil {
		entry.Store = r.source.Store()
	}
	outer := r.span
	r.span = outer.Child()
	entry.Span = r.span
	err := do(&entry)
	r.span = outer
	entry.Took = time.Since(begun)
	if err != nil && entry.Outcome == activity.OK {
		entry.Outcome, entry.Text = activity.Failed, err.Error()
	}
	r.record(ctx, entry)
	return err
}

// record completes an entry of the run, and records it.
func (r *run) record(ctx context.Context, e activity.Entry) {
	if e.Span.IsZero() {
		e.Span = r.span.Child()
	}
	e.Trace, e.Account, e.AccessKey, e.PhoneNumberID = r.job.Trace, r.job.AccountID, r.job.AccessKeyID, r.job.Sender.ID
	r.engine.config.Activity.Record(ctx, e)
}
