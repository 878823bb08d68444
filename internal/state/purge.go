// Removal of expired rows.

package state

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// mediaKept is how long the record of an upload is kept after the file has
	// expired at WhatsApp.
	mediaKept = 30 * 24 * time.Hour
	// purgeInterval is the default of Config.PurgeInterval.
	purgeInterval = time.Hour
	// purgeBatch is the maximum number of rows that one transaction deletes, so that
	// other writers do not wait for long.
	purgeBatch = 500
)

// Run purges expired rows, at least hourly by default, until ctx is done, and then returns nil. It
// also disables access keys that have ended, records when access keys were used and, if it
// has a name, which keys of the keyset this server holds, and checks an SQLite file, at
// least daily, or the clock of a server, every minute. A purge that fails is logged and retried
// with the next one. All replicas may run it: deleting an already deleted row is
// harmless.
//
// Run returns an error if the disk reports that it has lost what was written: what
// was recorded since is not certain until the database is opened again.
func (s *DB) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return s.purgeExpired(ctx) })
	group.Go(func() error { return s.recordKeyUses(ctx) })
	if s.server.ID != "" {
		group.Go(func() error { return s.keepKeyset(ctx) })
	}
	if s.isFile() {
		group.Go(func() error { return s.checkIntegrity(ctx) })
	}
	if s.isPostgres {
		group.Go(func() error { return s.watchClock(ctx) })
	}
	group.Go(func() error {
		select {
		case err := <-s.writability.fatal:
			return err
		case <-ctx.Done():
			return nil
		}
	})
	return group.Wait()
}

func (s *DB) purgeExpired(ctx context.Context) error {
	interval := cmp.Or(s.config.PurgeInterval, purgeInterval)
	for {
		if _, err := s.purge(ctx); err != nil && ctx.Err() == nil {
			s.logger.Warn("purging expired rows failed", "error", err)
		}
		select {
		case <-time.After(interval/2 + rand.N(interval/2)):
		case <-ctx.Done():
			return nil
		}
	}
}

// purge deletes all expired rows and returns their number.
func (s *DB) purge(ctx context.Context) (removed int64, err error) {
	if err := s.disableEndedKeys(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	for _, table := range []struct {
		name, key string
		before    time.Time
	}{
		{"reuse", "phone_number_id, media_id", now},
		{"reuse_source", "phone_number_id, source_name, etag, declared_type", now},
		{"media", "phone_number_id, id", now.Add(-mediaKept)},
		{"link", "phone_number_id, url, kind", now},
		{"unlinked_account", "id", now},
		{"temporary_key", "id", now.Add(-ExpiredKeysKept)},
		{"access_key", "id", now.Add(-ExpiredKeysKept)},
		{"signup", "id", now},
		{"console_login", "id", now},
		{"console_session", "id", now},
	} {
		query := fmt.Sprintf(`DELETE FROM %s WHERE expires_at <= $1 AND (%s) IN (SELECT %s FROM %s WHERE expires_at <= $1 LIMIT %d)`,
			table.name, table.key, table.key, table.name, purgeBatch)
		for {
			result, err := s.exec(ctx, query, table.before.UnixMilli())
			if err != nil {
				return removed, err
			}
			n, err := result.RowsAffected()
			removed += n
			if err != nil {
				return removed, err
			}
			if n < purgeBatch {
				break
			}
		}
	}
	for _, more := range []func(context.Context) (int64, error){s.purgeRates, s.purgeReceived, s.purgeEvents} {
		n, err := more(ctx)
		removed += n
		if err != nil {
			return removed, err
		}
	}
	if s.isPostgres {
		return removed, nil
	}
	return removed, s.checkpoint(ctx)
}
