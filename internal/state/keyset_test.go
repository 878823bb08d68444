package state_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// A migration that adds a sealed column adds it to the columns that a rotation seals again.
func TestEverySealedColumnIsSealedAgain(t *testing.T) {
	s := statetest.SQLite.Open(t)
	columns, err := s.Texts(t.Context(), `SELECT m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name LIKE '%sealed%' ORDER BY 1`)
	if err != nil || len(columns) < 4 {
		t.Fatalf("%v, %v", columns, err)
	}
	if known := state.SealedColumns(); !slices.Equal(columns, known) {
		t.Errorf("the columns %v of the schema are sealed, and a rotation seals %v again", columns, known)
	}
}

// A rotatedFile is a keyset's file with a new primary key beside the old one.
type rotatedFile struct {
	secret.KeysetFile
	t            *testing.T
	first, added *secret.Keyset
	second       *secret.Keyset
}

func newRotatedFile(t *testing.T) *rotatedFile {
	t.Helper()
	text, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	f := &rotatedFile{KeysetFile: secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json")}, t: t}
	if f.first, err = secret.ParseKeyset(text); err != nil {
		t.Fatal(err)
	}
	var id uint32
	if f.added, id, err = f.first.WithNewKey(); err != nil {
		t.Fatal(err)
	}
	if f.second, err = f.added.WithPrimary(id); err != nil {
		t.Fatal(err)
	}
	f.put(f.first)
	return f
}

// put writes a keyset to the file.
func (f *rotatedFile) put(keyset *secret.Keyset) {
	f.t.Helper()
	text, err := keyset.Text()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.Path, []byte(text.Reveal()), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f *rotatedFile) sealer() *secret.Sealer {
	f.t.Helper()
	sealer, err := secret.OpenSealer(f.t.Context(), f.KeysetFile)
	if err != nil {
		f.t.Fatal(err)
	}
	return sealer
}

func TestEverythingIsSealedAgainInBatchesButWhatNoKeyOpens(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		const keys = 250
		file, ctx := newRotatedFile(t), t.Context()
		sealer := file.sealer()
		s := engine.Open(t, state.Config{Sealer: sealer})
		for i := range keys {
			if err := s.CreateAccessKey(ctx, accessKey(fmt.Sprintf("AKIA%03d", i), "111122223333")); err != nil {
				t.Fatal(err)
			}
		}
		temporary := state.AccessKey{ID: "ASIA1", AccountID: "111122223333", Secret: secret.New(canary), TokenHash: bytes.Repeat([]byte{7}, 32), ExpiresAt: time.Now().Add(time.Hour)}
		if err := s.CreateAccessKey(ctx, temporary); err != nil {
			t.Fatal(err)
		}
		linked, err := s.Link(ctx, businessAccount("111122223333", "100", "1"))
		if err != nil {
			t.Fatal(err)
		}
		token, err := s.AddSignup(ctx, "111122223333", &state.Signup{Token: secret.New(canary)})
		if err != nil {
			t.Fatal(err)
		}
		moved, err := sealer.Seal(secret.New(canary), "elsewhere")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.InTransaction(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE access_key SET sealed_secret = $1 WHERE id = 'AKIA123'`, moved)
			return err
		}); err != nil {
			t.Fatal(err)
		}

		file.put(file.second)
		if changed, err := s.ReloadKeyset(ctx); !changed || err != nil {
			t.Fatalf("%v, %v", changed, err)
		}
		var batches []int
		unopened, err := s.Reseal(ctx, func(values int) error { batches = append(batches, values); return nil })
		if err != nil || !slices.Equal(unopened, []string{"access_key AKIA123"}) || !slices.Equal(batches, []int{100, 99, 50, 1, 1, 1, 1}) {
			t.Errorf("batches of %v, and %v cannot be opened, %v", batches, unopened, err)
		}
		if left, err := s.RetireKeys(ctx); left != 1 || err != nil {
			t.Errorf("%d values are left, %v", left, err)
		}
		if err := s.DeleteAccessKey(ctx, "AKIA123"); err != nil {
			t.Fatal(err)
		}
		if left, err := s.RetireKeys(ctx); left != 0 || err != nil {
			t.Errorf("%d values are left, %v", left, err)
		}
		last, err := file.second.Without(file.first.Primary())
		if err != nil {
			t.Fatal(err)
		}
		file.put(last)
		if changed, err := s.ReloadKeyset(ctx); !changed || err != nil {
			t.Fatalf("%v, %v", changed, err)
		}
		if key, err := s.AccessKey(ctx, "AKIA001"); err != nil || key.Secret.Reveal() != canary+"AKIA001" {
			t.Errorf("a key is %v, %v", key, err)
		}
		if key, err := s.AccessKey(ctx, "ASIA1"); err != nil || key.Secret.Reveal() != canary {
			t.Errorf("a temporary key is %v, %v", key, err)
		}
		if owner, err := s.Owner(ctx, "111122223333", linked.ID); err != nil || owner.Token.Reveal() == "" {
			t.Errorf("an account is %v, %v", owner, err)
		}
		if signup, err := s.Signup(ctx, "111122223333", token); err != nil || signup.Token.Reveal() != canary {
			t.Errorf("a sign-up is %v, %v", signup, err)
		}
	})
}

func TestKeysetThatDoesNotOpenEverythingIsNotUsed(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		file, ctx := newRotatedFile(t), t.Context()
		s := engine.Open(t, state.Config{Sealer: file.sealer()})
		if err := s.CreateAccessKey(ctx, accessKey("AKIA1", "111122223333")); err != nil {
			t.Fatal(err)
		}
		file.put(newRotatedFile(t).first)
		if changed, err := s.ReloadKeyset(ctx); changed || err == nil || !strings.Contains(err.Error(), "keyset is not the one") {
			t.Errorf("another keyset: %v, %v", changed, err)
		}
		file.put(file.second)
		if changed, err := s.ReloadKeyset(ctx); !changed || err != nil {
			t.Errorf("one more key: %v, %v", changed, err)
		}
		// The check of the keyset has the new key, and the access key still has the old one.
		if err := s.InTransaction(ctx, func(tx *sql.Tx) error {
			sealed, err := file.second.Seal(secret.New("check"), "keyset_check", "check")
			if err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `UPDATE keyset_check SET sealed = $1`, sealed)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		last, err := file.second.Without(file.first.Primary())
		if err != nil {
			t.Fatal(err)
		}
		file.put(last)
		want := fmt.Sprintf("it lacks key %d, with which 1 values", file.first.Primary())
		if changed, err := s.ReloadKeyset(ctx); changed || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without a key that is needed: %v, %v", changed, err)
		}
		uses, err := s.KeyUses(ctx)
		if err != nil || len(uses) != 2 || uses[0].Values != 1 || uses[1].Values != 1 || !uses[1].IsPrimary {
			t.Errorf("the uses of the keys are %+v, %v", uses, err)
		}
	})
}

func TestRunningServersAndTheirKeysAreKnown(t *testing.T) {
	statetest.Each(t, func(t *testing.T, engine statetest.Engine) {
		file, ctx, at := newRotatedFile(t), t.Context(), now
		config := state.Config{Path: engine.Path(t), Now: func() time.Time { return at }}
		open := func(name string) *state.DB {
			config := config
			config.Server, config.Sealer = name, file.sealer()
			return engine.Open(t, config)
		}
		running := func(when string, want ...string) {
			t.Helper()
			servers, err := open("").Servers(ctx)
			var names []string
			for _, s := range servers {
				names = append(names, s.Name)
			}
			if err != nil || !slices.Equal(names, want) {
				t.Errorf("%s, %v are running, %v; want %v", when, names, err, want)
			}
		}
		running("at first")
		one := open("one")
		file.put(file.second)
		open("two")
		running("after two starts", "one", "two")
		servers, err := one.Servers(ctx)
		if err != nil || len(servers) != 2 || !slices.Equal(servers[0].Keys, file.first.Keys()) || !slices.Equal(servers[1].Keys, file.second.Keys()) ||
			servers[0].SealsWith != file.first.Primary() || servers[1].SealsWith != file.second.Primary() {
			t.Errorf("the servers are %+v, %v", servers, err)
		}
		at = at.Add(59 * time.Second)
		if err := one.RefreshKeyset(ctx); err != nil {
			t.Fatal(err)
		}
		if servers, err := one.Servers(ctx); err != nil || !servers[0].Holds(file.second.Primary()) {
			t.Errorf("after another look at the file: %+v, %v", servers, err)
		}
		running("59 s later", "one", "two")
		at = at.Add(2 * time.Second)
		running("2 s later", "one")
		stopped, stop := context.WithCancel(ctx)
		stop()
		if err := one.Run(stopped); err != nil {
			t.Fatal(err)
		}
		running("after a stop")
	})
}

func TestBadKeysetIsLoggedOnceAndTheServerIsStillKnown(t *testing.T) {
	file, log := newRotatedFile(t), new(bytes.Buffer)
	path, sealer := filepath.Join(t.TempDir(), "ferry.db"), file.sealer()
	synctest.Test(t, func(t *testing.T) {
		s := statetest.SQLite.Open(t, state.Config{Path: path, Sealer: sealer, Server: "one", Logger: slog.New(slog.NewTextHandler(log, nil))})
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		first, _ := file.first.Text()
		step := func(name, text string, want int) {
			t.Helper()
			log.Reset()
			if err := os.WriteFile(file.Path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Minute)
			synctest.Wait()
			lines := 0
			for line := range strings.Lines(log.String()) {
				if strings.Contains(line, "keyset") {
					lines++
				}
			}
			if lines != want || strings.Contains(log.String(), canary) {
				t.Errorf("%s: logged\n%s", name, log)
			}
			if servers, err := s.Servers(ctx); err != nil || len(servers) != 1 {
				t.Errorf("%s: the servers are %v, %v", name, servers, err)
			}
		}
		step("unchanged", first.Reveal(), 0)
		step("malformed", `{"key": "`+canary+`"}`, 1)
		step("empty", "", 1)
		text, _ := file.second.Text()
		step("good", text.Reveal(), 1)
		if s.Keyset().Primary() != file.second.Primary() {
			t.Error("the new keyset is not in use")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
