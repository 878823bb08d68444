package testcode

import (
	"slices"
	"strings"

	"ferry/internal/activity"
	"ferry/metasim"
)

// joinFaults finds what the faults have acted on. The order of the entries does not say it: a
// message may be sent to Meta before the entry of its acceptance is written.
func (c *collector) joinFaults() {
	for _, e := range c.Entries {
		name, isRequest := strings.CutPrefix(e.Operation, "request ")
		if e.Kind != activity.Phone || !isRequest {
			continue
		}
		for _, d := range e.Details {
			if d.Key == "fault" {
				c.fault(d.Value.String(), name, e)
			}
		}
	}
}

// fault joins a fault that has acted on a request with what made the request.
func (c *collector) fault(id, operation string, request activity.Entry) {
	maker, ok := c.maker(request)
	if !ok {
		if c.wanted == nil {
			c.note("A fault has acted on a request %s of another program, which is not repeated.", operation)
		}
		return
	}
	all := c.Simulator.Faults()
	i := slices.IndexFunc(all, func(f metasim.Fault) bool { return f.ID == id })
	if i < 0 {
		c.removed[maker] = append(c.removed[maker], id)
		return
	}
	f := all[i]
	f.Times, f.Skip, f.Probability, f.ID, f.Matched, f.Applied = 1, 0, 0, "", 0, 0
	c.faults[maker] = appendFault(c.faults[maker], step{kind: "fault", fault: f})
}

// maker returns what made a request: the trace of a call, or the wamid of the message that another
// program sent. A request whose response was lost has no trace id of Meta's in the journal: it is the one that
// was waiting then.
func (c *collector) maker(request activity.Entry) (string, bool) {
	if trace, ok := c.callers[request.MetaTrace]; ok {
		return trace, true
	}
	for _, e := range c.Entries {
		if e.Kind == activity.Graph && e.Status == 0 && e.Trace != "" && !request.Time.Before(e.Time) && !request.Time.After(e.Time.Add(e.Took)) {
			return e.Trace, true
		}
	}
	return request.WAMID, request.WAMID != ""
}

// addFaults adds the faults of what is added next.
func (c *collector) addFaults(maker string) {
	for _, s := range c.faults[maker] {
		c.recording.steps = appendFault(c.recording.steps, s)
	}
	for _, id := range c.removed[maker] {
		c.note("The fault %s has acted, and does not exist any more: it is not repeated.", id)
	}
	delete(c.faults, maker)
}

// appendFault adds a fault, or lets the last one act once more if it is the same.
func appendFault(steps []step, s step) []step {
	if last := len(steps) - 1; last >= 0 && steps[last].kind == "fault" {
		same := steps[last].fault
		same.Times = s.fault.Times
		if same == s.fault {
			steps[last].fault.Times += s.fault.Times
			return steps
		}
	}
	return append(steps, s)
}
