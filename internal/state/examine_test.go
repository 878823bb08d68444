package state_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

func toRead(t *testing.T, path string, sealer *secret.Sealer) *state.DB {
	t.Helper()
	s, err := state.OpenToRead(t.Context(), state.Config{Path: path, Sealer: sealer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestDatabaseIsReadBesideItsServerAndNotWritten(t *testing.T) {
	for kind, path := range map[string]func() string{
		"file":     func() string { return filepath.Join(t.TempDir(), "ferry ?#%.db") },
		"postgres": func() string { return statetest.Postgres.Path(t) },
	} {
		t.Run(kind, func(t *testing.T) {
			at, sealer := path(), statetest.Sealer(t)
			linkNumber(t, open(t, at, sealer))
			s := toRead(t, at, sealer)
			if err := s.CheckKeyset(t.Context()); err != nil {
				t.Errorf("CheckKeyset: %v", err)
			}
			if err := toRead(t, at, statetest.Sealer(t)).CheckKeyset(t.Context()); !errors.Is(err, state.ErrOtherKeyset) {
				t.Errorf("CheckKeyset with another keyset: %v", err)
			}
			schema, err := s.Schema(t.Context())
			if err != nil || schema.Applied == 0 || schema.Applied != schema.Known || len(schema.Missing) > 0 {
				t.Errorf("Schema = %+v, %v", schema, err)
			}
			facts, err := s.Facts(t.Context())
			if err != nil || facts.Size == 0 || facts.Version == "" || facts.IsStandby || facts.ReadOnly || strings.Contains(facts.Name, "@") {
				t.Errorf("Facts = %+v, %v", facts, err)
			}
			if err := s.CheckStructure(t.Context()); err != nil {
				t.Errorf("CheckStructure: %v", err)
			}
			linked, err := s.LinkedAccounts(t.Context(), "")
			if err != nil || len(linked) != 1 {
				t.Fatalf("LinkedAccounts = %v, %v", linked, err)
			}
			if owner, err := s.Owner(t.Context(), linked[0].AccountID, linked[0].ID); err != nil || owner.Token.IsZero() {
				t.Errorf("Owner = %+v, %v", owner, err)
			}
			if _, err := s.Link(t.Context(), businessAccount("111122223333", "101", "2")); err == nil {
				t.Error("a database that was opened for reading was written")
			}
		})
	}
}

func TestDatabaseIsNotCreatedOrMigratedByReadingIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ferry.db")
	if _, err := state.OpenToRead(t.Context(), state.Config{Path: path}); err == nil {
		t.Error("a file that does not exist was opened")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}
	old, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if _, err := old.ExecContext(t.Context(), `CREATE TABLE other (n INTEGER)`); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := toRead(t, path, nil)
	if schema, err := s.Schema(t.Context()); err != nil || schema.Applied != 0 || len(schema.Missing) == 0 || schema.Missing[0] != 1 {
		t.Errorf("Schema = %+v, %v", schema, err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed: %v", err)
	}
}
