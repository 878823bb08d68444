// Traces, which the variables of OpenTelemetry turn on.

package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"

	"ferry/internal/secret"
	"ferry/internal/tracing"
)

// openTracer returns what exports traces, nil if the environment names no collector
// (docs/references.md#otel-environment).
func openTracer(ctx context.Context, terminal *terminal) (*tracing.Tracer, error) {
	collector := tracing.Collector{
		URL: os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), Headers: secret.New(ofExporter("HEADERS")), Gzip: ofExporter("COMPRESSION") == "gzip",
		CAFile: ofExporter("CERTIFICATE"), CertFile: ofExporter("CLIENT_CERTIFICATE"), KeyFile: ofExporter("CLIENT_KEY"),
	}
	if base := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"); collector.URL == "" && base != "" {
		collector.URL = strings.TrimRight(base, "/") + "/v1/traces"
	}
	if collector.URL == "" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	if protocol := cmp.Or(ofExporter("PROTOCOL"), "http/protobuf"); protocol != "http/protobuf" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; expected http/protobuf: set it, and the endpoint of the collector for it, which usually has the port 4318", protocol)
	}
	sampler, err := tracing.ParseSampler(os.Getenv("OTEL_TRACES_SAMPLER"), os.Getenv("OTEL_TRACES_SAMPLER_ARG"))
	if err != nil {
		return nil, err
	}
	return tracing.Open(ctx, tracing.Config{Collector: collector, Sampler: sampler, Version: version(), Logger: terminal.log})
}

// ofExporter returns a variable of the exporter for traces, or else of the exporter.
func ofExporter(name string) string {
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_"+name), os.Getenv("OTEL_EXPORTER_OTLP_"+name))
}

// closeTracer exports the last spans.
func closeTracer(tracer *tracing.Tracer, terminal *terminal) {
	if tracer == nil {
		return
	}
	if err := tracer.Close(); err != nil {
		terminal.log.Warn("the last traces were not exported", "error", err)
	}
}

// tracesTo says whether traces are exported, for the log.
func tracesTo(tracer *tracing.Tracer) string {
	if tracer == nil {
		return "off (no OTEL_EXPORTER_OTLP_ENDPOINT)"
	}
	return "on"
}
