package console_test

import (
	"net/http"
	"strings"
	"testing"

	"ferry/internal/local"
	"ferry/metasim"
)

func TestWhatWasDoneIsShownAsATest(t *testing.T) {
	w := startDev(t)
	if _, page := fetch(t, w, http.MethodGet, "/test", "", nil); !strings.Contains(page, "Nothing was done that can be repeated.") {
		t.Errorf("at the beginning: %s", page)
	}
	sent, err := w.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: `<script>"hi"</script>`}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: "33612345678", Text: &metasim.InboundText{Body: "another"}}); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"?person=" + anna, "?person=%2B" + anna, "?id=" + sent.ID} {
		status, page := fetch(t, w, http.MethodGet, "/test"+query, "", nil)
		if status != http.StatusOK || !strings.Contains(page, "These 1 steps") || strings.Contains(page, "<script>&#34;") || strings.Contains(page, "<script>\"hi") || strings.Contains(page, "another") {
			t.Errorf("%s: %d %s", query, status, page)
		}
		status, code := fetch(t, w, http.MethodGet, "/test/session_test.go"+query, "", nil)
		if status != http.StatusOK || !strings.Contains(code, "inbound1 := person1.Says(`<script>\"hi\"</script>`)") {
			t.Errorf("%s: %d %s", query, status, code)
		}
		status, code = fetch(t, w, http.MethodGet, "/test/session.sh"+query, "", nil)
		if status != http.StatusOK || !strings.Contains(code, `control /people/`+anna+`/messages '{"text":{"body":"<script>\"hi\"</script>"},"type":"text"}'`) {
			t.Errorf("%s: %d %s", query, status, code)
		}
	}
	if _, page := fetch(t, w, http.MethodGet, "/phone/"+anna, "", nil); !strings.Contains(page, `href="/test?person=`+anna+`"`) {
		t.Error("the phone has no link to the test")
	}
}

func TestLongCodeIsShownInPartAndDownloadedWhole(t *testing.T) {
	w := startDev(t)
	for range 12 {
		if _, err := w.Simulator.Receive(local.MetaPhoneNumberID, metasim.Inbound{From: anna, Text: &metasim.InboundText{Body: strings.Repeat("long ", 800)}}); err != nil {
			t.Fatal(err)
		}
	}
	_, page := fetch(t, w, http.MethodGet, "/test", "", nil)
	_, code := fetch(t, w, http.MethodGet, "/test/session_test.go", "", nil)
	if len(page) > 100_000 || !strings.Contains(page, "This is the beginning.") || strings.Count(code, ".Says(") != 12 {
		t.Errorf("the page has %d bytes, the file %d", len(page), len(code))
	}
}
