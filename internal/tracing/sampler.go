package tracing

import (
	"fmt"
	"strconv"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A Sampler decides which traces are exported. ParseSampler returns one.
type Sampler struct{ sampler sdktrace.Sampler }

// ParseSampler returns the sampler that the variables OTEL_TRACES_SAMPLER and
// OTEL_TRACES_SAMPLER_ARG name (docs/references.md#otel-environment). An empty name means
// parentbased_always_on, and an empty argument 1.
func ParseSampler(name, argument string) (Sampler, error) {
	ratio := 1.0
	if argument != "" {
		var err error
		if ratio, err = strconv.ParseFloat(argument, 64); err != nil || !(ratio >= 0 && ratio <= 1) {
			return Sampler{}, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG is %q; expected a number from 0 to 1, such as 0.01", argument)
		}
	}
	switch name {
	case "always_on":
		return Sampler{sdktrace.AlwaysSample()}, nil
	case "always_off":
		return Sampler{sdktrace.NeverSample()}, nil
	case "traceidratio":
		return Sampler{sdktrace.TraceIDRatioBased(ratio)}, nil
	case "", "parentbased_always_on":
		return Sampler{sdktrace.ParentBased(sdktrace.AlwaysSample())}, nil
	case "parentbased_always_off":
		return Sampler{sdktrace.ParentBased(sdktrace.NeverSample())}, nil
	case "parentbased_traceidratio":
		return Sampler{sdktrace.ParentBased(sdktrace.TraceIDRatioBased(ratio))}, nil
	}
	return Sampler{}, fmt.Errorf("OTEL_TRACES_SAMPLER is %q; expected always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio", name)
}
