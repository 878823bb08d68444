// The address of the service: the endpoint options and the SDK's settings.

package socialmessaging

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// EndpointResolverOptions choose among AWS's endpoints of a region.
type EndpointResolverOptions struct {
	UseDualStackEndpoint aws.DualStackEndpointState // IPv4 and IPv6.
	UseFIPSEndpoint      aws.FIPSEndpointState      // Cryptography validated for FIPS 140.
}

// endpoint returns the URL of the service, without a slash at the end.
func (o Options) endpoint() string {
	if o.BaseEndpoint != nil {
		return strings.TrimSuffix(*o.BaseEndpoint, "/")
	}
	host, domain := SigningName, ".amazonaws.com"
	if o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled {
		host += "-fips"
	}
	if o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled {
		domain = ".api.aws"
	}
	return "https://" + host + "." + o.Region + domain
}

// readSources reads the endpoint settings of the SDK's sources (environment,
// shared config), as the SDK's clients do.
func readSources(sources []any, o *Options) {
	type (
		ignores interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}
		endpoints interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}
		dualStack interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}
		fips interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}
	)
	ctx := context.Background() // nothing waits: the SDK has read the sources
	if ignored, _ := setting(sources, func(s ignores) (bool, bool, error) { return s.GetIgnoreConfiguredEndpoints(ctx) }); !ignored {
		if url, found := setting(sources, func(s endpoints) (string, bool, error) { return s.GetServiceBaseEndpoint(ctx, ServiceID) }); found {
			o.BaseEndpoint = &url
		}
	}
	o.EndpointOptions.UseDualStackEndpoint, _ = setting(sources, func(s dualStack) (aws.DualStackEndpointState, bool, error) { return s.GetUseDualStackEndpoint(ctx) })
	o.EndpointOptions.UseFIPSEndpoint, _ = setting(sources, func(s fips) (aws.FIPSEndpointState, bool, error) { return s.GetUseFIPSEndpoint(ctx) })
}

// setting returns the value of the first source that is an S and has one.
func setting[S, V any](sources []any, get func(S) (V, bool, error)) (value V, found bool) {
	for _, source := range sources {
		if s, ok := source.(S); ok {
			if value, found, err := get(s); found && err == nil {
				return value, true
			}
		}
	}
	return value, false
}
