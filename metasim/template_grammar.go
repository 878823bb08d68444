package metasim

import (
	"fmt"
	"slices"
	"strings"
)

// The checks of the components of a template, in Meta's order: kinds of values, members
// and examples, lengths, formats, buttons, variables
// (docs/references.md#graph-template-errors).

// draftPart is a component of a template, or of a card.
type draftPart struct {
	path    string // as Meta's errors name it: components[0]
	kind    string // HEADER, …
	format  string // of a header
	fields  map[string]any
	buttons []draftButton
	cards   [][]draftPart
}

// draftButton is a button, with its path.
type draftButton struct {
	path   string
	kind   string
	fields map[string]any
}

// grammar checks the components of one template.
type grammar struct {
	*messageCheck
	category string
	format   string      // of parameters
	appID    string      // of the handles of samples
	parts    []draftPart // of the template, without those of cards

	anySample bool // the files of samples are not checked
}

// read reads components, whose enumerated values are in capitals afterwards.
func (g *grammar) read(given string) (refusal *apiError) {
	g.parts, refusal = g.readParts("components", decodeMember(given))
	g.format = g.parameterFormat()
	return refusal
}

// check checks the components that were read.
func (g *grammar) check() *apiError {
	if refusal := g.checkGroup(g.parts, ""); refusal != nil {
		return refusal
	}
	for _, check := range []func(draftPart, string) *apiError{g.members, g.sample, g.lengths, g.texts, g.buttonsOf} {
		if refusal := g.each(check); refusal != nil {
			return refusal
		}
	}
	return g.variables()
}

// each calls a check for all components, also those of cards, for which the second
// argument is not empty.
func (g *grammar) each(check func(draftPart, string) *apiError) *apiError {
	for _, p := range g.parts {
		if refusal := check(p, ""); refusal != nil {
			return refusal
		}
		for _, card := range p.cards {
			for _, inner := range card {
				if refusal := check(inner, "card"); refusal != nil {
					return refusal
				}
			}
		}
	}
	return nil
}

// readParts checks the kinds of values, without looking at what a component requires.
func (g *grammar) readParts(path string, value any) ([]draftPart, *apiError) {
	elements, ok := value.([]any)
	if !ok {
		return nil, parameterError("Param %s must be an array.", path)
	}
	var parts []draftPart
	for i, element := range elements {
		p := draftPart{path: elementPath(path, i)}
		var refusal *apiError
		if p.fields, p.kind, refusal = g.readTyped(p.path, element, templateComponents, componentMembers); refusal != nil {
			return nil, refusal
		}
		p.format = text(p.fields["format"])
		buttons, _ := p.fields["buttons"].([]any)
		for k, button := range buttons {
			b := draftButton{path: elementPath(memberPath(p.path, "buttons"), k)}
			if b.fields, b.kind, refusal = g.readTyped(b.path, button, templateButtons, buttonMembers); refusal != nil {
				return nil, refusal
			}
			p.buttons = append(p.buttons, b)
		}
		cards, _ := p.fields["cards"].([]any)
		for k, one := range cards {
			at := elementPath(memberPath(p.path, "cards"), k)
			card, ok := one.(map[string]any)
			if !ok {
				return nil, parameterError("Param %s must be a JSON object.", at)
			}
			inner, refusal := g.readParts(memberPath(at, "components"), card["components"])
			if refusal != nil {
				return nil, refusal
			}
			p.cards = append(p.cards, inner)
		}
		parts = append(parts, p)
	}
	return parts, nil
}

// readTyped checks an object with a type, and the kinds of its members. It removes
// members that are null, and puts enumerated values in capitals.
func (g *grammar) readTyped(path string, value any, types []string, members []member) (fields map[string]any, kind string, _ *apiError) {
	fields, ok := value.(map[string]any)
	if !ok {
		return nil, "", parameterError("Param %s must be a JSON object.", path)
	}
	for _, name := range sortedNames(fields) {
		if fields[name] == nil {
			delete(fields, name)
			if refusal := g.warn(warnMemberNull, "The member %s is null, and ignored. Leave it out.", truncate(memberPath(path, name))); refusal != nil {
				return nil, "", refusal
			}
		}
	}
	if _, ok := fields["type"]; !ok {
		return nil, "", missingParameter(memberPath(path, "type"))
	}
	for _, one := range append([]member{{name: "type", kind: textValue, enum: types}}, members...) {
		value, ok := fields[one.name]
		if !ok {
			continue
		}
		if refusal := g.value(memberPath(path, one.name), one, value); refusal != nil {
			return nil, "", refusal
		}
		if one.enum != nil {
			fields[one.name] = strings.ToUpper(text(value))
		}
	}
	return fields, text(fields["type"]), nil
}

// parameterFormat is the format of the variables if the request does not name it: that
// of the first text with a variable.
func (g *grammar) parameterFormat() string {
	if g.format != "" {
		return g.format
	}
	for _, kind := range []string{"BODY", "HEADER"} {
		for _, p := range g.parts {
			if format := formatOf(text(p.fields["text"])); p.kind == kind && format != "" {
				return format
			}
		}
	}
	return formatPositional
}

// checkGroup checks which components a template, or a card, has.
func (g *grammar) checkGroup(parts []draftPart, card string) *apiError {
	kinds := []string{}
	for _, p := range parts {
		allowed, ok := componentCategories[p.kind]
		if !ok {
			allowed = otherCategories
		}
		switch {
		case slices.Contains(kinds, p.kind):
			return refuseTemplate(templateUnexpected, "message template", p.kind+" more than once")
		case !hasWord(allowed, g.category):
			return refuseTemplate(templateUnexpected, "message template of category "+g.category, p.kind)
		case card != "" && !hasWord("HEADER BODY BUTTONS", p.kind):
			return refuseTemplate(templateUnexpected, "card", p.kind)
		}
		kinds = append(kinds, p.kind)
	}
	for _, kind := range kinds {
		for _, other := range strings.Fields(componentExcludes[kind]) {
			if slices.Contains(kinds, other) {
				return refuseTemplate(templateUnexpected, "message template with "+kind, other)
			}
		}
	}
	required := "BODY"
	switch {
	case card != "":
		required = "HEADER BUTTONS"
	case g.category == "AUTHENTICATION":
		required = "BODY BUTTONS"
	}
	for _, kind := range strings.Fields(required) {
		if !slices.Contains(kinds, kind) {
			return refuseTemplate(templateMissing, "message template"+card, kind)
		}
	}
	return nil
}

// members checks which members a component and its buttons have.
func (g *grammar) members(p draftPart, card string) *apiError {
	if refusal := checkMembers("component of type "+p.kind, g.ruleOf(p), p.fields); refusal != nil {
		return refusal
	}
	for _, b := range p.buttons {
		if refusal := checkMembers("button of type "+b.kind, buttonRules[b.kind].memberRule, b.fields); refusal != nil {
			return refusal
		}
		switch {
		case (b.kind == "OTP") != (g.category == "AUTHENTICATION"):
			return refuseTemplate(templateUnexpected, "message template of category "+g.category, "button of type "+b.kind)
		case card != "" && !buttonRules[b.kind].card:
			return refuseTemplate(templateUnexpected, "card", "button of type "+b.kind)
		case b.kind == "PHONE_NUMBER" && text(b.fields["phone_number"]) == "":
			return refuseTemplate(templateBadNumber, "The button needs a phone number.")
		case b.kind == "URL" && len(placeholders(text(b.fields["url"]))) > 0 && len(exampleTexts(b.fields["example"])) == 0:
			return refuseTemplate(templateMissing, "button of type URL", "example")
		case b.kind == "OTP" && hasWord("ONE_TAP ZERO_TAP", text(b.fields["otp_type"])) && len(supportedApps(b)) == 0:
			return refuseTemplate(templateMissing, "button of type OTP", "supported_apps")
		}
	}
	if p.kind == "CAROUSEL" {
		if refusal := g.cards(p); refusal != nil {
			return refusal
		}
	}
	if g.category == "AUTHENTICATION" || p.kind != "BODY" && (p.kind != "HEADER" || p.format != "TEXT") {
		return nil
	}
	names := placeholders(text(p.fields["text"]))
	example, given := p.fields["example"]
	of := strings.ToLower(p.kind) + "_text"
	if len(names) == 0 && given && p.kind == "BODY" || len(names) > 0 && !hasExamples(example, of, names, g.format) {
		return refuseTemplate(templateMissing, "component of type "+p.kind, "example")
	}
	return nil
}

// cards checks how many cards there are, and that they have the same parts.
func (g *grammar) cards(p draftPart) *apiError {
	if len(p.cards) < minTemplateCards || len(p.cards) > maxCards {
		return parameterError("Param %s must have from %d to %d elements.", memberPath(p.path, "cards"), minTemplateCards, maxCards)
	}
	for i, card := range p.cards {
		if refusal := g.checkGroup(card, " card"); refusal != nil {
			return refusal
		}
		switch {
		case structureOf(card) != structureOf(p.cards[0]):
			return refuseTemplate(templateBadText, fmt.Sprintf("All cards of a carousel have the same components and buttons, but card %d has others than card 0.", i))
		case strings.Contains(structureOf(card), "PRODUCT") && len(p.cards) != productCards:
			return parameterError("Param %s must have %d elements, because the cards have products.", memberPath(p.path, "cards"), productCards)
		}
	}
	return nil
}

// structureOf names what the cards of a carousel have in common.
func structureOf(card []draftPart) string {
	var names []string
	for _, p := range card {
		names = append(names, p.kind+" "+p.format)
		for _, b := range p.buttons {
			names = append(names, b.kind)
		}
	}
	return strings.Join(names, ",")
}

// ruleOf returns the rule of a component.
func (g *grammar) ruleOf(p draftPart) memberRule {
	if g.category == "AUTHENTICATION" {
		return componentRules["AUTHENTICATION "+p.kind]
	}
	if rule, ok := componentRules[p.kind+" "+p.format]; ok && p.format != "" {
		return rule
	}
	return componentRules[p.kind]
}

// checkMembers compares the members of an object with a rule.
func checkMembers(what string, rule memberRule, fields map[string]any) *apiError {
	var unexpected, missing []string
	for _, name := range sortedNames(fields) {
		if name != "type" && !hasWord(rule.allowed, name) {
			unexpected = append(unexpected, truncate(name))
		}
	}
	for _, name := range strings.Fields(rule.required) {
		if value, ok := fields[name]; !ok || value == "" {
			missing = append(missing, name)
		}
	}
	switch {
	case len(unexpected) > 0:
		return refuseTemplate(templateUnexpected, what, strings.Join(unexpected[:min(len(unexpected), 10)], ", "))
	case len(missing) > 0:
		return refuseTemplate(templateMissing, what, strings.Join(missing, ", "))
	}
	return nil
}

// hasWord reports whether a list of words has one.
func hasWord(words, word string) bool { return slices.Contains(strings.Fields(words), word) }

// sample checks the handle of the sample of a header with a file.
func (g *grammar) sample(p draftPart, card string) *apiError {
	types := headerTypes[p.format]
	if p.kind != "HEADER" || types == nil || g.anySample {
		return nil
	}
	example, _ := p.fields["example"].(map[string]any)
	handles := exampleTexts(example["header_handle"])
	if len(handles) == 0 {
		return refuseTemplate(templateNoSample, p.format)
	}
	file, ok := g.server.Handle(handles[0])
	if !ok {
		file, ok = g.server.Handle(strings.TrimSpace(handles[0]))
	}
	if !ok || file.AppID != g.appID { // a URL, or a handle of another app
		return refuseTemplate(templateNoSample, p.format)
	}
	declared := strings.Replace(file.MIMEType, "image/jpg", "image/jpeg", 1)
	if !slices.Contains(types, declared) || p.format == "GIF" && file.Size > maxGIF {
		return refuseTemplate(templateFileType, p.format, strings.Join(types, ", "), truncate(file.MIMEType))
	}
	return nil
}
