package state_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"ferry/internal/state"
)

// Tables that have hundreds of thousands of rows, with their names in queries.
const bigTables = `(event|delivery|lane|message|e|d|l|m)`

var (
	// A row of SQLite's EXPLAIN QUERY PLAN that reads a whole table, or a whole index.
	sqliteScan = regexp.MustCompile(`^SCAN ` + bigTables + `\b`)
	// The same in PostgreSQL's EXPLAIN, where a scan of an index that has no condition reads all of it.
	postgresScan = regexp.MustCompile(`Seq Scan on ` + bigTables + `\b`)
	// A row of a plan of SQLite that sorts by more than what an index has not sorted yet.
	sqliteSort = regexp.MustCompile(`USE TEMP B-TREE FOR ORDER BY`)

	postgresIndex = regexp.MustCompile(`Index (Only )?Scan .*(using|on) \S+( on ` + bigTables + `\b.*)?$`)
)

// wholeTable returns the row of a plan that reads a big table as a whole; empty means none.
func wholeTable(plan []string) string {
	for i, row := range plan {
		if sqliteScan.MatchString(row) || postgresScan.MatchString(row) {
			return row
		}
		if postgresIndex.MatchString(row) && (i+1 == len(plan) || !strings.Contains(plan[i+1], "Index Cond")) {
			return row
		}
	}
	return ""
}

func TestNoListCountChangeOrPurgeOfEventsReadsAWholeTable(t *testing.T) {
	filters := map[string]state.EventFilter{
		"all":                    {},
		"id":                     {ID: "one"},
		"id and state":           {ID: "one", State: "dead"},
		"name":                   {Name: "status.*"},
		"since":                  {Since: now, Kind: state.KindEvent},
		"status":                 {Status: "failed"},
		"status and dead":        {Status: "failed", State: "dead"},
		"dead":                   {State: "dead"},
		"waiting since":          {State: "waiting", Since: now},
		"delivered":              {State: "delivered"},
		"destination":            {Destination: "event/1"},
		"destination since":      {Destination: "event/1", Since: now, Until: now.Add(time.Hour)},
		"destination and state":  {Destination: "event/1", State: "waiting"},
		"destination and name":   {Destination: "event/1", Name: "message.*"},
		"destination, delivered": {Destination: "event/1", State: "delivered"},
	}
	eachKind(t, func(t *testing.T, db *state.DB) {
		if err := db.FillForPlans(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{`SELECT id FROM event e WHERE name = 'x'`, `SELECT lane_id FROM delivery d WHERE attempts = 3`} {
			if plan, err := db.Explain(t.Context(), state.NewStatement(bad)); err != nil || wholeTable(plan) == "" {
				t.Errorf("%s does not read a whole table: %q, %v", bad, plan, err)
			}
		}
		for name, filter := range filters {
			filter.AccountID = "111122223333"
			for _, s := range db.EventStatements(filter) {
				plan, err := db.Explain(t.Context(), s)
				if err != nil {
					t.Fatalf("%s: %v\n%s", name, err, s)
				}
				text := strings.Join(plan, "\n")
				if row := wholeTable(plan); row != "" {
					t.Errorf("%s: %q reads a whole table\n%s\n%s", name, row, s, text)
				}
				if filter.ID == "" && !s.IsBatch && sqliteSort.MatchString(text) {
					t.Errorf("%s: all rows are sorted\n%s\n%s", name, s, text)
				}
				if isOpen := filter.State == "dead" || filter.State == "waiting"; isOpen && filter.ID == "" && filter.Since.IsZero() && s.Deliveries && !strings.Contains(text, "delivery_open") {
					t.Errorf("%s: the index of open deliveries is not used\n%s\n%s", name, s, text)
				}
			}
		}
	})
}
