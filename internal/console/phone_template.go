package console

import (
	"encoding/json"
	"strconv"
	"strings"

	"ferry/metasim"
)

// fillTemplate sets what a message shows that was made from a template.
func (c *Console) fillTemplate(b *bubble, m metasim.Message) {
	var content object
	if json.Unmarshal(m.Content, &content) != nil {
		return
	}
	name, language := content.text("name"), content.object("language").text("code")
	b.Template = name + " (" + language + ")"
	given := make(map[string]object)
	var buttons []object
	for _, component := range content.list("components") {
		kind := strings.ToLower(component.text("type"))
		if kind == "button" {
			buttons = append(buttons, component)
			continue
		}
		given[kind] = component
	}
	for _, template := range c.config.Simulator.Templates(m.AccountID) {
		if template.Name == name && template.Language == language {
			b.fillComponents(template, given, buttons)
			return
		}
	}
	b.Text = "(the template is not there any more)"
}

// fillComponents sets the texts and buttons of a template, with the parameters that the
// message has.
func (b *bubble) fillComponents(template metasim.MessageTemplate, given map[string]object, sent []object) {
	var components []any
	if json.Unmarshal(template.Components, &components) != nil {
		return
	}
	for _, value := range components {
		component := asObject(value)
		kind := strings.ToLower(component.text("type"))
		text := replaceVariables(component.text("text"), given[kind].list("parameters"))
		switch kind {
		case "header":
			b.Header = text
			for _, parameter := range given[kind].list("parameters") {
				if file := parameter.text("type"); file == "image" || file == "video" || file == "document" {
					b.fillFile(file, parameter.object(file))
				}
			}
		case "body":
			b.Text = text
		case "footer":
			b.Footer = text
		case "buttons":
			b.fillTemplateButtons(component.list("buttons"), sent)
		}
	}
}

func (b *bubble) fillTemplateButtons(buttons, sent []object) {
	for i, one := range buttons {
		made := button{Title: one.text("text"), Target: one.text("url") + one.text("phone_number")}
		if strings.EqualFold(one.text("type"), "quick_reply") {
			made.Kind, made.ID, made.Target = "button", made.Title, ""
			for _, component := range sent {
				if parameters := component.list("parameters"); component.text("index") == strconv.Itoa(i) && len(parameters) > 0 {
					made.ID = parameters[0].text("payload")
				}
			}
		}
		b.Buttons = append(b.Buttons, made)
	}
}

// replaceVariables replaces {{1}} or {{name}} by the texts of parameters.
func replaceVariables(text string, parameters []object) string {
	for i, parameter := range parameters {
		value := parameter.text("text")
		for _, fallback := range []string{"currency", "date_time"} {
			if value == "" {
				value = parameter.object(fallback).text("fallback_value")
			}
		}
		text = strings.ReplaceAll(text, "{{"+strconv.Itoa(i+1)+"}}", value)
		if name := parameter.text("parameter_name"); name != "" {
			text = strings.ReplaceAll(text, "{{"+name+"}}", value)
		}
	}
	return text
}
