// What viewers are not shown: the phone numbers of people and of the business.

package console

import "strings"

// number returns a phone number as the person may see it: viewers see how it begins and
// ends, as +49…678.
func (u user) number(text string) string {
	if u.Role > viewer || text == "" {
		return phoneNumber(text)
	}
	return shortNumber(text)
}

// shortNumber returns a phone number without its middle: +49…678.
func shortNumber(number string) string {
	number = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
	if len(number) < 6 {
		return "+…"
	}
	return "+" + number[:2] + "…" + number[len(number)-3:]
}
