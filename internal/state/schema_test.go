package state_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// The environment of a process that migrates a database and kills itself meanwhile.
const (
	migratePath = "FERRY_TEST_MIGRATE"      // of the database
	migrateStep = "FERRY_TEST_MIGRATE_STEP" // at which it kills itself
)

func TestMain(m *testing.M) {
	if path := os.Getenv(migratePath); path != "" {
		os.Exit(migrateAndDie(path))
	}
	os.Exit(m.Run())
}

// migrateAndDie migrates a database, and ends this process with SIGKILL at a step.
func migrateAndDie(path string) int {
	last, err := strconv.Atoi(os.Getenv(migrateStep))
	if err == nil {
		var sealer *secret.Sealer
		if sealer, err = newSealer(); err == nil {
			steps := 0
			err = state.OpenStoppable(context.Background(), state.Config{Path: path, Sealer: sealer}, func() {
				if steps++; steps == last {
					if self, err := os.FindProcess(os.Getpid()); err == nil {
						_ = self.Kill()
					}
					select {}
				}
			})
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func newSealer() (*secret.Sealer, error) {
	keyset, err := secret.GenerateKeyset()
	if err != nil {
		return nil, err
	}
	return secret.NewSealer(keyset)
}

// A process that migrates an empty database is killed between any two statements of each
// migration, and after each migration. Every kill leaves the schema of the migration before, as a whole,
// and the next process continues from there.
func TestMigrationThatIsKilledAtAnyStatementContinuesAtTheNextStart(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes are killed with signals")
	}
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		t.Parallel()
		path := engine.EmptyPath(t)
		kills, schema, tables := 0, schemaVersion(t, path), ""
		for step := 1; ; step++ {
			program := exec.Command(os.Args[0])
			program.Env = append(os.Environ(), migratePath+"="+path, migrateStep+"="+strconv.Itoa(step))
			output, err := program.CombinedOutput()
			if err == nil {
				break
			}
			if program.ProcessState.ExitCode() != -1 {
				t.Fatalf("after %d kills, with schema %d, a process does not migrate the database: %v\n%s", kills, schema, err, output)
			}
			kills++
			if now := schemaVersion(t, path); now != schema || tables == "" {
				// The next process begins where this one has ended, so that its first step is done.
				step, schema, tables = 1, now, describeSchema(t, path)
				continue
			}
			if now := describeSchema(t, path); now != tables {
				t.Fatalf("a kill at step %d leaves parts of the migration after schema %d:\n%s\nexpected\n%s", step, schema, now, tables)
			}
		}
		if got, want := describeSchema(t, path), describeSchema(t, migratedPath(t, engine)); got != want {
			t.Errorf("after %d kills the schema is\n%s\nwithout a kill it is\n%s", kills, got, want)
		}
		engine.Open(t, state.Config{Path: path})
		t.Logf("%d kills, 0 stuck", kills)
	})
}

// migratedPath returns the path of a database that was migrated at once.
func migratedPath(t *testing.T, engine statetest.Engine) string {
	t.Helper()
	path := engine.EmptyPath(t)
	if err := state.OpenStoppable(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t)}, func() {}); err != nil {
		t.Fatal(err)
	}
	return path
}

// rawTexts returns the first column of a query on a connection of its own.
func rawTexts(t *testing.T, path, query string) (texts []string, err error) {
	t.Helper()
	driver := "sqlite"
	if state.IsPostgres(path) {
		driver = "pgx"
	}
	db, err := sql.Open(driver, path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}

// schemaVersion returns the version of the schema of a database; -1 means that no migration
// has begun.
func schemaVersion(t *testing.T, path string) int {
	t.Helper()
	texts, err := rawTexts(t, path, `SELECT MAX(version_id) FROM goose_db_version`)
	if err != nil {
		return -1 // there is no such table yet
	}
	version, err := strconv.Atoi(texts[0])
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// describeSchema returns the tables, columns and indexes of a database.
func describeSchema(t *testing.T, path string) string {
	t.Helper()
	query := `SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name`
	if state.IsPostgres(path) {
		query = `SELECT c.relname || ' ' || a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
			WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum`
	}
	texts, err := rawTexts(t, path, query)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(texts, "\n")
}

// A server of the version before starts with a newer schema, which only has more in it. If a
// migration has removed something that it needs, it refuses to start and says what to do.
func TestNewerSchemaIsUsedUnlessItNeedsANewerProgram(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		path := engine.EmptyPath(t)
		sealer := statetest.Sealer(t)
		config := state.Config{Path: path, Sealer: sealer}
		reopen := func() error {
			db, err := state.Open(t.Context(), config)
			if err == nil {
				err = db.Close()
			}
			return err
		}
		if err := reopen(); err != nil {
			t.Fatal(err)
		}
		known := schemaVersion(t, path)
		change := func(statement string) {
			t.Helper()
			if _, err := rawTexts(t, path, statement); err != nil {
				t.Fatal(err)
			}
		}
		change(`ALTER TABLE account ADD COLUMN later TEXT`)
		change(fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, TRUE)`, known+1))
		if err := reopen(); err != nil {
			t.Errorf("with a schema that was expanded: %v", err)
		}
		change(`CREATE TABLE schema_reader (oldest BIGINT NOT NULL)`)
		change(fmt.Sprintf(`INSERT INTO schema_reader (oldest) VALUES (%d)`, known))
		change(fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, TRUE)`, known+2))
		if err := reopen(); err != nil {
			t.Errorf("with a schema whose oldest program is this one: %v", err)
		}
		change(fmt.Sprintf(`UPDATE schema_reader SET oldest = %d`, known+1))
		err := reopen()
		if want := fmt.Sprintf("the schema has version %d and needs a program that knows version %d; this one knows %d", known+2, known+1, known); !errors.Is(err, state.ErrNewerSchema) || !strings.Contains(err.Error(), want) {
			t.Errorf("with a schema that needs a newer program: %v; expected %q", err, want)
		}
	})
}

var (
	uniqueIndex = regexp.MustCompile(`^CREATE UNIQUE INDEX \w+ ON (\w+) `)
	comment     = regexp.MustCompile(`--.*`)
	expanding   = []*regexp.Regexp{
		regexp.MustCompile(`^CREATE TABLE `),
		regexp.MustCompile(`^CREATE INDEX `),
		regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+ \w+( NOT NULL DEFAULT \S+| DEFAULT \S+)?$`),
		regexp.MustCompile(`^INSERT INTO `),
	}
)

// What a migration removes or renames, the version before would still use while servers are
// upgraded. CONTRIBUTING.md says how it is done nevertheless.
func TestMigrationsOnlyExpandTheSchema(t *testing.T) {
	files, err := filepath.Glob("migration/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		if strings.Contains(up, "schema_reader") {
			continue
		}
		created := map[string]bool{}
		for statement := range strings.SplitSeq(comment.ReplaceAllString(up, ""), ";") {
			statement = strings.Join(strings.Fields(statement), " ")
			if words := strings.Fields(statement); len(words) > 2 && words[1] == "TABLE" && words[0] == "CREATE" {
				created[words[2]] = true
			}
			if unique := uniqueIndex.FindStringSubmatch(statement); unique != nil && created[unique[1]] {
				continue // a rule for the rows of a new table, which the version before does not write
			}
			if statement == "" || slices.ContainsFunc(expanding, func(p *regexp.Regexp) bool { return p.MatchString(statement) }) {
				continue
			}
			t.Errorf("%s: the version before does not expect this change: %s", file, statement)
		}
	}
}
