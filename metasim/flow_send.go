// What a message with a flow is checked for (docs/references.md#graph-flows).

package metasim

import (
	"slices"
	"strings"
	"time"
)

// checkSentFlow checks the flow of an interactive message, and counts it if the flow
// is throttled.
func (s *Server) checkSentFlow(c *call, content map[string]any) *apiError {
	if lower(content, "type") != "flow" {
		return nil
	}
	action, _ := content["action"].(map[string]any)
	parameters, _ := action["parameters"].(map[string]any)
	account := s.accountOf(c.id)
	s.flows.mu.Lock()
	defer s.flows.mu.Unlock()
	row, ok := s.flows.rows.find(text(parameters["flow_id"]), time.Time{})
	if name := text(parameters["flow_name"]); name != "" {
		row, ok = s.flowNamed(account, name)
	}
	if !ok || row.AccountID != account {
		return invalidValue("The Flow %s does not exist in this WhatsApp Business Account", truncate(text(parameters["flow_id"])+text(parameters["flow_name"])))
	}
	if refusal := s.checkFlowState(row, lower(parameters, "mode") == "draft"); refusal != nil {
		return refusal
	}
	payload, _ := parameters["flow_action_payload"].(map[string]any)
	screen := text(payload["screen"])
	if screen != "" && len(row.Screens) > 0 && !slices.Contains(row.Screens, screen) {
		return invalidValue("The Flow has no screen %s. Its screens are %s", truncate(screen), truncate(strings.Join(row.Screens, ", ")))
	}
	if row.Status != FlowThrottled {
		return nil
	}
	row.Sent = append(slices.Clone(row.Sent[max(0, len(row.Sent)-flowsPerHour):]), s.Now())
	if err := s.flows.rows.put(row.ID, row); err != nil {
		return c.storageError(err)
	}
	return nil
}

// checkFlowState refuses a flow that cannot be sent now.
func (s *Server) checkFlowState(row flowRow, draft bool) *apiError {
	switch row.Status {
	case FlowBlocked:
		return codeError(132068, "")
	case FlowDeprecated:
		return invalidValue("The Flow %s is deprecated and cannot be sent", row.ID)
	case FlowDraft:
		switch {
		case !draft:
			return invalidValue("The Flow %s is not published. Publish it, or send it with the mode draft", row.ID)
		case row.BlobID == "" || len(row.Problems) > 0:
			return invalidValue("The Flow %s has no Flow JSON without validation errors", row.ID)
		}
	case FlowThrottled:
		now, sent := s.Now(), 0
		for _, at := range row.Sent {
			if now.Sub(at) < time.Hour {
				sent++
			}
		}
		if sent >= flowsPerHour {
			return codeError(132069, "")
		}
	}
	return nil
}
