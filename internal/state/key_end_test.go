package state_test

import (
	"bytes"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const keyAccount = "111122223333"

func temporaryKey(id string, expires time.Time) state.AccessKey {
	key := accessKey(id, keyAccount)
	key.TokenHash, key.ExpiresAt = bytes.Repeat([]byte{7}, 32), expires
	return key
}

// statuses returns the statuses of all keys by their ids.
func statuses(t *testing.T, s *state.DB, at time.Time) map[string]string {
	t.Helper()
	keys, err := s.AccessKeys(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, key := range keys {
		found[key.ID] = key.Status(at)
	}
	return found
}

func wantStatuses(t *testing.T, when string, s *state.DB, at time.Time, want map[string]string) {
	t.Helper()
	got := statuses(t, s, at)
	if len(got) != len(want) {
		t.Errorf("%s: %v, want %v", when, got, want)
	}
	for id, status := range want {
		if got[id] != status {
			t.Errorf("%s: %s is %q, want %q", when, id, got[id], status)
		}
	}
}

func TestTemporaryKeyIsReturnedWithItsTokensHashAndItsEnd(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		want := temporaryKey("ASIA1", now.Add(time.Hour))
		if err := errors.Join(s.CreateAccessKey(t.Context(), want), s.CreateAccessKey(t.Context(), accessKey("AKIA1", keyAccount))); err != nil {
			t.Fatal(err)
		}
		got, err := s.AccessKey(t.Context(), want.ID)
		if err != nil || !got.IsTemporary() || !bytes.Equal(got.TokenHash, want.TokenHash) || !got.ExpiresAt.Equal(want.ExpiresAt) || got.Secret.Reveal() != want.Secret.Reveal() {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		if other, err := s.AccessKey(t.Context(), "AKIA1"); err != nil || other.IsTemporary() || !other.ExpiresAt.IsZero() {
			t.Errorf("the long-term key: %+v, %v", other, err)
		}
		wantStatuses(t, "before the end", s, now.Add(time.Hour-1), map[string]string{"AKIA1": "active", "ASIA1": "active"})
		wantStatuses(t, "at the end", s, now.Add(time.Hour), map[string]string{"AKIA1": "active", "ASIA1": "expired"})
		if accounts, err := s.Accounts(t.Context(), 10); err != nil || len(accounts) != 1 {
			t.Errorf("accounts: %v, %v", accounts, err)
		}
		if err := s.SetAccessKeyDisabled(t.Context(), "ASIA1", true); err != nil {
			t.Error(err)
		}
		wantStatuses(t, "disabled", s, now.Add(2*time.Hour), map[string]string{"AKIA1": "active", "ASIA1": "disabled"})
		if err := s.SetAccessKeyDisabled(t.Context(), "ASIA1", false); err != nil {
			t.Error(err)
		}
		wantStatuses(t, "enabled", s, now, map[string]string{"AKIA1": "active", "ASIA1": "active"})
		if err := s.DeleteAccessKey(t.Context(), "ASIA1"); err != nil {
			t.Error(err)
		}
		wantStatuses(t, "deleted", s, now, map[string]string{"AKIA1": "active"})
		if err := s.DeleteAccessKey(t.Context(), "ASIA1"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	})
}

func TestExpiredKeysAreListedForAWeekAndThenDeleted(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		end := now.Add(time.Hour)
		if err := errors.Join(s.CreateAccessKey(t.Context(), temporaryKey("ASIA1", end)), s.CreateAccessKey(t.Context(), accessKey("AKIAOLD", keyAccount)),
			s.ReplaceAccessKey(t.Context(), "AKIAOLD", end, accessKey("AKIANEW", keyAccount))); err != nil {
			t.Fatal(err)
		}
		purge := func() {
			t.Helper()
			if _, err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		purge()
		wantStatuses(t, "at first", s, now, map[string]string{"ASIA1": "active", "AKIAOLD": "active", "AKIANEW": "active"})
		advance(time.Hour)
		for range 2 {
			wantStatuses(t, "at the end", s, end, map[string]string{"ASIA1": "expired", "AKIAOLD": "expired", "AKIANEW": "active"})
			purge()
		}
		advance(state.ExpiredKeysKept - time.Millisecond)
		purge()
		wantStatuses(t, "before a week has passed", s, end, map[string]string{"ASIA1": "expired", "AKIAOLD": "expired", "AKIANEW": "active"})
		advance(time.Millisecond)
		purge()
		wantStatuses(t, "after a week", s, end, map[string]string{"AKIANEW": "active"})
	})
}

func TestReplacedKeyKeepsItsEndUnlessAnotherIsChosen(t *testing.T) {
	eachKindWithClock(t, func(t *testing.T, s *state.DB, advance func(time.Duration)) {
		if err := errors.Join(s.CreateAccessKey(t.Context(), accessKey("AKIA1", keyAccount)), s.ReplaceAccessKey(t.Context(), "AKIA1", time.Time{}, accessKey("AKIA2", keyAccount))); err != nil {
			t.Fatal(err)
		}
		if key, err := s.AccessKey(t.Context(), "AKIA1"); err != nil || !key.ExpiresAt.IsZero() {
			t.Errorf("without an end: %+v, %v", key, err)
		}
		if err := errors.Join(s.ReplaceAccessKey(t.Context(), "AKIA1", now.Add(time.Hour), accessKey("AKIA3", keyAccount)),
			s.ReplaceAccessKey(t.Context(), "AKIA1", time.Time{}, accessKey("AKIA4", keyAccount))); err != nil {
			t.Fatal(err)
		}
		if key, err := s.AccessKey(t.Context(), "AKIA1"); err != nil || !key.ExpiresAt.Equal(now.Add(time.Hour)) {
			t.Errorf("with an end: %+v, %v", key, err)
		}
		for name, err := range map[string]error{
			"a key that does not exist": s.ReplaceAccessKey(t.Context(), "AKIA9", now, accessKey("AKIA5", keyAccount)),
			"a successor that exists":   s.ReplaceAccessKey(t.Context(), "AKIA2", now, accessKey("AKIA1", keyAccount)),
		} {
			if err == nil {
				t.Errorf("%s: no error", name)
			}
		}
		wantStatuses(t, "after failures", s, now, map[string]string{"AKIA1": "active", "AKIA2": "active", "AKIA3": "active", "AKIA4": "active"})

		// It ends, and is enabled again: it has no end then.
		advance(time.Hour)
		if _, err := s.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantStatuses(t, "at its end", s, now.Add(time.Hour), map[string]string{"AKIA1": "expired", "AKIA2": "active", "AKIA3": "active", "AKIA4": "active"})
		if err := s.SetAccessKeyDisabled(t.Context(), "AKIA1", false); err != nil {
			t.Fatal(err)
		}
		if key, err := s.AccessKey(t.Context(), "AKIA1"); err != nil || !key.ExpiresAt.IsZero() || key.Status(now.Add(10*time.Hour)) != "active" {
			t.Errorf("enabled again: %+v, %v", key, err)
		}
	})
}

func TestUseOfATemporaryKeyIsRecorded(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		if err := s.CreateAccessKey(t.Context(), temporaryKey("ASIA1", now.Add(time.Hour))); err != nil {
			t.Fatal(err)
		}
		s.KeyUsed("ASIA1")
		s.FlushKeyUses(t.Context())
		if keys, err := s.AccessKeys(t.Context(), keyAccount); err != nil || len(keys) != 1 || !keys[0].UsedAt.Equal(now) {
			t.Errorf("%+v, %v", keys, err)
		}
	})
}

// The version before, which knows no session tokens, reads the keys of a newer schema with
// this statement, and accepts those that it finds and that are not disabled.
func TestEarlierVersionAcceptsNoTemporaryKeyAndNoKeyThatHasEnded(t *testing.T) {
	for name, open := range map[string]func(*testing.T) (path, driver, dsn string){
		"sqlite": func(t *testing.T) (string, string, string) {
			path := filepath.Join(t.TempDir(), "ferry.db")
			return path, "sqlite", "file:" + path
		},
		"postgres": func(t *testing.T) (string, string, string) {
			path := statetest.Postgres.Path(t)
			return path, "pgx", path
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, driver, dsn := open(t)
			at := now
			s, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t), Now: func() time.Time { return at }})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			if err := errors.Join(s.CreateAccessKey(t.Context(), temporaryKey("ASIA1", now.Add(time.Hour))), s.CreateAccessKey(t.Context(), accessKey("AKIA1", keyAccount)),
				s.ReplaceAccessKey(t.Context(), "AKIA1", now.Add(time.Hour), accessKey("AKIA2", keyAccount))); err != nil {
				t.Fatal(err)
			}
			at = now.Add(time.Hour)
			if _, err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
			old, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			defer old.Close()
			accepts := func(id string) bool {
				var disabled sql.NullInt64
				err := old.QueryRowContext(t.Context(), `SELECT k.disabled_at FROM access_key k JOIN account a ON a.id = k.account_id WHERE k.id = $1`, id).Scan(&disabled)
				if err != nil && !errors.Is(err, sql.ErrNoRows) {
					t.Fatal(err)
				}
				return err == nil && !disabled.Valid
			}
			for id, want := range map[string]bool{"ASIA1": false, "AKIA1": false, "AKIA2": true} {
				if got := accepts(id); got != want {
					t.Errorf("%s: accepted %v, want %v", id, got, want)
				}
			}
			// It creates keys without the new columns.
			if _, err := old.ExecContext(t.Context(), `INSERT INTO access_key (id, account_id, name, sealed_secret, policies, created_at)
				SELECT 'AKIA3', account_id, name, sealed_secret, policies, created_at FROM access_key WHERE id = 'AKIA2'`); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A hash that is cut must not make a long-term key of a temporary one.
func TestTemporaryKeyWithoutAHashOfItsTokenIsNotReturned(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		for _, hash := range [][]byte{{}, {1}} {
			key := state.AccessKey{ID: "ASIA" + string('0'+rune(len(hash))), AccountID: keyAccount, Name: "x", Secret: secret.New("a secret of a key"), TokenHash: hash, ExpiresAt: now.Add(time.Hour)}
			if err := s.CreateAccessKey(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			if got, err := s.AccessKey(t.Context(), key.ID); err == nil {
				t.Errorf("a hash of %d bytes: %+v", len(hash), got)
			}
		}
	})
}
