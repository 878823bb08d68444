// Ids and ARNs of the service's resources. The id "waba-X" and the ARN
// "arn:aws:social-messaging:REGION:ACCOUNT:waba/X" name the same thing, and so
// for phone numbers (docs/references.md#aws-service).

package social

import (
	"regexp"
	"strings"

	"ferry/internal/state"
)

// resourceKind is the part that ids and ARNs of a kind of resource share.
type resourceKind string

const (
	kindBusinessAccount resourceKind = "waba"
	kindPhoneNumber     resourceKind = "phone-number-id"
)

// id returns AWS's id of a resource whose stored id is given.
func (k resourceKind) id(stored string) string { return string(k) + "-" + stored }

// arn returns the ARN of a resource of the caller's account, in the caller's region.
func (c *call) arn(k resourceKind, stored string) string {
	return arnPrefix(k, c.caller.region, c.caller.accountID) + stored
}

func arnPrefix(k resourceKind, region, accountID string) string {
	return "arn:aws:social-messaging:" + region + ":" + accountID + ":" + string(k) + "/"
}

var arnRegion = regexp.MustCompile(`^arn:aws:social-messaging:([a-z0-9-]{1,63}):`)

// resolve reads an id or ARN that the caller sent. It returns the stored id, which
// is empty if the ARN is of another account, region or partition, so that it will
// not be found, and the ARN to authorise.
func (c *call) resolve(k resourceKind, given string) (stored, arn string) {
	if !strings.HasPrefix(given, "arn:") {
		stored = strings.TrimPrefix(given, string(k)+"-")
		return stored, c.arn(k, stored)
	}
	region := c.caller.region
	if named := arnRegion.FindStringSubmatch(given); named != nil && c.config.AnyRegion {
		region = named[1]
	}
	stored, isOwn := strings.CutPrefix(given, arnPrefix(k, region, c.caller.accountID))
	if !isOwn {
		return "", given
	}
	return stored, given
}

// BusinessAccountID and PhoneNumberID return AWS's ids of stored resources.
func BusinessAccountID(a state.BusinessAccount) string { return kindBusinessAccount.id(a.ID) }
func PhoneNumberID(n state.PhoneNumber) string         { return kindPhoneNumber.id(n.ID) }
