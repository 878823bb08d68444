package ferry_test

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestBoundsAreThoseOfTheCode reads the table of bounds in ARCHITECTURE.md, which
// has one bound per row: what · bound · constant · flag. Each constant exists
// and has the value that the row states; so has each flag's default.
func TestBoundsAreThoseOfTheCode(t *testing.T) {
	code, flags := readConstants(t), readFlags(t)
	rows := tableRows(t, "ARCHITECTURE.md", "## Bounds")
	if len(rows) < 40 {
		t.Errorf("the table of bounds has only %d rows", len(rows))
	}
	for _, row := range rows {
		if len(row) != 4 {
			t.Errorf("%q has %d columns; expected what, bound, constant, flag", row, len(row))
			continue
		}
		what, bound, name, flag := row[0], row[1], strings.Trim(row[2], "`"), strings.Trim(row[3], "`")
		if name == "" && flag == "" {
			t.Errorf("%s: neither a constant nor a flag is named", what)
		}
		if name != "" {
			if problem := code.check(name, bound); problem != "" {
				t.Errorf("%s: %s", what, problem)
			}
		}
		if flag == "" {
			continue
		}
		value, exists := flags[strings.TrimPrefix(flag, "--")]
		if !exists || !strings.HasPrefix(flag, "--") {
			t.Errorf("%s: no command has the flag %s", what, flag)
		} else if value != "" && isQuantity(bound) && !sameQuantity(value, bound) {
			t.Errorf("%s: the default of %s is %s, the table says %q", what, flag, value, bound)
		}
	}
}

// constants are the constants of every package by "package.name", as expressions,
// and the documented fields of its structs by "package.Type.Field".
type constants struct {
	values map[string]ast.Expr
	fields map[string]string
}

// check returns what is wrong with a row that states a bound for a name.
func (c constants) check(name, bound string) string {
	if doc, ok := c.fields[name]; ok { // a field with a default in its comment
		stated := defaultInComment.FindStringSubmatch(strings.Join(strings.Fields(doc), " "))
		if isQuantity(bound) && (stated == nil || !sameQuantity(stated[1], bound)) {
			return fmt.Sprintf("the comment of %s does not say that the default is %q: %s", name, bound, doc)
		}
		return ""
	}
	expression, ok := c.values[name]
	if !ok {
		return name + " does not exist"
	}
	packageName, _, _ := strings.Cut(name, ".")
	value, err := c.evaluate(packageName, expression)
	if err != nil {
		return fmt.Sprintf("%s: %v", name, err)
	}
	text := value.ExactString()
	if value.Kind() == constant.Float {
		text = value.String()
	}
	if !sameQuantity(text, bound) {
		return fmt.Sprintf("%s is %s, the table says %q", name, value, bound)
	}
	return ""
}

// evaluate computes a constant expression of a package.
func (c constants) evaluate(packageName string, expression ast.Expr) (constant.Value, error) {
	switch e := expression.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0), nil
	case *ast.ParenExpr:
		return c.evaluate(packageName, e.X)
	case *ast.Ident:
		if value, ok := c.values[packageName+"."+e.Name]; ok {
			return c.evaluate(packageName, value)
		}
	case *ast.SelectorExpr:
		name := e.X.(*ast.Ident).Name + "." + e.Sel.Name
		units := map[string]time.Duration{"time.Millisecond": time.Millisecond, "time.Second": time.Second, "time.Minute": time.Minute, "time.Hour": time.Hour}
		if unit, ok := units[name]; ok {
			return constant.MakeInt64(int64(unit)), nil
		}
		if value, ok := c.values[name]; ok {
			return c.evaluate(e.X.(*ast.Ident).Name, value)
		}
	case *ast.BinaryExpr:
		x, err := c.evaluate(packageName, e.X)
		if err != nil {
			return nil, err
		}
		y, err := c.evaluate(packageName, e.Y)
		if err != nil {
			return nil, err
		}
		if e.Op == token.SHL || e.Op == token.SHR {
			bits, _ := constant.Uint64Val(y)
			return constant.Shift(x, e.Op, uint(bits)), nil
		}
		return constant.BinaryOp(x, e.Op, y), nil
	}
	return nil, fmt.Errorf("an expression of the form %T cannot be evaluated by this test", expression)
}

// quantity is the number that a bound begins with, and its unit.
var quantity = regexp.MustCompile(`^([0-9][0-9,]*(?:\.[0-9]+)?)(?: ?(KiB|MiB|ms|s|min|minutes|m|h|hours?|days?)\b)?`)

// defaultInComment finds the default that the comment of a field states.
var defaultInComment = regexp.MustCompile(`[Dd]efault:? ([0-9].*)`)

// isQuantity reports whether a bound begins with a number.
func isQuantity(bound string) bool { return quantity.MatchString(bound) }

// sameQuantity reports whether a value of the code, in bytes, nanoseconds or as
// written for a flag, is the quantity that a text begins with.
func sameQuantity(value, text string) bool {
	amount := func(text string) float64 {
		parts := quantity.FindStringSubmatch(text)
		if parts == nil {
			return -1
		}
		number, _ := strconv.ParseFloat(strings.ReplaceAll(parts[1], ",", ""), 64)
		unit := map[string]float64{
			"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "ms": 1e6, "s": 1e9, "min": 60e9, "minutes": 60e9, "m": 60e9,
			"h": 3600e9, "hour": 3600e9, "hours": 3600e9, "day": 24 * 3600e9, "days": 24 * 3600e9,
		}
		return number * unit[parts[2]]
	}
	return amount(text) >= 0 && amount(value) == amount(text)
}

// readConstants reads the constants and the structs of all packages but tests.
func readConstants(t *testing.T) constants {
	t.Helper()
	code := constants{map[string]ast.Expr{}, map[string]string{}}
	for _, file := range parseGoFiles(t, "") {
		for _, declaration := range file.Decls {
			general, ok := declaration.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range general.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					for i, name := range s.Names {
						if general.Tok == token.CONST && i < len(s.Values) {
							code.values[file.packageName+"."+name.Name] = s.Values[i]
						}
					}
				case *ast.TypeSpec:
					structure, ok := s.Type.(*ast.StructType)
					if !ok {
						continue
					}
					for _, field := range structure.Fields.List {
						for _, name := range field.Names {
							code.fields[file.packageName+"."+s.Name.Name+"."+name.Name] = field.Doc.Text() + " " + field.Comment.Text()
						}
					}
				}
			}
		}
	}
	return code
}

// readFlags returns the defaults of all flags of the command line by name; ""
// stands for a flag without one. It reads the structs that kong makes flags of.
func readFlags(t *testing.T) map[string]string {
	t.Helper()
	flags := map[string]string{}
	upper := regexp.MustCompile(`([a-z0-9])([A-Z])`)
	for _, file := range parseGoFiles(t, "cmd/ferry/") {
		ast.Inspect(file.File, func(node ast.Node) bool {
			field, ok := node.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			text, _ := strconv.Unquote(field.Tag.Value)
			tag := reflect.StructTag(text)
			if _, ok := tag.Lookup("help"); !ok {
				return true
			}
			for _, name := range field.Names {
				flag := strings.ToLower(upper.ReplaceAllString(name.Name, "$1-$2"))
				if set := tag.Get("name"); set != "" {
					flag = set
				}
				flags[flag] = tag.Get("default")
			}
			return true
		})
	}
	return flags
}

// A goFile is a parsed Go file and the package that the documents call its
// constants by: the name of its folder.
type goFile struct {
	*ast.File
	packageName string
}

// parseGoFiles parses the Go files below a folder that are not tests.
func parseGoFiles(t *testing.T, under string) []goFile {
	t.Helper()
	var parsed []goFile
	for _, path := range goFiles(t) {
		if !strings.HasPrefix(path, under) || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testdata/") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, goFile{file, filepath.Base(filepath.Dir(path))})
	}
	return parsed
}

// tableRows returns the cells of the first table below a heading of a document,
// without its head.
func tableRows(t *testing.T, document, heading string) [][]string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", document, heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	if len(rows) < 2 {
		t.Fatalf("%s has no table below %q", document, heading)
	}
	return rows[2:]
}
