package seed

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"

	"ferry/internal/policy"
)

// namespace is that of the ids of seeds (RFC 9562, version 5).
var namespace = uuid.MustParse("7c5a1f0e-6b1d-5f0a-9a7e-0fe22d0c0de5")

// A BusinessAccount is a WhatsApp Business Account.
type BusinessAccount struct {
	At           position
	ID           string        `yaml:"id"`         // Meta's id
	AccountID    string        `yaml:"account_id"` // AWS's account; empty means that of the sample account
	Name         string        `yaml:"name"`
	PhoneNumbers []PhoneNumber `yaml:"phone_numbers"`
}

// A PhoneNumber is a number of a business account.
type PhoneNumber struct {
	At                 position
	ID                 string `yaml:"id"` // Meta's id
	DisplayPhoneNumber string `yaml:"display_phone_number"`
	VerifiedName       string `yaml:"verified_name"`
	QualityRating      string `yaml:"quality_rating"`
}

// StoredID returns AWS's id of the account, without "waba-".
func (a BusinessAccount) StoredID() string { return storedID("waba/" + a.ID) }

// StoredID returns AWS's id of the number, without "phone-number-id-".
func (n PhoneNumber) StoredID() string { return storedID("phone-number/" + n.ID) }

// storedID returns a UUID of version 5 as AWS writes it here: 32 hexadecimal digits.
func storedID(name string) string {
	id := uuid.NewSHA1(namespace, []byte(name))
	return hex.EncodeToString(id[:])
}

// metaID returns an id as Meta's are, of 15 digits.
func metaID(name string) string {
	id := uuid.NewSHA1(namespace, []byte(name))
	return fmt.Sprint(uint64(300_000_000_000_000) + binary.BigEndian.Uint64(id[8:])%600_000_000_000_000)
}

// A Key is an access key for the API and for S3.
type Key struct {
	At        position
	ID        string            `yaml:"id"`         // "AKIA…", 20 characters
	AccountID string            `yaml:"account_id"` // AWS's account; empty means that of the sample account
	Name      string            `yaml:"name"`       // of the user
	Secret    string            `yaml:"secret"`     // 40 characters
	Policies  []json.RawMessage `yaml:"policies"`   // IAM policy documents; empty means that the key may do everything
}

// accounts is the content of accounts.yaml.
type accounts struct {
	BusinessAccounts []BusinessAccount `yaml:"business_accounts"`
	Keys             []Key             `yaml:"keys"`
}

var (
	digitsForm  = regexp.MustCompile(`^[0-9]{1,32}$`)
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`)
	keyForm     = regexp.MustCompile(`^AKIA[A-Z0-9]{16}$`)
	secretForm  = regexp.MustCompile(`^[A-Za-z0-9/+=]{40}$`)
)

const maxName = 512 // bytes of a name

func (r *reader) readAccounts() {
	var read accounts
	r.decode(accountsFile, &read)
	numbers := 0
	for i := range read.BusinessAccounts {
		a := &read.BusinessAccounts[i]
		path := fmt.Sprintf("business_accounts[%d]", i)
		complain := func(line int, format string, args ...any) { r.complain(accountsFile, line, path+format, args...) }
		if a.Name == "" || len(a.Name) > maxName {
			complain(a.At.line, ".name: it has %d bytes; expected a name of 1 to %d", len(a.Name), maxName)
		}
		if a.ID == "" {
			a.ID = metaID("business-account/" + a.Name)
		}
		r.form(a.At.line, path+".id", a.ID, digitsForm, "Meta's id, 1 to 32 digits")
		r.form(a.At.line, path+".account_id", a.AccountID, accountForm, "an AWS account, 12 digits")
		if len(a.PhoneNumbers) == 0 {
			complain(a.At.line, ".phone_numbers: it is empty; expected at least one phone number")
		}
		for k := range a.PhoneNumbers {
			numbers++
			r.checkNumber(fmt.Sprintf("%s.phone_numbers[%d]", path, k), a, &a.PhoneNumbers[k])
		}
	}
	for i := range read.Keys {
		r.checkKey(fmt.Sprintf("keys[%d]", i), &read.Keys[i])
	}
	for _, one := range []struct {
		what     string
		n, limit int
	}{{"business accounts", len(read.BusinessAccounts), maxAccounts}, {"phone numbers", numbers, maxNumbers}, {"keys", len(read.Keys), maxKeys}} {
		if one.n > one.limit {
			r.complain(accountsFile, 0, "there are %d %s; expected at most %d", one.n, one.what, one.limit)
		}
	}
	r.seed.Accounts, r.seed.Keys = read.BusinessAccounts, read.Keys
}

// form complains about a text that is set and does not have a form.
func (r *reader) form(line int, path, value string, form *regexp.Regexp, expected string) {
	if value != "" && !form.MatchString(value) {
		r.complain(accountsFile, line, "%s: it is %.60q; expected %s", path, value, expected)
	}
}

func (r *reader) checkNumber(path string, a *BusinessAccount, n *PhoneNumber) {
	digits := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "").Replace(n.DisplayPhoneNumber)
	if !waIDForm.MatchString(digits) || !strings.HasPrefix(n.DisplayPhoneNumber, "+") {
		r.complain(accountsFile, n.At.line, "%s.display_phone_number: it is %.60q; expected a phone number with its country code, such as \"+49 30 901820\"", path, n.DisplayPhoneNumber)
	}
	if n.ID == "" {
		n.ID = metaID("phone-number/" + digits)
	}
	r.form(n.At.line, path+".id", n.ID, digitsForm, "Meta's id, 1 to 32 digits")
	if n.VerifiedName == "" {
		n.VerifiedName = a.Name
	}
	if len(n.VerifiedName) > maxName {
		r.complain(accountsFile, n.At.line, "%s.verified_name: it has more than %d bytes", path, maxName)
	}
	if n.QualityRating == "" {
		n.QualityRating = "GREEN"
	}
	r.form(n.At.line, path+".quality_rating", n.QualityRating, qualityForm, "GREEN, YELLOW, RED or UNKNOWN")
}

var qualityForm = regexp.MustCompile(`^(GREEN|YELLOW|RED|UNKNOWN)$`)

func (r *reader) checkKey(path string, k *Key) {
	if !nameForm.MatchString(k.Name) {
		r.complain(accountsFile, k.At.line, "%s.name: it is %.60q; expected a user name of 1 to 64 letters, digits or + = , . @ _ -", path, k.Name)
	}
	r.form(k.At.line, path+".account_id", k.AccountID, accountForm, "an AWS account, 12 digits")
	digest := sha256.Sum256([]byte(namespace.String() + "/key/" + k.AccountID + "/" + k.Name))
	if k.ID == "" {
		k.ID = "AKIA" + base32.StdEncoding.EncodeToString(digest[:10])
	}
	if k.Secret == "" {
		k.Secret = base64.StdEncoding.EncodeToString(digest[2:])
	}
	r.form(k.At.line, path+".id", k.ID, keyForm, "AKIA and 16 capital letters or digits")
	if !secretForm.MatchString(k.Secret) {
		r.complain(accountsFile, k.At.line, "%s.secret: it has %d characters; expected 40 letters, digits or / + =", path, len(k.Secret))
	}
	for i, document := range k.Policies {
		if _, err := policy.Parse(document); err != nil {
			r.complain(accountsFile, k.At.line, "%s.policies[%d]: %s", path, i, strings.ReplaceAll(err.Error(), "\n", "; "))
		}
	}
}
