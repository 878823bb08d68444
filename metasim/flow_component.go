// The components of a Flow JSON and what they do (docs/references.md#graph-flows).

package metasim

import (
	"slices"
	"strings"
)

// maxFlowNesting is how deep forms, conditions and cases are checked.
const maxFlowNesting = 8

// flowComponent is what a component has besides its type: names, separated by blanks.
type flowComponent struct{ required, optional string }

var flowComponents = map[string]flowComponent{
	"TextHeading":       {"text", "visible"},
	"TextSubheading":    {"text", "visible"},
	"TextBody":          {"text", "visible font-weight strikethrough markdown"},
	"TextCaption":       {"text", "visible font-weight strikethrough markdown"},
	"RichText":          {"text", "visible"},
	"TextInput":         {"label name", "input-type pattern required min-chars max-chars helper-text visible enabled init-value error-message label-variant"},
	"TextArea":          {"label name", "required max-length helper-text visible enabled init-value error-message label-variant"},
	"CheckboxGroup":     {"data-source name", selection + " min-selected-items max-selected-items"},
	"RadioButtonsGroup": {"data-source name", selection},
	"ChipsSelector":     {"data-source name label", selection + " min-selected-items max-selected-items"},
	"Dropdown":          {"label data-source name", selection},
	"Footer":            {"label on-click-action", "left-caption center-caption right-caption enabled visible"},
	"OptIn":             {"label name", "required on-click-action on-select-action on-unselect-action visible init-value error-message"},
	"EmbeddedLink":      {"text on-click-action", "visible"},
	"DatePicker":        {"label name", "min-date max-date unavailable-dates visible helper-text enabled on-select-action required init-value error-message"},
	"CalendarPicker": {"name label", "title description helper-text required visible enabled mode min-date max-date unavailable-dates include-days " +
		"min-days max-days on-select-action init-value error-message"},
	"Image":          {"src", "width height scale-type aspect-ratio alt-text visible"},
	"ImageCarousel":  {"images", "aspect-ratio scale-type visible"},
	"If":             {"condition then", "else"},
	"Switch":         {"value cases", ""},
	"Form":           {"name children", "init-values error-messages"},
	"NavigationList": {"name list-items", "label description media-size on-click-action visible"},
	"PhotoPicker":    {"name label", "description photo-source max-file-size-kb min-uploaded-photos max-uploaded-photos enabled visible error-message"},
	"DocumentPicker": {"name label", "description max-file-size-kb min-uploaded-documents max-uploaded-documents allowed-mime-types enabled visible error-message"},
}

// selection is what components with a list of choices have.
const selection = "label required visible enabled description init-value error-message media-size on-select-action on-unselect-action"

// propertyKinds are the kinds of values of properties, other than expressions. Those
// that are missing may have any.
var propertyKinds = map[string][]valueKind{
	"version": {textValue}, "data_api_version": {textValue}, "data_channel_uri": {textValue},
	"screens": {listValue}, "routing_model": {objectValue},
	"id": {textValue}, "title": {textValue, objectValue}, "terminal": {booleanValue}, "success": {booleanValue}, "refresh_on_back": {booleanValue},
	"sensitive": {listValue}, "data": {objectValue}, "layout": {objectValue},
	"type": {textValue}, "name": {textValue}, "children": {listValue}, "label": {textValue, objectValue}, "text": {textValue, listValue},
	"visible": {booleanValue}, "enabled": {booleanValue}, "required": {booleanValue, objectValue}, "strikethrough": {booleanValue}, "markdown": {booleanValue},
	"min-chars": {numberValue, textValue}, "max-chars": {numberValue, textValue}, "max-length": {numberValue, textValue},
	"data-source": {listValue}, "list-items": {listValue}, "images": {listValue}, "then": {listValue}, "else": {listValue}, "cases": {objectValue},
	"condition": {textValue}, "on-click-action": {objectValue}, "on-select-action": {objectValue}, "on-unselect-action": {objectValue},
	"input-type": {textValue}, "left-caption": {textValue}, "center-caption": {textValue}, "right-caption": {textValue},
	"init-values": {objectValue}, "error-messages": {objectValue}, "src": {textValue}, "unavailable-dates": {listValue},
}

// propertyValues are the values of properties that have a few only.
var propertyValues = map[string][]string{
	"input-type":   {"text", "number", "email", "password", "passcode", "phone"},
	"font-weight":  {"bold", "italic", "bold_italic", "normal"},
	"scale-type":   {"contain", "cover"},
	"mode":         {"single", "range"},
	"photo-source": {"camera_gallery", "camera", "gallery"},
	"media-size":   {"regular", "large"},
}

// children checks a list of components of a screen.
func (f *flowCheck) children(path string, list, screen *jsonNode, depth int) {
	if list == nil || list.kind != listValue {
		return
	}
	for i, child := range list.elements {
		f.component(elementPath(path, i), child, screen, depth)
	}
}

// component checks one component, and those in it.
func (f *flowCheck) component(path string, n, screen *jsonNode, depth int) {
	if n.kind != objectValue {
		f.at("INVALID_PROPERTY_TYPE", path, n, "Invalid type found for a component, which is an object.")
		return
	}
	f.count++
	kind := n.get("type")
	if kind == nil {
		f.report("MISSING_REQUIRED_TYPE_PROPERTY", path, n.from, n.from+1, "Missing required property 'type'.")
		return
	}
	known, ok := flowComponents[kind.text]
	if !ok || kind.kind != textValue {
		f.at("INVALID_PROPERTY_VALUE", in(path, "type"), kind, "Invalid value found for property 'type'.")
		return
	}
	f.keys(path, n, append(strings.Fields(known.required), "type"), strings.Fields(known.optional))
	f.componentName(path, n)
	if kind.text == "Footer" {
		f.captions(path, n)
	}
	for _, name := range []string{"on-click-action", "on-select-action", "on-unselect-action"} {
		if action := n.get(name); action != nil && action.kind == objectValue {
			f.action(in(path, name), action, screen)
		}
	}
	if depth >= maxFlowNesting {
		f.at("INVALID_PROPERTY_VALUE", path, n, "Components are in each other more than %d times.", maxFlowNesting)
		return
	}
	for _, name := range []string{"children", "then", "else"} {
		f.children(in(path, name), n.get(name), screen, depth+1)
	}
	if cases := n.get("cases"); cases != nil && cases.kind == objectValue {
		for _, m := range cases.members {
			f.children(in(in(path, "cases"), m.name), m.value, screen, depth+1)
		}
	}
}

// componentName refuses a name that another component of the screen has.
func (f *flowCheck) componentName(path string, n *jsonNode) {
	name := n.get("name")
	if name == nil || name.kind != textValue {
		return
	}
	if f.names[name.text] {
		f.at("INVALID_PROPERTY_VALUE", in(path, "name"), name, "Invalid value found for property 'name'. Another component of the screen has the same.")
	}
	f.names[name.text] = true
}

// captions checks that a footer has two captions at its sides, or one in the middle.
func (f *flowCheck) captions(path string, n *jsonNode) {
	left, center, right := n.get("left-caption"), n.get("center-caption"), n.get("right-caption")
	switch {
	case center != nil && (left != nil || right != nil):
		f.at("KEYWORD_ONE_OF", in(path, "center-caption"), center, "A Footer has either center-caption or left-caption and right-caption.")
	case left != nil && right == nil:
		f.at("INVALID_DEPENDENCIES", in(path, "left-caption"), left, "Property 'left-caption' requires 'right-caption'.")
	case right != nil && left == nil:
		f.at("INVALID_DEPENDENCIES", in(path, "right-caption"), right, "Property 'right-caption' requires 'left-caption'.")
	}
}

// action checks what a component does.
func (f *flowCheck) action(path string, action, screen *jsonNode) {
	name := action.get("name")
	switch {
	case name == nil:
		f.report("MISSING_REQUIRED_TYPE_PROPERTY", path, action.from, action.from+1, "Missing required property 'name'.")
		return
	case name.kind != textValue || !slices.Contains([]string{"navigate", "complete", "data_exchange", "open_url", "update_data"}, name.text):
		f.at("INVALID_ENUM_VALUE", in(path, "name"), name, "Invalid value found for property 'name'.")
		return
	}
	payload := action.get("payload")
	if payload != nil && payload.kind != objectValue && !isExpression(payload) {
		f.at("INVALID_ON_CLICK_ACTION_PAYLOAD", in(path, "payload"), payload, "The payload of an action must be an object.")
		return
	}
	switch name.text {
	case "complete":
		if !screen.isTrue("terminal") {
			f.at("INVALID_COMPLETE_ACTION", path, action, "The action complete can be used on a terminal screen only.")
		}
	case "navigate":
		f.navigate(path, action, screen)
	case "open_url":
		if action.get("url") == nil {
			f.report("MISSING_REQUIRED_TYPE_PROPERTY", path, action.from, action.from+1, "Missing required property 'url'.")
		}
	}
}

// navigate checks the screen to which an action leads, and what it receives.
func (f *flowCheck) navigate(path string, action, screen *jsonNode) {
	next := action.get("next")
	target := next.get("name")
	switch {
	case next == nil || next.kind != objectValue || target == nil:
		f.report("MISSING_REQUIRED_TYPE_PROPERTY", path, action.from, action.from+1, "Missing required property 'next' with type and name.")
		return
	case target.kind == textValue && isExpression(target):
		return
	case target.kind != textValue || f.screens[target.text] == nil:
		f.at("INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", in(in(path, "next"), "name"), target, "The next screen of the action navigate does not exist.")
		return
	}
	id := screen.textOf("id")
	f.leads[id] = append(f.leads[id], target.text)
	payload, missing := action.get("payload"), []string{}
	if payload != nil && payload.kind != objectValue {
		return
	}
	if data := f.screens[target.text].get("data"); data != nil {
		for _, m := range data.members {
			if payload.get(m.name) == nil {
				missing = append(missing, truncate(m.name))
			}
		}
	}
	if len(missing) > 0 {
		at := action
		if payload != nil {
			at = payload
		}
		f.at("INVALID_NAVIGATE_ACTION_PAYLOAD", in(path, "payload"), at, "The payload of the action navigate lacks %s, which the data of the next screen have.",
			strings.Join(missing[:min(len(missing), 20)], ", "))
	}
}

// hasComponent reports whether a component is in a list, or in one that is in it.
func hasComponent(list *jsonNode, kind string, depth int) bool {
	if list == nil || list.kind != listValue || depth > maxFlowNesting {
		return false
	}
	for _, n := range list.elements {
		if n.textOf("type") == kind {
			return true
		}
		inside := []*jsonNode{n.get("children"), n.get("then"), n.get("else")}
		if cases := n.get("cases"); cases != nil {
			for _, m := range cases.members {
				inside = append(inside, m.value)
			}
		}
		for _, one := range inside {
			if hasComponent(one, kind, depth+1) {
				return true
			}
		}
	}
	return false
}
