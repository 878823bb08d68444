// Prepared statements of SQLite. The driver parses the text of a statement each time that
// it is executed, which takes longer than most of ferry's statements themselves. The
// driver of PostgreSQL keeps prepared statements by itself.

package state

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"strings"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"modernc.org/sqlite"
)

const (
	// maxStatements bounds the prepared statements of a connection; the one that was not
	// used for the longest time is closed for a new one.
	maxStatements = 256
	// maxStatementText bounds the text of a statement that is kept prepared, in bytes.
	maxStatementText = 8 << 10
)

// openSQLiteDriver returns a database whose connections keep prepared statements.
func openSQLiteDriver(name string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(name)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(preparingConnector{connector}), nil
}

type preparingConnector struct{ driver.Connector }

func (c preparingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	statements, err := simplelru.NewLRU(maxStatements, func(_ string, s *preparedStatement) { s.discard() })
	if err != nil {
		return nil, err
	}
	return &preparingConn{sqliteConn: conn.(sqliteConn), statements: statements}, nil
}

// sqliteConn is what the driver's connections implement.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// preparingConn is a connection that executes statements which it has prepared before.
// Package database/sql uses a connection in one goroutine at a time.
type preparingConn struct {
	sqliteConn
	statements *simplelru.LRU[string, *preparedStatement]
}

// A preparedStatement is a prepared statement of a connection.
type preparedStatement struct {
	driver.Stmt
	isInUse     bool // by rows that are not closed
	isDiscarded bool // closed as soon as it is not in use
}

// discard closes a statement, or lets its rows do so.
func (s *preparedStatement) discard() {
	if s.isDiscarded = true; !s.isInUse {
		_ = s.Close() // reports the error of the last execution again
	}
}

// statement returns the prepared statement of a text; nil means that there is none for
// it: it does not read or write rows, or is being executed by who reads its rows.
func (c *preparingConn) statement(ctx context.Context, text string) (*preparedStatement, error) {
	if s, ok := c.statements.Get(text); ok {
		if s.isInUse {
			return nil, nil
		}
		return s, nil
	}
	verb, _, _ := strings.Cut(strings.TrimLeft(text, " \t\n"), " ")
	switch verb {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
	default: // PRAGMA, scripts of migrations
		return nil, nil
	}
	if len(text) > maxStatementText {
		return nil, nil
	}
	prepared, err := c.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s := &preparedStatement{Stmt: prepared}
	c.statements.Add(text, s)
	return s, nil
}

// ExecContext implements driver.ExecerContext.
func (c *preparingConn) ExecContext(ctx context.Context, text string, values []driver.NamedValue) (driver.Result, error) {
	s, err := c.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.ExecContext(ctx, text, values)
	}
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, values)
}

// QueryContext implements driver.QueryerContext.
func (c *preparingConn) QueryContext(ctx context.Context, text string, values []driver.NamedValue) (driver.Rows, error) {
	s, err := c.statement(ctx, text)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return c.sqliteConn.QueryContext(ctx, text, values)
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, values)
	if err != nil {
		return nil, err
	}
	s.isInUse = true
	return &preparedRows{rows, s}, nil
}

// preparedRows are the rows of a prepared statement, which can be executed again when they
// are closed.
type preparedRows struct {
	driver.Rows
	statement *preparedStatement
}

// Close implements driver.Rows.
func (r *preparedRows) Close() error {
	err := r.Rows.Close()
	if r.statement.isInUse = false; r.statement.isDiscarded {
		r.statement.discard()
	}
	return err
}

// Close closes the connection and its statements.
func (c *preparingConn) Close() error {
	c.statements.Purge()
	return c.sqliteConn.Close()
}
