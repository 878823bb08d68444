package ferrytest

import (
	"fmt"
	"regexp"
	"time"
)

// An Option changes what Start starts.
type Option func(*settings)

// settings are what options change.
type settings struct {
	clock    time.Time // zero means that the clock runs
	inMemory bool
	database string
	topics   []string
	archive  string
	anyway   bool
	strict   bool
	careful  bool
	timeout  time.Duration
	problems []string
}

// defaultTimeout is the default of Timeout.
const defaultTimeout = 5 * time.Second

func newSettings(options []Option) settings {
	s := settings{strict: true, timeout: defaultTimeout, topics: []string{DefaultTopic}}
	for _, option := range options {
		option(&s)
	}
	return s
}

// Clock stops the clock of the world at a time, in the years 1970 to 2199. It then moves
// only by Advance, Await and Never, so that every run of a test sees the same times.
func Clock(at time.Time) Option { return func(s *settings) { s.clock = at } }

// MemoryNetwork connects everything in the world, and the clients that AWSConfig and
// HTTPClient return, through a network in memory. Such a world runs in a bubble of
// testing/synctest, where time.Sleep(24*time.Hour) takes no time and moves all clocks:
//
//	synctest.Test(t, func(t *testing.T) {
//		w := ferrytest.Start(t, ferrytest.MemoryNetwork())
//		…
//	})
//
// Programs in other processes cannot reach it.
func MemoryNetwork() Option { return func(s *settings) { s.inMemory = true } }

// Database keeps the state of ferry in a schema of its own in a PostgreSQL database, which
// is dropped when the test ends. The URL is postgres://user:password@host:port/name of a
// role that may create schemas. Default: SQLite in memory.
func Database(url string) Option { return func(s *settings) { s.database = url } }

// topicForm is the name of an SNS topic.
var topicForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// Topics are the names of the SNS topics to which the events of the sample account are
// published. Topics() means none: the program chooses them itself, by
// PutWhatsAppBusinessAccountEventDestinations. Default: DefaultTopic.
func Topics(names ...string) Option {
	return func(s *settings) {
		s.topics = names
		for _, name := range names {
			if !topicForm.MatchString(name) {
				s.problems = append(s.problems, fmt.Sprintf("Topics(%q): the name of an SNS topic has 1 to 256 letters, digits, hyphens and underscores", name))
			}
		}
	}
}

// Archive stores the files that people send as objects of the sample bucket, under a
// prefix such as "inbound/". Default: they are not stored.
func Archive(prefix string) Option { return func(s *settings) { s.archive = prefix } }

// UploadAnyway uploads files that WhatsApp accepts and then does not deliver, as
// `ferry dev --will-fail warn` does. Default: ferry refuses them. Unless they are
// announced by Expect(WillFail), such uploads fail the test.
func UploadAnyway() Option { return func(s *settings) { s.anyway = true } }

// Lenient ends the test without looking for what went wrong in the world; see Problem.
func Lenient() Option { return func(s *settings) { s.strict = false } }

// Careful makes the simulator of WhatsApp refuse what Meta accepts but a careful client
// does not send, as `ferry dev --strict` does.
func Careful() Option { return func(s *settings) { s.careful = true } }

// Timeout is how long Await waits at most. It never waits past one second before the
// deadline of the test. Default: 5 s.
func Timeout(d time.Duration) Option {
	return func(s *settings) {
		s.timeout = d
		if d <= 0 {
			s.problems = append(s.problems, fmt.Sprintf("Timeout(%v): expected more than 0s", d))
		}
	}
}
