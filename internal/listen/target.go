package listen

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"

	"ferry/internal/control"
)

// A Target is a URL and the events that it receives.
type Target struct {
	URL    *url.URL
	events []string // patterns; empty means all
	number []string // as ids or digits; empty means all
}

// ParseTarget reads URL[,event=NAME][,number=NUMBER]…. Several events, or numbers, are
// alternatives. The URL may be ":3000/hook" for this machine.
func ParseTarget(text string) (Target, error) {
	parts := strings.Split(text, ",")
	var t Target
	if strings.HasPrefix(parts[0], ":") {
		parts[0] = "http://127.0.0.1" + parts[0]
	}
	var err error
	if t.URL, err = url.Parse(parts[0]); err != nil || t.URL.Host == "" || t.URL.Scheme != "http" && t.URL.Scheme != "https" {
		return t, fmt.Errorf("%q is no URL; expected one such as http://127.0.0.1:3000/hook, or :3000/hook for this machine", parts[0])
	}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		switch {
		case name == "event" && value != "":
			if _, err := path.Match(value, ""); err != nil {
				return t, fmt.Errorf("event=%s is no pattern; expected a name such as status.failed or message.*", value)
			}
			t.events = append(t.events, value)
		case name == "number" && digits(value) != "":
			t.number = append(t.number, value)
		default:
			return t, fmt.Errorf("%q is no filter; expected event=NAME, such as event=status.failed, or number=ID; a comma in a URL is written %%2C", part)
		}
	}
	return t, nil
}

// Short returns the URL as a person recognises it.
func (t Target) Short() string {
	host := t.URL.Host
	for _, local := range []string{"127.0.0.1:", "localhost:", "[::1]:"} {
		if port, ok := strings.CutPrefix(host, local); ok {
			host = ":" + port
		}
	}
	return host + t.URL.EscapedPath()
}

func (t Target) matches(e control.Event) bool {
	matched := len(t.events) == 0
	for _, pattern := range t.events {
		ok, _ := path.Match(pattern, e.Name)
		matched = matched || ok
	}
	if !matched || len(t.number) == 0 {
		return matched
	}
	metadata := readEntry(e).metadata()
	for _, number := range t.number {
		if number == e.PhoneNumberID || number == metadata.ID && number != "" || digits(number) == digits(metadata.Display) && metadata.Display != "" {
			return true
		}
	}
	return false
}

func digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, text)
}

// An entry is what is read of one of Meta's.
type entry struct {
	Changes []struct {
		Value struct {
			Metadata metadata `json:"metadata"`
			Messages []struct {
				From   string `json:"from"`
				UserID string `json:"from_user_id"`
			} `json:"messages"`
			Statuses []struct {
				To     string `json:"recipient_id"`
				UserID string `json:"recipient_user_id"`
			} `json:"statuses"`
		} `json:"value"`
	} `json:"changes"`
}

type metadata struct {
	ID      string `json:"phone_number_id"`
	Display string `json:"display_phone_number"`
}

// envelope is what is read of AWS's.
type envelope struct {
	Entry   string `json:"whatsAppWebhookEntry"`
	Account string `json:"aws_account_id"`
	Time    string `json:"message_timestamp"`
}

// readEntry reads the entry of an event. What is missing is empty: Meta adds fields
// without notice.
func readEntry(e control.Event) entry {
	var outer envelope
	var inner entry
	if json.Unmarshal(e.Body, &outer) == nil {
		_ = json.Unmarshal([]byte(outer.Entry), &inner)
	}
	return inner
}

func (e entry) metadata() metadata {
	for _, change := range e.Changes {
		return change.Value.Metadata
	}
	return metadata{}
}

// conversation returns what the events that are posted in order have in common.
func conversation(e control.Event) string {
	who := ""
	for _, change := range readEntry(e).Changes {
		for _, m := range change.Value.Messages {
			who = m.From + m.UserID
			if m.From != "" {
				who = m.From
			}
		}
		for _, s := range change.Value.Statuses {
			who = s.To + s.UserID
			if s.To != "" {
				who = s.To
			}
		}
	}
	return e.PhoneNumberID + "/" + who
}
