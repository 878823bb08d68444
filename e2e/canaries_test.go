package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ferry/internal/postgrestest"
)

// Every place of ferry that holds a secret has a canary of its own. One server goes through
// all that it does: uploads, messages, webhooks, the archive, deliveries that fail, templates,
// commands, the console, errors of every source, and a backup. Receivers and stores repeat in
// their responses what they were sent. None of the canaries may then be anywhere, in any usual
// encoding, but where they belong.
func TestNoSecretIsLeftAnywhereAfterAWholeRun(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { newCanaryRun(t, nil).check(t) })
	t.Run("PostgreSQL", func(t *testing.T) {
		r := newCanaryRun(t, startPostgres(t, postgrestest.Config{}))
		r.secrets["the password of the database"] = postgrestest.Password
		r.check(t)
	})
}

// check makes the run, and searches all places.
func (r *canaryRun) check(t *testing.T) {
	r.everything()
	places := r.places()
	for name, least := range map[string]int{"the log": 100_000, "the traces": 10_000, "the metrics": 10_000, "the responses": 10_000, "the pages of the console": 50_000,
		"what commands printed": 5_000, "what receivers were sent": 1_000, "the arguments of the server": 10} {
		if len(places[name]) < least {
			t.Errorf("%s: %d bytes, want at least %d: the search would prove nothing", name, len(places[name]), least)
		}
	}
	var total int
	for _, text := range places {
		total += len(text)
	}
	t.Logf("%d canaries, %d places with %d KiB", len(r.secrets), len(places), total>>10)
	for _, found := range search(places, r.secrets) {
		t.Error(found)
	}
	r.checkSearch(t)
}

// checkSearch plants each canary in the directory of the server, in each encoding, and checks
// that the search finds it there: it could have found one before.
func (r *canaryRun) checkSearch(t *testing.T) {
	encodings := map[string]func(string) string{
		"raw": func(s string) string { return s }, "url": url.QueryEscape, "path": url.PathEscape,
		"hex": func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX": func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"base64": func(s string) string {
			return base64.StdEncoding.EncodeToString([]byte("x" + s + "yz"))
		},
		"base64url": func(s string) string { return base64.URLEncoding.EncodeToString([]byte("xy" + s)) },
	}
	planted := 0
	for i, whose := range slices.Sorted(maps.Keys(r.secrets)) {
		for how, encode := range encodings {
			name := r.in.file(fmt.Sprintf("planted-%d-%s", i, how))
			if err := os.WriteFile(name, []byte("before "+encode(r.secrets[whose])+" after"), 0o600); err != nil {
				t.Fatal(err)
			}
			planted++
			found := search(r.files(name), map[string]string{whose: r.secrets[whose]})
			if len(found) != 1 {
				t.Errorf("%s, planted in %s, is found %d times", whose, how, len(found))
			}
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d planted canaries were found", planted)
}

// search returns a sentence for each secret that is in a place.
func search(places, secrets map[string]string) (found []string) {
	for _, what := range slices.Sorted(maps.Keys(places)) {
		text := places[what]
		place := newHaystack(text)
		for _, whose := range slices.Sorted(maps.Keys(secrets)) {
			if how, at := place.find(secrets[whose]); how != "" {
				found = append(found, fmt.Sprintf("%s: %s %s: …%q[SECRET]", what, whose, how, text[max(0, at-120):min(at, len(text))]))
			}
		}
	}
	return found
}

// templateDatabase is the folder of a database that PostgreSQL makes for itself.
var templateDatabase = regexp.MustCompile(`/base/\d{1,4}$`)

// files returns the contents of the files below a folder, or of one file, by their names. It
// leaves out those in which an operator keeps secrets.
func (r *canaryRun) files(root string) map[string]string {
	contents := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && templateDatabase.MatchString(path) {
			return fs.SkipDir
		}
		if err != nil || !entry.Type().IsRegular() || slices.Contains(r.ofOperator, path) {
			return err
		}
		content, err := os.ReadFile(path)
		contents["file "+path] = string(content)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return contents
}

// places returns everything that the run has left, by what it is.
func (r *canaryRun) places() map[string]string {
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", r.ferry.cmd.Process.Pid))
	if err != nil {
		r.t.Fatal(err)
	}
	places := r.files(r.in.directory) // while it runs: what is not checkpointed is in the log of the database
	texts := map[string]string{
		"the arguments of the server": string(arguments), "the metrics": r.get(r.metrics + "/metrics"), "the history of the simulator": r.sim.history(),
		"the answers of the health checks": r.get(r.metrics+"/readyz") + r.get(r.ferry.url+"/readyz"),
	}
	if r.postgres != nil {
		texts["the rows of the database"] = r.dump()
	}
	maps.Copy(places, texts)
	r.ferry.stop()
	for name, content := range r.files(r.in.directory) {
		places[name+", after the stop"] = content
	}
	if r.postgres != nil {
		if err := r.postgres.Shutdown(); err != nil { // it writes everything into its files
			r.t.Fatal(err)
		}
		maps.Copy(places, r.files(r.postgres.Directory))
	}
	places["standard output"], places["the log"] = r.ferry.stdout.String(), r.ferry.stderr.String()
	places["the traces"], places["the responses"] = r.traces.String(), r.recorded.String()+r.responses.String()
	places["the pages of the console"], places["what commands printed"] = r.pages.String(), r.printed.String()
	places["what receivers were sent"] = r.received.String()
	return places
}

// dump returns all rows of the PostgreSQL database as text.
func (r *canaryRun) dump() string {
	var all strings.Builder
	for _, table := range inDatabase(r.t, r.postgres, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`) {
		for _, row := range inDatabase(r.t, r.postgres, `SELECT t::text FROM "`+table+`" t`) {
			fmt.Fprintln(&all, table, row)
		}
	}
	if all.Len() < 10_000 {
		r.t.Errorf("the rows have %d bytes", all.Len())
	}
	return all.String()
}
