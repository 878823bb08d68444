// A schema of a PostgreSQL database for each world.

package ferrytest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// databaseTime bounds creating and dropping a schema.
const databaseTime = 30 * time.Second

// openDatabase creates a schema and returns the URL of a database in which it is the only
// one. It returns "" if the settings have no database.
func (w *World) openDatabase(ctx context.Context) (string, error) {
	if w.settings.database == "" {
		return "", nil
	}
	u, err := url.Parse(w.settings.database)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", fmt.Errorf("the URL of Database is not that of a PostgreSQL database; expected postgres://user:password@host:port/name")
	}
	schema := "ferrytest_" + strings.ToLower(rand.Text())
	if err := inDatabase(ctx, w.settings.database, "CREATE SCHEMA "+schema); err != nil {
		return "", fmt.Errorf("creating a schema: %w", err)
	}
	w.onClose(func() error {
		if err := inDatabase(context.WithoutCancel(ctx), w.settings.database, "DROP SCHEMA "+schema+" CASCADE"); err != nil {
			return fmt.Errorf("dropping the schema %s: %w", schema, err)
		}
		return nil
	})
	query := u.Query()
	query.Set("search_path", schema)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// inDatabase executes one statement.
func inDatabase(ctx context.Context, url, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, databaseTime)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
