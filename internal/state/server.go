// The servers that use the database, and the keys that they hold.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// serverInterval is the default of Config.ServerInterval.
	serverInterval = 10 * time.Second
	// serverGone is how long after its last sign of life a server counts as running.
	serverGone = time.Minute
	// serverKept is how long the record of a server that has ended without notice is kept.
	serverKept = 24 * time.Hour
	// serverTimeout bounds one record of a server, and serverLeaveTimeout its last one.
	serverTimeout      = 2 * time.Second
	serverLeaveTimeout = 500 * time.Millisecond
)

// A Server is a process that serves with the database.
type Server struct {
	ID        string // random
	Name      string // host and process
	Keys      []uint32
	SealsWith uint32
	StartedAt time.Time
	SeenAt    time.Time
}

// Servers returns the servers that are running, by name: those that were there less than
// serverGone ago.
func (s *DB) Servers(ctx context.Context) ([]Server, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, name, key_ids, seals_with, started_at, seen_at FROM server WHERE seen_at > $1 ORDER BY name, id`, s.Clock().Add(-serverGone).UnixMilli())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var servers []Server
	for rows.Next() {
		var server Server
		var keys string
		var sealsWith, started, seen int64
		if err := rows.Scan(&server.ID, &server.Name, &keys, &sealsWith, &started, &seen); err != nil {
			return nil, err
		}
		for _, text := range strings.Fields(keys) {
			id, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("the keys of the server %s: %w", server.Name, err)
			}
			server.Keys = append(server.Keys, uint32(id))
		}
		server.SealsWith, server.StartedAt, server.SeenAt = uint32(sealsWith), time.UnixMilli(started), time.UnixMilli(seen)
		servers = append(servers, server)
	}
	return servers, rows.Err()
}

// Holds reports whether the server holds a key.
func (s Server) Holds(key uint32) bool { return slices.Contains(s.Keys, key) }

// join records that this process serves, before it does.
func (s *DB) join(ctx context.Context) error {
	if s.config.Server == "" {
		return nil
	}
	s.server = Server{ID: newID(), Name: s.config.Server, StartedAt: s.Clock()}
	uses, err := s.KeyUses(ctx)
	if err != nil {
		return err
	}
	for _, use := range uses {
		if use.IsMissing && use.Values > 0 {
			s.logger.Error("the keyset lacks a key, and what it has sealed cannot be opened; add it from an older keyset", "key", use.ID, "values", use.Values)
		}
	}
	if _, err := s.exec(ctx, `DELETE FROM server WHERE seen_at <= $1`, s.Clock().Add(-serverKept).UnixMilli()); err != nil {
		return err
	}
	return s.recordServer(ctx)
}

// recordServer records which keys this server holds, and that it is there.
func (s *DB) recordServer(ctx context.Context) error {
	keyset := s.sealer.Keyset()
	var keys []string
	for _, id := range keyset.Keys() {
		keys = append(keys, strconv.FormatUint(uint64(id), 10))
	}
	now := s.Clock()
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO server (id, name, key_ids, seals_with, started_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (id) DO UPDATE SET key_ids = excluded.key_ids, seals_with = excluded.seals_with, seen_at = excluded.seen_at`,
			s.server.ID, s.server.Name, strings.Join(keys, " "), int64(keyset.Primary()), s.server.StartedAt.UnixMilli(), now.UnixMilli())
		return err
	})
}

// keepKeyset reads the file of the keyset again and again, so that a rotation needs no
// restart, and records the keys that this server holds, until ctx is done.
func (s *DB) keepKeyset(ctx context.Context) error {
	interval := cmp.Or(s.config.ServerInterval, serverInterval)
	known := s.sealer.Keyset()
	logged := make(map[string]string) // the last error, by what was done
	report := func(level slog.Level, doing string, err error) {
		switch {
		case err == nil:
			delete(logged, doing)
		case ctx.Err() == nil && err.Error() != logged[doing]:
			logged[doing] = err.Error()
			s.logger.Log(ctx, level, doing, "error", err)
		}
	}
	for {
		select {
		case <-time.After(interval/2 + rand.N(interval/2)):
		case <-ctx.Done():
			return s.leave(ctx)
		}
		reloadErr, recordErr := s.refreshKeyset(ctx)
		report(slog.LevelError, "the keyset cannot be read again; the one that was read before stays in use", reloadErr)
		report(slog.LevelWarn, "recording which keys this server holds failed; 'ferry keyset rotate' may not wait for it", recordErr)
		if now := s.sealer.Keyset(); now != known {
			known = now
			s.logger.Info("another keyset is in use", "keys", now.Keys(), "primary", now.Primary())
		}
	}
}

// refreshKeyset reads the keyset again, and records which keys this server holds, even if
// the keyset cannot be read: a rotation waits for what has not read the new one.
func (s *DB) refreshKeyset(ctx context.Context) (reloadErr, recordErr error) {
	_, reloadErr = s.ReloadKeyset(ctx)
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	return reloadErr, s.recordServer(ctx)
}

// leave records that this server has ended.
func (s *DB) leave(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), serverLeaveTimeout)
	defer cancel()
	if _, err := s.exec(last, `DELETE FROM server WHERE id = $1`, s.server.ID); err != nil {
		s.logger.Warn("recording that this server has ended failed", "error", err)
	}
	return nil
}
