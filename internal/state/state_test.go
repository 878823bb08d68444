package state_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

const canary = "EAA-canary-51c0"

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// open opens a database.
func open(tb testing.TB, path string, sealer *secret.Sealer) *state.DB {
	tb.Helper()
	s, err := state.Open(tb.Context(), state.Config{Path: path, Sealer: sealer, Now: func() time.Time { return now }})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// eachKind runs a test on an SQLite file, in memory, and on PostgreSQL.
func eachKind(t *testing.T, test func(t *testing.T, s *state.DB)) {
	t.Run("file", func(t *testing.T) { test(t, open(t, filepath.Join(t.TempDir(), "ferry ?#%.db"), statetest.Sealer(t))) })
	t.Run("memory", func(t *testing.T) { test(t, open(t, state.Memory, statetest.Sealer(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, statetest.Postgres.Path(t), statetest.Sealer(t))) })
}

func accessKey(id, account string) state.AccessKey {
	return state.AccessKey{ID: id, AccountID: account, Name: "app", Secret: secret.New(canary + id), Policies: []string{`{"a":1}`}}
}

func TestAccessKeyIsReturnedWithItsSecretUntilItIsDeleted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		for _, key := range []state.AccessKey{accessKey("AKIA1", "111122223333"), accessKey("AKIA2", "444455556666")} {
			if err := s.CreateAccessKey(ctx, key); err != nil {
				t.Fatal(err)
			}
		}
		key, err := s.AccessKey(ctx, "AKIA1")
		if err != nil || key.Secret.Reveal() != canary+"AKIA1" || key.AccountID != "111122223333" || !key.CreatedAt.Equal(now) {
			t.Errorf("AccessKey = %+v, %v", key, err)
		}
		if diff := cmp.Diff([]string{`{"a":1}`}, key.Policies); diff != "" {
			t.Error(diff)
		}
		all, err := s.AccessKeys(ctx, "")
		if err != nil || len(all) != 2 || !all[0].Secret.IsZero() {
			t.Errorf("AccessKeys of all = %v, %v", all, err)
		}
		if one, err := s.AccessKeys(ctx, "444455556666"); err != nil || len(one) != 1 || one[0].ID != "AKIA2" {
			t.Errorf("AccessKeys of one account = %v, %v", one, err)
		}
		if err := s.DeleteAccessKey(ctx, "AKIA1"); err != nil {
			t.Error(err)
		}
		if _, err := s.AccessKey(ctx, "AKIA1"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("AccessKey of a deleted key: %v", err)
		}
		if err := s.DeleteAccessKey(ctx, "AKIA1"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("DeleteAccessKey of a deleted key: %v", err)
		}
	})
}

func businessAccount(account, metaID string, numbers ...string) state.BusinessAccount {
	linked := state.BusinessAccount{AccountID: account, MetaID: metaID, Name: "Lucky Shrub", Token: secret.New(canary)}
	for _, number := range numbers {
		linked.PhoneNumbers = append(linked.PhoneNumbers, state.PhoneNumber{MetaID: number, DisplayNumber: "+1 555", VerifiedName: "Shrub", QualityRating: "GREEN"})
	}
	return linked
}

func TestLinkingAgainKeepsIdsAndReplacesTheToken(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		first, err := s.Link(ctx, businessAccount("111122223333", "100", "1", "2"))
		if err != nil {
			t.Fatal(err)
		}
		if len(first.ID) != 32 || len(first.PhoneNumbers) != 2 || len(first.PhoneNumbers[0].ID) != 32 || !first.LinkedAt.Equal(now) {
			t.Fatalf("linked %+v", first)
		}
		again := businessAccount("111122223333", "100", "2", "3")
		again.Name, again.Token = "Renamed", secret.New("second")
		second, err := s.Link(ctx, again)
		if err != nil {
			t.Fatal(err)
		}
		if second.ID != first.ID || second.Name != "Renamed" || len(second.PhoneNumbers) != 3 || second.PhoneNumbers[1] != first.PhoneNumbers[1] {
			t.Errorf("linked again %+v", second)
		}
		sender, err := s.Sender(ctx, "111122223333", first.PhoneNumbers[0].ID)
		if err != nil || sender.Token.Reveal() != "second" || sender.MetaID != "1" {
			t.Errorf("Sender = %+v, %v", sender, err)
		}
	})
}

func TestRowsOfAnotherAccountAreNotFound(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		mine, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := s.Link(ctx, businessAccount("444455556666", "100", "1"))
		if err != nil || theirs.ID == mine.ID {
			t.Fatalf("the same Meta account linked twice: %v, %v", theirs, err)
		}
		if _, err := s.BusinessAccount(ctx, "444455556666", mine.ID); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("BusinessAccount: %v", err)
		}
		if _, err := s.Sender(ctx, "444455556666", mine.PhoneNumbers[0].ID); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("Sender: %v", err)
		}
		if list, err := s.BusinessAccounts(ctx, "777788889999", "", 10); err != nil || len(list) != 0 {
			t.Errorf("BusinessAccounts = %v, %v", list, err)
		}
	})
}

func TestAccountsAreListedInPages(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		want := map[string]bool{}
		for i := range 7 {
			linked, err := s.Link(ctx, businessAccount("111122223333", fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			want[linked.ID] = true
		}
		after, pages := "", 0
		for {
			page, err := s.BusinessAccounts(ctx, "111122223333", after, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			pages++
			for _, account := range page {
				delete(want, account.ID)
				after = account.ID
			}
		}
		if len(want) != 0 || pages != 3 {
			t.Errorf("%d pages, never listed: %v", pages, want)
		}
	})
}

func TestRecordOfAnUploadIsReturned(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		want := state.Media{PhoneNumberID: linked.PhoneNumbers[0].ID, ID: "99", MIMEType: "image/jpeg", Size: 1 << 40, SHA256: "ab",
			Source: "s3", SourceName: "b/k", SourceETag: `"e"`, AccessKeyID: "AKIA1", CreatedAt: now.Local(), ExpiresAt: now.Add(720 * time.Hour).Local()}
		for range 2 { // the second is the same upload recorded again
			if err := s.RecordMedia(ctx, want); err != nil {
				t.Fatal(err)
			}
		}
		got, err := s.Media(ctx, want.PhoneNumberID, "99")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if _, err := s.Media(ctx, want.PhoneNumberID, "98"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("Media of an unknown id: %v", err)
		}
	})
}

func TestConcurrentRecordsAreAllStored(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		linked, err := s.Link(t.Context(), businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		number := linked.PhoneNumbers[0].ID
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() {
				record := state.Media{PhoneNumberID: number, ID: fmt.Sprint(i), Size: int64(i), SourceName: fmt.Sprint("source ", i)}
				if i%10 == 0 {
					record.PhoneNumberID = "nobody" // violates a foreign key
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel() // the upload has happened regardless
				err := s.RecordMedia(ctx, record)
				if (err == nil) != (i%10 != 0) {
					t.Errorf("%d: %v", i, err)
				}
			})
		}
		group.Wait()
		for i := range 200 {
			stored, err := s.Media(t.Context(), number, fmt.Sprint(i))
			if (err == nil) != (i%10 != 0) || err == nil && (stored.Size != int64(i) || stored.SourceName != fmt.Sprint("source ", i)) {
				t.Errorf("%d: %+v, %v", i, stored, err)
			}
		}
	})
}

func TestStateIsPersistentAndNeedsTheSameKeyset(t *testing.T) {
	path, sealer := filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t)
	first := open(t, path, sealer)
	if err := first.CreateAccessKey(t.Context(), accessKey("AKIA1", "111122223333")); err != nil {
		t.Fatal(err)
	}
	if key, err := open(t, path, sealer).AccessKey(t.Context(), "AKIA1"); err != nil || key.Secret.Reveal() != canary+"AKIA1" {
		t.Errorf("a second process reads %v, %v", key, err)
	}
	_, err := state.Open(t.Context(), state.Config{Path: path, Sealer: statetest.Sealer(t)})
	if err == nil || !strings.Contains(err.Error(), "keyset is not the one") {
		t.Errorf("opened with another keyset: %v", err)
	}
	if _, err := state.Open(t.Context(), state.Config{Path: path}); err == nil {
		t.Error("opened without a keyset")
	}
}

func TestFilesContainNoSecrets(t *testing.T) {
	directory := t.TempDir()
	s := open(t, filepath.Join(directory, "ferry.db"), statetest.Sealer(t))
	if err := s.CreateAccessKey(t.Context(), accessKey("AKIA1", "111122223333")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Link(t.Context(), businessAccount("111122223333", "100", "1")); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(directory)
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(directory, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), canary) {
			t.Errorf("%s contains a secret", file.Name())
		}
		if info, err := file.Info(); err != nil || info.Mode().Perm()&0o077 != 0 && strings.HasSuffix(file.Name(), ".db") {
			t.Errorf("%s has mode %v, %v", file.Name(), info.Mode(), err)
		}
	}
}

func TestConcurrentOpensTakeTurnsToMigrate(t *testing.T) {
	path, sealer := filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s, err := state.Open(context.Background(), state.Config{Path: path, Sealer: sealer})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
}
