package state

import "context"

// Freshness is exported for tests.
const Freshness = freshness

// Purge is exported for tests.
func (s *DB) Purge(ctx context.Context) (int64, error) { return s.purge(ctx) }
