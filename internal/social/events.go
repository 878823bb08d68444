// Ferry's own operations: what the server has to deliver (internal/control).

package social

import (
	"context"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/control"
	"ferry/internal/policy"
	"ferry/socialmessaging"
)

// maxOwnBody bounds the request body of one of ferry's own operations, in bytes.
const maxOwnBody = 64 << 10

// own returns the handler of one of ferry's own operations. Unlike the API, it refuses
// members of the input that it does not know.
func own[In, Out any](operation control.Operation[In, Out], method func(c *call, ctx context.Context, in *In) (*Out, error)) handler {
	h := handler{method: "POST", path: operation.Path(), name: operation.Name, maxBody: maxOwnBody}
	h.call = func(ctx context.Context, c *call, body []byte, _ string) (any, error) {
		in := new(In)
		if err := json.Unmarshal(body, in, json.RejectUnknownMembers(true)); err != nil {
			return nil, fail(socialmessaging.KindValidation, err, "The input of %s is not valid: %v", operation.Name, err)
		}
		c.entry.Resource = "*"
		if err := c.authorise(policy.Request{Action: operation.Action(), Resource: "*"}); err != nil {
			return nil, err
		}
		out, err := method(c, ctx, in)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(out)
		return jsontext.Value(text), err
	}
	return h
}

// ownHandlers are ferry's own operations.
var ownHandlers = []handler{}
