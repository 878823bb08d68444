package metrics

import (
	"context"
	"database/sql"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// gatherTimeout bounds the queries of one scrape.
	gatherTimeout = 5 * time.Second
	// gatherInterval is the time for which the answers of the database are used again.
	gatherInterval = 5 * time.Second
	// usageLife is the time for which the highest usage of a limit of Meta is shown.
	usageLife = 5 * time.Minute
)

// A Backlog is what waits to be delivered.
type Backlog struct {
	Waiting, Dead int64
	OldestAt      time.Time // zero means that nothing waits
}

// Gauges are what is read at a scrape. Each may be nil.
type Gauges struct {
	InFlight          func() int                                                      // transfers in progress
	Backlogs          func(ctx context.Context) (messages, events Backlog, err error) // of the outbox
	Pools             func() map[string]sql.DBStats                                   // of the database, by name
	Size              func(ctx context.Context) (size, log int64, err error)          // of the database, in bytes
	TokenExpiry       func() (time.Time, bool)                                        // of Meta's token that expires first; false means none
	CertificateExpiry func() (time.Time, bool)                                        // of the API; false means that there is none
	Dropped           map[string]func() int64                                         // lines, entries and spans that found no room, by where
}

// gauges collects Gauges.
type gauges struct {
	config Config

	mu      sync.Mutex
	readAt  time.Time // when database was read
	answers []prometheus.Metric
}

func newGauges(config Config) *gauges { return &gauges{config: config} }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// The metrics of gauges.
var (
	inFlight          = describe("ferry_uploads_in_flight", "Transfers of files in progress, downloads included.")
	eventsPending     = describe("ferry_events_pending", "Deliveries of events that wait, also those of held destinations.")
	eventsOldest      = describe("ferry_events_oldest_seconds", "Age of the oldest delivery of an event that waits.")
	eventsDead        = describe("ferry_events_dead", "Deliveries of events that have been given up.")
	messagesPending   = describe("ferry_messages_pending", "Messages that wait to be sent.")
	messagesOldest    = describe("ferry_messages_oldest_seconds", "Age of the oldest message that waits to be sent.")
	tokenExpiry       = describe("ferry_token_expiry_seconds", "Time until the first of the linked tokens of Meta expires.")
	certificateExpiry = describe("ferry_certificate_expiry_seconds", "Time until the TLS certificate of the API expires.")
	dbConnections     = describe("ferry_db_connections", "Connections to the database.", "pool", "state")
	dbMax             = describe("ferry_db_connections_max", "Connections to the database that there may be; 0 means any number.", "pool")
	dbWaits           = describe("ferry_db_waits_total", "Times that a connection to the database was waited for.", "pool")
	dbWaitSeconds     = describe("ferry_db_wait_seconds_total", "Time for which connections to the database were waited for.", "pool")
	dbSize            = describe("ferry_db_size_bytes", "Size of the database.")
	dbWAL             = describe("ferry_db_wal_bytes", "Size of the log of SQLite beside the database.")
	dropped           = describe("ferry_dropped_total", "Lines of the log, entries of the journal and spans that found no room.", "what")
	buildInfo         = describe("ferry_build_info", "1, with the version of the server.", "version", "go_version")
)

// Describe implements prometheus.Collector.
func (g *gauges) Describe(out chan<- *prometheus.Desc) {
	has := g.config.Gauges
	for _, metric := range []struct {
		exists bool
		descs  []*prometheus.Desc
	}{
		{true, []*prometheus.Desc{buildInfo}},
		{has.InFlight != nil, []*prometheus.Desc{inFlight}},
		{has.Backlogs != nil, []*prometheus.Desc{eventsPending, eventsOldest, eventsDead, messagesPending, messagesOldest}},
		{has.TokenExpiry != nil, []*prometheus.Desc{tokenExpiry}},
		{has.CertificateExpiry != nil, []*prometheus.Desc{certificateExpiry}},
		{has.Pools != nil, []*prometheus.Desc{dbConnections, dbMax, dbWaits, dbWaitSeconds}},
		{has.Size != nil, []*prometheus.Desc{dbSize, dbWAL}},
		{len(has.Dropped) > 0, []*prometheus.Desc{dropped}},
	} {
		for _, desc := range metric.descs {
			if metric.exists {
				out <- desc
			}
		}
	}
}

func gauge(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func counter(desc *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, labels...)
}

// Collect implements prometheus.Collector. What the database does not answer is missing.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	has := g.config.Gauges
	out <- gauge(buildInfo, 1, g.config.Version, runtime.Version())
	if has.InFlight != nil {
		out <- gauge(inFlight, float64(has.InFlight()))
	}
	expiry := func(desc *prometheus.Desc, at func() (time.Time, bool)) {
		if at == nil {
			return
		}
		if expires, ok := at(); ok {
			out <- gauge(desc, math.Round(expires.Sub(g.config.Now()).Seconds()))
		}
	}
	expiry(tokenExpiry, has.TokenExpiry)
	expiry(certificateExpiry, has.CertificateExpiry)
	for what, count := range has.Dropped {
		out <- counter(dropped, float64(count()), what)
	}
	if has.Pools != nil {
		for pool, stats := range has.Pools() {
			out <- gauge(dbConnections, float64(stats.InUse), pool, "in_use")
			out <- gauge(dbConnections, float64(stats.Idle), pool, "idle")
			out <- gauge(dbMax, float64(stats.MaxOpenConnections), pool)
			out <- counter(dbWaits, float64(stats.WaitCount), pool)
			out <- counter(dbWaitSeconds, stats.WaitDuration.Seconds(), pool)
		}
	}
	for _, metric := range g.fromDatabase() {
		out <- metric
	}
}

// fromDatabase returns what queries answer, which are made at most once in gatherInterval.
func (g *gauges) fromDatabase() []prometheus.Metric {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.readAt) < gatherInterval {
		return g.answers
	}
	ctx, cancel := context.WithTimeout(context.Background(), gatherTimeout)
	defer cancel()
	has := g.config.Gauges
	g.answers = nil
	if has.Backlogs != nil {
		if messages, events, err := has.Backlogs(ctx); err == nil {
			g.answers = append(g.answers,
				gauge(eventsPending, float64(events.Waiting)), gauge(eventsOldest, g.age(events)), gauge(eventsDead, float64(events.Dead)),
				gauge(messagesPending, float64(messages.Waiting)), gauge(messagesOldest, g.age(messages)))
		}
	}
	if has.Size != nil {
		if size, log, err := has.Size(ctx); err == nil {
			g.answers = append(g.answers, gauge(dbSize, float64(size)), gauge(dbWAL, float64(log)))
		}
	}
	g.readAt = time.Now()
	return g.answers
}

// age returns how long the oldest of a backlog has waited, in seconds.
func (g *gauges) age(b Backlog) float64 {
	if b.OldestAt.IsZero() {
		return 0
	}
	return max(0, g.config.Now().Sub(b.OldestAt).Seconds())
}

// usage is the highest usage of a limit of Meta that was reported within usageLife. Meta
// reports it for each business account, and it falls slowly.
type usage struct {
	now func() time.Time

	mu      sync.Mutex
	highest float64
	at      time.Time
}

var usageRatio = describe("ferry_graph_usage_ratio", "Highest share of a rate limit of Meta that is used, 1 means all, as Meta says of a business account.")

func (u *usage) report(value float64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now := u.now(); value >= u.highest || now.Sub(u.at) > usageLife {
		u.highest, u.at = value, now
	}
}

// Describe implements prometheus.Collector.
func (u *usage) Describe(out chan<- *prometheus.Desc) { out <- usageRatio }

// Collect implements prometheus.Collector.
func (u *usage) Collect(out chan<- prometheus.Metric) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.now().Sub(u.at) > usageLife {
		u.highest = 0
	}
	out <- gauge(usageRatio, u.highest)
}
