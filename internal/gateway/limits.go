package gateway

import (
	"cmp"
	"time"

	"ferry/internal/admission"
	"ferry/internal/event"
	"ferry/internal/message"
	"ferry/internal/object"
	"ferry/internal/social"
	"ferry/internal/state"
	"ferry/internal/transfer"
)

// Limits are the limits in force, with the defaults of what is not configured.
type Limits struct {
	Connections, ConnectionsPerAddress int
	Transfers, TransfersPerAccount     int
	// ConfiguredConnections and ConfiguredTransfers are what was configured: the process may
	// open too few files for more than Connections and Transfers.
	ConfiguredConnections, ConfiguredTransfers int

	TransferTime   time.Duration
	MediaPerSecond int // calls of each media operation and account; social.NoLimit means none

	MessagesPerSecond   int            // of each phone number
	MessagesPerSecondOf map[string]int // of phone numbers, by state.PhoneNumber.ID
	QueuedMessages      int            // of each phone number

	JournalTime                          time.Duration
	JournalEntries                       int
	DatabaseConnections                  int // 0 means SQLite
	AppSecrets                           int // that are configured
	BodyTime, DrainDelay, DrainTimeout   time.Duration
	WillFail                             transfer.WillFail
	VerifyUploads, TextAsPlain, LinkToID bool // for all accounts
}

// setLimits notes the limits of connections and transfers, of which config has those in
// force.
func (g *Gateway) setLimits(config *Config) {
	perAddress := cmp.Or(config.Admission.MaxPerAddress, max(1, config.Admission.MaxConnections/2))
	g.limits = Limits{
		Connections: config.Admission.MaxConnections, ConnectionsPerAddress: perAddress,
		Transfers: config.Transfer.MaxTransfers, TransfersPerAccount: transfer.PerAccount(config.Transfer.MaxTransfers),
	}
}

// Limits returns the limits in force.
func (g *Gateway) Limits() Limits {
	c, l := &g.config, g.limits
	kept := c.Journal.Kept()
	l.ConfiguredConnections = cmp.Or(c.Admission.MaxConnections, admission.DefaultMaxConnections)
	l.ConfiguredTransfers = cmp.Or(c.Transfer.MaxTransfers, transfer.DefaultMaxTransfers)
	l.TransferTime = cmp.Or(c.Transfer.Timeout, transfer.DefaultTimeout)
	l.MediaPerSecond = cmp.Or(c.API.MediaPerSecond, social.DefaultMediaPerSecond)
	l.MessagesPerSecond, l.MessagesPerSecondOf = cmp.Or(c.Governor.PerSecond, message.DefaultPerSecond), c.Governor.PerSecondOf
	l.QueuedMessages = cmp.Or(c.Governor.MaxQueued, message.DefaultMaxQueued)
	l.JournalTime, l.JournalEntries = kept.Time, kept.Entries
	l.DatabaseConnections, l.AppSecrets = c.State.MaxConnections(), len(c.Webhook.AppSecrets)
	l.BodyTime, l.DrainDelay, l.DrainTimeout = c.BodyTimeout, c.DrainDelay, c.DrainTimeout
	l.WillFail, l.VerifyUploads, l.TextAsPlain, l.LinkToID = cmp.Or(c.API.WillFail, transfer.RefuseWillFail), c.API.VerifyUploads, c.API.TextAsPlain, c.LinkToID
	return l
}

// State returns the gateway's database, for administration beside the API.
func (g *Gateway) State() *state.DB { return g.config.State }

// Objects returns the gateway's stores, for administration.
func (g *Gateway) Objects() *object.Opener { return g.objects }

// Events returns what delivers events, for administration.
func (g *Gateway) Events() *event.Deliverer { return g.events }

// Region returns the region of the API.
func (g *Gateway) Region() string { return cmp.Or(g.config.API.Region, "us-east-1") }
