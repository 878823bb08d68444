// Package admin administers ferry: it links WhatsApp Business Accounts, which AWS does
// in its console only, makes and deletes access keys, and changes settings of accounts.
// The command line and the console call it; it checks what people type.
package admin

import (
	"fmt"
	"regexp"
)

var (
	accountForm = regexp.MustCompile(`^[0-9]{12}$`)
	metaIDForm  = regexp.MustCompile(`^[0-9]{1,32}$`)
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9+=,.@_-]{1,64}$`) // IAM's rule for user names
)

// checkAccountID reports what is wrong with an account's id.
func checkAccountID(id string) error {
	if !accountForm.MatchString(id) {
		return mistake("%q is not an account id; expected 12 digits, such as 111122223333", id)
	}
	return nil
}

// A Mistake is an error about what somebody has typed. Its text is for them.
type Mistake struct{ text string }

func (m *Mistake) Error() string { return m.text }

func mistake(format string, args ...any) error { return &Mistake{fmt.Sprintf(format, args...)} }
