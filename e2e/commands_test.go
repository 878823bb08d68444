package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// cliEnv returns the environment for ferry's client commands.
func (w *world) cliEnv() []string {
	return append(w.pythonEnv(w.ferry.url), "SSL_CERT_FILE="+trusted(w.t).certFile)
}

// postedLine is a line of `ferry media post`.
type postedLine struct{ Source, MediaID, Error, Code string }

func postedLines(t testing.TB, stdout string) []postedLine {
	t.Helper()
	var lines []postedLine
	for text := range strings.Lines(stdout) {
		var line postedLine
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("ferry media post printed %q, want one JSON object per line: %v", text, err)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestMediaPostPrintsALineForEachSource(t *testing.T) {
	w := newWorld(t, worldOptions{})
	text, picture := sampleFile(t, "sample.txt"), sampleFile(t, "sample.jpg")
	w.s3.put(t, w.bucket, "a.txt", text.Data, text.ContentType)
	w.s3.put(t, w.bucket, "folder/a.jpg", picture.Data, picture.ContentType)
	link := w.s3.presign(t, w.bucket, "folder/a.jpg")
	sources := map[string][]byte{
		"s3://" + w.bucket + "/a.txt":        text.Data,
		"s3://" + w.bucket + "/folder/a.jpg": picture.Data,
		link:                                 picture.Data,
	}
	args := []string{"media", "post", "--phone-number-id", w.phone}
	for source := range sources {
		args = append(args, source)
	}
	stdout, stderr, status := run(t, w.cliEnv(), "", w.in.program, args...)
	lines := postedLines(t, stdout)
	if status != 0 || len(lines) != len(sources) {
		t.Fatalf("status %d and %d lines, want 0 and %d:\n%s%s", status, len(lines), len(sources), stdout, stderr)
	}
	for source, data := range sources {
		shown, _, _ := strings.Cut(source, "?")
		at := slices.IndexFunc(lines, func(line postedLine) bool { return line.Source == shown })
		if at < 0 {
			t.Fatalf("no line for %s:\n%s", shown, stdout)
		}
		w.sim.wantStored(lines[at].MediaID, data)
	}
	wantNothingSecretIn(t, stdout+stderr, link)
}

// wantNothingSecretIn checks that a text contains nothing of a presigned URL's query.
func wantNothingSecretIn(t testing.TB, text, link string) {
	t.Helper()
	if presignedText.MatchString(text) {
		t.Errorf("the query of the presigned URL %.40s… is in: %s", link, text)
	}
}

func TestMediaPostFailsWhenOneSourceFails(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	stdout, stderr, status := run(t, w.cliEnv(), "", w.in.program, "media", "post", "--phone-number-id", w.phone, "--concurrency", "1",
		"s3://"+w.bucket+"/missing.txt", "s3://"+w.bucket+"/a.txt")
	lines := postedLines(t, stdout)
	if status != 1 || len(lines) != 2 {
		t.Fatalf("status %d and %d lines, want 1 and 2:\n%s%s", status, len(lines), stdout, stderr)
	}
	if lines[0].Code != "ResourceNotFoundException" || !strings.Contains(lines[0].Error, "missing.txt") || lines[0].MediaID != "" {
		t.Errorf("the line of the failed source is %+v, want ResourceNotFoundException", lines[0])
	}
	w.sim.wantStored(lines[1].MediaID, file.Data) // the other one was uploaded
}

func TestCallReadsAndPrintsJSON(t *testing.T) {
	w := newWorld(t, worldOptions{})
	file := sampleFile(t, "sample.txt")
	w.s3.put(t, w.bucket, "a.txt", file.Data, file.ContentType)
	input, err := json.Marshal(jsFromBucket(w.phone, w.bucket, "a.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.in.file("input.json"), input, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, given := range map[string]struct{ flag, stdin string }{
		"argument": {string(input), ""}, "file": {"@" + w.in.file("input.json"), ""}, "standard input": {"-", string(input)},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := run(t, w.cliEnv(), given.stdin, w.in.program, "call", "PostWhatsAppMessageMedia", "--input", given.flag)
			if status != 0 {
				t.Fatalf("status %d: %s", status, stderr)
			}
			var output struct{ MediaID string }
			decode(t, stdout, &output)
			w.sim.wantStored(output.MediaID, file.Data)
		})
	}
	for name, row := range map[string]struct {
		args []string
		says string
	}{
		"exception":         {[]string{"GetLinkedWhatsAppBusinessAccount", "--input", `{"id":"waba-0"}`}, "ResourceNotFoundException"},
		"unknown operation": {[]string{"PostNothing"}, "PostWhatsAppMessageMedia"},
		"unknown member":    {[]string{"PostWhatsAppMessageMedia", "--input", `{"phone":"1"}`}, "phone"},
		"no JSON":           {[]string{"PostWhatsAppMessageMedia", "--input", `{`}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, status := run(t, w.cliEnv(), "", w.in.program, append([]string{"call"}, row.args...)...)
			if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "ferry: ") || !strings.Contains(stderr, row.says) {
				t.Errorf("status %d, standard output %q, standard error %q; want 1, nothing, and %q", status, stdout, stderr, row.says)
			}
		})
	}
}

// `ferry demo` is the first command that a new user runs.
func TestDemoReadsEveryFileBack(t *testing.T) {
	stdout := mustRun(t, environment(t.TempDir()), raceBuild.path(t), "demo")
	if !strings.Contains(stdout, "30 of 30 uploads read back unchanged from WhatsApp, reused and deleted") || strings.Count(stdout, " match ") != 30 {
		t.Errorf("ferry demo printed:\n%s", stdout)
	}
}

// Without its keyset a database is useless, so ferry does not start.
func TestServeRefusesAKeysetOfAnotherDatabase(t *testing.T) {
	sim := startSimulator(t, noAccounts)
	in := install(t, raceBuild, sim)
	in.createKey(account)
	mustRun(t, in.env, in.program, "keyset", "create", in.file("other.json"))
	for name, flags := range map[string][]string{"another keyset": {"--keyset-file", in.file("other.json")}, "no keyset": {"--keyset-file="}} {
		t.Run(name, func(t *testing.T) {
			_, stderr, status := run(t, in.env, "", in.program, append([]string{"serve", "--listen", "127.0.0.1:0"}, flags...)...)
			if status != 1 || !strings.Contains(stderr, "keyset") {
				t.Errorf("status %d and %q, want 1 and a message about the keyset", status, stderr)
			}
		})
	}
}

func TestEveryMistakeInTheConfigurationFileIsReported(t *testing.T) {
	program := raceBuild.path(t)
	home := t.TempDir()
	file := home + "/ferry.yaml"
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nno-such-setting: 1\nmedia-rate: many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, stderr, status := run(t, environment(home), "", program, "--config", file, "serve")
	if status != 2 || !strings.Contains(stderr, "no-such-setting") || !strings.Contains(stderr, "media-rate") {
		t.Errorf("status %d and %q, want 2 and both mistakes", status, stderr)
	}
}
