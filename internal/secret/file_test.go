package secret_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"ferry/internal/secret"
)

// newKeysetFile returns a file with a new keyset.
func newKeysetFile(t *testing.T) (secret.KeysetFile, *secret.Keyset) {
	t.Helper()
	text, err := secret.GenerateKeyset()
	if err != nil {
		t.Fatal(err)
	}
	keyset, err := secret.ParseKeyset(text)
	if err != nil {
		t.Fatal(err)
	}
	file := secret.KeysetFile{Path: filepath.Join(t.TempDir(), "keyset.json")}
	if err := file.Create(t.Context(), keyset); err != nil {
		t.Fatal(err)
	}
	return file, keyset
}

// withNewKey returns a keyset with one more key.
func withNewKey(t *testing.T, keyset *secret.Keyset) (*secret.Keyset, uint32) {
	t.Helper()
	next, id, err := keyset.WithNewKey()
	if err != nil {
		t.Fatal(err)
	}
	return next, id
}

func TestKeysOfAKeysetChangeStepByStep(t *testing.T) {
	_, first := newKeysetFile(t)
	sealed, _ := first.Seal(secret.New(canary), "place")
	second, id := withNewKey(t, first)
	if keys := second.Keys(); !slices.Equal(keys, []uint32{first.Primary(), id}) || second.Primary() != first.Primary() {
		t.Errorf("with a new key, the keys are %v, and %d is the primary one", keys, second.Primary())
	}
	third, err := second.WithPrimary(id)
	if err != nil || third.Primary() != id || !slices.Equal(third.Keys(), second.Keys()) {
		t.Errorf("with another primary key: %v, %v", third.Keys(), err)
	}
	if opened, err := third.Open(sealed, "place"); err != nil || opened.Reveal() != canary {
		t.Errorf("what the old key has sealed: %v", err)
	}
	later, _ := third.Seal(secret.New(canary), "place")
	for name, test := range map[string]struct {
		sealed []byte
		want   uint32
	}{"the old key": {sealed, first.Primary()}, "the new key": {later, id}} {
		if got, ok := secret.SealedBy(test.sealed); !ok || got != test.want {
			t.Errorf("sealed by %s %d, but found %d", name, test.want, got)
		}
	}
	if prefix, err := third.Prefix(); err != nil || string(prefix) != string(later[:5]) {
		t.Errorf("the prefix is %x, %v; a value begins with %x", prefix, err, later[:5])
	}
	fourth, err := third.Without(first.Primary())
	if err != nil || !slices.Equal(fourth.Keys(), []uint32{id}) {
		t.Errorf("without the old key: %v, %v", fourth, err)
	}
	if _, err := fourth.Open(sealed, "place"); err == nil {
		t.Error("opens without its key")
	}
	if _, err := third.Without(id); err == nil {
		t.Error("the primary key can be removed")
	}
	for _, short := range [][]byte{nil, {1}, {1, 2, 3, 4}, {7, 1, 2, 3, 4, 5}} {
		if id, ok := secret.SealedBy(short); ok {
			t.Errorf("%x is sealed by %d", short, id)
		}
	}
}

func TestFileIsReplacedAtOnceAndKeepsItsModeAndOwner(t *testing.T) {
	file, first := newKeysetFile(t)
	second, _ := withNewKey(t, first)
	link := filepath.Join(t.TempDir(), "link.json")
	if err := os.Symlink(file.Path, link); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(file.Path, 65532, 65533); err != nil {
			t.Fatal(err)
		}
	}
	// What a process that was killed has left.
	if err := os.WriteFile(file.Path+".new", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (secret.KeysetFile{Path: link}).Replace(t.Context(), first, second); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(file.Path)
	if err != nil || info.Mode() != 0o640 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if owner := info.Sys().(*syscall.Stat_t); os.Geteuid() == 0 && (owner.Uid != 65532 || owner.Gid != 65533) {
		t.Errorf("the file belongs to %d and %d", owner.Uid, owner.Gid)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if files, err := os.ReadDir(filepath.Dir(file.Path)); err != nil || len(files) != 1 {
		t.Errorf("beside the file are %v, %v", files, err)
	}
	if loaded, err := file.Load(t.Context()); err != nil || !slices.Equal(loaded.Keys(), second.Keys()) {
		t.Errorf("the file has %v, %v", loaded, err)
	}
	if err := file.Replace(t.Context(), first, second); !errors.Is(err, secret.ErrKeysetChanged) {
		t.Errorf("replacing a keyset that is not there: %v", err)
	}
}

func TestOneOfManyProcessesReplacesTheKeyset(t *testing.T) {
	file, first := newKeysetFile(t)
	var group sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		next, _ := withNewKey(t, first)
		group.Go(func() { results <- file.Replace(t.Context(), first, next) })
	}
	group.Wait()
	close(results)
	replaced := 0
	for err := range results {
		switch {
		case err == nil:
			replaced++
		case !errors.Is(err, secret.ErrKeysetChanged):
			t.Error(err)
		}
	}
	if replaced != 1 {
		t.Errorf("%d of them have", replaced)
	}
}

func TestFileThatCannotBeReplacedStaysAsItIs(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("root may write everything")
	}
	file, first := newKeysetFile(t)
	next, _ := withNewKey(t, first)
	if err := file.CheckReplaceable(); err != nil {
		t.Errorf("a file that can: %v", err)
	}
	if err := os.Chmod(filepath.Dir(file.Path), 0o500); err != nil {
		t.Fatal(err)
	}
	if err := file.CheckReplaceable(); err == nil {
		t.Error("a file in a folder that is read-only can be replaced")
	}
	if err := file.Replace(t.Context(), first, next); err == nil {
		t.Error("it was replaced")
	}
	if loaded, err := file.Load(t.Context()); err != nil || !slices.Equal(loaded.Keys(), first.Keys()) {
		t.Errorf("the file has %v, %v", loaded, err)
	}
}

func accept(*secret.Keyset) error { return nil }

func TestKeysetThatIsReplacedIsUsedAtTheNextReload(t *testing.T) {
	file, first := newKeysetFile(t)
	sealer, err := secret.OpenSealer(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := sealer.Reload(t.Context(), accept); changed || err != nil {
		t.Errorf("without a change: %v, %v", changed, err)
	}
	second, id := withNewKey(t, first)
	if err := file.Replace(t.Context(), first, second); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if changed, err := sealer.Reload(t.Context(), func(*secret.Keyset) error { return refused }); changed || !errors.Is(err, refused) || sealer.Keyset().Has(id) {
		t.Errorf("a keyset that is not accepted: %v, %v", changed, err)
	}
	if changed, err := sealer.Reload(t.Context(), accept); !changed || err != nil || !sealer.Keyset().Has(id) {
		t.Errorf("a keyset that is accepted: %v, %v", changed, err)
	}
	for name, text := range map[string]string{"empty": "", "half": `{"primaryKeyId": 1, "key": [`, "too large": strings.Repeat(" ", 64<<10) + "{}"} {
		if err := os.WriteFile(file.Path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := sealer.Reload(t.Context(), accept); changed || err == nil || !sealer.Keyset().Has(id) {
			t.Errorf("%s: %v, %v", name, changed, err)
		}
	}
	os.Remove(file.Path)
	if changed, err := sealer.Reload(t.Context(), accept); changed || err == nil || !sealer.Keyset().Has(id) {
		t.Errorf("missing: %v, %v", changed, err)
	}
}

func TestValueOfAnUnknownKeyIsOpenedWithTheKeysetThatIsInTheFileNow(t *testing.T) {
	file, first := newKeysetFile(t)
	sealer, err := secret.OpenSealer(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	second, id := withNewKey(t, first)
	if second, err = second.WithPrimary(id); err != nil {
		t.Fatal(err)
	}
	sealed, _ := second.Seal(secret.New(canary), "place")
	_, other := newKeysetFile(t)
	foreign, _ := other.Seal(secret.New(canary), "place")
	if err := file.Replace(t.Context(), first, second); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string][]byte{"of another keyset": foreign, "in another place": sealed[:len(sealed)-1], "that is short": {1, 2}} {
		if _, err := sealer.Open(value, "place"); err == nil || sealer.Keyset().Has(id) {
			t.Errorf("a value %s: %v; the new key is held: %v", name, err, sealer.Keyset().Has(id))
		}
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if opened, err := sealer.Open(sealed, "place"); err != nil || opened.Reveal() != canary {
				t.Errorf("a value of the new key: %v", err)
			}
		})
		group.Go(func() { _, _ = sealer.Open(foreign, "place") })
	}
	group.Wait()
}
