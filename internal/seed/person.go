package seed

import (
	"fmt"
	"regexp"
	"strings"
)

// A Person is somebody who has WhatsApp, as business phone numbers see them.
type Person struct {
	At            position
	PhoneNumberID string `yaml:"phone_number_id"` // Meta's id of the business phone number; empty means all
	WAID          string `yaml:"wa_id"`           // the person's phone number, in digits
	Name          string `yaml:"name"`
	Username      string `yaml:"username"`
	HidesNumber   bool   `yaml:"hides_number"`
	Offline       bool   `yaml:"offline"`
	Blocks        bool   `yaml:"blocks"`
	NoWhatsApp    bool   `yaml:"no_whatsapp"`
}

var (
	waIDForm     = regexp.MustCompile(`^[0-9]{5,15}$`)
	usernameForm = regexp.MustCompile(`^[a-z0-9._]{3,35}$`)
)

func (r *reader) readPeople() {
	var read struct {
		People []Person `yaml:"people"`
	}
	r.decode(peopleFile, &read)
	for i := range read.People {
		p := &read.People[i]
		complain := func(member, format string, args ...any) {
			r.complain(peopleFile, p.At.line, "people[%d].%s: %s", i, member, fmt.Sprintf(format, args...))
		}
		plain := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "").Replace(p.WAID)
		if !waIDForm.MatchString(plain) {
			complain("wa_id", "it is %.60q; expected a phone number of 5 to 15 digits with its country code", p.WAID)
		}
		p.WAID = plain
		if len(p.Name) > maxName {
			complain("name", "it has more than %d bytes", maxName)
		}
		p.Username = strings.TrimPrefix(p.Username, "@")
		if p.Username != "" && !usernameForm.MatchString(p.Username) {
			complain("username", "it is %.60q; expected 3 to 35 of a-z, 0-9, dot and underscore", p.Username)
		}
		if p.HidesNumber && p.Username == "" {
			complain("hides_number", "it requires a username")
		}
	}
	if len(read.People) > maxPeople {
		r.complain(peopleFile, 0, "there are %d people; expected at most %d", len(read.People), maxPeople)
	}
	r.seed.People = read.People
}
