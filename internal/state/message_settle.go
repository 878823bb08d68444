// What became of messages: recorded once, and corrected only from unknown to known.

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// settlement is what became of a message, and the events about it.
type settlement struct {
	id     string
	status MessageStatus
	wamid  string
	reason string
	events []Event

	isCorrection bool // it took the place of an unknown outcome, or of a failure that was none; set by settleMessages
}

// MessageSent records that Meta has accepted a message, and adds events about it.
// wamid is empty for a read receipt. The status does not go back if a webhook was
// faster than Meta's response. It takes the place of an unknown outcome, which another
// process may have recorded.
func (s *DB) MessageSent(ctx context.Context, id, wamid string, events ...Event) error {
	return s.settle(ctx, &settlement{id: id, status: MessageAccepted, wamid: wamid, events: events})
}

// MessageFailed records that a message was refused or given up (MessageFailed), or
// that it is not known whether Meta has accepted it (MessageUnknown), why, and adds
// events about it. A failure takes the place of an unknown outcome and of a discard, and of
// no other outcome; an unknown outcome takes the place of none. If it takes no place, the
// events are not added.
func (s *DB) MessageFailed(ctx context.Context, id string, status MessageStatus, reason string, events ...Event) error {
	return s.settle(ctx, &settlement{id: id, status: status, reason: reason, events: events})
}

func (s *DB) settle(ctx context.Context, settled *settlement) error {
	if err := s.settlements.write(ctx, settled); err != nil {
		return fmt.Errorf("recording what became of message %s: %w", settled.id, err)
	}
	s.announce(settled.events)
	if settled.isCorrection {
		s.correctDelivery(ctx, settled.id, settled.status, settled.reason)
	}
	return nil
}

// correctDelivery corrects the delivery of a message whose outcome is known after all.
// It is a transaction of its own, because others lock deliveries before messages.
func (s *DB) correctDelivery(ctx context.Context, id string, status MessageStatus, reason string) {
	query, values := `UPDATE delivery SET error = $2 WHERE event_id = $1 AND state = 'dead'`, []any{id, reason}
	if status != MessageFailed {
		query = `UPDATE delivery SET state = 'delivered', error = '', ended_at = COALESCE(ended_at, $2)
			WHERE event_id = $1 AND state IN ('waiting', 'dead', 'cancelled')`
		values[1] = s.Clock().UnixMilli()
	}
	if _, err := s.exec(context.WithoutCancel(ctx), query, values...); err != nil {
		s.logger.WarnContext(ctx, "a message has an outcome that is known, and its delivery still says that it is not", "message_id", id, "error", err)
	}
}

// settleMessages records what became of several messages in one transaction. Messages
// are locked in the order of their ids, as everywhere, and before lanes. What is no news
// is not reported either: it was recorded before, or a webhook has reported more.
func (s *DB) settleMessages(ctx context.Context, tx *sql.Tx, settled []*settlement) ([]error, error) {
	byID := slices.SortedFunc(slices.Values(settled), func(a, b *settlement) int { return strings.Compare(a.id, b.id) })
	isNews := make(map[*settlement]bool, len(settled))
	for _, one := range byID {
		status, err := s.adoptStatuses(ctx, tx, one)
		if err != nil {
			return nil, err
		}
		before, err := s.lockMessage(ctx, tx, one.id)
		if err != nil {
			return nil, err
		}
		if isNews[one] = one.isNews(before, status); !isNews[one] {
			continue
		}
		_, err = tx.ExecContext(ctx, `UPDATE message SET status = $1, wamid = $2, error = $3, updated_at = $4 WHERE id = $5`,
			status, one.wamid, one.reason, s.now().UnixMilli(), one.id)
		if err != nil {
			return nil, err
		}
		one.isCorrection = one.isCorrection || before.Status != MessageQueued
		isCounted := before.Status == MessageUnknown || before.WAMID != ""
		if (one.wamid != "" || one.status == MessageUnknown) && !isCounted { // Meta has counted it, or may have
			if err := s.spendPair(ctx, tx, one.id); err != nil {
				return nil, err
			}
		}
	}
	var events []Event
	for _, one := range settled {
		if isNews[one] {
			events = append(events, one.events...)
		}
	}
	return make([]error, len(settled)), s.insertEvents(ctx, tx, events)
}

// lockMessage locks a message and returns its status, its wamid and its error. The status
// is empty if there is no such message any more.
func (s *DB) lockMessage(ctx context.Context, tx *sql.Tx, id string) (m Message, err error) {
	err = tx.QueryRowContext(ctx, `SELECT status, wamid, error FROM message WHERE id = $1`+s.locking(`FOR UPDATE`), id).Scan(&m.Status, &m.WAMID, &m.Error)
	if errors.Is(err, sql.ErrNoRows) {
		return Message{}, nil
	}
	return m, err
}

// isNews reports whether a message goes to a status now. A record that is repeated,
// because it was not known whether it was committed, is no news.
//
// An outcome that is not known is news only while nothing is recorded. A failure is news
// while none is reported and Meta has not accepted the message: another process may have
// sent it after this one had given it up. Meta's own response with a wamid is news wherever
// the message has none or another one: one that was concluded (resolveUnknown), or none
// because it was discarded meanwhile.
func (s *settlement) isNews(before Message, status MessageStatus) bool {
	isDiscarded := before.Status == MessageFailed && before.Error == discardedReason
	switch {
	case before.Status == "":
		return false
	case s.status == MessageUnknown:
		return before.Status == MessageQueued
	case s.status == MessageFailed:
		return before.Status == MessageQueued || before.Status == MessageUnknown || isDiscarded
	case s.wamid != "" && before.WAMID != s.wamid:
		return true
	}
	return status.follows(before.Status)
}

// adoptStatuses assigns to a message the status events that came before its wamid
// was known, and returns the furthest status among them.
func (s *DB) adoptStatuses(ctx context.Context, tx *sql.Tx, settled *settlement) (MessageStatus, error) {
	status := settled.status
	if settled.wamid == "" {
		return status, nil
	}
	rows, err := tx.QueryContext(ctx, `UPDATE event SET message_id = $1 WHERE wamid = $2 AND wamid <> '' AND message_id = '' AND kind = 'event'
		AND phone_number_id = (SELECT phone_number_id FROM message WHERE id = $1) AND name LIKE 'status.%' RETURNING name`, settled.id, settled.wamid)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return "", err
		}
		if reported := MessageStatus(name[len("status."):]); reported.follows(status) {
			status = reported
		}
	}
	return status, rows.Err()
}

// follows reports whether a message goes from status to s when Meta reports s.
// Reports come in any order.
func (s MessageStatus) follows(status MessageStatus) bool {
	order := []MessageStatus{MessageUnknown, MessageQueued, MessageAccepted, MessageSent, MessageDelivered, MessageRead}
	if s == MessageFailed {
		return status != MessageDelivered && status != MessageRead
	}
	return slices.Index(order, s) > slices.Index(order, status) && status != MessageFailed
}
