package socialmessaging

import (
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
)

// A model is the content of testdata/model.txt, which describes its format.
type model struct {
	exceptions map[string]string // "404 client", "429 client retryable"
	operations []modelOperation
	paginators map[string]string // the result by operation
	structures map[string]modelStructure
	types      map[string]modelType
}

type modelOperation struct {
	row     string // "Name METHOD path"
	throws  []string
	in, out []modelMember
}

type modelStructure struct {
	sensitive bool
	members   []modelMember
}

type modelMember struct {
	name, typ string
	inQuery   bool
	required  bool
}

type modelType struct {
	kind       string // "string", "list", "map", …
	of         []string
	sensitive  bool
	constraint constraint
}

func readModel(t *testing.T) *model {
	t.Helper()
	text, err := os.ReadFile("testdata/model.txt")
	if err != nil {
		t.Fatal(err)
	}
	m := &model{exceptions: map[string]string{}, paginators: map[string]string{}, structures: map[string]modelStructure{}, types: map[string]modelType{}}
	structure := ""
	for number, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		words := append(strings.Fields(line), "")
		last := max(0, len(m.operations)-1)
		switch words[0] {
		case "", "cors":
		case "exception":
			m.exceptions[words[1]] = strings.TrimSpace(strings.Join(words[2:], " "))
		case "operation":
			m.operations = append(m.operations, modelOperation{row: strings.TrimPrefix(line, "operation ")})
		case "throws":
			m.operations[last].throws = words[1 : len(words)-1]
		case "in":
			m.operations[last].in = append(m.operations[last].in, memberLine(words))
		case "out":
			m.operations[last].out = append(m.operations[last].out, memberLine(words))
		case "paginator":
			m.paginators[words[1]] = words[2]
		case "structure":
			structure = words[1]
			m.structures[structure] = modelStructure{sensitive: words[2] == "sensitive"}
		case "member":
			s := m.structures[structure]
			s.members = append(s.members, memberLine(words))
			m.structures[structure] = s
		case "type":
			m.types[words[1]] = typeLine(line, words)
		default:
			t.Fatalf("testdata/model.txt:%d: %q", number+1, line)
		}
	}
	return m
}

func memberLine(words []string) modelMember {
	m := modelMember{name: words[1], typ: words[2], inQuery: words[3] == "query", required: slices.Contains(words[3:], "required")}
	if i := slices.Index(words, "as"); i > 0 {
		m.name = words[i+1]
	}
	return m
}

func typeLine(line string, words []string) modelType {
	mt := modelType{kind: words[2], constraint: constraint{Name: words[1]}}
	for i, word := range words[:len(words)-1] {
		next := words[i+1]
		switch word {
		case "of", "from", "to":
			mt.of = append(mt.of, next)
		case "sensitive":
			mt.sensitive, mt.constraint.Sensitive = true, true
		case "min":
			mt.constraint.Min, _ = strconv.ParseInt(next, 10, 64)
		case "max":
			mt.constraint.Max, _ = strconv.ParseInt(next, 10, 64)
		case "enum":
			mt.constraint.Enum = strings.Split(next, ",")
		case "pattern":
			_, mt.constraint.Pattern, _ = strings.Cut(line, " pattern ")
			return mt
		}
	}
	return mt
}

func TestTableHasEveryOperationOfTheModelAndNoOther(t *testing.T) {
	var want, have []string
	for _, o := range readModel(t).operations {
		want = append(want, o.row)
	}
	for _, o := range Operations {
		have = append(have, o.Name+" "+o.Method+" "+o.Path)
	}
	if diff := cmp.Diff(want, have); diff != "" || len(want) != 38 {
		t.Errorf("%d operations in the model, 38 expected; the table differs (-model +table):\n%s", len(want), diff)
	}
}

func TestExceptionsAreTheModels(t *testing.T) {
	m := readModel(t)
	have := map[string]string{}
	for _, kind := range kinds {
		text := fmt.Sprintf("%d client", kind.Status)
		if kind.Fault == smithy.FaultServer {
			text = fmt.Sprintf("%d server", kind.Status)
		}
		if kind.Retryable {
			text += " retryable"
		}
		have[kind.Name] = text
		typed := kind.typed("text")
		if typed.ErrorCode() != kind.Name || typed.ErrorFault() != kind.Fault || typed.ErrorMessage() != "text" || reflect.TypeOf(typed).Elem().Name() != kind.Name {
			t.Errorf("%s makes a %T: %v, fault %v", kind.Name, typed, typed, typed.ErrorFault())
		}
	}
	if diff := cmp.Diff(m.exceptions, have); diff != "" {
		t.Errorf("(-model +package):\n%s", diff)
	}
	for i, o := range Operations {
		var declared []string
		for _, kind := range o.Exceptions {
			declared = append(declared, strings.TrimSuffix(kind.Name, "Exception"))
		}
		slices.Sort(declared)
		if diff := cmp.Diff(m.operations[i].throws, declared); diff != "" {
			t.Errorf("%s (-model +table):\n%s", o.Name, diff)
		}
	}
}

// Every member of every shape: its name and place on the wire, whether it is
// required, its Go type and its named type.
func TestShapesAreTheModels(t *testing.T) {
	m := readModel(t)
	compared := map[string]bool{}
	for i, o := range Operations {
		m.compare(t, o.Name+"Input", o.input, m.operations[i].in, compared)
		m.compare(t, o.Name+"Output", o.output, m.operations[i].out, compared)
		if field, found := o.output.goType.FieldByName(resultMetadata); !found || field.Type != reflect.TypeFor[middleware.Metadata]() {
			t.Errorf("%sOutput has no ResultMetadata", o.Name)
		}
	}
	if len(compared) != len(m.structures)+2*38 {
		t.Errorf("%d shapes compared, want %d structures and 76 inputs and outputs", len(compared), len(m.structures))
	}
}

func (m *model) compare(t *testing.T, name string, s *shape, want []modelMember, compared map[string]bool) {
	t.Helper()
	if compared[name] {
		return
	}
	compared[name] = true
	if s.goType.Name() != name || s.sensitive != m.structures[name].sensitive {
		t.Errorf("%s is %s, sensitive: %v", name, s.goType, s.sensitive)
	}
	var have []modelMember
	for i, have1 := range s.members {
		field := s.goType.FieldByIndex(have1.index)
		member := modelMember{name: have1.name, inQuery: have1.inQuery, required: have1.required}
		if i < len(want) {
			member.typ = m.typeOf(t, want[i], have1, field)
		}
		have = append(have, member)
		if have1.nested != nil {
			nested := elementOf(field.Type).Name()
			m.compare(t, nested, have1.nested, m.structures[nested].members, compared)
		}
	}
	if diff := cmp.Diff(want, have, cmp.AllowUnexported(modelMember{})); diff != "" {
		t.Errorf("%s (-model +shape):\n%s", name, diff)
	}
}

// typeOf returns the model type of a field: that of the model's member if the
// field's Go type and constraint are the right ones for it.
func (m *model) typeOf(t *testing.T, want modelMember, have member, field reflect.StructField) string {
	if got := field.Type.String(); got != m.goType(want.typ, true) {
		t.Errorf("%s is a %s, want %s", field.Name, got, m.goType(want.typ, true))
	}
	if have.constraint != nil {
		return have.constraint.Name
	}
	if m.isFree(want.typ) {
		return want.typ
	}
	return ""
}

// isFree reports whether a type has no constraints of its own: it needs no
// constraint.
func (m *model) isFree(name string) bool {
	_, isStructure := m.structures[name]
	return isStructure || reflect.DeepEqual(m.constraintOf(m.types[name]), constraint{Name: name})
}

// goType returns the Go type of a model type, as aws-sdk-go-v2 has it.
func (m *model) goType(name string, isMember bool) string {
	pointer := ""
	if isMember {
		pointer = "*"
	}
	if _, isStructure := m.structures[name]; isStructure {
		return pointer + "types." + name
	}
	switch mt := m.types[name]; {
	case mt.constraint.Enum != nil:
		return "types." + name
	case mt.kind == "list":
		return "[]" + m.goType(mt.of[0], false)
	case mt.kind == "map":
		return "map[string]" + m.goType(mt.of[1], false)
	case mt.kind == "blob":
		return "[]uint8"
	default:
		return pointer + map[string]string{"string": "string", "boolean": "bool", "integer": "int32", "long": "int64", "timestamp": reflect.TypeFor[time.Time]().String()}[mt.kind]
	}
}

// constraintOf returns a type of the model as this package declares it.
func (m *model) constraintOf(mt modelType) constraint {
	c := mt.constraint
	if c.Name == "S3PresignedUrlUrlString" {
		c.Pattern = "" // left out on purpose: see constraints
	}
	named := func(name string) string {
		if m.isFree(name) {
			return ""
		}
		return name
	}
	switch mt.kind {
	case "list":
		c.Element = named(mt.of[0])
	case "map":
		c.Key, c.Value = named(mt.of[0]), named(mt.of[1])
	}
	return c
}

func TestConstraintsAreTheModels(t *testing.T) {
	m := readModel(t)
	want, have := map[string]constraint{}, map[string]constraint{}
	for name, mt := range m.types {
		if !m.isFree(name) {
			want[name] = m.constraintOf(mt)
		}
	}
	token := want["WhatsAppSignupCallbackAccessTokenString"]
	token.Sensitive = true // stricter than the model: messages are logged
	want[token.Name] = token
	for name, c := range constraints {
		c := *c
		c.Hint = "" // not the model's
		c.pattern, c.element, c.key, c.value = nil, nil, nil, nil
		have[name] = c
	}
	if diff := cmp.Diff(want, have, cmp.AllowUnexported(constraint{})); diff != "" {
		t.Errorf("(-model +package):\n%s", diff)
	}
}

func TestPaginatorsAreTheModels(t *testing.T) {
	m := readModel(t)
	have := map[string]string{}
	for _, o := range Operations {
		_, hasToken := o.input.goType.FieldByName("NextToken")
		if _, next := o.output.goType.FieldByName("NextToken"); hasToken && next {
			have[o.Name] = o.output.members[0].name
		}
	}
	if diff := cmp.Diff(m.paginators, have); diff != "" {
		t.Errorf("(-model +package):\n%s", diff)
	}
	if names := slices.Sorted(maps.Keys(have)); len(names) != 5 {
		t.Errorf("%d paginators, want 5", len(names))
	}
}

func TestEveryPatternOfTheModelCompiles(t *testing.T) {
	for name, c := range constraints {
		if c.Pattern == "" {
			continue
		}
		if c.pattern().MatchString("") && c.Min > 0 {
			t.Errorf("the pattern of %s matches an empty value, which is shorter than %d", name, c.Min)
		}
	}
}
