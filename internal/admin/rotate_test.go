package admin_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ferry/internal/admin"
	"ferry/internal/secret"
	"ferry/internal/state"
	"ferry/internal/state/statetest"
)

// A rotationWorld is a database and the keyset's file that processes share.
type rotationWorld struct {
	t        *testing.T
	database string
	file     secret.KeysetFile
}

func newRotationWorld(t *testing.T) *rotationWorld {
	t.Helper()
	w := &rotationWorld{t, statetest.Path(t), secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json")}}
	text, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.file.Path, []byte(text.Reveal()), 0o600); err != nil {
		t.Fatal(err)
	}
	return w
}

// open opens the database as a command does. A server has a name.
func (w *rotationWorld) open(file secret.KeysetFile, server string) (*state.DB, *secret.Sealer) {
	w.t.Helper()
	sealer, err := secret.OpenSealer(w.t.Context(), file)
	if err != nil {
		w.t.Fatal(err)
	}
	db, err := state.Open(w.t.Context(), state.Config{Path: w.database, Sealer: sealer, Server: server, ServerInterval: 20 * time.Millisecond, Connections: 4})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { db.Close() })
	return db, sealer
}

// serve opens the database as a server does, until the end of the test or stop.
func (w *rotationWorld) serve(file secret.KeysetFile, name string) (db *state.DB, sealer *secret.Sealer, stop func()) {
	w.t.Helper()
	db, sealer = w.open(file, name)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := db.Run(ctx); err != nil {
			w.t.Errorf("the server %s: %v", name, err)
		}
	}()
	stop = func() { cancel(); <-ended }
	w.t.Cleanup(stop)
	return db, sealer, stop
}

// rotation returns a rotation on a database, and what it says.
func (w *rotationWorld) rotation(db *state.DB, wait time.Duration) (*admin.Rotation, *[]string) {
	said := new([]string)
	say := func(text string) { *said = append(*said, text) }
	return &admin.Rotation{State: db, File: w.file, Wait: wait, Poll: time.Millisecond, Changed: say, Waiting: say}, said
}

// rotate runs a rotation to its end as a new process.
func (w *rotationWorld) rotate() {
	w.t.Helper()
	db, _ := w.open(w.file, "")
	defer db.Close()
	r, said := w.rotation(db, time.Minute)
	if left, err := r.Run(w.t.Context()); left != "" || err != nil {
		w.t.Fatalf("the rotation said %q, and ended with %q left, %v", *said, left, err)
	}
}

func (w *rotationWorld) keyset() *secret.Keyset {
	w.t.Helper()
	keyset, err := w.file.Load(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return keyset
}

const rotatedAccount = "111122223333"

func TestRotationReplacesTheKeyOfEverythingThatIsSealed(t *testing.T) {
	w := newRotationWorld(t)
	old := w.keyset().Primary()
	db, _, _ := w.serve(w.file, "one")
	w.serve(w.file, "two")
	key, err := admin.CreateAccessKey(t.Context(), db, rotatedAccount, "app", admin.FullAccessPolicy)
	if err != nil {
		t.Fatal(err)
	}
	w.rotate()
	now := w.keyset()
	if now.Has(old) || len(now.Keys()) != 1 {
		t.Errorf("the keyset has the keys %v; the old one is %d", now.Keys(), old)
	}
	fresh, _ := w.open(w.file, "")
	if read, err := fresh.AccessKey(t.Context(), key.ID); err != nil || read.Secret.Reveal() != key.Secret.Reveal() {
		t.Errorf("with the new keyset, the key is %v, %v", read, err)
	}
	uses, err := fresh.KeyUses(t.Context())
	if err != nil || len(uses) != 1 || uses[0].ID != now.Primary() || uses[0].Values != 2 {
		t.Errorf("the uses of the keys are %+v, %v", uses, err)
	}
	w.rotate() // once more
	if again := w.keyset(); again.Primary() == now.Primary() || len(again.Keys()) != 1 {
		t.Errorf("after another rotation, the keyset has the keys %v", again.Keys())
	}
}

func TestRotationWaitsForEveryServer(t *testing.T) {
	w := newRotationWorld(t)
	w.serve(w.file, "shares the file")
	// A server whose file is a copy, as of a Kubernetes secret.
	copied := secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json")}
	update := func() {
		text, err := os.ReadFile(w.file.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied.Path+".tmp", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(copied.Path+".tmp", copied.Path); err != nil {
			t.Fatal(err)
		}
	}
	update()
	w.serve(copied, "has a copy")
	db, _ := w.open(w.file, "")
	for _, want := range []string{"every server holds", "every server seals with", "no server holds"} {
		r, _ := w.rotation(db, 300*time.Millisecond)
		left, err := r.Run(t.Context())
		if err != nil || !strings.Contains(left, want) || !strings.Contains(left, "has a copy") || strings.Contains(left, "shares the file") {
			t.Fatalf("left is %q, %v; want the server with a copy, until %s", left, err, want)
		}
		update()
	}
	r, _ := w.rotation(db, time.Minute)
	if left, err := r.Run(t.Context()); left != "" || err != nil {
		t.Errorf("after the last copy, left is %q, %v", left, err)
	}
}

func TestOldKeyIsRemovedAfterTheTimeOfGrace(t *testing.T) {
	w := newRotationWorld(t)
	old := w.keyset().Primary()
	_, sealer, _ := w.serve(w.file, "one")
	token, err := sealer.Seal(secret.New("position"), "nextToken")
	if err != nil {
		t.Fatal(err)
	}
	db, _ := w.open(w.file, "")
	r, _ := w.rotation(db, time.Minute)
	r.Grace = time.Hour
	left, err := r.Run(t.Context())
	if err != nil || !strings.Contains(left, fmt.Sprintf("sealed with key %d are valid until then", old)) {
		t.Fatalf("left is %q, %v", left, err)
	}
	if _, err := sealer.Open(token, "nextToken"); err != nil {
		t.Errorf("in the time of grace: %v", err)
	}
	if uses, err := db.KeyUses(t.Context()); err != nil || len(uses) != 2 || uses[0].Values != 0 || uses[0].RetiredAt.IsZero() {
		t.Errorf("the uses of the keys are %+v, %v", uses, err)
	}
	w.rotate() // without grace
	if w.keyset().Has(old) {
		t.Error("the keyset has the old key after the time of grace")
	}
}

func TestProcessWithAnOldKeysetSealsNothingAfterTheRotation(t *testing.T) {
	w := newRotationWorld(t)
	stale, _ := w.open(w.file, "") // has read the file, and has no name that a rotation waits for
	copied := secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json")}
	if err := copied.Create(t.Context(), w.keyset()); err != nil {
		t.Fatal(err)
	}
	lost, _ := w.open(copied, "")
	w.rotate()
	key, err := admin.CreateAccessKey(t.Context(), stale, rotatedAccount, "app", admin.FullAccessPolicy)
	if err != nil {
		t.Fatalf("a process that can read the new keyset: %v", err)
	}
	if _, err := admin.CreateAccessKey(t.Context(), lost, rotatedAccount, "app", admin.FullAccessPolicy); !errors.Is(err, state.ErrRetired) {
		t.Errorf("a process that cannot: %v", err)
	}
	fresh, _ := w.open(w.file, "")
	if read, err := fresh.AccessKey(t.Context(), key.ID); err != nil || read.Secret.Reveal() != key.Secret.Reveal() {
		t.Errorf("the key is %v, %v", read, err)
	}
	if uses, err := fresh.KeyUses(t.Context()); err != nil || len(uses) != 1 {
		t.Errorf("the uses of the keys are %+v, %v", uses, err)
	}
}

func TestNextKeysetIsWrittenBesideAFileThatIsReadOnly(t *testing.T) {
	w := newRotationWorld(t)
	old := w.keyset().Primary()
	file, path := w.file, t.TempDir()
	for i := range 3 {
		db, _ := w.open(file, "")
		r, said := w.rotation(db, 0)
		r.File, r.Out = file, secret.KeysetFile{Path: filepath.Join(path, fmt.Sprint(i))}
		left, err := r.Run(t.Context())
		if err != nil || !strings.Contains(left, "put "+r.Out.Path) {
			t.Fatalf("run %d said %q, and ended with %q left, %v", i, *said, left, err)
		}
		if info, err := os.Stat(r.Out.Path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the new file: %v, %v", info.Mode(), err)
		}
		file = r.Out
		db.Close()
	}
	w.file = file
	w.rotate()
	if w.keyset().Has(old) {
		t.Error("the last keyset has the old key")
	}
}

// Readers and writers on two servers, and a rotation that is killed at any moment.
func TestNoReadAndNoWriteFailsWhileRotationsAreKilled(t *testing.T) {
	const kills, grace = 100, 200 * time.Millisecond
	w := newRotationWorld(t)
	first := w.keyset().Primary()
	l := &rotationLoad{t: t, grace: grace, keys: make(map[string]string), tokens: make(map[string]string), signups: make(map[string]string)}
	for _, name := range []string{"one", "two"} {
		db, sealer, _ := w.serve(w.file, name)
		l.servers, l.sealers = append(l.servers, db), append(l.sealers, sealer)
	}
	stop := l.start()
	killed, completed := make(map[string]int), 0
	for total := 0; total < kills || completed == 0; {
		point, err := w.killedRotation(grace)
		switch {
		case err != nil:
			t.Fatal(err)
		case point == "":
			completed++
		default:
			killed[point]++
			total++
		}
	}
	w.rotate()
	stop()
	if l.reads.Load() < kills || l.writes.Load() < kills {
		t.Errorf("only %d reads and %d writes", l.reads.Load(), l.writes.Load())
	}
	t.Logf("%d rotations completed; killed at %v; %d reads, %d writes, %d failed", completed+1, killed, l.reads.Load(), l.writes.Load(), l.failed.Load())
	keyset := w.keyset()
	if keyset.Has(first) || len(keyset.Keys()) != 1 {
		t.Errorf("the keyset has the keys %v", keyset.Keys())
	}
	db, _ := w.open(w.file, "")
	if uses, err := db.KeyUses(t.Context()); err != nil || len(uses) != 1 {
		t.Errorf("the uses of the keys are %+v, %v", uses, err)
	}
	l.checkAll(db)
}

var errKilled = errors.New("killed")

// killedRotation runs a rotation as a process that is killed at a random point, or after a
// random time. It returns where that was; empty means that the rotation was complete before.
func (w *rotationWorld) killedRotation(grace time.Duration) (point string, err error) {
	ctx, kill := context.WithCancelCause(w.t.Context())
	defer kill(nil)
	db, _ := w.open(w.file, "")
	defer db.Close()
	r, _ := w.rotation(db, time.Minute)
	r.Grace = grace
	if rand.N(2) == 0 {
		countdown := rand.N(6)
		r.Reach = func(name string) error {
			if countdown--; countdown < 0 {
				point = name
				return errKilled
			}
			return nil
		}
	} else {
		time.AfterFunc(rand.N(100*time.Millisecond), func() { kill(errKilled) })
	}
	left, err := r.Run(ctx)
	switch {
	case errors.Is(err, errKilled), ctx.Err() != nil && err != nil:
		if point == "" {
			point = "any statement"
		}
		return point, nil
	case left != "":
		return "", fmt.Errorf("left: %s", left)
	}
	return "", err
}

// A rotationLoad reads and writes secrets through several servers.
type rotationLoad struct {
	t       *testing.T
	grace   time.Duration
	servers []*state.DB
	sealers []*secret.Sealer

	reads, writes, failed atomic.Int64
	mu                    sync.Mutex
	keys                  map[string]string // secrets by the ids of access keys
	tokens                map[string]string // tokens by the ids of business accounts
	signups               map[string]string // tokens of Meta by those of sign-ups
}

// start begins the work of some goroutines for each server.
func (l *rotationLoad) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	for i, db := range l.servers {
		other := l.servers[(i+1)%len(l.servers)]
		for name, work := range map[string]func(context.Context, int) error{
			"access keys": func(ctx context.Context, n int) error { return l.accessKey(ctx, db, other, n) },
			"tokens":      func(ctx context.Context, n int) error { return l.token(ctx, db, other, i, n) },
			"sign-ups":    func(ctx context.Context, n int) error { return l.signup(ctx, db, other, n) },
			"page tokens": func(context.Context, int) error { return l.pageToken(i) },
		} {
			group.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					if err := work(context.Background(), n); err != nil {
						l.failed.Add(1)
						l.t.Errorf("%s: %v", name, err)
						return
					}
					time.Sleep(rand.N(30 * time.Millisecond))
				}
			})
		}
	}
	return sync.OnceFunc(func() { cancel(); group.Wait() })
}

// accessKey creates a key, and reads it and another one through the other server.
func (l *rotationLoad) accessKey(ctx context.Context, db, other *state.DB, n int) error {
	key, err := admin.CreateAccessKey(ctx, db, rotatedAccount, "app", admin.FullAccessPolicy)
	if err != nil {
		return err
	}
	l.writes.Add(1)
	ids := []string{key.ID}
	l.mu.Lock()
	for id := range l.keys { // a random one
		ids = append(ids, id)
		break
	}
	l.keys[key.ID] = key.Secret.Reveal()
	l.mu.Unlock()
	for _, id := range ids {
		read, err := other.AccessKey(ctx, id)
		if err != nil {
			return err
		}
		l.reads.Add(1)
		l.mu.Lock()
		want := l.keys[id]
		l.mu.Unlock()
		if read.Secret.Reveal() != want {
			return fmt.Errorf("the key %s has another secret", id)
		}
	}
	return nil
}

// token links a business account again with a new token, and reads it.
func (l *rotationLoad) token(ctx context.Context, db, other *state.DB, server, n int) error {
	token := fmt.Sprintf("token %d %d", server, n)
	linked, err := db.Link(ctx, state.BusinessAccount{AccountID: rotatedAccount, MetaID: fmt.Sprint(server), Token: secret.New(token)})
	if err != nil {
		return err
	}
	l.writes.Add(1)
	l.mu.Lock()
	l.tokens[linked.ID] = token
	l.mu.Unlock()
	read, err := other.Owner(ctx, rotatedAccount, linked.ID)
	if err != nil {
		return err
	}
	l.reads.Add(1)
	if read.Token.Reveal() != token {
		return fmt.Errorf("the token is %q, want %q", read.Token.Reveal(), token)
	}
	return nil
}

// signup adds a sign-up, if there are not too many, and reads it.
func (l *rotationLoad) signup(ctx context.Context, db, other *state.DB, n int) error {
	account := fmt.Sprintf("%012d", n/20)
	if n%20 == 0 {
		if _, err := admin.CreateAccessKey(ctx, db, account, "app", admin.FullAccessPolicy); err != nil {
			return err
		}
	}
	token, err := db.AddSignup(ctx, account, &state.Signup{Token: secret.New(account)})
	if err != nil {
		return err
	}
	l.writes.Add(1)
	read, err := other.Signup(ctx, account, token)
	if err != nil {
		return err
	}
	l.reads.Add(1)
	if read.Token.Reveal() != account {
		return errors.New("the sign-up has another token")
	}
	l.mu.Lock()
	l.signups[token] = account
	l.mu.Unlock()
	return nil
}

// pageToken opens with one server what another has sealed some time ago.
func (l *rotationLoad) pageToken(server int) error {
	sealed, err := l.sealers[server].Seal(secret.New("position"), "nextToken")
	if err != nil {
		return err
	}
	begun := time.Now()
	time.Sleep(rand.N(l.grace / 4))
	_, err = l.sealers[(server+1)%len(l.sealers)].Open(sealed, "nextToken")
	if err != nil && time.Since(begun) > l.grace {
		return nil
	}
	l.reads.Add(1)
	return err
}

// checkAll reads everything that was written.
func (l *rotationLoad) checkAll(db *state.DB) {
	for id, want := range l.keys {
		if read, err := db.AccessKey(l.t.Context(), id); err != nil || read.Secret.Reveal() != want {
			l.t.Errorf("the key %s: %v", id, err)
		}
	}
	for id, want := range l.tokens {
		if read, err := db.Owner(l.t.Context(), rotatedAccount, id); err != nil || read.Token.Reveal() != want {
			l.t.Errorf("the account %s: %v", id, err)
		}
	}
	for token, account := range l.signups {
		if read, err := db.Signup(l.t.Context(), account, token); err != nil || read.Token.Reveal() != account {
			l.t.Errorf("the sign-up: %v", err)
		}
	}
	if len(l.tokens) != len(l.servers) {
		l.t.Errorf("%d business accounts", len(l.tokens))
	}
}
