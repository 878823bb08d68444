package ferrytest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/journal"
	"ferry/internal/local"
	"ferry/internal/memnet"
	"ferry/internal/state"
	"ferry/internal/transfer"
	"ferry/metasim"
)

// A World is ferry's API in front of a simulated WhatsApp, with an S3 server and SNS
// topics, on this machine. Its ids and keys are those of `ferry dev`, the same in every
// world. Its methods fail the test, so they are for the goroutine of the test.
type World struct {
	Region string // that programs should use; the API accepts all

	APIURL       string // ferry's API
	S3URL        string // the S3 server
	SimulatorURL string // the simulated Graph API, without a version
	ControlURL   string // the simulator's control API, for programs in other languages

	AccessKeyID, SecretAccessKey string // for the API, S3 and SNS
	Bucket                       string // the sample bucket

	BusinessAccountID                     string // AWS's id: "waba-…"
	PhoneNumberID, PhoneNumberID2         string // AWS's ids: "phone-number-id-…"
	MetaPhoneNumberID, MetaPhoneNumberID2 string // Meta's ids of the same numbers
	MetaToken                             string // for clients of the Graph API
	GraphVersion                          string // of the Graph API, such as v25.0

	// Simulator is WhatsApp: templates, webhooks, and all else that it can do.
	Simulator *metasim.Server

	t        testing.TB
	settings settings
	isBubble bool
	label    string // of goroutines
	expected map[Problem]bool

	local   *local.World
	journal *journal.Journal
	network *memnet.Network // nil means the machine's
	client  *http.Client
	snsURL  string
	topics  *topics
	closers []func() error // in the order in which they were opened
}

// Start starts a world, which ends with the test. When it returns, everything in it
// answers. Worlds share nothing, so tests may run in parallel.
//
// When the test ends, it fails if something went wrong in the world that the test did not
// announce; see Problem.
func Start(t testing.TB, options ...Option) *World {
	t.Helper()
	w := &World{t: t, settings: newSettings(options), topics: new(topics), expected: make(map[Problem]bool)}
	if w.settings.inMemory {
		w.network, w.isBubble = new(memnet.Network), isBubble()
	}
	w.settings.check(w.isBubble)
	if len(w.settings.problems) > 0 {
		t.Fatalf("ferrytest: Start: %s", strings.Join(w.settings.problems, "; "))
	}
	w.markGoroutines()
	t.Cleanup(func() {
		t.Helper()
		w.end()
	})
	if err := w.start(context.Background()); err != nil {
		w.settings.strict = false // the failure is that of the start
		t.Fatalf("ferrytest: Start: %v", err)
	}
	return w
}

// check adds what is wrong with options together.
func (s *settings) check(isBubble bool) {
	if isBubble && !s.clock.IsZero() {
		s.problems = append(s.problems, "Clock stops a clock that testing/synctest moves; leave it out, and use time.Sleep")
	}
	if s.inMemory && s.database != "" {
		s.problems = append(s.problems, "PostgreSQL cannot be reached through a network in memory; leave out Database or MemoryNetwork")
	}
}

// start starts everything. What was opened is closed by close, also after an error.
func (w *World) start(ctx context.Context) error {
	transport := &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}
	if w.network != nil {
		transport.DialContext = w.network.DialContext
	}
	w.client = &http.Client{Transport: transport}
	w.onClose(func() error { transport.CloseIdleConnections(); return nil })
	if err := w.serveTopics(); err != nil {
		return err
	}
	database, err := w.openDatabase(ctx)
	if err != nil {
		return err
	}
	config := local.Config{Network: w.network, Database: database, SNSEndpoint: w.snsURL, Strict: w.settings.careful}
	config.API.WillFail = transfer.RefuseWillFail
	if w.settings.anyway {
		config.API.WillFail = transfer.WarnWillFail
	}
	if w.settings.archive != "" {
		config.Archive = state.Archive{Bucket: local.Bucket, Prefix: w.settings.archive}
	}
	if w.local, err = local.Start(ctx, config); err != nil {
		return err
	}
	w.onClose(w.local.Close)
	w.describe()
	if err := w.chooseTopics(ctx); err != nil {
		return err
	}
	return w.setClock()
}

// onClose adds what close is to close.
func (w *World) onClose(closer func() error) { w.closers = append(w.closers, closer) }

// close closes everything, the last opened first.
func (w *World) close() (err error) {
	for i := len(w.closers) - 1; i >= 0; i-- {
		err = errors.Join(err, w.closers[i]())
	}
	w.closers = nil
	return err
}

// describe sets the public fields.
func (w *World) describe() {
	l := w.local
	w.Region, w.APIURL, w.S3URL, w.SimulatorURL, w.ControlURL = l.Region, l.APIURL, l.S3URL, l.SimulatorURL, l.ControlURL
	w.AccessKeyID, w.SecretAccessKey, w.Bucket = l.AccessKeyID, l.SecretAccessKey.Reveal(), local.Bucket
	w.BusinessAccountID, w.PhoneNumberID, w.PhoneNumberID2 = l.BusinessAccountID, l.PhoneNumberID, local.PhoneNumberID2
	w.MetaPhoneNumberID, w.MetaPhoneNumberID2, w.MetaToken = l.MetaPhoneNumberID, local.MetaPhoneNumberID2, l.MetaToken.Reveal()
	w.GraphVersion = local.GraphVersion
	w.Simulator, w.journal = l.Simulator, l.Gateway.Journal()
}

// serveTopics serves what stands for SNS.
func (w *World) serveTopics() error {
	listener, err := w.listen()
	if err != nil {
		return err
	}
	w.snsURL = "http://" + listener.Addr().String()
	server := &http.Server{Handler: w.topics, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	w.onClose(func() error {
		err := server.Close()
		if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
			err = errors.Join(err, ended)
		}
		return err
	})
	return nil
}

// chooseTopics makes the topics of the settings the event destinations of the account.
func (w *World) chooseTopics(ctx context.Context) error {
	var chosen []state.EventDestination
	for _, name := range w.settings.topics {
		chosen = append(chosen, state.EventDestination{ARN: topicARN(w.Region, name)})
	}
	id := strings.TrimPrefix(w.BusinessAccountID, "waba-")
	return w.local.Gateway.State().PutEventDestinations(ctx, local.AccountID, id, chosen)
}

// setClock stops the clock, if the settings say so.
func (w *World) setClock() error {
	if w.settings.clock.IsZero() {
		return nil
	}
	if _, err := w.Simulator.StopClock(); err != nil {
		return err
	}
	_, err := w.Simulator.SetClock(w.settings.clock)
	return err
}

// end looks for what went wrong, closes the world, and looks for what is left of it.
func (w *World) end() {
	w.t.Helper()
	var problems []found
	if w.settings.strict && w.local != nil {
		problems = w.problems()
	}
	if w.local != nil && (w.t.Failed() || w.isUnexpected(problems)) {
		w.keep()
		w.hold()
	}
	if err := w.close(); err != nil && !errors.Is(err, net.ErrClosed) {
		w.t.Errorf("ferrytest: the end of the world: %v", err)
	}
	isLast := w.unmarkGoroutines()
	if w.settings.strict && w.local != nil {
		if isLast {
			problems = append(problems, w.goroutinesLeft()...)
		}
		w.report(problems)
	}
}
