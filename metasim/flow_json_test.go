package metasim

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// goodFlow is a Flow JSON of two screens with which nothing is wrong.
const goodFlow = `{
  "version": "7.3",
  "screens": [
    {
      "id": "NAME",
      "title": "Name",
      "layout": {
        "type": "SingleColumnLayout",
        "children": [
          {"type": "Form", "name": "form", "children": [
            {"type": "TextInput", "name": "first", "label": "First name", "input-type": "text", "required": true},
            {"type": "Footer", "label": "Next", "on-click-action": {"name": "navigate", "next": {"type": "screen", "name": "DONE"}, "payload": {"first": "${form.first}"}}}
          ]}
        ]
      }
    },
    {
      "id": "DONE",
      "terminal": true,
      "data": {"first": {"type": "string", "__example__": "Ann"}},
      "layout": {
        "type": "SingleColumnLayout",
        "children": [
          {"type": "TextBody", "text": "${data.first}"},
          {"type": "Footer", "label": "Finish", "on-click-action": {"name": "complete", "payload": {}}}
        ]
      }
    }
  ]
}`

func TestProblemsOfAFlowJSONHaveMetasCodesAndTheirPlace(t *testing.T) {
	const footer = `{"type":"Footer","label":"Finish","on-click-action":{"name":"complete"}}`
	one := func(children string) string {
		return `{"version":"7.3","screens":[{"id":"ONE","terminal":true,"layout":{"type":"SingleColumnLayout","children":[` + children + `]}}]}`
	}
	with := func(from, to string) string { return strings.Replace(goodFlow, from, to, 1) }
	endpoint := func(model string) string {
		return with(`"version": "7.3",`, `"version": "7.3", "data_api_version": "4.0", "routing_model": `+model+`,`)
	}
	tests := map[string]struct {
		json, code, path, at string // at is the part of the text; empty means that it is not looked at
	}{
		"nothing":                  {goodFlow, "", "", ""},
		"a routing model":          {endpoint(`{"NAME": ["DONE"], "DONE": []}`), "", "", ""},
		"an expression":            {one(`{"type":"TextBody","text":"A","visible":"${data.shown}"},` + footer), "", "", ""},
		"a condition":              {one(`{"type":"If","condition":"${data.a}","then":[{"type":"TextBody","text":"A"}],"else":[]},` + footer), "", "", ""},
		"cases":                    {one(`{"type":"Switch","value":"${data.a}","cases":{"x":[` + footer + `]}}`), "", "", ""},
		"no JSON":                  {`{"version": "7.3", ]`, "INVALID_FLOW_JSON", "", "]"},
		"half a JSON":              {`{"version"`, "INVALID_FLOW_JSON", "", ""},
		"no text":                  {"", "INVALID_FLOW_JSON", "", ""},
		"a list":                   {"[]", "INVALID_FLOW_JSON", "", "[]"},
		"too deep":                 {strings.Repeat("[", 200) + strings.Repeat("]", 200), "INVALID_FLOW_JSON", "", ""},
		"no version":               {with(`"version": "7.3",`, ""), "MISSING_FLOW_JSON_VERSION", "version", "{"},
		"a version's form":         {with(`"7.3"`, `"7"`), "INVALID_FLOW_JSON_VERSION", "version", `"7"`},
		"a version that has ended": {with(`"7.3"`, `"1.0"`), "UNSUPPORTED_FLOW_JSON_VERSION", "version", `"1.0"`},
		"a later version":          {with(`"7.3"`, `"8.0"`), "UNAVAILABLE_FLOW_JSON_VERSION", "version", `"8.0"`},
		"an endpoint's version":    {with(`"version"`, `"data_api_version": "2.0", "routing_model": {"NAME": ["DONE"], "DONE": []}, "version"`), "NO_SUPPORTED_DATA_API_VERSION", "data_api_version", `"2.0"`},
		"an old member":            {with(`"version"`, `"data_channel_uri": "https://a.example", "version"`), "INVALID_PROPERTY_KEY", "data_channel_uri", `"https://a.example"`},
		"an unknown member":        {with(`"title"`, `"titel"`), "INVALID_PROPERTY_KEY", "screens[0].titel", `"titel"`},
		"no screens":               {`{"version":"7.3"}`, "MISSING_REQUIRED_TYPE_PROPERTY", "", "{"},
		"an empty list":            {`{"version":"7.3","screens":[]}`, "MIN_ITEMS_REQUIRED", "screens", "[]"},
		"screens as an object":     {`{"version":"7.3","screens":{}}`, "INVALID_PROPERTY_TYPE", "screens", "{}"},
		"a screen as a text":       {`{"version":"7.3","screens":["A"]}`, "INVALID_PROPERTY_TYPE", "screens[0]", `"A"`},
		"a screen's id":            {one(footer)[:0] + strings.Replace(one(footer), "ONE", "1-2", 1), "PATTERN_MISMATCH", "screens[0].id", `"1-2"`},
		"a reserved id":            {strings.Replace(one(footer), "ONE", "SUCCESS", 1), "INVALID_PROPERTY_VALUE", "screens[0].id", `"SUCCESS"`},
		"an id twice":              {strings.ReplaceAll(goodFlow, `"DONE"`, `"NAME"`), "INVALID_PROPERTY_VALUE", "screens[1].id", `"NAME"`},
		"no layout":                {`{"version":"7.3","screens":[{"id":"ONE","terminal":true}]}`, "MISSING_REQUIRED_TYPE_PROPERTY", "screens[0]", "{"},
		"a layout":                 {with("SingleColumnLayout", "TwoColumnLayout"), "INVALID_PROPERTY_VALUE", "screens[0].layout.type", `"TwoColumnLayout"`},
		"a component":              {one(`{"type":"TextInputs"},` + footer), "INVALID_PROPERTY_VALUE", "screens[0].layout.children[0].type", `"TextInputs"`},
		"no type":                  {one(`{"text":"A"},` + footer), "MISSING_REQUIRED_TYPE_PROPERTY", "screens[0].layout.children[0]", "{"},
		"a component as a number":  {one(`5,` + footer), "INVALID_PROPERTY_TYPE", "screens[0].layout.children[0]", "5"},
		"no label":                 {with(`"label": "First name", `, ""), "MISSING_REQUIRED_TYPE_PROPERTY", "screens[0].layout.children[0].children[0]", "{"},
		"a component's member":     {one(`{"type":"TextBody","text":"A","colour":"red"},` + footer), "INVALID_PROPERTY_KEY", "screens[0].layout.children[0].colour", `"colour"`},
		"a kind":                   {with(`"required": true`, `"required": 1`), "INVALID_PROPERTY_TYPE", "screens[0].layout.children[0].children[0].required", "1"},
		"an empty text":            {with(`"First name"`, `""`), "MIN_CHARS_REQUIRED", "screens[0].layout.children[0].children[0].label", `""`},
		"one of a few":             {with(`"input-type": "text"`, `"input-type": "date"`), "INVALID_ENUM_VALUE", "screens[0].layout.children[0].children[0].input-type", `"date"`},
		"a name twice":             {with(`"name": "first"`, `"name": "form"`), "INVALID_PROPERTY_VALUE", "screens[0].layout.children[0].children[0].name", `"form"`},
		"three captions":           {one(strings.Replace(footer, `"label"`, `"left-caption":"a","center-caption":"b","right-caption":"c","label"`, 1)), "KEYWORD_ONE_OF", "screens[0].layout.children[0].center-caption", `"b"`},
		"one caption":              {one(strings.Replace(footer, `"label"`, `"left-caption":"a","label"`, 1)), "INVALID_DEPENDENCIES", "screens[0].layout.children[0].left-caption", `"a"`},
		"a data model":             {with(`"type": "string", `, ""), "MISSING_REQUIRED_TYPE_PROPERTY", "screens[1].data.first", "{"},
		"no example":               {with(`, "__example__": "Ann"`, ""), "MISSING_REQUIRED_TYPE_PROPERTY", "screens[1].data.first", "{"},
		"a type of data":           {with(`"type": "string"`, `"type": "text"`), "INVALID_ENUM_VALUE", "screens[1].data.first.type", `"text"`},
		"an action":                {with(`"name": "navigate"`, `"name": "go"`), "INVALID_ENUM_VALUE", "screens[0].layout.children[0].children[1].on-click-action.name", `"go"`},
		"a payload":                {with(`"payload": {}`, `"payload": 5`), "INVALID_ON_CLICK_ACTION_PAYLOAD", "screens[1].layout.children[1].on-click-action.payload", "5"},
		"the end too early":        {with(`"terminal": true,`, ""), "INVALID_COMPLETE_ACTION", "screens[1].layout.children[1].on-click-action", `{"name": "complete", "payload": {}}`},
		"no end":                   {with(`"terminal": true`, `"terminal": false`), "INVALID_ROUTING_MODEL", "screens", ""},
		"no footer":                {one(`{"type":"TextBody","text":"A"}`), "MISSING_REQUIRED_TYPE_PROPERTY", "screens[0].layout.children", "["},
		"a screen that is missing": {with(`"name": "DONE"}`, `"name": "GONE"}`), "INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", "screens[0].layout.children[0].children[1].on-click-action.next.name", `"GONE"`},
		"what is not passed on":    {with(`{"first": "${form.first}"}`, "{}"), "INVALID_NAVIGATE_ACTION_PAYLOAD", "screens[0].layout.children[0].children[1].on-click-action.payload", "{}"},
		"no routing model":         {with(`"version"`, `"data_api_version": "4.0", "version"`), "INVALID_ROUTING_MODEL", "routing_model", "{"},
		"a route to nowhere":       {endpoint(`{"NAME": ["DONE", "GONE"], "DONE": []}`), "INVALID_ROUTING_MODEL", "routing_model.NAME[1]", `"GONE"`},
		"a route from nowhere":     {endpoint(`{"NAME": ["DONE"], "DONE": [], "GONE": []}`), "INVALID_ROUTING_MODEL", "routing_model.GONE", `"GONE"`},
		"a route to itself":        {endpoint(`{"NAME": ["DONE", "NAME"], "DONE": []}`), "INVALID_ROUTING_MODEL", "routing_model.NAME[1]", `"NAME"`},
		"a route twice":            {endpoint(`{"NAME": ["DONE", "DONE"], "DONE": []}`), "INVALID_ROUTING_MODEL", "routing_model.NAME[1]", `"DONE"`},
		"routes that are no list":  {endpoint(`{"NAME": "DONE", "DONE": []}`), "INVALID_ROUTING_MODEL", "routing_model.NAME", `"DONE"`},
		"a screen without a route": {endpoint(`{"NAME": []}`), "INVALID_ROUTING_MODEL", "routing_model", `{"NAME": []}`},
		"a way back":               {endpoint(`{"NAME": ["DONE"], "DONE": ["NAME"]}`), "INVALID_ROUTING_MODEL", "routing_model", `{"NAME": ["DONE"], "DONE": ["NAME"]}`},
		"an action off the routes": {endpoint(`{"NAME": [], "DONE": ["NAME"]}`), "INVALID_ROUTING_MODEL", "routing_model", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			problems := checkFlowJSON(test.json).Problems
			if test.code == "" {
				if len(problems) != 0 {
					t.Fatalf("%+v", problems)
				}
				return
			}
			i := slices.IndexFunc(problems, func(p FlowProblem) bool { return p.Code == test.code && p.Pointers[0].Path == test.path })
			if i < 0 {
				t.Fatalf("no %s of %s in %+v", test.code, test.path, problems)
			}
			got := problems[i]
			if got.Type != "FLOW_JSON_ERROR" || got.Message == "" || got.Pointers[0].FlowSpan != got.FlowSpan {
				t.Errorf("%+v", got)
			}
			if part := partOf(t, test.json, got.FlowSpan); test.at != "" && part != test.at {
				t.Errorf("it is about %q, want %q: %+v", part, test.at, got.FlowSpan)
			}
		})
	}
}

// partOf returns the part of a text that a span names, and fails if it is outside.
func partOf(t *testing.T, text string, at FlowSpan) string {
	t.Helper()
	offset := func(line, column int) int {
		rest := text
		for range line - 1 {
			_, after, found := strings.Cut(rest, "\n")
			if !found {
				t.Fatalf("line %d is outside the text: %+v", line, at)
			}
			rest = after
		}
		of := len(text) - len(rest)
		for range column - 1 {
			_, size := utf8.DecodeRuneInString(rest)
			of, rest = of+size, rest[size:]
		}
		if column > 1 && rest == "" {
			t.Fatalf("column %d of line %d is outside the text: %+v", column, line, at)
		}
		return of
	}
	from, to := offset(at.LineStart, at.ColumnStart), offset(at.LineEnd, at.ColumnEnd)
	_, size := utf8.DecodeRuneInString(text[to:])
	if from > to {
		t.Fatalf("the end is before the start: %+v", at)
	}
	return text[from : to+size]
}

// What Meta documents as an example.
func TestAProblemOfAFlowJSONLooksAsByMeta(t *testing.T) {
	problems := checkFlowJSON(strings.Replace(goodFlow, `"TextBody"`, `"Text"`, 1)).Problems
	got, err := json.Marshal(problems)
	const span = `"line_start":24,"line_end":24,"column_start":20,"column_end":25`
	want := `[{"error":"INVALID_PROPERTY_VALUE","error_type":"FLOW_JSON_ERROR","message":"Invalid value found for property 'type'.",` + span +
		`,"pointers":[{` + span + `,"path":"screens[1].layout.children[0].type"}]}]`
	if err != nil || string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTheProblemsOfAFlowJSONAreBounded(t *testing.T) {
	many := `{"version":"7.3","screens":[{"id":"A","terminal":true,"layout":{"type":"SingleColumnLayout","children":[` + strings.Repeat(`{"type":"X"},`, 300) + `{}]}}]}`
	if got := len(checkFlowJSON(many).Problems); got != maxFlowProblems {
		t.Errorf("%d problems", got)
	}
}

func FuzzFlowJSON(f *testing.F) {
	f.Add(goodFlow)
	f.Add(`{"version":"7.3","routing_model":{"É":["\ud800"]},"screens":[{"id":null,"layout":{"children":[{"type":"Switch","cases":{"a":5}}]}},` + "\r\n" + `7]}`)
	f.Add("\n\n{\"version\":\"\xff\"}\n")
	f.Add(`{"screens":[{"layout":[],"data":{"a":"b"}}],"screens":{},"version":{}}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		content := checkFlowJSON(text)
		for _, p := range content.Problems {
			if text != "" {
				partOf(t, text, p.FlowSpan)
			}
		}
		if !json.Valid([]byte(text)) && len(content.Problems) == 0 {
			t.Error("nothing is wrong with what is no JSON")
		}
	})
}
