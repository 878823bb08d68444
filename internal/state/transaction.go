// Transactions: their deadline, and which of them are tried again.

package state

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// commitTimeout bounds one transaction, including the wait for a connection that
	// writes, and its repetitions.
	commitTimeout = 15 * time.Second
	// maxTransactionTries bounds how often a transaction is tried that PostgreSQL ended
	// because of another one, or that lost its connection.
	maxTransactionTries = 5
	// transactionBackoff is the longest wait before the second try. It doubles each time.
	transactionBackoff = 20 * time.Millisecond
)

// inTransaction calls f within one write transaction. It may call f several times, each
// time within a new transaction, and the earlier ones are rolled back. On PostgreSQL,
// transactions run at the same time: f must lock what it reads and then changes, and
// must lock rows in the same order as all others.
//
// If the error is ErrUncertain, the transaction may have been committed.
func (s *DB) inTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	within, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	backoff := transactionBackoff
	for try := 1; ; try++ {
		err := s.tryTransaction(within, f)
		if err != nil && within.Err() != nil && ctx.Err() == nil && !errors.Is(err, ErrUnwritable) {
			err = &writeError{kind: ErrUnwritable, failure: busy, cause: err,
				reason: "a write took too long. Check its disk, and whether another process has it locked; ferry continues by itself when a write succeeds"}
		}
		kind, err := explain(err)
		if try == maxTransactionTries || !mayTryAgain(kind, err) {
			return s.wrote(err)
		}
		select {
		case <-time.After(rand.N(backoff)):
		case <-within.Done():
			return s.wrote(err)
		}
		backoff *= 2
	}
}

// mayTryAgain reports whether a transaction that failed was not made, and may succeed
// at once.
func mayTryAgain(kind failure, err error) bool {
	switch kind {
	case contended:
		code, ok := errors.AsType[*pgconn.PgError](err)
		return ok && (code.Code == "40001" || code.Code == "40P01")
	case lost:
		_, isConnecting := errors.AsType[*pgconn.ConnectError](err) // the server is not there
		return !isConnecting && !errors.Is(err, ErrUncertain)
	}
	return false
}

func (s *DB) tryTransaction(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(tx); err != nil {
		if kind, _ := explain(err); kind == lost {
			_ = tx.Rollback() // there is no connection left
			return err
		}
		return errors.Join(err, tx.Rollback())
	}
	err = tx.Commit()
	if err != nil && s.isPostgres && !isRefusal(err) {
		return &writeError{kind: ErrUncertain, failure: lost, cause: err}
	}
	return err
}

// isRefusal reports whether the error of a commit says that it was not made: PostgreSQL
// has rolled the transaction back, or was never told to commit it.
func isRefusal(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return !isFatal(answer)
	}
	return pgconn.SafeToRetry(err) || errors.Is(err, sql.ErrTxDone)
}

// exec executes one statement that writes.
func (s *DB) exec(ctx context.Context, query string, values ...any) (result sql.Result, err error) {
	err = s.inTransaction(ctx, func(tx *sql.Tx) (err error) {
		result, err = tx.ExecContext(ctx, query, values...)
		return err
	})
	return result, err
}

// execOne executes one statement that writes and returns the id of its row. It returns
// ErrNotFound if there is no such row.
func (s *DB) execOne(ctx context.Context, query string, values ...any) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		var id string
		return asNotFound(tx.QueryRowContext(ctx, query, values...).Scan(&id))
	})
}
