// The connections to PostgreSQL: their settings, and what happens when one breaks.

package state

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// readTimeout bounds one query outside of a transaction, until its last row.
	readTimeout = 10 * time.Second
	// checkTimeout bounds the check of a connection that has not been used for a second.
	checkTimeout = 2 * time.Second
	// lockTimeout bounds the wait of a statement for a row that another transaction has
	// locked. It is below commitTimeout, so that the server can report it.
	lockTimeout = 10 * time.Second
	// idleTransactionTimeout is how long the server waits for the next statement of a
	// transaction, whose process may have stopped, before it releases its locks.
	idleTransactionTimeout = 30 * time.Second
)

// settings are the settings of a session of PostgreSQL. A value of 0 means no limit.
type settings map[string]string

// The settings of connections. They are set after connecting, not while, so that a
// pooler which passes connections on does not refuse them. A setting that the URL has
// is not changed.
var (
	commonSettings = settings{
		"application_name":                    "ferry",
		"lock_timeout":                        milliseconds(lockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(idleTransactionTimeout),
		"default_transaction_isolation":       "read committed",
	}
	writeSettings     = commonSettings.with(settings{"statement_timeout": milliseconds(commitTimeout)})
	readSettings      = commonSettings.with(settings{"statement_timeout": milliseconds(readTimeout), "default_transaction_read_only": "on"})
	migrationSettings = commonSettings.with(settings{"statement_timeout": "0", "lock_timeout": milliseconds(openTimeout), "idle_in_transaction_session_timeout": "0"})
)

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func (s settings) with(more settings) settings {
	all := make(settings, len(s)+len(more))
	for _, part := range []settings{s, more} {
		for name, value := range part {
			all[name] = value
		}
	}
	return all
}

// apply sets the settings on a connection.
func (s settings) apply(ctx context.Context, conn *pgx.Conn) error {
	var text strings.Builder
	for name, value := range s {
		if conn.Config().RuntimeParams[name] == "" {
			fmt.Fprintf(&text, "SET %s = '%s';", name, value)
		}
	}
	return conn.PgConn().Exec(ctx, text.String()).Close()
}

// usage says what a connection is for.
type usage bool

const (
	forReading usage = false
	forWriting usage = true
)

// postgresConnector connects to PostgreSQL by pgx.
type postgresConnector struct {
	driver.Connector
	usage usage
}

func newConnector(config *pgx.ConnConfig, settings settings, usage usage) *postgresConnector {
	return &postgresConnector{stdlib.GetConnector(*config, stdlib.OptionAfterConnect(settings.apply)), usage}
}

// Connect connects to the server.
func (c *postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, explained(err)
	}
	return &postgresConn{Conn: conn.(*stdlib.Conn), usage: c.usage}, nil
}

// explained returns an error with what it means. It returns driver.ErrBadConn and io.EOF,
// which are for database/sql, as they are.
func explained(err error) error {
	if err == driver.ErrBadConn || err == io.EOF { //nolint:errorlint // not an error that wraps one of them
		return err
	}
	_, err = explain(err)
	return err
}

// postgresConn is a connection of pgx. A connection of a pool may be broken, for
// example because the server was restarted. What has changed nothing is then done
// again on another connection: database/sql does that after driver.ErrBadConn. If a
// new connection breaks, too, its error says so.
// These are queries outside of transactions, for which a connection for reading is
// used, and the beginnings of transactions.
type postgresConn struct {
	*stdlib.Conn
	usage    usage
	until    time.Time // when the transaction in progress must have ended
	isReused bool      // it was idle in the pool
}

// limited returns a context that also ends when the statement must have ended.
func (c *postgresConn) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	switch {
	case c.usage == forReading:
		return context.WithTimeout(ctx, readTimeout)
	case !c.until.IsZero():
		return context.WithDeadline(ctx, c.until)
	}
	return context.WithCancel(ctx)
}

// again returns driver.ErrBadConn for an error of a connection that broke in the pool,
// and what other errors mean.
func (c *postgresConn) again(ctx context.Context, err error) error {
	switch isBroken := err != nil && c.Conn.Conn().IsClosed(); {
	case isBroken && c.isReused && ctx.Err() == nil:
		return driver.ErrBadConn
	case isBroken && errors.Is(err, driver.ErrBadConn):
		return explained(errBroken)
	}
	return explained(err)
}

// errBroken is the error of a connection that broke before it was used.
var errBroken = fmt.Errorf("the new connection has broken: %w", net.ErrClosed)

// PrepareContext prepares a statement.
func (c *postgresConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	statement, err := c.Conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.again(ctx, err)
	}
	return &postgresStmt{statement.(*stdlib.Stmt), c, query}, nil
}

// BeginTx begins a transaction.
func (c *postgresConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	tx, err := c.Conn.BeginTx(ctx, options)
	c.until, _ = ctx.Deadline()
	return tx, c.again(ctx, err)
}

// ExecContext executes a statement.
func (c *postgresConn) ExecContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Result, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	return c.Conn.ExecContext(ctx, query, values)
}

// QueryContext executes a query.
func (c *postgresConn) QueryContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Rows, error) {
	within, cancel := c.limited(ctx)
	rows, err := c.Conn.QueryContext(within, query, values)
	if err == nil {
		return &postgresRows{rows.(*stdlib.Rows), cancel}, nil
	}
	defer cancel()
	if c.usage == forReading {
		err = c.again(within, err)
		if within.Err() != nil && ctx.Err() == nil {
			err = &writeError{kind: ErrUnreachable, failure: lost, reason: "a query took too long", cause: err}
		}
	}
	return nil, explained(err)
}

// ResetSession checks a connection that is used again.
func (c *postgresConn) ResetSession(ctx context.Context) error {
	c.until, c.isReused = time.Time{}, true
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return c.Conn.ResetSession(ctx)
}

// CheckNamedValue replaces in texts what PostgreSQL cannot store: bytes that are not
// UTF-8, which headers of HTTP may have, and NUL.
func (c *postgresConn) CheckNamedValue(value *driver.NamedValue) error {
	if text, ok := value.Value.(string); ok {
		value.Value = storable(text)
	}
	return c.Conn.CheckNamedValue(value)
}

// storable returns a text with "�" and two hexadecimal digits in place of each byte that
// PostgreSQL cannot store, so that different texts remain different.
func storable(text string) string {
	if utf8.ValidString(text) && !strings.Contains(text, "\x00") {
		return text
	}
	var stored strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 || r == 0 {
			fmt.Fprintf(&stored, "�%02x", text[0])
		} else {
			stored.WriteRune(r)
		}
		text = text[size:]
	}
	return stored.String()
}

// postgresStmt is a prepared statement of a postgresConn.
type postgresStmt struct {
	*stdlib.Stmt
	conn  *postgresConn
	query string // by which pgx knows the statement
}

// ExecContext executes the statement.
func (s *postgresStmt) ExecContext(ctx context.Context, values []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, values)
}

// QueryContext executes the statement.
func (s *postgresStmt) QueryContext(ctx context.Context, values []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, values)
}

// postgresRows are the rows of a query with a deadline.
type postgresRows struct {
	*stdlib.Rows
	cancel context.CancelFunc
}

// Next reads the next row.
func (r *postgresRows) Next(values []driver.Value) error {
	return explained(r.Rows.Next(values))
}

// Close ends the query.
func (r *postgresRows) Close() error {
	defer r.cancel()
	return explained(r.Rows.Close()) // the connection may break after the last row
}
