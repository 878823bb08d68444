// Ids and ARNs of the service's resources. The id "waba-X" and the ARN
// "arn:aws:social-messaging:REGION:ACCOUNT:waba/X" name the same thing, and so
// for phone numbers (docs/references.md#aws-service).

package social

import (
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

// arn returns the ARN of a resource of an account.
func (s *Service) arn(k resourceKind, accountID, stored string) string {
	return s.arnPrefix(k, accountID) + stored
}

func (s *Service) arnPrefix(k resourceKind, accountID string) string {
	return "arn:aws:social-messaging:" + s.config.Region + ":" + accountID + ":" + string(k) + "/"
}

// resolve reads an id or ARN that an account sent. It returns the stored id, which
// is empty if the ARN is of another account, region or partition, so that it will
// not be found, and the ARN to authorise.
func (s *Service) resolve(k resourceKind, accountID, given string) (stored, arn string) {
	if !strings.HasPrefix(given, "arn:") {
		stored = strings.TrimPrefix(given, string(k)+"-")
		return stored, s.arn(k, accountID, stored)
	}
	stored, isOwn := strings.CutPrefix(given, s.arnPrefix(k, accountID))
	if !isOwn {
		return "", given
	}
	return stored, given
}

// BusinessAccountID and PhoneNumberID return AWS's ids of stored resources.
func BusinessAccountID(a state.BusinessAccount) string { return kindBusinessAccount.id(a.ID) }
func PhoneNumberID(n state.PhoneNumber) string         { return kindPhoneNumber.id(n.ID) }
