// Counting, replaying and discarding deliveries.

package state

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"ferry/internal/outbox"
)

// CountEvents returns the number of messages and events that a filter selects, and of
// their deliveries by state.
func (s *DB) CountEvents(ctx context.Context, filter EventFilter) (events int64, deliveries map[string]int64, err error) {
	count := filter.countEvents()
	if err := s.read.QueryRowContext(ctx, count.text, count.values...).Scan(&events); err != nil {
		return 0, nil, err
	}
	count = filter.countDeliveries()
	rows, err := s.read.QueryContext(ctx, count.text, count.values...)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close()
	deliveries = make(map[string]int64)
	for rows.Next() {
		var state string
		var count int64
		if err := rows.Scan(&state, &count); err != nil {
			return 0, nil, err
		}
		deliveries[state] = count
	}
	return events, deliveries, rows.Err()
}

func (f EventFilter) countEvents() statement {
	if !f.isOfDeliveries() {
		c := f.ofEvents()
		return statement{`SELECT COUNT(*) FROM ` + f.events() + ` WHERE ` + c.text(), c.values}
	}
	selected := f.deliveries(nil)
	return statement{`SELECT COUNT(DISTINCT d.event_id) FROM ` + selected.from + ` WHERE ` + selected.text(), selected.values}
}

func (f EventFilter) countDeliveries() statement {
	selected := f.deliveries(nil)
	return statement{`SELECT d.state, COUNT(*) FROM ` + selected.from + ` WHERE ` + selected.text() + ` GROUP BY d.state`, selected.values}
}

// changeBatch bounds the deliveries that one transaction replays or discards, so that
// other writers do not wait for long.
const changeBatch = 500

// chosenDelivery is a delivery that is replayed or discarded.
type chosenDelivery struct {
	lane         string
	seq          int64
	event, kind  string
	conversation string
	listedAt     int64
}

// destination returns where the delivery goes: its lane begins with it.
func (c chosenDelivery) destination() string {
	destination, _, _ := strings.Cut(c.lane, " ")
	return destination
}

// choose returns the query of the next deliveries after the given one that a filter
// selects, which were put in before a time. Each query begins where the one before it
// ended, so that all of them together read a row once. If it begins with
// destinations, the filter has one.
func (f EventFilter) choose(states []string, before time.Time, after chosenDelivery, limit int) statement {
	order, selected := "d.lane_id, d.seq", selection{}
	at, areOpen := f.start(states)
	if at == startDestination {
		selected.from = "delivery d CROSS JOIN event e"
		selected.add("d.lane_id >= ? AND d.lane_id < ? AND e.id = d.event_id", max(after.lane, f.Destination+" "), f.Destination+"!")
		if areOpen {
			selected.add(isOpen)
		}
		selected.add("e.account_id = ?", f.AccountID)
		f.addEvent(&selected.conditions)
		if f.State != "" {
			selected.add("d.state = ?", f.State)
		}
		selected.addIn("d.state", anySlice(states)...)
	} else {
		selected = f.deliveries(states)
	}
	if at == startTime {
		order = listedAt + ", e.id, " + order
		selected.add(listedAt+" >= ?", after.listedAt) // what follows is not a condition for the index
		selected.add("("+order+") > (?, ?, ?, ?)", after.listedAt, after.event, after.lane, after.seq)
	} else {
		selected.add("("+order+") > (?, ?)", after.lane, after.seq)
	}
	selected.add("d.created_at <= ?", before.UnixMilli())
	return statement{fmt.Sprintf(`SELECT d.lane_id, d.seq, d.event_id, e.kind, e.conversation, `+listedAt+` FROM %s WHERE %s ORDER BY %s LIMIT %d`,
		selected.from, selected.text(), order, limit), selected.values}
}

// lockDeliveries returns the query that locks those of some deliveries that have one of
// some states, and before them their lanes, in order.
func (s *DB) lockDeliveries(chosen []chosenDelivery, states []string) statement {
	var values []any
	for _, c := range chosen {
		values = append(values, c.lane, c.seq)
	}
	in := parameters(len(values)+1, len(states))
	return statement{`SELECT d.lane_id, d.seq FROM (VALUES ` + typed(len(chosen), "TEXT", "BIGINT") + `) AS v CROSS JOIN delivery d CROSS JOIN lane l
		WHERE d.lane_id = v.column1 AND d.seq = v.column2 AND l.id = d.lane_id AND d.state IN (` + in + `)
		ORDER BY d.lane_id, d.seq` + s.locking(`FOR UPDATE OF l, d`), append(values, anySlice(states)...)}
}

// A change changes deliveries within a transaction.
type change func(tx *sql.Tx, chosen []chosenDelivery) error

// changeDeliveries changes the deliveries that a filter selects, and returns their
// number. Deliveries that are put in meanwhile are left alone.
func (s *DB) changeDeliveries(ctx context.Context, filter EventFilter, states []string, change change) (changed int64, err error) {
	before, filters := s.Clock(), []EventFilter{filter}
	if at, _ := filter.start(states); at == startDestination {
		if filters, err = s.eachDestination(ctx, filter); err != nil {
			return 0, err
		}
	}
	for _, f := range filters {
		n, err := s.changeBatches(ctx, f, states, before, change)
		changed += n
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// eachDestination returns the filter for each of the account's destinations that it
// selects.
func (s *DB) eachDestination(ctx context.Context, filter EventFilter) (filters []EventFilter, err error) {
	destinations, err := s.texts(ctx, `SELECT id FROM destination WHERE account_id = $1 ORDER BY id`, filter.AccountID)
	for _, d := range destinations {
		if filter.Destination != "" && filter.Destination != d || filter.isReplay && IsPreparation(d) {
			continue
		}
		f := filter
		f.Destination = d
		filters = append(filters, f)
	}
	return filters, err
}

// changeBatches changes a batch in each transaction. The batch is chosen before its
// transaction, which does not depend on how many deliveries are not selected.
func (s *DB) changeBatches(ctx context.Context, filter EventFilter, states []string, before time.Time, change change) (changed int64, err error) {
	var after chosenDelivery
	for {
		chosen, err := s.chooseDeliveries(ctx, filter.choose(states, before, after, s.changeBatch))
		if err != nil || len(chosen) == 0 {
			return changed, err
		}
		var locked int
		err = s.inTransaction(ctx, func(tx *sql.Tx) error {
			still, err := s.lockChosen(ctx, tx, chosen, states)
			if locked = len(still); err != nil || locked == 0 {
				return err
			}
			return change(tx, still)
		})
		if err != nil {
			return changed, err
		}
		changed += int64(locked)
		if len(chosen) < s.changeBatch {
			return changed, nil
		}
		after = chosen[len(chosen)-1]
	}
}

func (s *DB) chooseDeliveries(ctx context.Context, choose statement) ([]chosenDelivery, error) {
	rows, err := s.read.QueryContext(ctx, choose.text, choose.values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var chosen []chosenDelivery
	for rows.Next() {
		var c chosenDelivery
		if err := rows.Scan(&c.lane, &c.seq, &c.event, &c.kind, &c.conversation, &c.listedAt); err != nil {
			return nil, err
		}
		chosen = append(chosen, c)
	}
	return chosen, rows.Err()
}

// lockChosen returns those of the deliveries that still have one of the states.
func (s *DB) lockChosen(ctx context.Context, tx *sql.Tx, chosen []chosenDelivery, states []string) ([]chosenDelivery, error) {
	type key struct {
		lane string
		seq  int64
	}
	isLocked := make(map[key]bool, len(chosen))
	lock := s.lockDeliveries(chosen, states)
	err := eachRow(ctx, tx, func(rows *sql.Rows) error {
		var k key
		err := rows.Scan(&k.lane, &k.seq)
		isLocked[k] = true
		return err
	}, lock.text, lock.values...)
	return slices.DeleteFunc(slices.Clone(chosen), func(c chosenDelivery) bool { return !isLocked[key{c.lane, c.seq}] }), err
}

// ReplayEvents puts the deliveries of events that have ended at the ends of their lanes
// again, with the same event ids, and returns their number. Each delivery is replayed
// once: its state becomes "replayed". Messages are not replayed, because nobody can
// take a message back that was sent twice.
func (s *DB) ReplayEvents(ctx context.Context, filter EventFilter) (int64, error) {
	if filter.Kind == KindMessage {
		return 0, nil
	}
	filter.Kind, filter.isReplay = KindEvent, true
	destinations := make(map[string]bool)
	changed, err := s.changeDeliveries(ctx, filter, []string{outbox.Delivered, outbox.Dead, outbox.Cancelled}, func(tx *sql.Tx, chosen []chosenDelivery) error {
		batch := make([]Event, len(chosen))
		for i, c := range chosen {
			batch[i] = Event{ID: c.event, AccountID: filter.AccountID, Conversation: c.conversation, Destinations: []string{c.destination()}}
			destinations[c.destination()] = true
		}
		if err := s.setDeliveryStates(ctx, tx, chosen, outbox.Replayed); err != nil {
			return err
		}
		if err := s.listAgain(ctx, tx, chosen); err != nil {
			return err
		}
		return s.putDeliveries(ctx, tx, batch)
	})
	s.announceDestinations(destinations) // in any case: earlier batches are committed
	return changed, err
}

// listAgain moves events to the end of the list, in their order, so that whoever follows
// it sees that they are replayed. Their times are the last milliseconds.
func (s *DB) listAgain(ctx context.Context, tx *sql.Tx, chosen []chosenDelivery) error {
	events := slices.Clone(chosen)
	sort.Slice(events, func(i, j int) bool {
		a, b := &events[i], &events[j]
		return cmp.Or(cmp.Compare(a.listedAt, b.listedAt), strings.Compare(a.event, b.event)) < 0
	})
	events = slices.CompactFunc(events, func(a, b chosenDelivery) bool { return a.event == b.event })
	now := s.now().UnixMilli()
	var values []any
	for i, c := range events {
		values = append(values, c.event, now-int64(len(events)-1-i))
	}
	last := fmt.Sprintf("$%d", len(values)+1)
	_, err := tx.ExecContext(ctx, `UPDATE event SET ready_at = CASE WHEN ready_at < v.column2 THEN v.column2 ELSE `+last+` END
		FROM (VALUES `+typed(len(events), "TEXT", "BIGINT")+`) AS v WHERE id = v.column1 AND ready_at < `+last, append(values, now)...)
	return err
}

// discardedReason is why a message that was discarded has failed. No event reports it.
const discardedReason = "It was discarded by an operator before it was sent."

// DiscardEvents gives up deliveries that wait or have failed, and returns their number.
// A message that is discarded before it was sent has failed. A delivery that is being
// made at this moment may still arrive; then it is recorded as delivered.
func (s *DB) DiscardEvents(ctx context.Context, filter EventFilter) (int64, error) {
	return s.changeDeliveries(ctx, filter, []string{outbox.Waiting, outbox.Dead}, func(tx *sql.Tx, chosen []chosenDelivery) error {
		if err := s.setDeliveryStates(ctx, tx, chosen, outbox.Cancelled); err != nil {
			return err
		}
		var messages []any
		for _, c := range chosen {
			if c.kind == KindMessage {
				messages = append(messages, c.event)
			}
		}
		if len(messages) == 0 {
			return nil
		}
		_, err := tx.ExecContext(ctx, `UPDATE message SET status = 'failed', error = $1, updated_at = $2
			WHERE status = 'queued' AND id IN (`+parameters(3, len(messages))+`)`, append([]any{discardedReason, s.Clock().UnixMilli()}, messages...)...)
		return err
	})
}

// setDeliveryStates sets the states of deliveries.
func (s *DB) setDeliveryStates(ctx context.Context, tx *sql.Tx, chosen []chosenDelivery, state string) error {
	var values []any
	for _, c := range chosen {
		values = append(values, c.lane, c.seq)
	}
	values = append(values, state, s.Clock().UnixMilli())
	_, err := tx.ExecContext(ctx, fmt.Sprintf(`UPDATE delivery SET state = $%d, ended_at = COALESCE(ended_at, $%d)
		WHERE (lane_id, seq) IN (VALUES %s)`, len(values)-1, len(values), typed(len(chosen), "TEXT", "BIGINT")), values...)
	return err
}

// ClearEvents deletes all messages and events with their deliveries, what was received, and the
// rate limits. Destinations stay. Attempts that are being made are lost: their ends are not
// recorded.
func (s *DB) ClearEvents(ctx context.Context) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		for _, table := range []string{"delivery", "lane", "message", "event", "received", "unlinked", "rate", "link"} {
			if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
				return err
			}
		}
		return nil
	})
}
