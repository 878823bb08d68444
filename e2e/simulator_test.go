package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
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
	control string // the control API
}

// startSimulator runs a simulator with two business accounts, and with those
// that the configuration has.
func startSimulator(t testing.TB, config metasim.Config) *simulator {
	t.Helper()
	config.BusinessAccounts = append([]metasim.BusinessAccount{
		{ID: metaAccount, AppID: metaApp, Token: metaToken, Name: "Lucky Shrub", PhoneNumbers: []metasim.PhoneNumber{{ID: metaPhone, DisplayPhoneNumber: "+1 555-078-3881", VerifiedName: "Lucky Shrub"}}},
		{ID: otherMetaAccount, AppID: metaApp, Token: otherMetaToken, Name: "Other Shrub", PhoneNumbers: []metasim.PhoneNumber{{ID: otherMetaPhone}}},
	}, config.BusinessAccounts...)
	sim := metasim.New(config)
	graph := httptest.NewUnstartedServer(sim)
	graph.TLS = &tls.Config{Certificates: []tls.Certificate{trusted(t).pair}, MinVersion: tls.VersionTLS12}
	graph.StartTLS()
	control := httptest.NewServer(sim.Control())
	t.Cleanup(func() {
		if err := sim.Close(); err != nil { // first: it ends the waits of faults
			t.Error(err)
		}
		graph.CloseClientConnections()
		graph.Close()
		control.Close()
	})
	return &simulator{t: t, url: graph.URL, control: control.URL}
}

// fault makes requests at Meta go wrong until clear. In JSON, as the control API takes it.
func (s *simulator) fault(members string) {
	s.t.Helper()
	s.ask(http.MethodPost, "/faults", http.StatusCreated, members, nil)
}

// clear removes all faults.
func (s *simulator) clear() {
	s.t.Helper()
	s.ask(http.MethodDelete, "/faults", http.StatusNoContent, "", nil)
}

// reset forgets media, history and faults.
func (s *simulator) reset() {
	s.t.Helper()
	s.ask(http.MethodPost, "/reset", http.StatusNoContent, "", nil)
}

// media is what Meta has of a file.
func (s *simulator) media(id string) metasim.Media {
	s.t.Helper()
	var found metasim.Media
	s.ask(http.MethodGet, "/media/"+id, http.StatusOK, "", &found)
	return found
}

// allMedia is every file that Meta has.
func (s *simulator) allMedia() []metasim.Media {
	s.t.Helper()
	var found struct{ Media []metasim.Media }
	s.ask(http.MethodGet, "/media", http.StatusOK, "", &found)
	return found.Media
}

// handle is what Meta has of a template's media.
func (s *simulator) handle(name string) metasim.Handle {
	s.t.Helper()
	var found struct{ Handles []metasim.Handle }
	s.ask(http.MethodGet, "/handles", http.StatusOK, "", &found)
	at := slices.IndexFunc(found.Handles, func(h metasim.Handle) bool { return h.Handle == name })
	if at < 0 {
		s.t.Fatalf("Meta has no handle %q", name)
	}
	return found.Handles[at]
}

// uploads are the uploads that were begun, in their order.
func (s *simulator) uploads() []metasim.Request {
	s.t.Helper()
	var found struct{ Requests []metasim.Request }
	s.ask(http.MethodGet, "/requests", http.StatusOK, "", &found)
	var uploads []metasim.Request
	for _, request := range found.Requests {
		if request.Operation == metasim.OperationUpload {
			uploads = append(uploads, request)
		}
	}
	return uploads
}

// history is the whole history as text.
func (s *simulator) history() string {
	s.t.Helper()
	var raw json.RawMessage
	s.ask(http.MethodGet, "/requests", http.StatusOK, "", &raw)
	return string(raw)
}

func (s *simulator) ask(method, path string, want int, body string, answer any) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), method, s.control+path, bytes.NewReader([]byte(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if response.StatusCode != want {
		s.t.Fatalf("the simulator's control API answered %s %s with %d, want %d: %s", method, path, response.StatusCode, want, text)
	}
	if answer != nil {
		if err := json.Unmarshal(text, answer); err != nil {
			s.t.Fatal(err)
		}
	}
}
