// What the errors of PostgreSQL mean.

package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// postgresFailures are the error codes of PostgreSQL that say something about the
// server, not about a statement (docs/references.md#postgres-codes). A code of two
// characters is a class of codes.
var postgresFailures = map[string]failure{
	"08":    lost,      // connection exception
	"57P01": lost,      // admin_shutdown
	"57P02": lost,      // crash_shutdown
	"57P03": lost,      // cannot_connect_now
	"57P05": lost,      // idle_session_timeout
	"25P03": lost,      // idle_in_transaction_session_timeout
	"28":    lost,      // invalid authorization specification
	"3D000": lost,      // invalid_catalog_name: the database does not exist
	"53100": full,      // disk_full
	"53":    busy,      // insufficient resources: connections, memory
	"40001": contended, // serialization_failure
	"40P01": contended, // deadlock_detected
	"55P03": contended, // lock_not_available
	"57014": contended, // query_canceled, by statement_timeout
	"25006": broken,    // read_only_sql_transaction
	"42501": broken,    // insufficient_privilege
	"58":    broken,    // system error, such as io_error
	"XX001": damaged,   // data_corrupted
	"XX002": damaged,   // index_corrupted
}

// postgresFailure classifies an error code of PostgreSQL.
func postgresFailure(code string) failure {
	if kind, ok := postgresFailures[code]; ok {
		return kind
	}
	return postgresFailures[code[:min(2, len(code))]]
}

// explainPostgres returns what an error means, also one that is not of PostgreSQL.
func explainPostgres(err error) *writeError {
	explained := &writeError{kind: ErrUnwritable}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		explained.failure = postgresFailure(answer.Code)
		if explained.failure == other && isFatal(answer) {
			explained.failure = lost
		}
	} else if isLost(err) {
		explained.failure = lost
	}
	switch explained.failure {
	case contended:
		explained.reason = "other transactions were in its way for too long. Retry later"
	case busy:
		explained.reason = "its server has too few connections or too little memory. Raise max_connections there, or lower --database-connections; ferry continues by itself"
	case full:
		explained.reason = "the disk of its server is full. Free some space there; ferry then continues by itself"
	case broken:
		explained.reason = "its server does not accept writes: it is a standby, is read-only, has a broken disk, or its user lacks rights. Check the server; ferry continues by itself when a write succeeds"
	case lost:
		explained.kind, explained.reason = ErrUnreachable, "check that it runs, and its address and password; ferry continues by itself when it is back"
	case damaged:
		explained.kind, explained.reason = ErrDamaged, "check the server and its disk, and restore a backup"
	}
	return explained
}

// isFatal reports whether the server has ended the connection.
func isFatal(failed *pgconn.PgError) bool {
	return failed.SeverityUnlocalized == "FATAL" || failed.SeverityUnlocalized == "PANIC"
}

// isLost reports whether an error comes from the connection, not from the server or the end
// of the caller's context.
func isLost(err error) bool {
	if errors.Is(err, context.Canceled) || err == io.EOF { //nolint:errorlint // io.EOF itself is the end of the rows
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) || strings.Contains(err.Error(), "conn closed")
}
