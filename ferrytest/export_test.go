package ferrytest

// BreakDatabase closes the database of a world, so that its calls end with internal errors.
func (w *World) BreakDatabase() error { return w.local.Gateway.State().Close() }
