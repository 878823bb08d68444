package policy

import "strings"

// checkAction returns what is wrong with an action pattern, or "". The grammar is IAM's: "*", or a service
// prefix without wildcards, a colon, and a name.
func checkAction(s string) string {
	if s == "*" {
		return ""
	}
	service, name, ok := strings.Cut(s, ":")
	switch {
	case strings.Contains(s, "${"):
		return "an action cannot have policy variables; write the name, or use a wildcard"
	case !ok, !isServicePrefix(strings.ToLower(service)), name == "" || strings.ContainsFunc(name, isNoActionName):
		return `expected "*" or "service:Name", such as "social-messaging:Send*", with "*" and "?" in the name only`
	case strings.EqualFold(service, "socialmessaging"):
		return `expected the service prefix "social-messaging", with a hyphen; this pattern matches nothing`
	}
	return ""
}

// checkResource returns what is wrong with a resource pattern whose variables are masked, or "". A pattern is "*" or
// an ARN with six parts, arn:partition:service:region:account:resource. Every part except the first and the service may
// contain wildcards and variables (docs/references.md#iam-policy, element Resource). A "*" also matches
// colons.
func checkResource(s string) string {
	if s == "*" {
		return ""
	}
	parts := strings.SplitN(s, ":", arnParts)
	switch {
	case strings.ContainsFunc(s, isControl):
		return "contains a control character; expected none"
	case len(parts) < arnParts || parts[0] != "arn" || parts[1] == "" || parts[5] == "":
		return `expected "*" or an ARN with six parts, "arn:partition:service:region:account:resource"`
	case !isServicePrefix(parts[2]):
		return "the service, the third part of the ARN, must be in lower case, without wildcards and variables"
	case strings.ContainsAny(parts[1]+parts[3]+parts[4], " /"):
		return "contains a space or a slash before the sixth part of the ARN; expected none"
	}
	return ""
}

// isServicePrefix reports whether s is a service name in lower case, such as "social-messaging".
func isServicePrefix(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

func isNoActionName(r rune) bool { return !isAlphanumeric(r) && r != '*' && r != '?' }

func isAlphanumeric(r rune) bool {
	return r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9'
}

func isControl(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }
