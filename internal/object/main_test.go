package object

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// corpus returns the rows of a file in testdata/adversarial. It fails the test if there
// are fewer than floor, which must be raised when rows are added.
func corpus(t testing.TB, name string, floor int) []string {
	t.Helper()
	file, err := os.Open("testdata/adversarial/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var rows []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if row := strings.TrimSpace(lines.Text()); row != "" && !strings.HasPrefix(row, "#") {
			rows = append(rows, row)
		}
	}
	if len(rows) < floor {
		t.Fatalf("%s has %d rows; it had %d", name, len(rows), floor)
	}
	return rows
}

// count fails a test that did not check each row.
func count(t *testing.T, judged, rows int) {
	t.Helper()
	if judged != rows {
		t.Errorf("%d of %d rows were checked", judged, rows)
	}
}
