// The question whether a key may do something.

package console

import (
	"errors"
	"fmt"
	"strings"

	"ferry/internal/policy"
	"ferry/internal/state"
)

// may is the question whether a key may do an action on a resource, and its answer.
type may struct {
	Key, Action, Resource string
	Actions               []string // for the form
	Problem               string   // of the question; empty if it has an answer, or was not asked

	IsAnswered, Allowed, Disabled bool
	Why                           string // in words
	Policy                        int    // that decides, from 1; 0 means none
	Statement                     int    // of it, from 1
	Sid                           string
	Text                          string // of the statement
	Note                          string // about the question
}

// ask answers the question of a page's parameters about a key. Without an action there is
// no question.
func (c *Console) ask(r *request, keyID string) (may, error) {
	query := r.URL.Query()
	m := may{Key: strings.TrimSpace(keyID), Action: strings.TrimSpace(query.Get("action")), Resource: strings.TrimSpace(query.Get("resource")), Actions: actions}
	if m.Action == "" && m.Resource == "" {
		return m, nil
	}
	if m.Problem = m.wrong(); m.Problem != "" {
		return m, nil
	}
	key, err := c.config.State.AccessKey(r.Context(), m.Key)
	if errors.Is(err, state.ErrNotFound) {
		m.Problem = fmt.Sprintf("There is no access key %.40q.", m.Key)
		return m, nil
	}
	if err != nil {
		return m, err
	}
	return m, m.answer(key)
}

// wrong returns what is wrong with the question.
func (m *may) wrong() string {
	switch {
	case m.Key == "":
		return "The key is missing; expected its id, such as AKIAIOSFODNN7EXAMPLE."
	case strings.ContainsAny(m.Action, "*?") || !strings.Contains(m.Action, ":"):
		return fmt.Sprintf("The action is %.100q; expected one action without wildcards, such as social-messaging:SendWhatsAppMessage.", m.Action)
	case m.Resource == "":
		return "The resource is missing; expected an ARN, or * for operations that have no resource."
	case m.Resource != "*" && strings.ContainsAny(m.Resource, "*?"):
		return fmt.Sprintf("The resource is %.100q; expected one resource without wildcards, or * for operations that have no resource.", m.Resource)
	}
	return ""
}

// answer evaluates the policies of a key as the API does.
func (m *may) answer(key state.AccessKey) error {
	documents := make([]*policy.Document, len(key.Policies))
	for i, text := range key.Policies {
		var err error
		if documents[i], err = policy.Parse([]byte(text)); err != nil {
			return fmt.Errorf("policy %d of the access key %s: %w", i+1, key.ID, err)
		}
	}
	decision := policy.Evaluate(documents, policy.Request{Action: m.Action, Resource: m.Resource})
	m.IsAnswered, m.Allowed, m.Disabled = true, decision.Allowed(), key.IsDisabled()
	switch decision.Outcome {
	case policy.NoAllow:
		m.Why = "No statement allows it."
	case policy.Allowed:
		m.Why = "This statement allows it, and none denies it:"
	case policy.ExplicitDeny:
		m.Why = "This statement denies it, whatever else allows it:"
	}
	if decision.Outcome != policy.NoAllow {
		m.Policy, m.Statement, m.Sid = decision.Document+1, decision.Statement+1, decision.Sid
		m.Text = inOrder(policy.StatementText([]byte(key.Policies[decision.Document]), decision.Statement))
	}
	m.Note = alsoNeeded[strings.ToLower(m.Action)]
	if !knownAction(m.Action) {
		m.Note = "This server has no such action."
	}
	return nil
}

// alsoNeeded says which other rights a call of an operation needs, by its action in lower
// case.
var alsoNeeded = map[string]string{
	"social-messaging:postwhatsappmessagemedia":                    "A call that names a file in S3 needs s3:GetObject on the object, too.",
	"social-messaging:createwhatsappmessagetemplatemedia":          "A call needs s3:GetObject on the object, too.",
	"social-messaging:getwhatsappmessagemedia":                     "A call that writes the file to S3 needs s3:PutObject on the object, too.",
	"social-messaging:putwhatsappbusinesspublickey":                "A call that names a key of KMS needs kms:GetPublicKey on the key, too.",
	"social-messaging:putwhatsappbusinessaccounteventdestinations": "A role needs iam:PassRole on it, too; a topic of another account without a role needs sns:Publish on the topic.",
	"social-messaging:associatewhatsappbusinessaccount":            "A role of an event destination needs iam:PassRole on it, too.",
}
