package main

import (
	"log/slog"
	"strings"
	"testing"
)

func TestTracesAreOnIfTheEnvironmentNamesACollector(t *testing.T) {
	cases := map[string]struct {
		environment map[string]string
		want        string // on, off, or a part of the error
	}{
		"nothing":            {nil, "off"},
		"an endpoint":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318/"}, "on"},
		"one for traces":     {map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, "on"},
		"it is disabled":     {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, "off"},
		"no exporter":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, "off"},
		"gRPC":               {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "expected http/protobuf"},
		"an unknown sampler": {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_SAMPLER": "half"}, "expected always_on"},
		"a host only":        {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "expected a URL"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_SAMPLER"} {
				t.Setenv(variable, c.environment[variable])
			}
			tracer, err := openTracer(t.Context(), &terminal{log: slog.New(slog.DiscardHandler)})
			got := "off"
			switch {
			case err != nil:
				got = err.Error()
			case tracer != nil:
				got = "on"
				if err := tracer.Close(); err != nil {
					t.Error(err)
				}
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("%s, expected %s", got, c.want)
			}
		})
	}
}
