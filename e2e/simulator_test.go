package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"ferry/metasim"
)

// The account at Meta that tests link unless they say otherwise.
const (
	metaAccount = "102290129340398"
	metaPhone   = "106540352242922"
	metaApp     = "734974688087057" // of all accounts
	metaSecret  = "canarySecretOfTheApp90d1"
	// Tokens are canaries: no text of ferry's may hold them.
	metaToken = "EAAcanaryTokenOfTheFirstAccount7f3a9b"

	otherMetaAccount = "202290129340398"
	otherMetaPhone   = "206540352242922"
	otherMetaToken   = "EAAcanaryTokenOfTheOtherAccount51c8e2"
)

// simulator is Meta, over https, with its control API.
type simulator struct {
	t       testing.TB
	url     string // the Graph API, as ferry reaches it
	control *metasim.ControlClient

	controlURL string // for programs
}

// startSimulator runs a strict simulator with two business accounts, and with those
// that the configuration has.
func startSimulator(t testing.TB, config metasim.Config) *simulator {
	t.Helper()
	config.Strict = true
	return startLaxSimulator(t, config)
}

// startLaxSimulator runs a simulator that accepts what Meta accepts, for clients that
// nobody here wrote.
func startLaxSimulator(t testing.TB, config metasim.Config) *simulator {
	t.Helper()
	config.BusinessAccounts = append([]metasim.BusinessAccount{
		{ID: metaAccount, AppID: metaApp, AppSecret: metaSecret, Token: metaToken, Name: "Lucky Shrub", PhoneNumbers: []metasim.PhoneNumber{{ID: metaPhone, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub"}}},
		{ID: otherMetaAccount, AppID: metaApp, AppSecret: metaSecret, Token: otherMetaToken, Name: "Other Shrub", PhoneNumbers: []metasim.PhoneNumber{{ID: otherMetaPhone}}},
	}, config.BusinessAccounts...)
	sim := metasim.New(config)
	graph := httptest.NewUnstartedServer(sim)
	graph.TLS = &tls.Config{Certificates: []tls.Certificate{trusted(t).pair}, MinVersion: tls.VersionTLS12}
	graph.StartTLS()
	control := httptest.NewServer(sim.Control())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.RunBackground(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := sim.Close(); err != nil { // first: it ends the waits of faults
			t.Error(err)
		}
		graph.CloseClientConnections()
		graph.Close()
		control.Close()
	})
	return &simulator{t: t, url: graph.URL, control: metasim.NewControlClient(control.URL, nil), controlURL: control.URL}
}

// fault makes requests at Meta go wrong until clear.
func (s *simulator) fault(fault metasim.Fault) {
	s.t.Helper()
	_, err := s.control.AddFault(s.t.Context(), fault)
	s.must(err)
}

// clear removes all faults.
func (s *simulator) clear() {
	s.t.Helper()
	s.must(s.control.ClearFaults(s.t.Context()))
}

// reset removes media, history and faults.
func (s *simulator) reset() {
	s.t.Helper()
	s.must(s.control.Reset(s.t.Context()))
}

// media returns what Meta knows of a file.
func (s *simulator) media(id string) metasim.Media {
	s.t.Helper()
	file, err := s.control.MediaByID(s.t.Context(), id)
	s.must(err)
	return file
}

// allMedia returns every file that Meta has.
func (s *simulator) allMedia() []metasim.Media {
	s.t.Helper()
	list, err := s.control.Media(s.t.Context())
	s.must(err)
	return list.Media
}

// handle returns what Meta knows of a template's media.
func (s *simulator) handle(name string) metasim.Handle {
	s.t.Helper()
	list, err := s.control.Handles(s.t.Context())
	s.must(err)
	at := slices.IndexFunc(list.Handles, func(h metasim.Handle) bool { return h.Handle == name })
	if at < 0 {
		s.t.Fatalf("Meta has no handle %q", name)
	}
	return list.Handles[at]
}

// uploads returns the uploads that were started, in their order.
func (s *simulator) uploads() []metasim.Request {
	s.t.Helper()
	history, err := s.control.Requests(s.t.Context())
	s.must(err)
	var uploads []metasim.Request
	for _, request := range history.Requests {
		if request.Operation == metasim.OperationUpload {
			uploads = append(uploads, request)
		}
	}
	return uploads
}

// history returns the whole history as text.
func (s *simulator) history() string {
	s.t.Helper()
	history, err := s.control.Requests(s.t.Context())
	s.must(err)
	text, err := json.Marshal(history)
	s.must(err)
	return string(text)
}

func (s *simulator) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
