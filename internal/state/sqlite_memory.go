// Databases in memory: each begins as a copy of one that was migrated, because the migrations
// take most of the time in which a world of a test starts.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// memoryTemplate is the content of a database in memory after all migrations, which are the
// same for all databases of a process.
var memoryTemplate struct {
	sync.Mutex
	content []byte
}

// serializable is what the driver's connections implement besides.
type serializable interface {
	Serialize() ([]byte, error)
	Deserialize([]byte) error
}

// openMemory opens a database in memory. SQLite bounds it to 1 GiB.
func (s *DB) openMemory(ctx context.Context) (err error) {
	content, err := migratedContent(ctx)
	if err != nil {
		return err
	}
	if s.write, err = openMemoryDriver(); err != nil {
		return err
	}
	s.read = s.write
	if err := withSerializable(ctx, s.write, func(conn serializable) error { return conn.Deserialize(content) }); err != nil {
		return err
	}
	_, err = s.write.ExecContext(ctx, `PRAGMA secure_delete(1)`) // a setting of the database that was replaced
	return err
}

// openMemoryDriver opens a database in memory with one connection: each would have a
// database of its own.
func openMemoryDriver() (*sql.DB, error) {
	db, err := openSQLiteDriver("file::memory:?" + pragmas("MEMORY"))
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// migratedContent returns the content of a database in memory after all migrations.
func migratedContent(ctx context.Context) (content []byte, err error) {
	memoryTemplate.Lock()
	defer memoryTemplate.Unlock()
	if memoryTemplate.content != nil {
		return memoryTemplate.content, nil
	}
	db, err := openMemoryDriver()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := checkSQLiteVersion(ctx, db); err != nil {
		return nil, err
	}
	if err := migrateSQLite(ctx, db, slog.New(slog.DiscardHandler)); err != nil {
		return nil, err
	}
	err = withSerializable(ctx, db, func(conn serializable) (err error) {
		memoryTemplate.content, err = conn.Serialize()
		return err
	})
	return memoryTemplate.content, err
}

// withSerializable calls a function with the connection of a database in memory.
func withSerializable(ctx context.Context, db *sql.DB, do func(serializable) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	err = conn.Raw(func(of any) error {
		preparing, ok := of.(*preparingConn)
		if !ok {
			return fmt.Errorf("the connection is %T", of)
		}
		of = preparing.sqliteConn
		inner, ok := of.(serializable)
		if !ok {
			return fmt.Errorf("the connection of the driver is %T, which cannot be copied", of)
		}
		return do(inner)
	})
	return errors.Join(err, conn.Close())
}
