package metasim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// faultJSON is the JSON of a Fault.
type faultJSON struct {
	faultMembers
	LatencyMS int64 `json:"latency_ms"`
}

// faultMembers is a Fault without its methods, which would call themselves.
type faultMembers Fault

// MarshalJSON encodes Latency as latency_ms, in whole milliseconds.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(faultJSON{faultMembers(f), f.Latency.Milliseconds()})
}

// UnmarshalJSON decodes latency_ms into Latency.
func (f *Fault) UnmarshalJSON(text []byte) error {
	var in faultJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	decoded, err := in.fault()
	if err == nil {
		*f = decoded
	}
	return err
}

// ParseFault returns the fault of a JSON object, as the control API takes it. A member that
// a fault does not have is an error.
func ParseFault(text []byte) (Fault, error) {
	var in faultJSON
	if err := decodeControl(bytes.NewReader(text), &in); err != nil {
		return Fault{}, fmt.Errorf("metasim: the JSON of the fault: %w", err)
	}
	return in.fault()
}

// fault returns the Fault. It checks the latency, which a time.Duration may not
// hold.
func (in faultJSON) fault() (Fault, error) {
	if in.LatencyMS < 0 || in.LatencyMS > maxLatency.Milliseconds() {
		return Fault{}, fmt.Errorf("latency_ms %d is not in 0 to %d", in.LatencyMS, maxLatency.Milliseconds())
	}
	f := Fault(in.faultMembers)
	f.Latency = time.Duration(in.LatencyMS) * time.Millisecond
	return f, nil
}
