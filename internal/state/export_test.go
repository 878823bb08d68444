package state

import "context"

// Freshness is freshness.
const Freshness = freshness

// Purge is purge.
func (s *DB) Purge(ctx context.Context) (int64, error) { return s.purge(ctx) }
