package gateway

import (
	"ferry/internal/activity"
	"ferry/internal/message"
	"ferry/internal/transfer"
)

// openMessages creates what sends messages, and sets it in config, for the API. What
// routes events is open already.
func (g *Gateway) openMessages(config *Config, transfers *transfer.Engine, record *activity.Recorder) (err error) {
	config.Governor.State = config.State
	if g.governor, err = message.NewGovernor(config.Governor); err != nil {
		return err
	}
	g.links, err = message.NewLinks(message.LinksConfig{
		State: config.State, Objects: g.objects, Transfers: transfers, All: config.LinkToID, Logger: config.Logger, Now: config.Now,
		Verify: config.API.VerifyUploads, TextAsPlain: config.API.TextAsPlain, WillFail: config.API.WillFail,
	})
	if err != nil {
		return err
	}
	messages := config.Messages
	messages.Links = g.links
	messages.State, messages.Graph, messages.Governor = config.State, g.graph, g.governor
	messages.Activity, messages.Logger = record, config.Logger
	messages.Route, messages.Region = config.API.Events.Route, config.API.Region
	if g.messages, err = message.New(messages); err != nil {
		return err
	}
	config.API.Messages = g.messages
	g.deliverers[toMeta] = g.messages.Deliver
	return nil
}
