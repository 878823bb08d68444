package state_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// A database of the version before the users of a file were recorded.
func TestFilesThatAnEarlierVersionSharedKeepTheirUsers(t *testing.T) {
	ctx, path := t.Context(), filepath.Join(t.TempDir(), "ferry.db")
	old, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, old, os.DirFS("migration"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(ctx, 4); err != nil {
		t.Fatal(err)
	}
	expires := now.Add(time.Hour).UnixMilli()
	for _, query := range []string{
		`INSERT INTO account (id, created_at, reuse, uploads_avoided, verify_uploads) VALUES ('111122223333', 1, TRUE, 5, TRUE)`,
		`INSERT INTO business_account (id, account_id, meta_id, name, marketing_onboarding, sealed_token, linked_at) VALUES ('w', '111122223333', '100', '', '', x'00', 1)`,
		`INSERT INTO phone_number (id, business_account_id, meta_id, display_number, verified_name, quality_rating) VALUES ('p', 'w', '1', '', '', '')`,
		`INSERT INTO reuse (phone_number_id, media_id, sha256, mime_type, size, users, is_current, expires_at) VALUES ('p', '7', 'ab', 'image/png', 10, 2, TRUE, $1), ('p', '6', 'ab', 'image/png', 10, 1, FALSE, $1)`,
		`INSERT INTO reuse_source (phone_number_id, source_name, etag, declared_type, sha256, mime_type, expires_at) VALUES ('p', 's3://b/k', 'e', 'image/png', 'ab', 'image/png', $1)`,
	} {
		var values []any
		if strings.Contains(query, "$1") {
			values = []any{expires}
		}
		if _, err := old.ExecContext(ctx, query, values...); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	s := open(t, path, statetest.Sealer(t))
	usages, err := s.Usages(ctx)
	if want := (state.Settings{Reuse: true, Verify: true}); err != nil || len(usages) != 1 || usages[0].Settings != want || usages[0].UploadsAvoided != 5 {
		t.Errorf("the account is %+v, %v", usages, err)
	}
	file, err := s.ReusableBySource(ctx, "p", state.SourceVersion{Name: "s3://b/k", ETag: "e", DeclaredType: "image/png"}, now)
	if err != nil || file.MediaID != "7" {
		t.Fatalf("the file to reuse is %+v, %v", file, err)
	}
	mine := state.Holder{AccessKeyID: "AKIA1", UserName: "app"}
	if err := s.Reuse(ctx, "111122223333", mine, file, nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false} { // its own id, then the two of unknown users
		if left, err := s.Release(ctx, "p", "7", mine); left != want || err != nil {
			t.Errorf("release %d: left %v, %v", i+1, left, err)
		}
	}
	if left, err := s.Release(ctx, "p", "6", mine); left || err != nil {
		t.Errorf("release of the file that was replaced: left %v, %v", left, err)
	}
	if _, err := s.ReusableByDigest(ctx, "p", "ab", "image/png", now); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("after the last release: %v", err)
	}
}
