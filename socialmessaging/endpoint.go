// The address of the service: the endpoint options, AWS's partitions and the
// SDK's settings.

package socialmessaging

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// EndpointResolverOptions choose among AWS's endpoints of a region.
type EndpointResolverOptions struct {
	UseDualStackEndpoint aws.DualStackEndpointState // IPv4 and IPv6.
	UseFIPSEndpoint      aws.FIPSEndpointState      // Cryptography validated for FIPS 140.
}

// A partition is a group of AWS's regions with domains of its own.
type partition struct {
	prefix            string // Of the names of its regions.
	domain, dualStack string
}

// partitions are those of AWS that have other domains than defaultPartition.
var (
	defaultPartition = partition{"", "amazonaws.com", "api.aws"}
	partitions       = []partition{
		{"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
		{"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
		{"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
		{"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
	}
)

func partitionOf(region string) partition {
	for _, p := range partitions {
		if strings.HasPrefix(region, p.prefix) {
			return p
		}
	}
	return defaultPartition
}

// endpoint returns the URL of the service, with a path. What it refuses, and its errors, are
// those of the SDK's clients. Only a BaseEndpoint that is not the URL of an HTTP
// server is refused here and retried there. No error is an *url.Error, which
// the SDK's retryer may retry.
func (o Options) endpoint() (*url.URL, error) {
	fips := o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled
	dualStack := o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled
	switch {
	case o.Region != "" && !isRegion(o.Region):
		return nil, fmt.Errorf("failed to bind endpoint params, invalid input region %s", o.Region)
	case o.BaseEndpoint != nil && fips:
		return nil, endpointError("FIPS and custom endpoint are not supported")
	case o.BaseEndpoint != nil && dualStack:
		return nil, endpointError("Dualstack and custom endpoint are not supported")
	case o.BaseEndpoint != nil:
		base, err := url.Parse(*o.BaseEndpoint)
		if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
			return nil, endpointError(fmt.Sprintf("the endpoint %q is not a URL such as http://127.0.0.1:4080", *o.BaseEndpoint))
		}
		base.Path = cmp.Or(base.Path, "/")
		return base, nil
	case o.Region == "":
		return nil, endpointError("Missing Region")
	}
	host, domain := SigningName, partitionOf(o.Region).domain
	if fips {
		host += "-fips"
	}
	if dualStack {
		domain = partitionOf(o.Region).dualStack
	}
	return &url.URL{Scheme: "https", Host: host + "." + o.Region + "." + domain, Path: "/"}, nil
}

// endpointError returns an error in the words of the SDK's clients.
func endpointError(problem string) error {
	return fmt.Errorf("failed to resolve service endpoint, endpoint rule error, Invalid Configuration: %s", problem)
}

// isRegion reports whether a region can be part of a host name.
func isRegion(region string) bool {
	return !slices.ContainsFunc(strings.Split(region, "."), func(label string) bool { return !smithyhttp.ValidHostLabel(label) })
}

// readSources reads the endpoint settings of the SDK's sources (environment,
// shared config), as the SDK's clients do.
func readSources(sources []any, o *Options) {
	type (
		dualStack interface {
			GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error)
		}
		fips interface {
			GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error)
		}
	)
	ctx := context.Background() // nothing waits: the SDK has read the sources
	readBaseEndpoint(ctx, sources, o)
	o.EndpointOptions.UseDualStackEndpoint, _ = setting(sources, func(s dualStack) (aws.DualStackEndpointState, bool, error) { return s.GetUseDualStackEndpoint(ctx) })
	o.EndpointOptions.UseFIPSEndpoint, _ = setting(sources, func(s fips) (aws.FIPSEndpointState, bool, error) { return s.GetUseFIPSEndpoint(ctx) })
}

// readBaseEndpoint replaces BaseEndpoint, which is the configured endpoint of
// all services, by that of this service, unless only the former is in the
// environment, which precedes the shared config. The sources do not tell the
// two apart, so the environment is read here, as the SDK's clients read it.
func readBaseEndpoint(ctx context.Context, sources []any, o *Options) {
	type (
		ignores interface {
			GetIgnoreConfiguredEndpoints(context.Context) (bool, bool, error)
		}
		endpoints interface {
			GetServiceBaseEndpoint(context.Context, string) (string, bool, error)
		}
	)
	_, ofAll := os.LookupEnv("AWS_ENDPOINT_URL")
	_, ofThis := os.LookupEnv("AWS_ENDPOINT_URL_SOCIALMESSAGING")
	if ofAll && !ofThis {
		return
	}
	if ignored, _ := setting(sources, func(s ignores) (bool, bool, error) { return s.GetIgnoreConfiguredEndpoints(ctx) }); ignored {
		return
	}
	if endpoint, found := setting(sources, func(s endpoints) (string, bool, error) { return s.GetServiceBaseEndpoint(ctx, ServiceID) }); found {
		o.BaseEndpoint = &endpoint
	}
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
