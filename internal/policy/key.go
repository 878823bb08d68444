package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A keyID is a condition key, or the ones that begin alike.
type keyID uint8

const (
	currentTime keyID = iota
	epochTime
	principalAccount
	principalARN
	requestedRegion
	secureTransport
	sourceIP
	tagKeys
	tokenIssueTime
	userName
	passedToService
	resourceTag // and the key of a tag
	requestTag  // and the key of a tag
	keyCount
)

// keyInfo is what conditions may ask about a key.
type keyInfo struct {
	name    string // up to and with the "/" of a key that ends with the key of a tag
	kinds   kinds  // of operators that its values can be compared with
	isMulti bool   // a request may have several values: conditions need ForAllValues or ForAnyValue
}

// keys are the condition keys that requests have (docs/references.md#iam-conditions). Each operator's kind includes
// Null, which all keys have.
var keys = [keyCount]keyInfo{
	currentTime:      {"aws:CurrentTime", dateKind, false},
	epochTime:        {"aws:EpochTime", dateKind | numericKind, false},
	principalAccount: {"aws:PrincipalAccount", stringKind, false},
	principalARN:     {"aws:PrincipalArn", arnKind | stringKind, false},
	requestedRegion:  {"aws:RequestedRegion", stringKind, false},
	secureTransport:  {"aws:SecureTransport", boolKind, false},
	sourceIP:         {"aws:SourceIp", addressKind, false},
	tagKeys:          {"aws:TagKeys", stringKind, true},
	tokenIssueTime:   {"aws:TokenIssueTime", dateKind, false},
	userName:         {"aws:username", stringKind, false},
	passedToService:  {"iam:PassedToService", stringKind, false},
	resourceTag:      {"aws:ResourceTag/", anyKind, false},
	requestTag:       {"aws:RequestTag/", anyKind, false},
}

// maxTagKey bounds the key of a tag, in characters.
const maxTagKey = 128

// A key is one condition key. Keys are compared without regard to case, the keys of tags too.
type key struct {
	id   keyID
	name string // by which a Context knows it
	text string // for people: as it was written, if it ends with the key of a tag
}

// parseKey reads a key. The fault is empty if it is right.
func parseKey(text string) (k key, fault string) {
	for id := range keys {
		name := keys[id].name
		if !strings.HasSuffix(name, "/") {
			if strings.EqualFold(text, name) {
				return key{keyID(id), name, name}, ""
			}
			continue
		}
		if len(text) < len(name) || !strings.EqualFold(text[:len(name)], name) {
			continue
		}
		tag := text[len(name):]
		if tag == "" || len([]rune(tag)) > maxTagKey || strings.ContainsFunc(tag, func(r rune) bool { return isControl(r) || strings.ContainsRune("*?${}", r) }) {
			return k, fmt.Sprintf("the key of the tag is wrong; expected %sKEY, with 1 to %d characters and without wildcards and variables", name, maxTagKey)
		}
		return key{keyID(id), name + strings.ToLower(tag), name + tag}, ""
	}
	return k, "unknown condition key; expected one of " + knownKeys()
}

// knownKeys lists the keys, for messages.
func knownKeys() string {
	var names []string
	for _, k := range keys {
		if strings.HasSuffix(k.name, "/") {
			k.name += "KEY"
		}
		names = append(names, k.name)
	}
	return strings.Join(names, ", ")
}

// TagKey returns the name by which a Context knows the tag of a resource (prefix aws:ResourceTag/) or of a request
// (aws:RequestTag/). Tags whose keys differ in case only have the same name.
func TagKey(prefix, tag string) string { return prefix + strings.ToLower(tag) }

// The beginnings of the names of tags.
const (
	ResourceTag = "aws:ResourceTag/"
	RequestTag  = "aws:RequestTag/"
)

// Context returns the values of a condition key for a request. Nil or an empty list means that the request does not
// have the key. The name is one of aws:CurrentTime and the like, as AWS writes it; aws:ResourceTag/ and
// aws:RequestTag/ are followed by the key of the tag in lower case. Evaluate calls it only for keys of statements
// that match the action and the resource.
type Context func(name string) ([]string, error)

// Values are the values of condition keys by the names that a Context is called with.
type Values map[string][]string

// Context is a Context.
func (v Values) Context(name string) ([]string, error) { return v[name], nil }

// Complete sets the keys that every request of a user of an account has at a time, but those that are set already.
// Without an account and a user, it sets the time only.
func (v Values) Complete(account, user string, now time.Time) {
	set := func(name, value string) {
		if len(v[name]) == 0 {
			v[name] = []string{value}
		}
	}
	if at := v["aws:CurrentTime"]; len(at) == 1 {
		now, _ = parseDate(at[0])
	} else if at := v["aws:EpochTime"]; len(at) == 1 {
		now, _ = parseDate(at[0])
	}
	set("aws:CurrentTime", now.UTC().Format(time.RFC3339))
	set("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	if account != "" && user != "" {
		set("aws:PrincipalAccount", account)
		set("aws:PrincipalArn", UserARN(account, user))
		set("aws:username", user)
	}
}

// UserARN returns the ARN of a user of an account, which callers are named by.
func UserARN(account, user string) string { return "arn:aws:iam::" + account + ":user/" + user }

// ParseValues reads pairs of KEY=VALUE. A key with several values occurs several times.
func ParseValues(pairs []string) (Values, error) {
	values := Values{}
	var problems []error
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		if !found {
			problems = append(problems, fmt.Errorf("%q: expected KEY=VALUE, such as aws:SourceIp=203.0.113.5", clip(pair)))
			continue
		}
		k, fault := parseKey(name)
		if fault == "" {
			fault = k.wrong(value)
		}
		if fault == "" && k.id < resourceTag && !keys[k.id].isMulti && len(values[k.name]) > 0 {
			fault = "the key is there twice; expected it once"
		}
		if fault != "" {
			problems = append(problems, fmt.Errorf("%q: %s", clip(pair), fault))
			continue
		}
		values[k.name] = append(values[k.name], value)
	}
	return values, errors.Join(problems...)
}

// wrong returns why a request cannot have a value of the key, or "".
func (k *key) wrong(value string) string {
	switch {
	case !utf8.ValidString(value):
		return "the value is not UTF-8; expected text"
	case strings.ContainsFunc(value, isControl):
		return "the value contains a control character; expected none"
	}
	isRight, expected := true, ""
	switch k.id {
	case currentTime, epochTime:
		_, isRight = parseDate(value)
		expected = "a time such as 2026-01-31T08:00:00Z, or seconds since 1970"
	case sourceIP:
		_, isRight = parseAddress(value)
		expected = "one address, such as 203.0.113.5 or 2001:db8::1"
	case secureTransport:
		isRight = value == "true" || value == "false"
		expected = "true or false"
	case principalARN:
		isRight = strings.Count(value, ":") >= 5
		expected = "an ARN, such as arn:aws:iam::111122223333:user/app"
	}
	if isRight {
		return ""
	}
	return fmt.Sprintf("%q is no value of %s; expected %s", clip(value), k.text, expected)
}
