package social_test

import (
	"fmt"
	"strings"
	"testing"

	"ferry/socialmessaging"
)

// The table of docs/compatibility.md, for what is managed at Meta.
func TestMetasErrorsBecomeExceptions(t *testing.T) {
	const (
		denied, throttled, invalid = "AccessDeniedByMetaException", "ThrottledRequestException", "InvalidParametersException"
		missing, failed            = "ResourceNotFoundException", "DependencyException"
	)
	w, meta := scripted(t, nil)
	for _, row := range []struct {
		status, code, subcode int
		want                  string
	}{
		{400, 10, 2388185, denied}, {403, 10, 0, denied}, {400, 200, 0, denied}, {400, 299, 200002, denied}, {400, 368, 0, denied}, {400, 131005, 0, denied}, {400, 131031, 0, denied}, {400, 139000, 4233020, denied}, {401, 190, 0, denied},
		{400, 4, 0, throttled}, {400, 80007, 0, throttled}, {400, 80008, 0, throttled}, {400, 80012, 0, throttled}, {400, 613, 0, throttled}, {429, 130429, 0, throttled}, {400, 133016, 0, throttled},
		{400, 100, 33, missing}, {400, 100, 2593002, missing},
		{400, 100, 2388019, invalid}, {400, 100, 2388024, invalid}, {400, 100, 2388124, invalid}, {500, 100, 2388040, invalid}, {400, 132001, 0, invalid}, {400, 139001, 0, invalid}, {500, 139002, 4233014, invalid},
		{400, 139003, 0, invalid}, {500, 139004, 0, invalid}, {400, 100, 2804003, invalid}, {400, 100, 2804050, invalid}, {400, 192, 0, invalid}, {500, 192, 0, invalid},
		{500, 1, 0, failed}, {503, 2, 0, failed}, {400, 99, 0, failed}, {400, 131000, 0, failed}, {500, 131016, 0, failed}, {502, 0, 0, failed},
	} {
		body := fmt.Sprintf(`%d {"error":{"message":"Invalid parameter","code":%d,"error_subcode":%d,"is_transient":false,"error_user_title":"Title","error_user_msg":"What to do.","error_data":"{\"blame_field_specs\":[[\"name\"]]}","fbtrace_id":"A1"}}`, row.status, row.code, row.subcode)
		texts := []string{fmt.Sprintf("code %d", row.code), "Title: What to do.", "fbtrace_id A1"}
		if row.code == 0 {
			body, texts = fmt.Sprintf("%d <html>", row.status), nil
		}
		meta.mu.Lock()
		meta.responses = map[string][]string{"GET /100/flows": {body}}
		meta.mu.Unlock()
		_, err := w.client(w.key).ListWhatsAppFlows(t.Context(), &socialmessaging.ListWhatsAppFlowsInput{Id: &w.waba})
		checkException(t, err, row.want, texts...)
	}
	if strings.Contains(w.log.String(), metaToken) {
		t.Error("the log has the token")
	}
}
