package main

import (
	"database/sql"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"ferry/internal/postgrestest"
	"ferry/internal/state/statetest"
	"ferry/metasim"
)

// A doctorFault is something that goes wrong, what ferry doctor says about it, and its
// advice, carried out.
type doctorFault struct {
	name  string
	spoil func(w *doctorWorld) (mend func())
	flags []string
	files int      // limit of open files; 0 means that of the test
	want  []string // lines that are not ok: "check status"
	found string   // in the text of the first of them
	fix   string   // in its fix
	ok    bool     // nothing fails: it is only a warning
}

var doctorFaults = []doctorFault{
	{
		name: "the token has expired",
		spoil: func(w *doctorWorld) func() {
			w.check(w.sim.ExpireToken(doctorWABA, time.Now().Add(-time.Hour)))
			return func() { w.write("token2", w.newToken()); w.link("token2") }
		},
		want: []string{"token fail", "subscribed skipped", "numbers skipped"}, found: "Session has expired", fix: "ferry account link --account 111122223333 --waba-id 102290129340398 --meta-token-file FILE",
	}, {
		name: "the token expires tomorrow",
		spoil: func(w *doctorWorld) func() {
			w.check(w.sim.ExpireToken(doctorWABA, time.Time{}))
			w.link("token")
			w.check(w.sim.ExpireToken(doctorWABA, time.Now().Add(24*time.Hour)))
			return func() { w.check(w.sim.ExpireToken(doctorWABA, time.Time{})) }
		},
		want: []string{"token warn"}, found: "it expires on", fix: "Replace it before that", ok: true,
	}, {
		name: "the token lacks a permission",
		spoil: func(w *doctorWorld) func() {
			body := `{"data":{"app_id":"` + doctorApp + `","is_valid":true,"expires_at":0,"scopes":["whatsapp_business_management"],"granular_scopes":[{"scope":"whatsapp_business_management","target_ids":["` + doctorWABA + `"]}]}}`
			return w.fault(metasim.Fault{Operation: metasim.OperationDebugToken, Body: body})
		},
		want: []string{"token fail"}, found: "it lacks the permission whatsapp_business_messaging", fix: "with both WhatsApp permissions",
	}, {
		name: "the app is not subscribed to the account",
		spoil: func(w *doctorWorld) func() {
			w.check(w.unsubscribe(w.t.Context()))
			return func() { w.link("token", "--subscribe") }
		},
		want: []string{"subscribed fail"}, found: "no app, and not to the app 634974688087057", fix: "--subscribe",
	}, {
		name: "the app secret is another one",
		spoil: func(w *doctorWorld) func() {
			w.write("app", "00000000000000000000000000000000")
			return func() { w.write("app", doctorSecret) }
		},
		want: []string{"app fail", "callback skipped"}, found: "its secret: Meta refuses it", fix: "Set --app-secret-file",
	}, {
		name:  "Meta fails",
		spoil: func(w *doctorWorld) func() { return w.fault(metasim.Fault{Status: 503}) },
		want:  []string{"meta fail", "clock skipped", "token skipped", "subscribed skipped", "numbers skipped", "app skipped", "callback skipped"}, found: "it responds with status 503", fix: "metastatus.com",
	}, {
		name:  "Meta's clock is 20 minutes ahead",
		spoil: func(w *doctorWorld) func() { return w.meta.aside(20 * time.Minute) },
		want:  []string{"clock fail"}, found: "ahead of this machine's", fix: "Correct the clock",
	}, {
		name:  "the clock of the store is a minute behind",
		spoil: func(w *doctorWorld) func() { return w.s3.aside(-time.Minute) },
		want:  []string{"clock warn"}, found: "behind this machine's", fix: "Correct the clock", ok: true,
	}, {
		name: "the store refuses the credentials",
		spoil: func(w *doctorWorld) func() {
			w.write("s3", "another secret")
			return func() { w.write("s3", doctorS3Key) }
		},
		want: []string{"access fail"}, found: "[store-signature]", fix: "Correct the secret access key",
	}, {
		name:  "the store ignores ranges",
		spoil: func(w *doctorWorld) func() { return w.s3.set(w.openStore("Range")) },
		want:  []string{"range fail"}, found: "does not support range requests", fix: "",
	}, {
		name:  "the store ignores If-Match",
		spoil: func(w *doctorWorld) func() { return w.s3.set(w.openStore("If-Match")) },
		want:  []string{"if-match warn"}, found: "ignores the header If-Match", fix: "Use a store that supports conditional requests", ok: true,
	}, {
		name: "the bucket is missing",
		spoil: func(w *doctorWorld) func() {
			_, err := w.backend.DeleteObject(w.t.Context(), "media", "photo.jpg")
			w.check(err)
			w.check(w.backend.DeleteBucket(w.t.Context(), "media"))
			return func() { w.check(w.backend.CreateBucket(w.t.Context(), "media")); w.put("photo.jpg") }
		},
		want: []string{"access fail"}, found: "[bucket-not-found]", fix: "Check its name",
	}, {
		name:  "the webhook wants no more events",
		flags: []string{"--send-test-events"},
		spoil: func(w *doctorWorld) func() {
			return w.receiver.set(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusGone) }))
		},
		want: []string{"destination fail"}, found: "responded with status 410", fix: "Correct the destination",
	}, {
		name: "the callback URL leads elsewhere",
		spoil: func(w *doctorWorld) func() {
			w.check(w.sim.SetAppWebhook(w.t.Context(), doctorApp, w.receiver.URL+"/404/", ""))
			undo := w.receiver.set(http.NotFoundHandler())
			return func() {
				undo()
				w.check(w.sim.SetAppWebhook(w.t.Context(), doctorApp, w.api+"/webhooks/whatsapp", doctorVerify))
			}
		},
		want: []string{"callback fail"}, found: "responds to a signed webhook with status 404", fix: "ends with /webhooks/whatsapp",
	}, {
		name:  "the process may open too few files",
		files: 256, spoil: func(*doctorWorld) func() { return func() {} },
		want: []string{"files warn"}, found: "this process may open 256 files", fix: "Allow at least 1600 open files", ok: true,
	}, {
		name:  "the keyset is of another database",
		spoil: func(w *doctorWorld) func() { w.must("keyset", "create", w.path("other.json")); return func() {} },
		flags: []string{"--keyset-file", "OTHER"},
		want:  []string{"keyset fail", "token skipped", "subscribed skipped", "numbers skipped"}, found: "it is not the one", fix: "Set --keyset-file",
	}, {
		name: "a newer version has migrated the database",
		spoil: func(w *doctorWorld) func() {
			w.execute(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
			return func() { w.execute(`DELETE FROM goose_db_version WHERE version_id = 9999`) }
		},
		want: []string{"schema warn"}, found: "a newer version has used the database", fix: "Use the newer version here, too", ok: true,
	}, {
		name: "a newer version has changed the database so that only newer ones can use it",
		spoil: func(w *doctorWorld) func() {
			w.execute(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
			w.execute(`CREATE TABLE schema_reader (oldest BIGINT NOT NULL)`)
			w.execute(`INSERT INTO schema_reader (oldest) VALUES (9998)`)
			return func() {
				w.execute(`DELETE FROM goose_db_version WHERE version_id = 9999`)
				w.execute(`DROP TABLE schema_reader`)
			}
		},
		want: []string{"schema fail"}, found: "only programs that know migration 9998 can use", fix: "Use a newer version of ferry",
	}, {
		name: "a migration was left out when the database was restored",
		spoil: func(w *doctorWorld) func() {
			w.execute(`UPDATE goose_db_version SET is_applied = FALSE WHERE version_id = 5`)
			return func() { w.execute(`UPDATE goose_db_version SET is_applied = TRUE WHERE version_id = 5`) }
		},
		want: []string{"keyset skipped", "schema fail", "accounts skipped"}, found: "but not 5, which comes before it", fix: "Restore the backup of the database again",
	}, {
		name:  "another program has the port",
		spoil: func(*doctorWorld) func() { return func() {} },
		flags: []string{"--listen", "RECEIVER"},
		want:  []string{"port fail"}, found: "another program than ferry listens there", fix: "Stop that program",
	},
}

// TestDoctorOfServe breaks what a server needs, one thing after the other: the line of that
// thing fails and says what to do, all others are as before, and after the advice was carried
// out all is well again.
func TestDoctorOfServe(t *testing.T) {
	statetest.Default().Require(t)
	w := startDoctorWorld(t, doctorDatabase(t))
	if d := w.examine(0); d.status != 0 || len(d.notOK()) > 0 {
		t.Fatalf("in the beginning: exit status %d\n%s", d.status, d.advice())
	}
	for _, f := range doctorFaults {
		t.Run(f.name, func(t *testing.T) {
			w.t = t
			mend := f.spoil(w)
			d := w.examine(f.files, w.named(f.flags)...)
			mend()
			if !slices.Equal(d.notOK(), f.want) {
				t.Errorf("the lines are %q, want %q\n%s", d.notOK(), f.want, d.advice())
			}
			if want := map[bool]int{false: 1, true: 0}[f.ok]; d.status != want {
				t.Errorf("the exit status is %d, want %d", d.status, want)
			}
			if text := d.advice(); !strings.Contains(text, f.found) || !strings.Contains(text, f.fix) {
				t.Errorf("%q or %q is missing in\n%s", f.found, f.fix, text)
			}
			for _, r := range d.results {
				if (r.Status == "fail" || r.Status == "warn") && r.Fix == "" {
					t.Errorf("%s has no fix", r.Check)
				}
			}
			if d := w.examine(0); d.status != 0 || len(d.notOK()) > 0 {
				t.Errorf("after the advice: exit status %d\n%s", d.status, d.advice())
			}
		})
	}
}

// doctorDatabase returns a new database on an engine that waits for its disk: the servers of
// other tests do not.
func doctorDatabase(t *testing.T) string {
	t.Helper()
	if statetest.Default() != statetest.Postgres {
		return statetest.Path(t)
	}
	server, err := postgrestest.Start(t.Context(), postgrestest.Config{Settings: []string{"fsync=on"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := server.CreateDatabase(t.Context(), "doctor"); err != nil {
		t.Fatal(err)
	}
	return server.URL("doctor")
}

func TestDoctorOfServeReadsTheSettingsOfPostgreSQL(t *testing.T) {
	if statetest.Default() != statetest.Postgres {
		t.Skip("SQLite has no such settings")
	}
	statetest.Default().Require(t)
	w := startDoctorWorld(t, doctorDatabase(t))
	for _, row := range []struct{ setting, want, found string }{
		{"synchronous_commit = off", "database warn", "synchronous_commit is off"},
		{"default_transaction_read_only = on", "database fail", "default_transaction_read_only is on"},
	} {
		w.execute("ALTER DATABASE doctor SET " + row.setting)
		if d := w.examine(0); !slices.Equal(d.notOK(), []string{row.want}) || !strings.Contains(d.advice(), row.found) {
			t.Errorf("%s: %s", row.setting, d.advice())
		}
		name, _, _ := strings.Cut(row.setting, " ")
		w.execute("BEGIN READ WRITE; ALTER DATABASE doctor RESET " + name + "; COMMIT")
	}
	if d := w.examine(0); d.status != 0 || !strings.Contains(d.text, "the primary; fsync is on, synchronous_commit is on") {
		t.Errorf("after the advice: %s", d.text)
	}
}

// named returns flags with what stands for names of the world.
func (w *doctorWorld) named(flags []string) []string {
	return strings.Split(strings.NewReplacer("OTHER", w.path("other.json"), "RECEIVER", w.receiver.Listener.Addr().String()).Replace(strings.Join(flags, "\n")), "\n")[:len(flags)]
}

// check fails the test after an error.
func (w *doctorWorld) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// fault adds a fault to the simulator, and returns what removes it.
func (w *doctorWorld) fault(f metasim.Fault) (mend func()) {
	w.t.Helper()
	added, err := w.sim.AddFault(f)
	w.check(err)
	return func() { w.sim.RemoveFault(added.ID) }
}

// execute executes a statement in the database, past ferry.
func (w *doctorWorld) execute(statement string) {
	w.t.Helper()
	driver, name := "sqlite", "file:"+w.database()+"?_pragma=busy_timeout(5000)"
	if statetest.Default() == statetest.Postgres {
		driver, name = "pgx", w.database()
	}
	db, err := sql.Open(driver, name)
	w.check(err)
	defer db.Close()
	_, err = db.ExecContext(w.t.Context(), statement)
	w.check(err)
}

// Somebody reads the file in a long transaction, so that the server cannot empty the log.
func TestDoctorFindsALargeLogOfSQLite(t *testing.T) {
	if statetest.Default() != statetest.SQLite {
		t.Skip("PostgreSQL has its log elsewhere")
	}
	w := startDoctorWorld(t, statetest.Path(t))
	w.execute(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, FALSE)`)
	db, err := sql.Open("sqlite", "file:"+w.database())
	w.check(err)
	defer db.Close()
	reader, err := db.BeginTx(t.Context(), nil)
	w.check(err)
	defer reader.Rollback() //nolint:errcheck // it has ended
	var rows int
	w.check(reader.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM goose_db_version`).Scan(&rows))
	w.execute(`DELETE FROM goose_db_version WHERE version_id = 9999`)
	w.check(os.Truncate(w.database()+"-wal", 300<<20)) // as if much had been written since
	d := w.examine(0, "--strict")
	if want := []string{"disk warn"}; !slices.Equal(d.notOK(), want) || d.status != 1 || !strings.Contains(d.advice(), "300.0 MiB") || !strings.Contains(d.advice(), "sqlite3") {
		t.Errorf("exit status %d\n%s", d.status, d.text)
	}
	w.check(reader.Rollback())
	w.execute(`PRAGMA wal_checkpoint(TRUNCATE)`) // what the server does hourly
	if d := w.examine(0, "--strict"); d.status != 0 {
		t.Errorf("after the reader has ended: %s", d.advice())
	}
}
