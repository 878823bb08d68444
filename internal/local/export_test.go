package local

// SimulatorAddress returns the URL by which this process reaches the simulator.
func SimulatorAddress(w *World) string { return w.urls.simulator }
