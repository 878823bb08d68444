package state

import (
	"database/sql"
	"fmt"
	"testing"
)

// openPrepared returns a connection to a database in memory, and its prepared statements.
func openPrepared(t *testing.T) (*sql.Conn, func() int) {
	t.Helper()
	db, err := openSQLiteDriver("file::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.ExecContext(t.Context(), `CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), (2), (3)`); err != nil {
		t.Fatal(err)
	}
	return conn, func() (number int) {
		err := conn.Raw(func(raw any) error {
			number = raw.(*preparingConn).statements.Len()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return number
	}
}

// numbers returns the first column of the rows of a query.
func numbers(t *testing.T, conn *sql.Conn, query string, values ...any) (list []int) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query, values...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestStatementsThatReadOrWriteRowsArePreparedOnce(t *testing.T) {
	conn, prepared := openPrepared(t)
	if n := prepared(); n != 0 {
		t.Errorf("%d statements of a script were kept", n)
	}
	for i := range 3 {
		var n int
		if err := conn.QueryRowContext(t.Context(), `SELECT count(*) + $1 FROM t`, i).Scan(&n); err != nil || n != 3+2*i {
			t.Errorf("%d, %v", n, err)
		}
		if _, err := conn.ExecContext(t.Context(), "\n\tINSERT INTO t VALUES ($1)", i); err != nil {
			t.Error(err)
		}
		if _, err := conn.ExecContext(t.Context(), `PRAGMA busy_timeout(5)`); err != nil {
			t.Error(err)
		}
	}
	if n := prepared(); n != 2 {
		t.Errorf("%d statements are prepared", n)
	}
}

func TestStatementWhoseRowsAreReadCanBeExecutedMeanwhile(t *testing.T) {
	conn, _ := openPrepared(t)
	const query = `SELECT n FROM t WHERE n >= $1 ORDER BY n`
	outer, err := conn.QueryContext(t.Context(), query, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer outer.Close()
	var seen string
	for outer.Next() {
		var n int
		if err := outer.Scan(&n); err != nil {
			t.Fatal(err)
		}
		seen += fmt.Sprint(n, numbers(t, conn, query, n))
	}
	if want := "1 [1 2 3]2 [2 3]3 [3]"; seen != want || outer.Err() != nil {
		t.Errorf("%q, %v; expected %q", seen, outer.Err(), want)
	}
}

func TestPreparedStatementsAreBounded(t *testing.T) {
	conn, prepared := openPrepared(t)
	rows, err := conn.QueryContext(t.Context(), `SELECT n FROM t ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for i := range 2 * maxStatements {
		var n int
		if err := conn.QueryRowContext(t.Context(), fmt.Sprint(`SELECT `, i, ` FROM t`)).Scan(&n); err != nil || n != i {
			t.Fatal(n, err)
		}
	}
	if n := prepared(); n != maxStatements {
		t.Errorf("%d statements are prepared; expected at most %d", n, maxStatements)
	}
	number := 0
	for rows.Next() { // of a statement that was dropped meanwhile
		number++
	}
	if err := rows.Err(); err != nil || number != 3 {
		t.Errorf("%d rows, %v", number, err)
	}
}

func TestPreparedStatementIsExecutedAfterAFailureAndAfterAChangeOfTheSchema(t *testing.T) {
	conn, _ := openPrepared(t)
	if _, err := conn.ExecContext(t.Context(), `CREATE UNIQUE INDEX t_n ON t (n)`); err != nil {
		t.Fatal(err)
	}
	insert := func(n int) error {
		_, err := conn.ExecContext(t.Context(), `INSERT INTO t (n) VALUES ($1)`, n)
		return err
	}
	for n := range 3 {
		if err := insert(10 + n); err != nil {
			t.Error(err)
		}
		if err := insert(1); err == nil {
			t.Error("a row was inserted twice")
		}
		if _, err := conn.ExecContext(t.Context(), fmt.Sprint(`ALTER TABLE t ADD COLUMN c`, n, ` INTEGER`)); err != nil {
			t.Fatal(err)
		}
	}
	var columns int
	if err := conn.QueryRowContext(t.Context(), `SELECT count(*) FROM pragma_table_info('t')`).Scan(&columns); err != nil || columns != 4 {
		t.Errorf("%d columns, %v", columns, err)
	}
}
