// The schema: how it is migrated, and which programs work with it. Migrations only expand it,
// so that servers of the version before continue with it while servers are upgraded one after
// the other, and start with it again.

package state

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migration/*.sql
var migrations embed.FS

// migrationFiles returns the migrations of the schema.
func migrationFiles() (fs.FS, error) { return fs.Sub(migrations, "migration") }

// migrateSQLite runs the migrations that have not been run.
func migrateSQLite(ctx context.Context, db *sql.DB, logger *slog.Logger, options ...goose.ProviderOption) error {
	files, err := migrationFiles()
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, options...)
	if err != nil {
		return err
	}
	return migrate(ctx, db, provider, logger, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_reader'`)
}

// migratePostgres runs the migrations that have not been run. Processes that start at
// the same time take turns.
func migratePostgres(ctx context.Context, db *sql.DB, logger *slog.Logger, options ...goose.ProviderOption) error {
	files, err := postgresMigrations()
	if err != nil {
		return err
	}
	turns, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(uint64(migrationPoll/time.Second), uint64(openTimeout/migrationPoll)))
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, append(options, goose.WithSessionLocker(turns))...)
	if err != nil {
		return err
	}
	return migrate(ctx, db, provider, logger, `SELECT COUNT(to_regclass('schema_reader'))`)
}

// migrate runs the migrations that have not been run, each in a transaction. A schema that
// is newer than the migrations of this program is accepted, unless it says that it needs a
// newer program: see oldestReader.
func migrate(ctx context.Context, db *sql.DB, provider *goose.Provider, logger *slog.Logger, hasReader string) error {
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrating the schema: %w", err)
	}
	sources := provider.ListSources()
	known := sources[len(sources)-1].Version
	schema, err := provider.GetDBVersion(ctx)
	if err != nil || schema <= known {
		return err
	}
	oldest, err := oldestReader(ctx, db, hasReader)
	if err != nil {
		return err
	}
	if known < oldest {
		return fmt.Errorf("%w: the schema has version %d and needs a program that knows version %d; this one knows %d. Run a newer version of ferry, or restore the backup that was made before the upgrade",
			ErrNewerSchema, schema, oldest, known)
	}
	logger.LogAttrs(ctx, slog.LevelInfo, "the schema of the database is newer than this program, which can use it",
		slog.Int64("schema", schema), slog.Int64("known", known))
	return nil
}

// ErrNewerSchema is wrapped by errors of Open for a database that a newer version has
// changed so that this one cannot use it.
var ErrNewerSchema = errors.New("a newer version of ferry has changed this database")

// oldestReader returns the version of the schema that a program must know to use this
// database; 0 means any. A migration that removes or renames something makes the table
//
//	CREATE TABLE schema_reader (oldest BIGINT NOT NULL);
//
// if there is none, and writes into its one row the first version of the schema whose
// programs do not use what it removes. hasReader is the query that counts this table.
func oldestReader(ctx context.Context, db *sql.DB, hasReader string) (version int64, err error) {
	var tables int
	if err := db.QueryRowContext(ctx, hasReader).Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT COALESCE(MAX(oldest), 0) FROM schema_reader`).Scan(&version)
	return version, err
}
