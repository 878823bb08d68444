package gateway

import (
	"context"
	"slices"

	"ferry/internal/doctor"
	"ferry/internal/graph"
)

// Examine examines the gateway and what it needs, as 'ferry doctor' does. Its requests to Meta
// are in the journal.
func (g *Gateway) Examine(ctx context.Context, options doctor.Options) []doctor.Result {
	c, limits := &g.config, g.Limits()
	return doctor.Run(ctx, doctor.Config{
		Version: c.Version, Sealer: c.Sealer, State: c.State,
		Graph: g.graph.Observed(func(x graph.Exchange) { g.activity.Record(ctx, x.Entry()) }),
		Apps:  slices.Concat(c.API.Apps, c.Webhook.apps()), AppSecrets: c.Webhook.AppSecrets, VerifyToken: c.Webhook.VerifyToken,
		Objects: g.objects, Events: g.events, Connections: limits.ConfiguredConnections, Transfers: limits.ConfiguredTransfers,
		CertFile: c.CertFile, RootCAs: c.Graph.RootCAs, Dial: c.Dial, Now: c.Now,
	}, options)
}
