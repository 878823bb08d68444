package metasim

import (
	"strings"
	"testing"
	"time"
)

func TestManyMessagesToOnePersonAreRefused(t *testing.T) {
	s := startSim(t)
	pair := func(a response) {
		t.Helper()
		a.wantError(t, 400, 131056, "(#131056) (Business Account, Consumer Account) pair rate limit hit",
			"Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.")
	}
	for range 45 {
		s.message(hello).sentID(t)
	}
	pair(s.message(hello))
	s.message(`{"messaging_product":"whatsapp","to":"16505559999",` + hello + `}`).sentID(t) // another person
	s.manual.advance(6*time.Second - time.Millisecond)
	pair(s.message(hello))
	s.manual.advance(time.Millisecond)
	s.message(hello).sentID(t)
	pair(s.message(hello))
	s.manual.advance(time.Hour)
	for range 45 {
		s.message(hello).sentID(t)
	}
	pair(s.message(hello))
	s.manual.advance(-2 * time.Hour) // a clock that is set back begins anew
	s.message(hello).sentID(t)
}

func TestTheThroughputOfANumberIsLimited(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		limit  int // messages in a second
	}{
		"by default":     {func(*Config) {}, 80},
		"of a high one":  {func(c *Config) { c.BusinessAccounts[0].PhoneNumbers[0].ThroughputLevel = "HIGH" }, 1000},
		"as configured":  {func(c *Config) { c.MessageLimits.PerSecond = 3 }, 3},
		"or not limited": {func(c *Config) { c.MessageLimits.PerSecond = -1 }, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t, test.change)
			send := func(phoneID string) int {
				return s.limiter.take(s.Now(), s.limitsOf(s.phone(phoneID)), phoneID, s.random.word(20))
			}
			if test.limit == 0 {
				for range 5000 {
					if code := send(phone1); code != 0 {
						t.Fatal(code)
					}
				}
				return
			}
			for range test.limit {
				if code := send(phone1); code != 0 {
					t.Fatal(code)
				}
			}
			if code := send(phone1); code != 130429 {
				t.Errorf("one more: %d", code)
			}
			if code := send(phone2); code != 0 {
				t.Errorf("another number: %d", code)
			}
			s.manual.advance(time.Second / time.Duration(test.limit))
			if code := send(phone1); code != 0 {
				t.Errorf("later: %d", code)
			}
		})
	}
}

func TestAThrottledMessageSaysHowMuchIsUsed(t *testing.T) {
	s := startSim(t, func(c *Config) { c.MessageLimits.PerSecond = 1; c.ThrottleStatus = 429 })
	s.message(hello).sentID(t)
	a := s.message(hello)
	a.wantError(t, 429, 130429, "(#130429) Rate limit hit", "Cloud API message throughput has been reached.")
	if usage := a.header.Get("x-business-use-case-usage"); !strings.Contains(usage, `"call_count":100`) || !strings.Contains(usage, `"type":"whatsapp"`) {
		t.Errorf("usage %s", usage)
	}
}

// What is remembered of pairs and hosts is bounded.
func TestLimitsForgetPairsThatHaveNothingUsed(t *testing.T) {
	s := startSim(t, func(c *Config) { c.MessageLimits.PerSecond = -1 })
	limits := s.limitsOf(s.phone(phone1))
	for range maxPairs {
		s.limiter.take(s.Now(), limits, phone1, s.random.word(20))
	}
	s.manual.advance(5 * time.Minute)
	for range 45 {
		s.limiter.take(s.Now(), limits, phone1, "one")
	}
	if code := s.limiter.take(s.Now(), limits, phone1, "one"); code != 131056 || len(s.limiter.pairs) > maxPairs {
		t.Errorf("code %d, %d pairs", code, len(s.limiter.pairs))
	}
}

func TestNumbersAreNormalised(t *testing.T) {
	tests := []struct {
		given, sender, want string
		complete            bool
	}{
		{"16505551234", "+1 631-555-0001", "16505551234", true},
		{"+16505551234", "+1 631-555-0001", "16505551234", true},
		{"+1 (650) 555-1234", "+1 631-555-0001", "16505551234", true},
		{"6505551234", "+1 631-555-0001", "16505551234", false},
		{"+6505551234", "+1 631-555-0001", "6505551234", true},
		{"4520123456", "+1 631-555-0001", "4520123456", true}, // Denmark
		{"0151 1234567", "+49 30 1234567", "491511234567", false},
		{"491511234567", "+49 30 1234567", "491511234567", true},
		{"6505551234", "+49 30 1234567", "6505551234", true},
		{"0151 1234567", "unknown", "01511234567", true},
		{"", "+1 631-555-0001", "", false},
		{"+", "+1 631-555-0001", "", false},
		{"1234", "+1 631-555-0001", "", false},
		{"++16505551234", "+1 631-555-0001", "", false},
		{"1650555123456789", "+1 631-555-0001", "", false},
		{"1650555１２３４", "+1 631-555-0001", "", false},
	}
	for _, test := range tests {
		got, complete := normalizeNumber(test.given, test.sender)
		if got != test.want || complete != test.complete {
			t.Errorf("%q: %q %v, want %q %v", test.given, got, complete, test.want, test.complete)
		}
	}
}
