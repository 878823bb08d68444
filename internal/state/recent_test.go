package state_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// Two processes share a database: a change by one takes effect in the other after
// at most Freshness, and in the process itself at once.
func TestChangesByAnotherProcessTakeEffectAfterFreshness(t *testing.T) {
	path, sealer, ctx := filepath.Join(t.TempDir(), "ferry.db"), statetest.Sealer(t), t.Context()
	var mu sync.Mutex
	clock := now
	server, err := state.Open(ctx, state.Config{Path: path, Sealer: sealer, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	other := open(t, path, sealer)
	for _, id := range []string{"AKIA1", "AKIA2"} {
		if err := other.CreateAccessKey(ctx, accessKey(id, "111122223333")); err != nil {
			t.Fatal(err)
		}
		if _, err := server.AccessKey(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	account := businessAccount("111122223333", "100", "1")
	linked, err := other.Link(ctx, account)
	if err != nil {
		t.Fatal(err)
	}
	number := linked.PhoneNumbers[0].ID
	token := func() string {
		t.Helper()
		sender, err := server.Sender(ctx, "111122223333", number)
		if err != nil {
			t.Fatal(err)
		}
		return sender.Token.Reveal()
	}
	before := token()

	account.Token = secret.New("the new token")
	if _, err := other.Link(ctx, account); err != nil {
		t.Fatal(err)
	}
	if err := other.DeleteAccessKey(ctx, "AKIA1"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.AccessKey(ctx, "AKIA1"); err != nil || token() != before {
		t.Errorf("within Freshness a row was read again: %v", err)
	}
	mu.Lock()
	clock = clock.Add(state.Freshness)
	mu.Unlock()
	if _, err := server.AccessKey(ctx, "AKIA1"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a deleted key after Freshness: %v", err)
	}
	if token() != "the new token" {
		t.Error("an old token after Freshness")
	}
	if err := server.DeleteAccessKey(ctx, "AKIA2"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.AccessKey(ctx, "AKIA2"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a key that this process deleted: %v", err)
	}
}

// holder is a user of files.
var holder = state.Holder{AccessKeyID: "AKIA1", UserName: "app"}

// Concurrent hits share commits, and each is counted.
func TestConcurrentHitsAreAllCounted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		file := state.Reusable{PhoneNumberID: linked.PhoneNumbers[0].ID, SHA256: "ab", MIMEType: "image/png", MediaID: "7", Size: 10, ExpiresAt: now.Add(time.Hour)}
		version := state.SourceVersion{Name: "s3://b/k", ETag: `"1"`}
		if err := s.Offer(ctx, file, holder, version, now); err != nil {
			t.Fatal(err)
		}
		gone := file
		gone.MediaID = "8"
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				if err := s.Reuse(ctx, "111122223333", holder, file, nil); err != nil {
					t.Errorf("hit %d: %v", i, err)
				}
				if err := s.Reuse(ctx, "111122223333", holder, gone, nil); !errors.Is(err, state.ErrNotFound) {
					t.Errorf("hit %d of a deleted file: %v", i, err)
				}
			})
		}
		group.Wait()
		usages, err := s.Usages(ctx)
		if err != nil || len(usages) != 1 || usages[0].UploadsAvoided != 60 || usages[0].BytesAvoided != 600 {
			t.Errorf("%+v, %v", usages, err)
		}
		for range 60 { // 61 users: the uploader and 60 hits
			if left, err := s.Release(ctx, file.PhoneNumberID, file.MediaID, holder); err != nil || !left {
				t.Fatalf("%v, %v", left, err)
			}
		}
		if left, err := s.Release(ctx, file.PhoneNumberID, file.MediaID, holder); err != nil || left {
			t.Errorf("after the last user: %v, %v", left, err)
		}
	})
}

// A file that was replaced by a newer upload of the same bytes keeps its users.
func TestReplacedFileKeepsItsUsers(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		file := state.Reusable{PhoneNumberID: linked.PhoneNumbers[0].ID, SHA256: "ab", MIMEType: "image/png", Size: 10}
		version := state.SourceVersion{Name: "s3://b/k", ETag: `"1"`}
		offer := func(id string, life time.Duration) {
			t.Helper()
			file.MediaID, file.ExpiresAt = id, now.Add(life)
			if err := s.Offer(ctx, file, holder, version, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		current := func() string {
			t.Helper()
			found, err := s.ReusableBySource(ctx, file.PhoneNumberID, version, now)
			if err != nil {
				t.Fatal(err)
			}
			return found.MediaID
		}
		offer("old", time.Minute) // less than the required hour
		if err := s.Reuse(ctx, "111122223333", holder, file, nil); err != nil {
			t.Fatal(err)
		}
		offer("new", 2*time.Hour)
		if current() != "new" {
			t.Error("a file that is about to expire did not give way")
		}
		offer("newer", 3*time.Hour)
		if current() != "new" {
			t.Error("a file that lives gave way")
		}
		if left, err := s.Release(ctx, file.PhoneNumberID, "old", holder); err != nil || !left {
			t.Errorf("after one of two users of the old file: others %v, %v", left, err)
		}
		if left, err := s.Release(ctx, file.PhoneNumberID, "old", holder); err != nil || left {
			t.Errorf("after both: others %v, %v", left, err)
		}
	})
}

func TestPurgeDeletesExpiredRows(t *testing.T) {
	eachKind(t, func(t *testing.T, s *state.DB) {
		ctx := t.Context()
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		number := linked.PhoneNumbers[0].ID
		const expired = 1200 // more than two batches
		for i := range expired + 1 {
			life := -31 * 24 * time.Hour // records are kept for 30 days after the expiry
			if i == expired {
				life = -29 * 24 * time.Hour
			}
			if err := s.RecordMedia(ctx, state.Media{PhoneNumberID: number, ID: fmt.Sprint(i), ExpiresAt: now.Add(life)}); err != nil {
				t.Fatal(err)
			}
		}
		for id, life := range map[string]time.Duration{"dead": -time.Second, "alive": time.Second} {
			file := state.Reusable{PhoneNumberID: number, SHA256: id, MediaID: id, ExpiresAt: now.Add(life)}
			if err := s.Offer(ctx, file, holder, state.SourceVersion{Name: id}, now.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		removed, err := s.Purge(ctx)
		if err != nil || removed != expired+2 { // plus a reusable file and its source
			t.Errorf("%d rows, %v", removed, err)
		}
		if _, err := s.Media(ctx, number, fmt.Sprint(expired)); err != nil {
			t.Errorf("a record within its 30 days: %v", err)
		}
		if _, err := s.ReusableBySource(ctx, number, state.SourceVersion{Name: "alive"}, now); err != nil {
			t.Errorf("a file that has not expired: %v", err)
		}
		if removed, err := s.Purge(ctx); err != nil || removed != 0 {
			t.Errorf("the second time: %d rows, %v", removed, err)
		}
	})
}
