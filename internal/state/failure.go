// What the errors of the database mean.

package state

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
)

// ErrUnwritable says that the database cannot be written at the moment. Reads still
// work, unless the error is also ErrUnreachable, and the same write may succeed later.
var ErrUnwritable = errors.New("the database cannot be written at the moment")

// ErrUnreachable says that the server of the database cannot be reached at the moment.
// Such an error is also an ErrUnwritable.
var ErrUnreachable = errors.New("the server of the database cannot be reached at the moment")

// ErrUncertain says that the server of the database did not confirm a commit, so that
// what was to be written may be stored or not. It happens when the connection breaks
// at that moment. Whoever repeats the write must not assume that it was not made. Such an error
// is also an ErrUnreachable and an ErrUnwritable.
var ErrUncertain = errors.New("the server of the database did not confirm a commit, which may have been made or not")

// ErrDamaged says that the database is damaged.
var ErrDamaged = errors.New("the database is damaged")

// A writeError is one of the errors above with its reason.
type writeError struct {
	kind    error
	failure failure
	reason  string // what an operator can do; empty if kind says it
	cause   error  // of the database; may be nil
}

func (e *writeError) Error() string {
	text := e.kind.Error()
	if e.reason != "" {
		text += ": " + e.reason
	}
	if e.cause != nil {
		text += fmt.Sprintf(" (%v)", e.cause)
	}
	return text
}

// Is reports whether e is an error of a kind.
func (e *writeError) Is(target error) bool {
	switch target {
	case ErrUnwritable:
		return e.kind != ErrDamaged
	case ErrUnreachable:
		return e.kind == ErrUnreachable || e.kind == ErrUncertain
	}
	return target == e.kind
}

func (e *writeError) Unwrap() error { return e.cause }

// failure says what an error means for the database.
type failure int

const (
	other     failure = iota // a mistake in a statement, or the end of its context
	contended                // another transaction is in the way of this one
	busy                     // another process writes for too long
	full                     // no space
	broken                   // the disk, the file or the server does not take writes
	lost                     // the server is not there
	unsure                   // it is not known what is on the disk
	damaged
)

// explain adds to an error of the database what it means.
func explain(err error) (failure, error) {
	if err == nil {
		return other, nil
	}
	if known, ok := errors.AsType[*writeError](err); ok {
		return known.failure, err
	}
	explained := explainPostgres(err)
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		explained = explainSQLite(failed)
	}
	if explained.failure == other {
		return other, err
	}
	explained.cause = err
	return explained.failure, explained
}
