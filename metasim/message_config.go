package metasim

import (
	"fmt"
	"slices"
	"strings"
)

// What may be wrong with the settings of messages.

// messageProblems returns what is wrong.
func (c Config) messageProblems() (problems []string) {
	complain := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if _, minor, ok := parseVersion(c.WebhookVersion); c.WebhookVersion != "" && (!ok || minor != 0) {
		complain("WebhookVersion %q is not a version such as v25.0", c.WebhookVersion)
	}
	if c.MessageLimits.PairInterval < 0 {
		complain("MessageLimits.PairInterval %v is negative", c.MessageLimits.PairInterval)
	}
	if c.LinksPerMinute < 0 {
		complain("LinksPerMinute %d is negative", c.LinksPerMinute)
	}
	for _, host := range c.LinkHosts {
		name := strings.TrimPrefix(host, "*.")
		if host != "*" && (name == "" || strings.ContainsAny(name, "*/ ") || strings.Contains(name, "://")) {
			complain("LinkHosts has %q; expected a host name without a port, *.suffix or *", host)
		}
	}
	for _, a := range c.BusinessAccounts {
		for _, p := range a.PhoneNumbers {
			for _, number := range p.AllowedRecipients {
				if !isWAID(digits(number)) {
					complain("phone number %s: AllowedRecipients has %q, which is not a phone number", p.ID, number)
				}
			}
		}
		for i, t := range a.Templates {
			same := func(other Template) bool { return other.Name == t.Name && other.Language == t.Language }
			switch {
			case t.Name == "" || strings.Trim(t.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" || t.Language == "":
				complain("business account %s: template %q of language %q: the name must be of a-z, 0-9 and _, and there must be a language", a.ID, t.Name, t.Language)
			case slices.ContainsFunc(a.Templates[:i], same):
				complain("business account %s: there are two templates %s of language %s", a.ID, t.Name, t.Language)
			case !slices.Contains([]string{"", "MARKETING", "UTILITY", "AUTHENTICATION"}, t.Category):
				complain("business account %s: template %s: the category is %q; expected MARKETING, UTILITY or AUTHENTICATION", a.ID, t.Name, t.Category)
			case !slices.Contains([]string{"", "POSITIONAL", "NAMED"}, t.ParameterFormat):
				complain("business account %s: template %s: ParameterFormat is %q; expected POSITIONAL or NAMED", a.ID, t.Name, t.ParameterFormat)
			}
		}
	}
	return problems
}
