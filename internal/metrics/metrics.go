// Package metrics counts what happens, for Prometheus. A [Metrics] is an [activity.Sink]
// with a registry of its own. docs/operating.md lists the metrics.
//
//	metrics.go  Metrics, and what the entries count
//	label.go    the values that labels may have
//	gauge.go    what is read when somebody scrapes
//	handler.go  the HTTP handler
//
// The number of time series is bounded: each value of a label is in a list that is known
// when the server starts, or is "other". No label names an account, a phone number, a
// file, a key or a person.
package metrics

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ferry/internal/activity"
)

// Config says which values labels may have, and what is read at a scrape. A function that
// is nil has no metric.
type Config struct {
	Version         string   // of the server
	Operations      []string // of the API
	Codes           []string // of errors of the API
	GraphOperations []string // requests to Meta
	MetaCodes       []int    // of errors of Meta
	Findings        []string // codes of what can be wrong with a file
	Stores          []string // what serves sources: values of Entry.Store
	Destinations    []string // names of the destinations of events in the configuration

	Gauges Gauges

	// Now returns the current time, by which the usage of Meta's limits ages. Default: time.Now.
	Now func() time.Time
}

// Metrics counts entries. It is safe for concurrent use.
type Metrics struct {
	config   Config
	registry *prometheus.Registry
	known    known
	usage    usage

	operations map[string]*operation
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec

	uploadBytes     prometheus.Counter
	uploads         map[activity.Outcome]prometheus.Counter
	ambiguous       prometheus.Counter
	findings        *prometheus.CounterVec
	graph           *prometheus.CounterVec
	sources         *prometheus.HistogramVec
	eventAttempts   *prometheus.CounterVec
	webhooks        map[activity.Outcome]prometheus.Counter
	messageAttempts map[activity.Outcome]prometheus.Counter
}

// An operation has the metrics of calls that succeed, resolved once.
type operation struct {
	once      sync.Once
	successes prometheus.Counter
	duration  prometheus.ExemplarObserver
}

// buckets are those of durations, in seconds, for servers that do not scrape native
// histograms.
var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}

const (
	// maxBuckets bounds the buckets of one native histogram.
	maxBuckets = 100
	// bucketReset is the time after which a native histogram with too many buckets begins anew.
	bucketReset = time.Hour
)

func histogram(name, help string) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: help, Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: maxBuckets, NativeHistogramMinResetDuration: bucketReset,
	}
}

// New returns a Metrics.
func New(config Config) *Metrics {
	if config.Now == nil {
		config.Now = time.Now
	}
	m := &Metrics{config: config, registry: prometheus.NewRegistry(), known: newKnown(config), usage: usage{now: config.Now}, operations: make(map[string]*operation)}
	for _, name := range append([]string{other}, config.Operations...) {
		m.operations[name] = new(operation)
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		vector := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		m.registry.MustRegister(vector)
		return vector
	}
	m.requests = counters("ferry_requests_total", "Calls of the API, by the code of the error.", "operation", "code", "outcome")
	m.durations = prometheus.NewHistogramVec(histogram("ferry_request_duration_seconds", "Time that calls of the API took."), []string{"operation"})
	m.uploadBytes = prometheus.NewCounter(prometheus.CounterOpts{Name: "ferry_upload_bytes_total", Help: "Bytes of the files that WhatsApp has accepted."})
	m.uploads = outcomes(counters("ferry_upload_attempts_total", "Attempts to upload a file to WhatsApp.", "outcome"), resultsOfUploads)
	m.ambiguous = prometheus.NewCounter(prometheus.CounterOpts{Name: "ferry_uploads_ambiguous_total", Help: "Uploads that WhatsApp may have, although it did not confirm them."})
	m.findings = counters("ferry_findings_total", "What was wrong with files that were inspected.", "code", "severity")
	m.graph = counters("ferry_graph_requests_total", "Requests to Meta's Graph API, by Meta's code of the error.", "operation", "code")
	m.sources = prometheus.NewHistogramVec(histogram("ferry_source_duration_seconds", "Time until sources of files responded."), []string{"store"})
	m.eventAttempts = counters("ferry_event_attempts_total", "Attempts to deliver events.", "destination", "outcome")
	m.webhooks = outcomes(counters("ferry_webhooks_total", "Requests of Meta to the webhook.", "outcome"), resultsOfRequests)
	m.messageAttempts = outcomes(counters("ferry_message_attempts_total", "Attempts to send a message.", "outcome"), resultsOfUploads)
	m.registry.MustRegister(m.durations, m.uploadBytes, m.ambiguous, m.sources, &m.usage, newGauges(config),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// The outcomes that are counted from the beginning, so that their rates are known.
var (
	resultsOfRequests = []activity.Outcome{activity.OK, activity.Refused, activity.Failed}
	resultsOfUploads  = []activity.Outcome{activity.OK, activity.Refused, activity.Failed, activity.Ambiguous}
)

// outcomes returns the counters of a vector with one label, by its values.
func outcomes(vector *prometheus.CounterVec, list []activity.Outcome) map[activity.Outcome]prometheus.Counter {
	counters := make(map[activity.Outcome]prometheus.Counter)
	for _, outcome := range list {
		counters[outcome] = vector.WithLabelValues(string(outcome))
	}
	return counters
}

// Append counts an entry.
func (m *Metrics) Append(e activity.Entry) {
	switch e.Kind {
	case activity.Call:
		m.call(&e)
	case activity.Upload:
		m.upload(&e)
	case activity.Fetch:
		if e.Operation == "open" {
			observe(m.sources.WithLabelValues(m.known.stores.of(e.Store)), &e)
		}
	case activity.Inspect:
		for _, f := range e.Findings {
			m.findings.WithLabelValues(m.known.findings.of(f.Code), m.known.severities.of(f.Severity)).Inc()
		}
	case activity.Graph:
		m.graph.WithLabelValues(m.known.graphOperations.of(e.Operation), m.known.graphCode(&e)).Inc()
		if e.Usage > 0 {
			m.usage.report(e.Usage)
		}
	case activity.Attempt:
		m.eventAttempts.WithLabelValues(m.known.destination(e.Destination), m.known.outcomes.of(string(e.Outcome))).Inc()
	case activity.Webhook:
		increment(m.webhooks, e.Outcome)
	case activity.Send:
		increment(m.messageAttempts, e.Outcome)
	}
}

// call counts a call of the API.
func (m *Metrics) call(e *activity.Entry) {
	name := m.known.operations.of(e.Operation)
	o := m.operations[name]
	o.once.Do(func() {
		o.successes = m.requests.WithLabelValues(name, succeeded, string(activity.OK))
		o.duration = m.durations.WithLabelValues(name).(prometheus.ExemplarObserver)
	})
	if e.Outcome == activity.OK {
		o.successes.Inc()
	} else {
		m.requests.WithLabelValues(name, m.known.codes.of(e.Code), m.known.outcomes.of(string(e.Outcome))).Inc()
	}
	observe(o.duration, e)
}

func (m *Metrics) upload(e *activity.Entry) {
	increment(m.uploads, e.Outcome)
	switch e.Outcome {
	case activity.OK:
		m.uploadBytes.Add(float64(e.Bytes))
	case activity.Ambiguous:
		m.ambiguous.Inc()
	}
}

// observe notes how long an entry took. The trace of it is an exemplar.
func observe(to any, e *activity.Entry) {
	seconds := e.Took.Seconds()
	if exemplar, ok := to.(prometheus.ExemplarObserver); ok && e.Span.Sampled {
		exemplar.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": e.Span.TraceID()})
		return
	}
	to.(prometheus.Observer).Observe(seconds)
}

func increment(counters map[activity.Outcome]prometheus.Counter, outcome activity.Outcome) {
	if counter := counters[outcome]; counter != nil {
		counter.Inc()
	}
}

// isTopic reports whether a target is an SNS topic that a caller has chosen.
func isTopic(target string) bool { return strings.HasPrefix(target, "arn:") }
