package policy

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// StatementText returns a statement of a document as it was written, for people: index is that of a
// Decision. It is empty if the document, which Parse accepts, has no such statement.
func StatementText(document []byte, index int) string {
	var members struct{ Statement jsontext.Value }
	if err := json.Unmarshal(document, &members); err != nil {
		return ""
	}
	all := []jsontext.Value{members.Statement}
	if members.Statement.Kind() == '[' {
		all = nil
		if err := json.Unmarshal(members.Statement, &all); err != nil {
			return ""
		}
	}
	if index < 0 || index >= len(all) {
		return ""
	}
	return string(all[index])
}
