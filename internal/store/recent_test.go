package store_test

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ferry/internal/secret"
	"ferry/internal/store"
)

// Two processes over one database: what one changes, the other uses after
// Freshness at the latest, and what it changes itself at once.
func TestChangesOfAnotherProcessCountAfterFreshness(t *testing.T) {
	path, sealer, ctx := filepath.Join(t.TempDir(), "ferry.db"), newSealer(t), t.Context()
	var mu sync.Mutex
	clock := now
	server, err := store.Open(ctx, store.Config{Path: path, Sealer: sealer, Now: func() time.Time {
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
	clock = clock.Add(store.Freshness)
	mu.Unlock()
	if _, err := server.AccessKey(ctx, "AKIA1"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a deleted key after Freshness: %v", err)
	}
	if token() != "the new token" {
		t.Error("an old token after Freshness")
	}
	if err := server.DeleteAccessKey(ctx, "AKIA2"); err != nil {
		t.Fatal(err)
	}
	if _, err := server.AccessKey(ctx, "AKIA2"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a key that this process deleted: %v", err)
	}
}

// Hits that come at once are one commit, and each is counted.
func TestHitsThatComeAtOnceAreAllCounted(t *testing.T) {
	eachKind(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		file := store.Reusable{PhoneNumberID: linked.PhoneNumbers[0].ID, SHA256: "ab", MIMEType: "image/png", MediaID: "7", Size: 10, ExpiresAt: now.Add(time.Hour)}
		version := store.SourceVersion{Name: "s3://b/k", ETag: `"1"`}
		if err := s.Offer(ctx, file, version); err != nil {
			t.Fatal(err)
		}
		gone := file
		gone.MediaID = "8"
		var group sync.WaitGroup
		for i := range 60 {
			group.Go(func() {
				if err := s.Reuse(ctx, "111122223333", file, nil); err != nil {
					t.Errorf("hit %d: %v", i, err)
				}
				if err := s.Reuse(ctx, "111122223333", gone, nil); !errors.Is(err, store.ErrNotFound) {
					t.Errorf("hit %d of a file that is gone: %v", i, err)
				}
			})
		}
		group.Wait()
		usages, err := s.Usages(ctx)
		if err != nil || len(usages) != 1 || usages[0].UploadsAvoided != 60 || usages[0].BytesAvoided != 600 {
			t.Errorf("%+v, %v", usages, err)
		}
		for range 60 { // 61 users: the one who uploaded it, and the hits
			if left, err := s.Release(ctx, file.PhoneNumberID, file.MediaID); err != nil || !left {
				t.Fatalf("%v, %v", left, err)
			}
		}
		if left, err := s.Release(ctx, file.PhoneNumberID, file.MediaID); err != nil || left {
			t.Errorf("after the last user: %v, %v", left, err)
		}
	})
}
