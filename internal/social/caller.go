// Who calls, and whether they may.

package social

import (
	"context"
	"fmt"

	"ferry/internal/policy"
	"ferry/internal/state"
	"ferry/socialmessaging"
)

// A caller is an access key whose signature was verified.
type caller struct {
	accountID   string // 12 digits
	accessKeyID string
	arn         string // of the user: arn:aws:iam::111122223333:user/name
	policies    []*policy.Document
	reuse       bool   // whether the account wants reuse of media
	call        string // names the attempts of one call of an SDK; "" = it did not say
}

// maxPolicies bounds how many parsed policy documents are kept.
const maxPolicies = 1024

// newCaller makes the caller of a key. Policies are parsed once, and kept by their text.
func (s *Service) newCaller(key state.AccessKey) (*caller, error) {
	c := &caller{accountID: key.AccountID, accessKeyID: key.ID, reuse: key.Reuse, arn: "arn:aws:iam::" + key.AccountID + ":user/" + key.Name}
	for _, text := range key.Policies {
		document, known := s.policies.Get(text)
		if !known {
			var err error
			if document, err = policy.Parse([]byte(text)); err != nil {
				return nil, fmt.Errorf("a stored policy of access key %s: %w", key.ID, err)
			}
			s.policies.Add(text, document)
		}
		c.policies = append(c.policies, document)
	}
	return c, nil
}

type callerKey struct{}

func withCaller(ctx context.Context, c *caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf gives the caller of an operation. The gate has set it.
func callerOf(ctx context.Context) *caller {
	return ctx.Value(callerKey{}).(*caller)
}

// authorise checks that the caller's policies allow all that a call needs.
func authorise(c *caller, needs []policy.Request) error {
	for _, need := range needs {
		if decision := policy.Evaluate(c.policies, need); !decision.Allowed() {
			return fail(socialmessaging.KindAccessDenied, nil, "%s", decision.Message(c.arn, need))
		}
	}
	return nil
}
