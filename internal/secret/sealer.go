package secret

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// reloadPause is the time between two looks at the keyset's file for the sake of values
	// that no known key has sealed: a caller can send many of them as page tokens.
	reloadPause = 100 * time.Millisecond
	// reloadTimeout bounds such a look.
	reloadTimeout = 10 * time.Second
)

// A Sealer encrypts secrets at rest with a keyset. A sealed value is bound to a place
// (table, column, account, row): it cannot be opened for another place. A Sealer is safe
// for concurrent use, also while its keyset is replaced.
type Sealer struct {
	file    *KeysetFile // nil means that the keyset cannot be read again
	current atomic.Pointer[loadedKeyset]

	again  sync.Mutex    // held while the file is read for the sake of a value
	lookAt time.Time     // when that began last
	before *loadedKeyset // what was in use then
	found  *loadedKeyset // what the file had then; nil means nothing else
}

// A loadedKeyset is a keyset with the text of its file.
type loadedKeyset struct {
	*Keyset
	text Secret
}

// NewSealer returns a Sealer for a keyset in Tink's JSON format, which stays as it is. Seal
// uses the primary key; Open accepts values that were sealed with any key of the keyset.
func NewSealer(text Secret) (*Sealer, error) {
	return UnwrapSealer(context.Background(), text, nil)
}

// UnwrapSealer is NewSealer for a keyset that UnwrapKeyset reads.
func UnwrapSealer(ctx context.Context, text Secret, wrapper Wrapper) (*Sealer, error) {
	keyset, err := UnwrapKeyset(ctx, text, wrapper)
	if err != nil {
		return nil, err
	}
	s := new(Sealer)
	s.current.Store(&loadedKeyset{keyset, text})
	return s, nil
}

// OpenSealer returns a Sealer for the keyset in a file, which may be replaced: see Reload.
func OpenSealer(ctx context.Context, file KeysetFile) (*Sealer, error) {
	text, err := file.read()
	if err != nil {
		return nil, err
	}
	keyset, err := file.parse(ctx, text)
	if err != nil {
		return nil, err
	}
	s := &Sealer{file: &file}
	s.current.Store(&loadedKeyset{keyset, text})
	return s, nil
}

// Keyset returns the keyset that is in use.
func (s *Sealer) Keyset() *Keyset { return s.current.Load().Keyset }

// CanReload reports whether the keyset comes from a file.
func (s *Sealer) CanReload() bool { return s.file != nil }

// Reload reads the file again, and uses its keyset if it has changed and accept returns no
// error. Otherwise the keyset that is in use stays so. It reports whether the file has
// another keyset than before.
func (s *Sealer) Reload(ctx context.Context, accept func(*Keyset) error) (changed bool, err error) {
	if s.file == nil {
		return false, nil
	}
	before := s.current.Load()
	next, err := s.read(ctx, before)
	if next == nil || err != nil {
		return false, err
	}
	if err := accept(next.Keyset); err != nil {
		return false, err
	}
	s.current.CompareAndSwap(before, next) // otherwise another goroutine has read it meanwhile
	return true, nil
}

// read reads the file. It returns nil if that has what it had before.
func (s *Sealer) read(ctx context.Context, before *loadedKeyset) (*loadedKeyset, error) {
	text, err := s.file.read()
	if err != nil || text.Equal(before.text) {
		return nil, err
	}
	keyset, err := s.file.parse(ctx, text)
	if err != nil {
		return nil, err
	}
	return &loadedKeyset{keyset, text}, nil
}

// Seal encrypts a value for a place.
func (s *Sealer) Seal(value Secret, place ...string) ([]byte, error) {
	return s.Keyset().Seal(value, place...)
}

// Open decrypts a value that Seal returned for the same place. If the key is not in the
// keyset, Open reads the file of the keyset again: another process may have added the key.
func (s *Sealer) Open(sealed []byte, place ...string) (Secret, error) {
	keyset := s.Keyset()
	value, err := keyset.Open(sealed, place...)
	if err == nil || s.file == nil {
		return value, err
	}
	if id, ok := SealedBy(sealed); !ok || keyset.Has(id) {
		return value, err
	}
	before, found := s.look()
	if found == nil {
		return s.Keyset().Open(sealed, place...) // which may be another one by now
	}
	if value, err = found.Open(sealed, place...); err == nil {
		s.current.CompareAndSwap(before, found)
	}
	return value, err
}

// look reads the file, and returns the keyset that was in use and that of the file; nil means
// that the file had nothing else. Goroutines that wait at the same time share one look.
func (s *Sealer) look() (before, found *loadedKeyset) {
	arrived := time.Now()
	s.again.Lock()
	defer s.again.Unlock()
	if s.lookAt.After(arrived) {
		return s.before, s.found
	}
	time.Sleep(time.Until(s.lookAt.Add(reloadPause)))
	s.lookAt = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), reloadTimeout)
	defer cancel()
	s.before = s.current.Load()
	s.found, _ = s.read(ctx, s.before) // whoever reads the file regularly reports what is wrong with it
	return s.before, s.found
}
