package ferrytest

import "ferry/metasim"

// A Fault makes matching requests of ferry's to WhatsApp fail or slow: with an error code
// of Meta's (ErrorCode), slowly (Latency), cut at a byte (CutAfterBytes), with a lost
// response (LoseAnswer) or, of a message, later (FailLater). Times and Skip say which of
// them; Operation is one of package metasim's, such as upload or send_message.
type Fault = metasim.Fault

// Fault adds a fault. It fails the test if there can be no such fault.
func (w *World) Fault(f Fault) {
	w.t.Helper()
	if _, err := w.Simulator.AddFault(f); err != nil {
		w.t.Fatalf("ferrytest: Fault: %v", err)
	}
}
