package socialmessaging

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The model's reference lies beside the repository, not in it.
const modelFile = "../../shared/reference/model.md"

// readModel gives the reference's lines.
func readModel(t *testing.T) []string {
	path := modelFile
	if given := os.Getenv("FERRY_MODEL"); given != "" {
		path = given
	}
	text, err := os.ReadFile(filepath.FromSlash(path))
	if err != nil {
		t.Skipf("skipped: the reference of the service model is missing (%v); set FERRY_MODEL to its path", err)
	}
	return strings.Split(string(text), "\n")
}

// row splits a table's line into its cells; an escaped bar belongs to a cell.
func row(line string) []string {
	line = strings.ReplaceAll(line, `\|`, "\x00")
	var cells []string
	for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		cells = append(cells, strings.ReplaceAll(strings.Trim(strings.TrimSpace(cell), "`"), "\x00", "|"))
	}
	return cells
}

func TestTableHasEveryOperationOfTheModelAndNoOther(t *testing.T) {
	operation := regexp.MustCompile(`^\| \d+ \| \[(\w+)\]\(.*\) \| (\w+) \| ` + "`(.*)`" + ` \| 200 \|`)
	var found []string
	for _, line := range readModel(t) {
		if m := operation.FindStringSubmatch(line); m != nil {
			found = append(found, m[1]+" "+m[2]+" "+m[3])
		}
	}
	var have []string
	for _, o := range Operations {
		have = append(have, o.Name+" "+o.Method+" "+o.Path)
	}
	if !reflect.DeepEqual(have, found) || len(found) != 33 {
		t.Errorf("the table is\n%s\nthe model has\n%s", strings.Join(have, "\n"), strings.Join(found, "\n"))
	}
}

func TestDeclaredExceptionsAreTheModels(t *testing.T) {
	var header []string
	checked := 0
	for _, line := range readModel(t) {
		if strings.HasPrefix(line, "| Operation | AccessDeniedByMeta 403") {
			header = row(line)
			continue
		}
		cells := row(line)
		operation, known := OperationByName(cells[0])
		if header == nil || len(cells) != len(header) || !known || !operation.Built() {
			continue
		}
		checked++
		declared := map[string]bool{}
		for _, kind := range operation.Exceptions {
			declared[fmt.Sprintf("%s %d", strings.TrimSuffix(kind.Name, "Exception"), kind.Status)] = true
		}
		for i, name := range header[1:] {
			if declared[name] != (cells[i+1] == "x") {
				t.Errorf("%s declares %s: %v, in the model %q", operation.Name, name, declared[name], cells[i+1])
			}
		}
	}
	if want := len(built()); checked != want {
		t.Errorf("%d operations compared, want %d", checked, want)
	}
}

// TestMembersAreTheModels compares every member of every built shape: where it
// travels, whether it is required, its constraints.
func TestMembersAreTheModels(t *testing.T) {
	model := modelMembers(readModel(t))
	for _, o := range built() {
		compare(t, model, o.Name+" in", o.input)
		compare(t, model, o.Name+" out", o.output)
	}
}

// modelMembers maps "Operation in|out" or a structure's name to its members' rows.
func modelMembers(lines []string) map[string]map[string][]string {
	members := map[string]map[string][]string{}
	section := ""
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "### "); ok {
			section = name
		}
		cells := row(line)
		switch {
		case len(cells) == 8 && (cells[0] == "in" || cells[0] == "out") && cells[1] != "(no members)":
			put(members, section+" "+cells[0], cells[1], []string{cells[2], cells[3], cells[5], cells[6]})
		case len(cells) == 5 && cells[0] != "Member" && !strings.HasPrefix(cells[0], "-"):
			put(members, section, cells[0], []string{cells[1], "body", cells[2], cells[3]})
		}
	}
	return members
}

func put(members map[string]map[string][]string, shape, name string, rest []string) {
	if members[shape] == nil {
		members[shape] = map[string][]string{}
	}
	members[shape][name] = rest
}

func compare(t *testing.T, model map[string]map[string][]string, name string, s *shape) {
	rows := model[name]
	if len(rows) != len(s.members) {
		t.Errorf("%s has %d members, in the model %d", name, len(s.members), len(rows))
	}
	for _, m := range s.members {
		cells, known := rows[m.name]
		if !known {
			t.Errorf("%s.%s is not in the model", name, m.name)
			continue
		}
		place := map[bool]string{true: "query", false: "body"}[m.inQuery]
		if cells[1] != place || cells[2] != map[bool]string{true: "yes", false: "no"}[m.required] {
			t.Errorf("%s.%s is in the %s, required %v; in the model %v", name, m.name, place, m.required, cells)
		}
		if want := modelConstraints(cells[3]); m.constraint != nil || want != (bounds{}) {
			compareConstraint(t, name+"."+m.name, cells[0], m.constraint, want)
		}
		if m.nested != nil {
			target := regexp.MustCompile(`\[(\w+)\]\(#`).FindStringSubmatch(cells[0])
			if target == nil {
				t.Errorf("%s.%s is a structure; in the model %s", name, m.name, cells[0])
				continue
			}
			compare(t, model, target[1], m.nested)
		}
	}
}

type bounds struct {
	min, max      int64
	pattern, enum string
}

// modelConstraints reads "min length 1; max length 115; pattern `…`", "enum `A`, `B`".
func modelConstraints(text string) bounds {
	var b bounds
	number := func(expression string) int64 {
		m := regexp.MustCompile(expression).FindStringSubmatch(text)
		if m == nil {
			return 0
		}
		n, _ := strconv.ParseInt(m[1], 10, 64)
		return n
	}
	b.min, b.max = number(`min (?:length|value|items) (\d+)`), number(`max (?:length|value|items) (\d+)`)
	if _, pattern, found := strings.Cut(text, "pattern `"); found {
		b.pattern = strings.TrimSuffix(pattern, "`")
	} else if _, enum, found := strings.Cut(text, "enum "); found {
		b.enum = strings.ReplaceAll(enum, "`", "")
	}
	return b
}

func compareConstraint(t *testing.T, path, modelType string, c *Constraint, want bounds) {
	if c == nil {
		t.Errorf("%s has no constraint; in the model %+v", path, want)
		return
	}
	if c.Name == "S3PresignedUrlUrlString" {
		want.pattern = "" // left out on purpose: see constraints
	}
	if !strings.Contains(modelType, c.Name) {
		t.Errorf("%s is a %s; in the model %s", path, c.Name, modelType)
	}
	if have := (bounds{c.Min, c.Max, c.Pattern, strings.Join(c.Enum, ", ")}); have != want {
		t.Errorf("%s has %+v; in the model %+v", path, have, want)
	}
}

func built() []*Operation {
	var list []*Operation
	for _, o := range Operations {
		if o.Built() {
			list = append(list, o)
		}
	}
	return list
}
