package message

import (
	"context"
	"errors"

	"ferry/internal/state"
)

// MaxLate is exported for tests.
const MaxLate = maxLate

// Keep keeps the outcome that a message was accepted, as if it could not be recorded.
func (s *Sender) Keep(id, wamid string) {
	s.keep(context.Background(), &outcome{id: id, status: state.MessageAccepted, wamid: wamid}, errors.New("the database is locked"))
}
