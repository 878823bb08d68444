package console_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/console"
	"ferry/internal/gateway"
	"ferry/internal/local"
	"ferry/metasim"
)

// startDev starts the whole world of ferry dev with its console.
func startDev(t *testing.T) *local.World {
	t.Helper()
	return startSeeded(t, "")
}

// startSeeded starts ferry dev with a seed.
func startSeeded(t *testing.T, dir string) *local.World {
	t.Helper()
	w, err := local.Start(t.Context(), local.Config{Seed: dir, Console: func(w *local.World, g *gateway.Gateway) (http.Handler, error) {
		return console.New(console.Config{State: g.State(), Activity: g.Activity(), Gateway: g, Simulator: w.Simulator, World: w, Sample: local.Sample()})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// fetch sends a request to the console and returns the status and the body.
func fetch(t *testing.T, w *local.World, method, path, contentType string, body io.Reader) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, w.ConsoleURL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func post(t *testing.T, w *local.World, path string, fields url.Values) (int, string) {
	t.Helper()
	return fetch(t, w, http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(fields.Encode()))
}

// load sends a file to the form that loads a world.
func load(t *testing.T, w *local.World, isSure bool, file string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if isSure {
		_ = form.WriteField("sure", "1")
	}
	part, err := form.CreateFormFile("file", "world.ferry")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, file)
	_ = form.Close()
	return fetch(t, w, http.MethodPost, "/world/load", form.FormDataContentType(), &body)
}

func TestWorldIsSavedAndLoadedInTheConsole(t *testing.T) {
	w := startDev(t)
	if _, err := w.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: "before"}}); err != nil {
		t.Fatal(err)
	}
	status, saved := fetch(t, w, http.MethodGet, "/world/file", "", nil)
	if err := local.CheckWorld(strings.NewReader(saved)); status != http.StatusOK || err != nil {
		t.Fatal(status, err)
	}
	if _, err := w.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: "after"}}); err != nil {
		t.Fatal(err)
	}
	messages := func() int { return len(w.Simulator.Written(local.MetaPhoneNumberID, anna)) }
	step := max(1, len(saved)/200)
	for n := 0; n < len(saved); n += step {
		status, page := load(t, w, true, saved[:n])
		if status != http.StatusBadRequest || !strings.Contains(page, "othing was loaded") || messages() != 2 {
			t.Fatalf("%d of %d bytes: %d, %d messages: %s", n, len(saved), status, messages(), page)
		}
	}
	if status, page := load(t, w, false, saved); status != http.StatusBadRequest || !strings.Contains(page, "the box that confirms it is not ticked") || messages() != 2 {
		t.Errorf("not ticked: %d %s", status, page)
	}
	if status, page := load(t, w, true, saved); status != http.StatusSeeOther || messages() != 1 {
		t.Errorf("the whole file: %d, %d messages: %s", status, messages(), page)
	}
}

func TestClockRunsAndTokensExpireOnTheWorldPage(t *testing.T) {
	w := startDev(t)
	for speed, want := range map[string]float64{"60x": 60, "0.5": 0.5, "": 1} {
		if status, page := post(t, w, "/world/clock", url.Values{"do": {"run"}, "speed": {speed}}); status != http.StatusSeeOther || w.Simulator.Clock().Speed != want {
			t.Errorf("%q: %d, %v: %s", speed, status, w.Simulator.Clock(), page)
		}
	}
	if status, page := post(t, w, "/world/clock", url.Values{"do": {"run"}, "speed": {"fast"}}); status != http.StatusBadRequest || !strings.Contains(page, "expected a number such as 60, or 60x") {
		t.Errorf("%d %s", status, page)
	}
	if status, page := post(t, w, "/world/tokens", url.Values{"do": {"expire"}, "account": {local.MetaAccountID}, "after": {"0s"}}); status != http.StatusSeeOther {
		t.Fatal(status, page)
	}
	if _, page := fetch(t, w, http.MethodGet, "/world", "", nil); !strings.Contains(page, "✗ expired") {
		t.Error("the page does not say that the token has expired")
	}
	post(t, w, "/world/tokens", url.Values{"do": {"renew"}, "account": {local.MetaAccountID}})
	if list := w.Simulator.TokenExpiries(); len(list) != 1 || list[0].Expired {
		t.Errorf("%+v", list)
	}
}

func TestSeedIsPutInAgainAfterAReset(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../cmd/ferry/testdata/seed")); err != nil {
		t.Fatal(err)
	}
	w := startSeeded(t, dir)
	count := func() [2]int {
		people := 0
		for _, number := range w.Simulator.Numbers() {
			people += len(w.Simulator.People(number.ID))
		}
		return [2]int{len(w.Simulator.Templates("")), people}
	}
	before := count()
	if status, page := post(t, w, "/world/reset", url.Values{"sure": {"1"}}); status != http.StatusSeeOther || count() == before {
		t.Fatalf("the reset: %d, %v: %s", status, count(), page)
	}
	if status, page := post(t, w, "/world/seed", nil); status != http.StatusSeeOther || count() != before {
		t.Errorf("%d, %v, want %v: %s", status, count(), before, page)
	}
	if err := os.WriteFile(filepath.Join(dir, "people.yaml"), []byte("people:\n  - number: nobody\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if status, page := post(t, w, "/world/seed", nil); status != http.StatusBadRequest || !strings.Contains(page, "people.yaml") || count() != before {
		t.Errorf("with a mistake: %d, %v: %s", status, count(), page)
	}
	if status, page := post(t, startDev(t), "/world/seed", nil); status != http.StatusBadRequest || !strings.Contains(page, "ferry dev --seed DIR") {
		t.Errorf("without a seed: %d %s", status, page)
	}
}
