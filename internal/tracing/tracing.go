// Package tracing exports traces with OpenTelemetry. A [Tracer] is an [activity.Sink]: it
// makes a span of each entry of a trace that is exported, and sends it by OTLP over HTTP.
//
//	tracing.go    Tracer
//	client.go     how spans are sent
//	attribute.go  what the span of an entry says
//	sampler.go    which traces are exported
//
// Nobody waits for the collector: spans go into a queue, and those that find no room, or
// that the collector does not take, are dropped.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"ferry/internal/activity"
)

// Config configures a Tracer.
type Config struct {
	// Collector receives the spans. Required.
	Collector Collector
	// Sampler decides which traces are exported. Required.
	Sampler Sampler
	// Version is that of the server.
	Version string
	// Logger receives a warning when the collector does not take spans. Default: it is discarded.
	Logger *slog.Logger
}

const (
	// maxQueued bounds the spans that wait for the collector.
	maxQueued = 2048
	// exportTimeout bounds the export of one batch of spans, retries included.
	exportTimeout = 10 * time.Second
	// flushTimeout is how long Close waits for the collector.
	flushTimeout = 2 * time.Second
	// warnInterval is the shortest time between two warnings about the collector.
	warnInterval = time.Minute
)

// Tracer exports the traces of entries. It is safe for concurrent use.
type Tracer struct {
	sampler  Sampler
	provider *sdktrace.TracerProvider
	exporter *exporter
	stop     func(context.Context) error // ends the requests in progress
	tracer   trace.Tracer
}

// Open returns a Tracer, which Close ends. It sends nothing yet.
func Open(ctx context.Context, config Config) (*Tracer, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := newClient(config.Collector)
	if err != nil {
		return nil, err
	}
	exporting, err := otlptrace.New(ctx, client)
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	of, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "ferry"), attribute.String("service.version", config.Version)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	t := &Tracer{sampler: config.Sampler, exporter: &exporter{SpanExporter: exporting, logger: config.Logger}, stop: client.Stop}
	t.provider = sdktrace.NewTracerProvider(
		sdktrace.WithSampler(sdktrace.AlwaysSample()), // Samples has decided
		sdktrace.WithIDGenerator(givenIDs{}),
		sdktrace.WithResource(of),
		sdktrace.WithBatcher(t.exporter, sdktrace.WithMaxQueueSize(maxQueued), sdktrace.WithExportTimeout(exportTimeout)),
	)
	t.tracer = t.provider.Tracer("ferry")
	return t, nil
}

// Samples reports whether a trace is exported.
func (t *Tracer) Samples(id [16]byte, parent activity.Span) bool {
	ctx := context.Background()
	if !parent.IsZero() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, contextOf(parent.Trace, parent.ID, parent.Sampled))
	}
	return t.sampler.sampler.ShouldSample(sdktrace.SamplingParameters{ParentContext: ctx, TraceID: id}).Decision == sdktrace.RecordAndSample
}

func contextOf(traceID [16]byte, id [8]byte, isSampled bool) trace.SpanContext {
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: id, TraceFlags: trace.TraceFlags(0).WithSampled(isSampled)})
}

// Append exports the span of an entry. Entries of the simulator and of administration have none.
func (t *Tracer) Append(e activity.Entry) {
	if !e.Span.Sampled {
		return
	}
	ctx := context.WithValue(context.Background(), idsKey{}, e.Span)
	if e.Span.Parent != [8]byte{} {
		ctx = trace.ContextWithSpanContext(ctx, contextOf(e.Span.Trace, e.Span.Parent, true))
	}
	// Not Entry.Time, which is that of a clock that ferry dev can stop.
	end := time.Now()
	_, span := t.tracer.Start(ctx, nameOf(&e), trace.WithTimestamp(end.Add(-e.Took)), trace.WithSpanKind(kindOf(&e)), trace.WithAttributes(attributesOf(&e)...))
	if code, text := statusOf(&e); code != 0 {
		span.SetStatus(code, text)
	}
	span.End(trace.WithTimestamp(end))
}

// Dropped returns how many spans the collector did not take.
func (t *Tracer) Dropped() int64 { return t.exporter.dropped.Load() }

// Close exports what is in the queue, for at most flushTimeout, and ends the Tracer.
// Entries that are appended later are dropped.
func (t *Tracer) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushTimeout)
	defer cancel()
	err := t.provider.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		// It ends the export in progress, which Shutdown waits for in the background.
		err = errors.Join(err, t.stop(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return fmt.Errorf("the collector of traces did not take the last spans: %w", err)
	}
	return nil
}

// givenIDs are the ids of the entry whose span begins.
type givenIDs struct{}

type idsKey struct{}

func (givenIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	span, _ := ctx.Value(idsKey{}).(activity.Span)
	return span.Trace, span.ID
}

func (givenIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	span, _ := ctx.Value(idsKey{}).(activity.Span)
	return span.ID
}

// exporter counts the spans that the collector does not take, and warns about them.
type exporter struct {
	sdktrace.SpanExporter
	logger  *slog.Logger
	dropped atomic.Int64

	mu     sync.Mutex
	warned time.Time
}

// ExportSpans sends spans. It returns no error, which the SDK would log.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.dropped.Add(int64(len(spans)))
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.warned) >= warnInterval {
		e.warned = time.Now()
		e.logger.Warn("the collector of traces does not take spans; check OTEL_EXPORTER_OTLP_ENDPOINT", "error", err, "dropped", e.dropped.Load())
	}
	return nil
}
