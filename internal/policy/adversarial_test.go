package policy

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// sampleRows are rows that must be present. iam:PassRole (M33), spoofed addresses and the cache of policies (M35) are
// tested with the gate.
var sampleRows = strings.Fields("M01 M03 M05 M07 M09 M10 M11 M13 M15 M17 M19 M21 M23 M25 M27 M29 M31")

// rows reads a file of testdata/adversarial and expands \xHH and {N*x}. The test fails if there are fewer
// rows than least.
func rows(t *testing.T, name string, fields, least int) [][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "adversarial", name))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		row := strings.SplitN(line+" ", " | ", fields)
		if len(row) != fields {
			t.Fatalf("%s: %d fields, want %d: %s", name, len(row), fields, line)
		}
		for i := range row {
			row[i] = expand(strings.TrimSpace(row[i]))
		}
		out = append(out, row)
	}
	if len(out) < least {
		t.Errorf("%s has %d rows, want at least %d", name, len(out), least)
	}
	t.Logf("%s: %d rows", name, len(out))
	return out
}

var (
	repeat  = regexp.MustCompile(`\{(\d+)\*([^{}]*)\}`)
	hexByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)
)

func expand(s string) string {
	s = repeat.ReplaceAllStringFunc(s, func(m string) string {
		parts := repeat.FindStringSubmatch(m)
		n, _ := strconv.Atoi(parts[1])
		return strings.Repeat(parts[2], n)
	})
	return hexByte.ReplaceAllStringFunc(s, func(m string) string {
		b, _ := strconv.ParseUint(m[2:], 16, 8)
		return string([]byte{byte(b)})
	})
}

func TestLoadRows(t *testing.T) {
	all := rows(t, "m_load.txt", 3, 142)
	for _, row := range rows(t, "m_condition_load.txt", 3, 144) {
		row[2] = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + row[2] + `}}`
		all = append(all, row)
	}
	for _, row := range all {
		doc, err := Parse([]byte(row[2]))
		if row[1] == "ok" {
			if err != nil || doc == nil {
				t.Errorf("%s: %v", row[0], err)
			}
			continue
		}
		if err == nil || doc != nil {
			t.Errorf("%s: loaded", row[0])
			continue
		}
		for _, part := range strings.Split(row[1], "; ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", row[0], err, part)
			}
		}
	}
}

func TestDecideRows(t *testing.T) {
	names := strings.NewReplacer("SM:", "social-messaging:", "sm:", "Social-Messaging:",
		"P/", "arn:aws:social-messaging:us-east-1:123456789012:phone-number-id/")
	for _, row := range rows(t, "m_decide.txt", 5, 62) {
		var statements []string
		for i, text := range strings.Split(names.Replace(row[4]), ";") {
			statements = append(statements, statementJSON(t, i, strings.Fields(text)))
		}
		doc, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`))
		if err != nil {
			t.Errorf("%s: %v", row[0], err)
			continue
		}
		want := map[string]Outcome{"none": NoAllow, "allow": Allowed, "deny": ExplicitDeny}[row[1]]
		got := must(t, []*Document{doc}, Request{Action: names.Replace(row[2]), Resource: names.Replace(row[3])})
		if got.Outcome != want || got.Allowed() != (row[1] == "allow") {
			t.Errorf("%s: %v, want %s", row[0], got, row[1])
		}
		if got.Outcome == ExplicitDeny && !strings.HasPrefix(got.Sid, "Deny") {
			t.Errorf("%s: Sid %q", row[0], got.Sid)
		}
	}
}

// statementJSON writes one statement of a decision row.
func statementJSON(t *testing.T, i int, fields []string) string {
	t.Helper()
	if len(fields) != 3 {
		t.Fatalf("%q has not three parts", fields)
	}
	effect := map[string]string{"+": "Allow", "-": "Deny"}[fields[0]]
	text := fmt.Sprintf(`{"Sid":"%s%d","Effect":"%s"`, effect, i, effect)
	for k, name := range []string{"Action", "Resource"} {
		list, not := strings.CutPrefix(fields[k+1], "!")
		if not {
			name = "Not" + name
		}
		text += fmt.Sprintf(`,"%s":["%s"]`, name, strings.ReplaceAll(list, ",", `","`))
	}
	return text + "}"
}

func TestSampleRowsAreThere(t *testing.T) {
	seen := map[string]bool{}
	for name, fields := range map[string]int{"m_load.txt": 3, "m_decide.txt": 5, "m_condition_load.txt": 3, "m_condition.txt": 6} {
		for _, row := range rows(t, name, fields, 1) {
			id, _, _ := strings.Cut(row[0], ".")
			seen[id] = true
		}
	}
	for _, id := range sampleRows {
		if !seen[id] {
			t.Errorf("no row %s", id)
		}
	}
	files, err := filepath.Glob("testdata/adversarial/*")
	if err != nil || len(files) != 4 {
		t.Errorf("%v, %v: a file without a test", files, err)
	}
}
