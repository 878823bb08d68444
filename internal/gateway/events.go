package gateway

import (
	"context"

	"ferry/internal/activity"
	"ferry/internal/event"
)

// openEvents creates what decides where events go, and what delivers them. It sets
// config.API.Events.
func (g *Gateway) openEvents(ctx context.Context, config *Config, record *activity.Recorder) (err error) {
	config.Router.State, config.Router.Region, config.Router.AnyRegion = config.State, config.API.Region, config.API.AnyRegion
	if config.API.Events, err = event.NewRouter(config.Router); err != nil {
		return err
	}
	config.Deliverer.State, config.Deliverer.Router = config.State, config.API.Events
	config.Deliverer.Guard, config.Deliverer.Activity, config.Deliverer.Logger = config.Objects.Guard, record, config.Logger
	if g.events, err = event.NewDeliverer(ctx, config.Deliverer); err != nil {
		return err
	}
	g.deliverers[toAccounts] = g.events.Deliver
	return nil
}
