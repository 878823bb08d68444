// What all edges besides messages and media have in common: their state.

package metasim

import (
	"errors"
	"slices"
)

// stateTable is what is done with the rows of a table as a whole.
type stateTable interface {
	forget()
	clear() error
}

// clear removes all rows, also from the records.
func (t *table[T]) clear() error {
	_, err := t.removeWhere(func(T) bool { return true })
	return err
}

// edgeState is the state of the edges.
type edgeState struct {
	flows    *flows
	datasets *datasets
	settings *allSettings
	calls    *calls
	keys     *table[encryptionKey]
	numbers  *numbers
	signups  *signups
	qrs      *qrCodes
	blocked  *blockList
}

func newEdgeState(records RecordStore, accounts int) edgeState {
	return edgeState{
		flows:    newFlows(records),
		datasets: newDatasets(records, accounts),
		settings: &allSettings{rows: newTable[numberSettings](settingsKind, maxEncryptionKeys, errSettingsFull, records)},
		calls:    newCalls(records),
		numbers:  newNumbers(records),
		signups:  newSignups(records),
		qrs:      &qrCodes{rows: newTable[qrCode](qrKind, maxQRCodes, errQRFull, records)},
		blocked:  &blockList{rows: newTable[blockedPerson](blockKind, maxBlockRows, errBlockedFull, records)},
		keys:     newTable[encryptionKey](encryptionKeyKind, maxEncryptionKeys, errKeysFull, records),
	}
}

// isEdgeFull reports whether an error says that a table of the edges is full.
func isEdgeFull(err error) bool {
	return slices.ContainsFunc([]error{errFlowsFull, errKeysFull, errDatasetsFull, errPermissionsFull, errNumbersFull, errTokensFull, errQRFull, errBlockedFull}, func(full error) bool { return errors.Is(err, full) })
}

// edgeTables are the tables of the edges.
func (s *Server) edgeTables() []stateTable {
	return []stateTable{s.flows.rows, s.keys, s.datasets.rows, s.datasets.events, s.datasets.clicks,
		s.settings.rows, s.calls.rows, s.calls.permissions, s.numbers.rows, s.signups,
		s.qrs.rows, s.blocked.rows}
}

// loadEdges reads the state that an earlier Server has left.
func (s *Server) loadEdges() []error {
	return slices.Concat(s.flows.rows.load(s.checkFlowRecord), s.keys.load(s.checkKeyRecord), s.datasets.load(),
		s.settings.rows.load(s.checkSettingsRecord), s.calls.load(), s.loadNumbers(), s.signups.tokens.load(checkTokenRecord),
		s.qrs.rows.load(checkQRRecord), s.blocked.rows.load(checkBlockRecord))
}

// clearEdges removes the state of the edges.
func (s *Server) clearEdges() {
	for _, row := range s.flows.rows.all() {
		s.discardFlowJSON(row.BlobID)
	}
	for _, t := range s.edgeTables() {
		s.logStorage(t.clear())
	}
	s.clearNumbers()
}

// forgetEdges removes the state of the edges from memory.
func (s *Server) forgetEdges() {
	for _, t := range s.edgeTables() {
		t.forget()
	}
}
