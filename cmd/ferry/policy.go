// ferry policy: what policies of access keys allow, without a server.

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/internal/policy"
	"ferry/internal/social"
	"ferry/internal/tty"
)

type policyCommands struct {
	Check policyCheckCommand `cmd:"" help:"Check policies as 'ferry key create' does. With --action and --resource, say whether they allow a call, and why."`
}

// Exit statuses of ferry policy check.
const (
	exitImplicitDeny = 3 // no statement allows it
	exitExplicitDeny = 4 // a statement denies it
)

type policyCheckCommand struct {
	Policy   []string `env:"-" help:"File with an IAM policy document. May be repeated: all policies decide together." required:"" sep:"none" placeholder:"FILE"`
	Action   string   `env:"-" help:"Action, such as social-messaging:SendWhatsAppMessage or s3:GetObject." placeholder:"ACTION" group:"The call"`
	Resource string   `env:"-" help:"ARN of the phone number, the account, the object…; or *, for operations without a resource." placeholder:"ARN" group:"The call"`
	Account  string   `env:"-" help:"Account of the key: sets aws:PrincipalAccount and, with --name, aws:PrincipalArn." placeholder:"DIGITS" group:"The call"`
	Name     string   `env:"-" help:"Name of the key's user: sets aws:username." placeholder:"NAME" group:"The call"`
	Context  []string `env:"-" help:"Value of a condition key of the call: aws:SourceIp=203.0.113.5. May be repeated, also for one key. Default: the current time; nothing else has a value." sep:"none" placeholder:"KEY=VALUE" group:"The call"`
	JSON     bool     `env:"-" help:"Print one JSON object."`
}

var accountDigits = regexp.MustCompile(`^[0-9]{12}$`)

// Validate checks the flags.
func (c *policyCheckCommand) Validate() error {
	switch {
	case (c.Action == "") != (c.Resource == ""):
		return errors.New("--action and --resource belong together; set both to ask about a call, or none to check the policies only")
	case c.Action == "" && (len(c.Context) > 0 || c.Account != "" || c.Name != ""):
		return errors.New("--context, --account and --name are about a call; set --action and --resource, too")
	case c.Action != "" && (strings.ContainsAny(c.Action, "*? ") || !strings.Contains(c.Action, ":")):
		return fmt.Errorf("--action is %q; expected one action without wildcards, such as social-messaging:SendWhatsAppMessage", c.Action)
	case c.Resource != "*" && c.Action != "" && (strings.ContainsAny(c.Resource, "*?") || strings.Count(c.Resource, ":") < 5):
		return fmt.Errorf("--resource is %q; expected one ARN without wildcards, such as arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/ID, or *", c.Resource)
	case (c.Account == "") != (c.Name == ""):
		return errors.New("--account and --name belong together: a key has both")
	case c.Account != "" && !accountDigits.MatchString(c.Account):
		return fmt.Errorf("--account is %q; expected 12 digits, such as 111122223333", c.Account)
	}
	_, err := policy.ParseValues(c.Context)
	if err != nil {
		return fmt.Errorf("--context: %w", err)
	}
	return nil
}

// Run checks the policies, and decides the call if there is one.
func (c *policyCheckCommand) Run(terminal *terminal) error {
	documents, texts, err := c.read()
	if err != nil {
		return err
	}
	if c.Action == "" {
		return c.printValid(terminal.out, documents)
	}
	values, err := policy.ParseValues(c.Context)
	if err != nil {
		return err
	}
	values.Complete(c.Account, c.Name, time.Now())
	decision, steps, err := policy.Explain(documents, policy.Request{Action: c.Action, Resource: c.Resource, Context: values.Context})
	if err != nil {
		return err
	}
	if c.JSON {
		err = terminal.out.JSON(c.verdict(decision, steps))
	} else {
		err = c.explain(terminal.out, decision, steps, texts)
	}
	switch {
	case err != nil:
		return err
	case decision.Outcome == policy.ExplicitDeny:
		return exitStatus(exitExplicitDeny)
	case decision.Outcome == policy.NoAllow:
		return exitStatus(exitImplicitDeny)
	}
	return nil
}

// read reads the files. The error joins the problems of all.
func (c *policyCheckCommand) read() (documents []*policy.Document, texts [][]byte, err error) {
	var problems []error
	for _, file := range c.Policy {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		document, err := policy.Parse(text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				problems = append(problems, fmt.Errorf("%s: %s", file, line))
			}
		}
		documents, texts = append(documents, document), append(texts, text)
	}
	return documents, texts, errors.Join(problems...)
}

// printValid says that the policies are right.
func (c *policyCheckCommand) printValid(out *tty.Output, documents []*policy.Document) error {
	for i, file := range c.Policy {
		statements, conditional := documents[i].Counts()
		var err error
		if c.JSON {
			err = out.JSON(map[string]any{"policy": file, "valid": true, "statements": statements, "conditional": conditional})
		} else {
			err = out.Printf("✓ %s is valid: statements %d, with conditions %d\n", file, statements, conditional)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxNear bounds the statements that are shown because they nearly allow a call.
const maxNear = 5

// explain prints the decision, and why.
func (c *policyCheckCommand) explain(out *tty.Output, decision policy.Decision, steps []policy.Step, texts [][]byte) error {
	lines := []string{map[policy.Outcome]string{policy.Allowed: "✓ Allowed", policy.ExplicitDeny: "✗ Denied", policy.NoAllow: "✗ Not allowed: no statement allows it"}[decision.Outcome]}
	relevant := c.relevant(decision, steps)
	for _, step := range relevant[:min(len(relevant), maxNear)] {
		lines = append(lines, "", step.Text(c.Policy[step.Document]))
		if step.Reason != policy.ConditionNotMet {
			lines = append(lines, "  "+oneLine(policy.StatementText(texts[step.Document], step.Statement)))
		}
		for _, condition := range step.Conditions {
			if step.Reason == policy.Applies {
				lines = append(lines, "  The condition is met: "+condition.Text())
			}
			if len(condition.Found) == 0 && condition.Operator != "Null" {
				lines = append(lines, fmt.Sprintf("  To ask about a call that has a value: --context '%s=VALUE'", condition.Key))
			}
		}
	}
	switch {
	case len(relevant) == 0:
		lines = append(lines, "", "No statement allows the action "+c.Action+" on any resource.")
	case len(relevant) > maxNear:
		lines = append(lines, "", fmt.Sprintf("%d more statements allow it under other conditions or on other resources; --json lists them.", len(relevant)-maxNear))
	}
	if !slices.ContainsFunc(social.Actions(), func(a string) bool { return strings.EqualFold(a, c.Action) }) {
		lines = append(lines, "", "! ferry has no action "+c.Action+".")
	}
	for _, line := range lines {
		if err := out.Printf("%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

// oneLine returns a JSON text without line breaks.
func oneLine(text string) string {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) != nil {
		return text
	}
	return compact.String()
}

// relevant returns the steps that explain a decision: the statement that decides, or those that nearly allow the call,
// the nearest ones first.
func (c *policyCheckCommand) relevant(decision policy.Decision, steps []policy.Step) []policy.Step {
	steps = slices.DeleteFunc(steps, func(s policy.Step) bool {
		if decision.Outcome == policy.NoAllow {
			return s.Deny || s.Reason == policy.OtherAction
		}
		return s.Document != decision.Document || s.Statement != decision.Statement
	})
	sort.SliceStable(steps, func(i, j int) bool { return steps[j].Reason < steps[i].Reason })
	return steps
}

// verdict returns the decision as JSON.
func (c *policyCheckCommand) verdict(decision policy.Decision, steps []policy.Step) map[string]any {
	reasons := [...]string{policy.OtherAction: "other-action", policy.OtherResource: "other-resource", policy.ConditionNotMet: "condition-not-met", policy.Applies: "applies"}
	list := []map[string]any{}
	for _, step := range c.relevant(decision, steps) {
		conditions := []map[string]any{}
		for _, of := range step.Conditions {
			found := of.Found
			if found == nil {
				found = []string{}
			}
			conditions = append(conditions, map[string]any{"operator": of.Operator, "key": of.Key, "expected": of.Expected, "negated": of.Negated, "found": found})
		}
		list = append(list, map[string]any{
			"policy": c.Policy[step.Document], "statement": step.Statement + 1, "sid": step.Sid, "effect": map[bool]string{true: "Deny", false: "Allow"}[step.Deny],
			"reason": reasons[step.Reason], "conditions": conditions,
		})
	}
	return map[string]any{"action": c.Action, "resource": c.Resource, "allowed": decision.Allowed(), "outcome": decision.Outcome.String(), "statements": list}
}
