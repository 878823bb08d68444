package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"ferry/internal/graph"
	"ferry/internal/secret"
	"ferry/metasim"
)

func TestAppIsSubscribedUnlessItIsAlready(t *testing.T) {
	simulator := metasim.New(metasim.Config{Strict: true, BusinessAccounts: []metasim.BusinessAccount{{ID: "100", AppID: "11", Token: metaToken, PhoneNumbers: []metasim.PhoneNumber{{ID: "1"}}}}})
	server := httptest.NewServer(simulator)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.URL.Query().Get("hub.challenge")))
	}))
	t.Cleanup(func() {
		_ = simulator.Close()
		server.Close()
		hook.Close()
	})
	client, err := graph.New(graph.Config{BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	edge := func(method, body string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/v25.0/100/subscribed_apps", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+metaToken)
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil || response.StatusCode != 200 {
			t.Fatal(response, err)
		}
		response.Body.Close()
	}
	listed := func() []graph.SubscribedApp {
		t.Helper()
		apps, err := client.SubscribedApps(t.Context(), "100", secret.New(metaToken))
		if err != nil {
			t.Fatal(err)
		}
		return apps
	}
	subscribe := func(appID string) (graph.SubscribedApp, bool, error) {
		return Subscribe(t.Context(), client, Link{AccountID: account, MetaID: "100", AppID: appID, Token: secret.New(metaToken)})
	}

	edge("DELETE", "")
	if _, already, err := subscribe("11"); already || err != nil || len(listed()) != 1 {
		t.Errorf("subscribed already: %v, %v; listed %v", already, err, listed())
	}
	if _, already, err := subscribe("11"); !already || err != nil {
		t.Errorf("again: already %v, %v", already, err)
	}
	if _, _, err := subscribe(""); err != nil { // which app it is, is not known; it changes nothing
		t.Error(err)
	}
	edge("POST", `{"override_callback_uri":"`+hook.URL+`/of-100","verify_token":"v"}`)
	if app, already, err := subscribe("11"); !already || err != nil || app.URL != hook.URL+"/of-100" {
		t.Errorf("with a URL of its own: %v, already %v, %v", app, already, err)
	}
	if _, _, err := subscribe(""); err == nil || !strings.Contains(err.Error(), "name the app of the token with --app-id") {
		t.Errorf("an app that may be the one with a URL of its own: %v", err)
	}
	if apps := listed(); len(apps) != 1 || apps[0].URL == "" {
		t.Errorf("the URL of the account is gone: %v", apps)
	}
}
