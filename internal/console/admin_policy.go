// The question whether a key may do something.

package console

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"ferry/internal/policy"
	"ferry/internal/state"
)

// maxContext bounds the values of condition keys in the question, in bytes.
const maxContext = 8 << 10

// may is the question whether a key may do an action on a resource, and its answer.
type may struct {
	Key, Action, Resource string
	Context               string   // values of condition keys, one KEY=VALUE in each line
	Actions               []string // for the form
	Problem               string   // of the question; empty if it has an answer, or was not asked

	IsAnswered, Allowed bool
	Ended               string   // disabled or expired; empty means that the key may be used
	Why                 string   // in words
	Conditions          []string // that are not met, in sentences, if nothing allows it
	Policy              int      // that decides, from 1; 0 means none
	Statement           int      // of it, from 1
	Sid                 string
	Text                string // of the statement
	Note                string // about the question
}

// ask answers the question of a page's parameters about a key. Without an action there is
// no question.
func (c *Console) ask(r *request, keyID string) (may, error) {
	query := r.URL.Query()
	m := may{Key: strings.TrimSpace(keyID), Action: strings.TrimSpace(query.Get("action")), Resource: strings.TrimSpace(query.Get("resource")), Context: strings.TrimSpace(query.Get("context")), Actions: actions}
	if m.Action == "" && m.Resource == "" {
		return m, nil
	}
	if m.Problem = m.wrong(); m.Problem != "" {
		return m, nil
	}
	values, err := policy.ParseValues(slices.Collect(m.pairs))
	if err != nil {
		m.Problem = "The values are not right. " + strings.ReplaceAll(err.Error(), "\n", " ")
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
	values.Complete(key.AccountID, key.Name, c.config.Now())
	if status := c.keyRow(key).Status; status != "active" {
		m.Ended = status
	}
	return m, m.answer(key, values)
}

// pairs yields the lines of the context that are not empty.
func (m *may) pairs(yield func(string) bool) {
	for line := range strings.Lines(m.Context) {
		if line = strings.TrimSpace(line); line != "" && !yield(line) {
			return
		}
	}
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
	case len(m.Context) > maxContext:
		return fmt.Sprintf("The values have %d bytes; expected at most %d.", len(m.Context), maxContext)
	case m.Resource != "*" && strings.ContainsAny(m.Resource, "*?"):
		return fmt.Sprintf("The resource is %.100q; expected one resource without wildcards, or * for operations that have no resource.", m.Resource)
	}
	return ""
}

// answer evaluates the policies of a key as the API does.
func (m *may) answer(key state.AccessKey, values policy.Values) error {
	documents := make([]*policy.Document, len(key.Policies))
	for i, text := range key.Policies {
		var err error
		if documents[i], err = policy.Parse([]byte(text)); err != nil {
			return fmt.Errorf("policy %d of the access key %s: %w", i+1, key.ID, err)
		}
	}
	decision, steps, err := policy.Explain(documents, policy.Request{Action: m.Action, Resource: m.Resource, Context: values.Context})
	if err != nil {
		return err
	}
	m.IsAnswered, m.Allowed = true, decision.Allowed()
	switch decision.Outcome {
	case policy.NoAllow:
		m.Why = "No statement allows it."
	case policy.Allowed:
		m.Why = "This statement allows it, and none denies it:"
	case policy.ExplicitDeny:
		m.Why = "This statement denies it, whatever else allows it:"
	}
	for _, step := range steps {
		if decision.Outcome == policy.NoAllow && !step.Deny && step.Reason == policy.ConditionNotMet {
			m.Conditions = append(m.Conditions, step.Text(fmt.Sprintf("policy %d", step.Document+1)))
		}
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
