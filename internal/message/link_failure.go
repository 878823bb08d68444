// Failures to read linked files. They are remembered for a short time, so that the messages
// with the same link fail with the same cause, and its host is not asked again for each of
// them; also if the host fails after the time for which a message waits.

package message

import (
	"time"
)

const (
	// linkFailureAge is how long a file is not read again after a failure. It is longer
	// than linkPause, so that the messages that wait for the file learn of the failure.
	linkFailureAge = 2 * linkPause
	// maxLinkFailures bounds the failures that are remembered. Beyond it, files are read
	// again for each message.
	maxLinkFailures = 1000
)

// A linkFailure is a failure to read a file, or to upload it.
type linkFailure struct {
	err   error
	until time.Time // when the file may be read again
}

func (f *linkFailure) Error() string { return f.err.Error() }
func (f *linkFailure) Unwrap() error { return f.err }

// lastFailure returns the failure to read a file that is remembered; nil means none.
func (l *Links) lastFailure(key string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.failures[key]; f != nil && f.isCurrent(l.config.Now()) {
		return f
	}
	return nil
}

// isCurrent reports whether a failure is to be remembered, also if the clock was set back.
func (f *linkFailure) isCurrent(now time.Time) bool {
	wait := f.until.Sub(now)
	return wait > 0 && wait <= linkFailureAge
}

// remember remembers why a file could not be read or uploaded, and returns the error with
// the time until then. A failure of this server is not remembered.
func (l *Links) remember(key string, err error) error {
	if isOwn(err) {
		return err
	}
	now := l.config.Now()
	f := &linkFailure{err, now.Add(linkFailureAge)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.failures) >= maxLinkFailures {
		for key, old := range l.failures {
			if !old.isCurrent(now) {
				delete(l.failures, key)
			}
		}
	}
	if len(l.failures) < maxLinkFailures {
		l.failures[key] = f
	}
	return f
}

// forget forgets the failure to read a file, which was read.
func (l *Links) forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.failures, key)
}
