// What the errors of SQLite mean.

package state

import (
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// failureOf classifies an extended result code of SQLite (docs/references.md#sqlite-codes).
func failureOf(code int) failure {
	if code == sqlite3.SQLITE_IOERR_FSYNC || code == sqlite3.SQLITE_IOERR_DIR_FSYNC {
		return unsure
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return broken
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged
	}
	return other
}

func explainSQLite(failed *sqlite.Error) *writeError {
	explained := &writeError{kind: ErrUnwritable, failure: failureOf(failed.Code())}
	switch explained.failure {
	case full:
		explained.reason = "its disk is full. Free some space there; ferry then continues by itself"
	case busy:
		explained.reason = "another process has it locked. Retry later"
	case broken:
		explained.reason = "check its disk and the rights of its files; ferry continues by itself when a write succeeds"
	case unsure:
		explained.reason = "its disk has failed to store data, so that the last records may be lost. Check the disk, and start ferry again"
	case damaged:
		explained.kind, explained.reason = ErrDamaged, restoreFile
	}
	return explained
}

// restoreFile says what to do about a damaged file.
const restoreFile = "stop all processes that use the file, keep a copy, and restore a backup; without one, run 'sqlite3 FILE .recover' to save what can be read"
