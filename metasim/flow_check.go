// What is wrong with the JSON of a flow (docs/references.md#graph-flows).

package metasim

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	maxFlowProblems   = 100 // that a response has
	maxFlowComponents = 50  // of a screen
	maxFlowScreens    = 100
	maxScreenID       = 80  // characters
	maxFlowMessage    = 400 // bytes, of a problem
	maxFlowPath       = 256 // bytes, of a problem
)

// A FlowProblem is an element of the validation_errors of a flow. Lines and columns
// are counted from 1; the end is the last character.
type FlowProblem struct {
	Code    string `json:"error"`      // such as INVALID_PROPERTY_VALUE
	Type    string `json:"error_type"` // FLOW_JSON_ERROR
	Message string `json:"message"`
	FlowSpan
	Pointers []FlowPointer `json:"pointers"`
}

// A FlowSpan is a part of the JSON of a flow.
type FlowSpan struct {
	LineStart   int `json:"line_start"`
	LineEnd     int `json:"line_end"`
	ColumnStart int `json:"column_start"`
	ColumnEnd   int `json:"column_end"`
}

// A FlowPointer names the value that a problem is about.
type FlowPointer struct {
	FlowSpan
	Path string `json:"path"` // such as screens[0].layout.children[0].type
}

// The versions of Flow JSON (docs/references.md#graph-flows). Frozen ones can be sent
// and not be published.
var (
	flowVersions       = []string{"5.1", "6.0", "6.1", "6.2", "6.3", "7.0", "7.1", "7.2", "7.3"}
	frozenFlowVersions = []string{"2.1", "3.0", "3.1", "4.0", "5.0"}
	flowAPIVersions    = []string{"3.0", "4.0"}

	versionForm = regexp.MustCompile(`^[1-9][0-9]?\.[0-9]$`)
	screenForm  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// reservedScreen is the screen by which an endpoint ends a flow.
const reservedScreen = "SUCCESS"

// flowContent is what the simulator knows of a Flow JSON.
type flowContent struct {
	Version     string        `json:"version,omitempty"`
	APIVersion  string        `json:"data_api_version,omitempty"`
	ChannelURI  string        `json:"data_channel_uri,omitempty"` // before version 3.0
	Screens     []string      `json:"screens,omitempty"`
	FirstScreen string        `json:"first_screen,omitempty"` // to which no other one leads
	Problems    []FlowProblem `json:"problems,omitempty"`
}

// flowCheck checks one Flow JSON.
type flowCheck struct {
	lines    textLines
	problems []FlowProblem
	screens  map[string]*jsonNode
	numeric  float64             // of the version; 0 if it is none
	leads    map[string][]string // screen → screens to which its actions lead
	names    map[string]bool     // of the components of the screen that is being checked
	count    int                 // of its components
}

// checkFlowJSON returns what a text says, and what is wrong with it. It never fails.
func checkFlowJSON(text string) flowContent {
	f := &flowCheck{lines: linesOf(text), screens: map[string]*jsonNode{}, leads: map[string][]string{}}
	root, problem := parseJSON(text)
	switch {
	case problem != nil:
		f.report("INVALID_FLOW_JSON", "", problem.at, problem.at+1, "%s", problem.message)
		return flowContent{Problems: f.problems}
	case root.kind != objectValue:
		f.at("INVALID_FLOW_JSON", "", root, "The Flow JSON must be an object.")
		return flowContent{Problems: f.problems}
	}
	content := flowContent{Version: root.textOf("version"), APIVersion: root.textOf("data_api_version"), ChannelURI: root.textOf("data_channel_uri")}
	f.version(root)
	f.keys("", root, []string{"version", "screens"}, []string{"routing_model", "data_api_version", "data_channel_uri"})
	if screens := root.get("screens"); screens != nil {
		content.Screens = f.allScreens(screens)
	}
	if value := root.get("data_channel_uri"); value != nil && f.numeric >= 3 {
		f.at("INVALID_PROPERTY_KEY", "data_channel_uri", value, "Property 'data_channel_uri' is not allowed from version 3.0 on. Set endpoint_uri of the flow.")
	}
	f.routing(root)
	content.FirstScreen = f.firstScreen(content.Screens)
	content.Problems = f.problems
	return content
}

// report adds a problem about a part of the text.
func (f *flowCheck) report(code, path string, from, to int, format string, args ...any) {
	if len(f.problems) == maxFlowProblems {
		return
	}
	var span FlowSpan
	span.LineStart, span.ColumnStart = f.lines.position(from)
	span.LineEnd, span.ColumnEnd = f.lines.position(max(from, to-1))
	f.problems = append(f.problems, FlowProblem{
		Code: code, Type: "FLOW_JSON_ERROR", Message: truncateTo(fmt.Sprintf(format, args...), maxFlowMessage), FlowSpan: span,
		Pointers: []FlowPointer{{span, truncateTo(path, maxFlowPath)}},
	})
}

// at adds a problem about a value.
func (f *flowCheck) at(code, path string, n *jsonNode, format string, args ...any) {
	f.report(code, path, n.from, n.to, format, args...)
}

// in adds the name of a member to a path.
func in(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// version checks the versions of the language and of the endpoint.
func (f *flowCheck) version(root *jsonNode) {
	n := root.get("version")
	switch {
	case n == nil:
		f.report("MISSING_FLOW_JSON_VERSION", "version", root.from, root.from+1, "Flow JSON version is missing.")
	case n.kind != textValue || !versionForm.MatchString(n.text):
		f.at("INVALID_FLOW_JSON_VERSION", "version", n, "Flow JSON version is invalid. It is a text such as \"%s\".", newestFlowVersion())
	default:
		f.numeric, _ = strconv.ParseFloat(n.text, 64) // the form is that of a number
		newest, _ := strconv.ParseFloat(newestFlowVersion(), 64)
		switch {
		case slices.Contains(flowVersions, n.text), slices.Contains(frozenFlowVersions, n.text):
		case f.numeric > newest:
			f.at("UNAVAILABLE_FLOW_JSON_VERSION", "version", n, "Flow JSON version %s is not available. The newest is %s.", n.text, newestFlowVersion())
		default:
			f.at("UNSUPPORTED_FLOW_JSON_VERSION", "version", n, "Flow JSON version %s is not supported any more.", n.text)
		}
	}
	if n := root.get("data_api_version"); n != nil && (n.kind != textValue || !slices.Contains(flowAPIVersions, n.text)) {
		f.at("NO_SUPPORTED_DATA_API_VERSION", "data_api_version", n, "Data API version is not supported. It is one of %s.", strings.Join(flowAPIVersions, ", "))
	}
}

func newestFlowVersion() string { return flowVersions[len(flowVersions)-1] }

// keys checks which members an object has, and the kinds of those that are known.
func (f *flowCheck) keys(path string, object *jsonNode, required, optional []string) {
	for _, m := range object.members {
		if !slices.Contains(required, m.name) && !slices.Contains(optional, m.name) {
			f.report("INVALID_PROPERTY_KEY", in(path, m.name), m.from, m.to, "Invalid property key '%s' found.", truncate(m.name))
			continue
		}
		f.kind(in(path, m.name), m.name, m.value)
	}
	for _, name := range required {
		if object.get(name) == nil && !(path == "" && name == "version") { // which has a code of its own
			f.report("MISSING_REQUIRED_TYPE_PROPERTY", path, object.from, object.from+1, "Missing required property '%s'.", name)
		}
	}
}

// isExpression reports whether a value is computed on the device.
func isExpression(n *jsonNode) bool {
	return n.kind == textValue && (strings.HasPrefix(n.text, "${") || strings.HasPrefix(n.text, "`"))
}

// kind checks the kind of a value of a property that the language has.
func (f *flowCheck) kind(path, name string, value *jsonNode) {
	kinds, ok := propertyKinds[name]
	if !ok || name != "value" && isExpression(value) {
		return
	}
	if !slices.Contains(kinds, value.kind) {
		f.at("INVALID_PROPERTY_TYPE", path, value, "Invalid type found for property '%s'.", name)
		return
	}
	if value.kind == textValue && value.text == "" && f.numeric >= 6 {
		f.at("MIN_CHARS_REQUIRED", path, value, "Property '%s' must have at least 1 character.", name)
	}
	if values, ok := propertyValues[name]; ok && value.kind == textValue && !slices.Contains(values, value.text) {
		f.at("INVALID_ENUM_VALUE", path, value, "Invalid value found for property '%s'. It is one of %s.", name, strings.Join(values, ", "))
	}
}

// allScreens checks the screens and returns their ids.
func (f *flowCheck) allScreens(list *jsonNode) (ids []string) {
	if list.kind != listValue { // keys has reported it
		return nil
	}
	if len(list.elements) == 0 {
		f.at("MIN_ITEMS_REQUIRED", "screens", list, "Property 'screens' must have at least 1 item.")
	}
	if len(list.elements) > maxFlowScreens {
		f.at("INVALID_PROPERTY_VALUE", "screens", list, "Property 'screens' has more than %d items.", maxFlowScreens)
		return nil
	}
	for i, screen := range list.elements {
		path := elementPath("screens", i)
		if screen.kind != objectValue {
			f.at("INVALID_PROPERTY_TYPE", path, screen, "Invalid type found for a screen, which is an object.")
			continue
		}
		if id := f.screenID(path, screen); id != "" {
			ids = append(ids, id)
			f.screens[id] = screen
		}
	}
	terminal := false
	for i, screen := range list.elements {
		if screen.kind == objectValue {
			terminal = terminal || screen.isTrue("terminal")
			f.screen(elementPath("screens", i), screen)
		}
	}
	if !terminal && len(list.elements) > 0 {
		f.at("INVALID_ROUTING_MODEL", "screens", list.elements[0], "At least one screen must be terminal.")
	}
	return ids
}

// screenID returns the id of a screen if nothing is wrong with it.
func (f *flowCheck) screenID(path string, screen *jsonNode) string {
	id := screen.get("id")
	path = in(path, "id")
	switch {
	case id == nil, id.kind != textValue: // reported by keys
	case !screenForm.MatchString(id.text), len(id.text) > maxScreenID:
		f.at("PATTERN_MISMATCH", path, id, "Property 'id' must consist of letters and underscores.")
	case id.text == reservedScreen:
		f.at("INVALID_PROPERTY_VALUE", path, id, "Invalid value found for property 'id'. %s is reserved.", reservedScreen)
	case f.screens[id.text] != nil:
		f.at("INVALID_PROPERTY_VALUE", path, id, "Invalid value found for property 'id'. Another screen has the id %s.", truncate(id.text))
	default:
		return id.text
	}
	return ""
}

// screen checks a screen with its components.
func (f *flowCheck) screen(path string, screen *jsonNode) {
	f.keys(path, screen, []string{"id", "layout"}, []string{"title", "terminal", "success", "data", "refresh_on_back", "sensitive"})
	f.names, f.count = map[string]bool{}, 0
	f.dataModel(in(path, "data"), screen.get("data"))
	layout := screen.get("layout")
	if layout == nil || layout.kind != objectValue {
		return
	}
	path = in(path, "layout")
	f.keys(path, layout, []string{"type", "children"}, nil)
	if kind := layout.get("type"); kind != nil && kind.kind == textValue && kind.text != "SingleColumnLayout" {
		f.at("INVALID_PROPERTY_VALUE", in(path, "type"), kind, "Invalid value found for property 'type'.")
	}
	children := layout.get("children")
	if children == nil || children.kind != listValue {
		return
	}
	f.children(in(path, "children"), children, screen, 0)
	if f.count > maxFlowComponents {
		f.at("INVALID_PROPERTY_VALUE", in(path, "children"), children, "A screen has at most %d components.", maxFlowComponents)
	}
	if screen.isTrue("terminal") && !hasComponent(children, "Footer", 0) {
		f.report("MISSING_REQUIRED_TYPE_PROPERTY", in(path, "children"), children.from, children.from+1, "A terminal screen must have a Footer.")
	}
}

// dataModel checks what a screen receives.
func (f *flowCheck) dataModel(path string, data *jsonNode) {
	if data == nil || data.kind != objectValue {
		return
	}
	for _, m := range data.members {
		at := in(path, m.name)
		if m.value.kind != objectValue {
			f.at("INVALID_PROPERTY_TYPE", at, m.value, "Invalid type found for property '%s', which is an object with type and __example__.", truncate(m.name))
			continue
		}
		kind := m.value.get("type")
		switch {
		case kind == nil:
			f.report("MISSING_REQUIRED_TYPE_PROPERTY", at, m.value.from, m.value.from+1, "Missing required property 'type'.")
		case kind.kind != textValue || !slices.Contains([]string{"string", "number", "boolean", "object", "array"}, kind.text):
			f.at("INVALID_ENUM_VALUE", in(at, "type"), kind, "Invalid value found for property 'type'.")
		}
		if m.value.get("__example__") == nil {
			f.report("MISSING_REQUIRED_TYPE_PROPERTY", at, m.value.from, m.value.from+1, "Missing required property '__example__'.")
		}
	}
}
