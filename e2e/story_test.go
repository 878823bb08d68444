package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The question that ferry is there for, with the programs that people have: boto3 sends a
// photo that WhatsApp cannot use. 'ferry why' and the console say at which station it
// stopped, and the command that mends the file. The mended photo arrives and is read, and
// the reply arrives at a program.
func TestPhotoThatDidNotArriveIsExplainedMendedAndAnswered(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		missingTool(t, "ffmpeg", "'make system' installs it")
	}
	w := startDevAs(t, raceBuild, "--will-fail", "warn")
	replies := make(chan string, 10)
	program := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		replies <- string(body)
	}))
	t.Cleanup(program.Close)
	listener := start(t, raceBuild.path(t), w.env(), "listen", "--to", program.URL+",event=message.*")
	eventually(t, "ferry listen waits for events", func() bool { return strings.Contains(listener.stderr.String(), "Waiting for events") })
	p := startBrowser(t).open()
	p.visit(w.console() + "/phone")

	directory := t.TempDir()
	var known []string
	photo := func(name string) (wamid string) {
		mustRun(t, w.env(), pythonBinary(t), "python/photo.py", filepath.Join(directory, name), "+"+anna)
		eventually(t, "WhatsApp has delivered the message, or has not", func() bool {
			list, err := w.sim.control.Messages(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list.Messages {
				if !slices.Contains(known, m.ID) && slices.Contains([]string{"failed", "delivered", "read"}, m.Status) {
					wamid = m.ID
				}
			}
			return wamid != ""
		})
		known = append(known, wamid)
		return wamid
	}
	if err := os.WriteFile(filepath.Join(directory, "rgb.jpg"), sampleFile(t, "sample.jpg").Data, 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, environment(directory), imageMagick(t), filepath.Join(directory, "rgb.jpg"), "-colorspace", "CMYK", filepath.Join(directory, "photo.jpg"))
	wamid := photo("photo.jpg")

	var why struct {
		StoppedAt int `json:"stoppedAt"`
		Stations  []struct {
			Number     int
			Sign, Next string
		}
	}
	text, _, status := run(t, w.env(), "", raceBuild.path(t), "why", wamid, "--json")
	decode(t, text, &why)
	if status != 4 || why.StoppedAt != 7 || why.Stations[2].Sign != "finding" || why.Stations[6].Sign != "stopped" {
		t.Fatalf("ferry why ended with status %d: %s", status, text)
	}
	command := regexp.MustCompile(`ffmpeg .*`).FindString(why.Stations[2].Next)
	if command == "" || !strings.Contains(why.Stations[6].Next, command) {
		t.Fatalf("stations 3 and 7 have no common command: %q and %q", why.Stations[2].Next, why.Stations[6].Next)
	}
	p.visit(w.console() + "/why/" + wamid)
	p.sees(command)
	p.sees("131053")
	p.photograph("why")

	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.Replace(command, "IN", "photo.jpg", 1))
	cmd.Dir = directory
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	mended := photo("out.jpg")
	if _, stderr, status := run(t, w.env(), "", raceBuild.path(t), "why", mended); status != 0 {
		t.Errorf("ferry why of the mended photo ended with status %d: %s", status, stderr)
	}
	p.visit(w.console() + "/phone/" + anna)
	p.await("the scripts run", "document.documentElement.dataset.stream == 'open'")
	p.do(chromedp.Click("form[action*='/read'] button"))
	p.await("the photo is read", `document.querySelector(".s-read")`)
	p.do(chromedp.Focus("[data-composer] textarea"))
	p.press("How nice" + kb.Enter)
	p.await("the reply is in the chat", `[...document.querySelectorAll(".bubble.mine")].some((b) => b.innerText.includes("How nice"))`)
	p.photograph("phone")
	if body := <-replies; !strings.Contains(body, "How nice") {
		t.Errorf("the program received %s", body)
	}
}

// imageMagick returns the program that converts pictures.
func imageMagick(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"magick", "convert-im6.q16"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missingTool(t, "ImageMagick", "'make system' installs it")
	return ""
}
