// A template as a person reads it.

package main

import (
	"cmp"
	"encoding/json"
	"strings"

	"ferry/internal/tty"
)

// templateComponent is a part of a template.
type templateComponent struct {
	Type    string           `json:"type"`
	Format  string           `json:"format"`
	Text    string           `json:"text"`
	Buttons []templateButton `json:"buttons"`
	raw     json.RawMessage
}

type templateButton struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	URL    string `json:"url"`
	Number string `json:"phone_number"`
	FlowID any    `json:"flow_id"`
}

// UnmarshalJSON keeps the JSON of a component, which may be one that ferry does not know.
func (c *templateComponent) UnmarshalJSON(text []byte) error {
	type component templateComponent
	c.raw = append(json.RawMessage(nil), text...)
	return json.Unmarshal(text, (*component)(c))
}

// title names a template.
func (t metaTemplate) title() string { return t.Name + " (" + t.Language + ")" }

// reason returns why a template was rejected, "" if it was not.
func (t metaTemplate) reason() string {
	if t.RejectedReason == "NONE" {
		return ""
	}
	return t.RejectedReason
}

// state returns the status of a template, with the reason of a rejection.
func (t metaTemplate) state() string {
	if reason := t.reason(); reason != "" {
		return t.Status + ": " + reason
	}
	return t.Status
}

// print prints a template as people read it.
func (t metaTemplate) print(out *tty.Output) error {
	category := t.Category
	if t.PreviousCategory != "" {
		category += ", formerly " + t.PreviousCategory
	}
	_ = out.Printf("%s\n", t.title())
	printFields(out, [][2]string{
		{"id", t.ID}, {"status", t.state()}, {"category", category},
		{"parameters", strings.ToLower(t.ParameterFormat)}, {"quality", quality(t.Quality.Score)},
	})
	for _, component := range t.Components {
		_ = out.Printf("\n")
		if err := component.print(out); err != nil {
			return err
		}
	}
	return nil
}

// printFields prints the fields that have a value.
func printFields(out *tty.Output, fields [][2]string) {
	for _, field := range fields {
		if field[1] != "" {
			_ = out.Printf("  %-11s %s\n", field[0], field[1])
		}
	}
}

// print prints a part of a template.
func (c templateComponent) print(out *tty.Output) error {
	switch {
	case len(c.Buttons) > 0:
		for _, button := range c.Buttons {
			more := cmp.Or(button.URL, button.Number)
			if id, isText := button.FlowID.(string); isText {
				more = "flow " + id
			}
			text := cmp.Or(button.Text, button.Type)
			if err := out.Printf("%s\n", strings.TrimRight("  ["+text+"]  "+more, " ")); err != nil {
				return err
			}
		}
		return nil
	case c.Type == "HEADER" && c.Format != "TEXT" && c.Format != "":
		return out.Printf("  (%s)\n", strings.ToLower(c.Format))
	case c.Text != "":
		for line := range strings.Lines(c.Text) {
			if err := out.Printf("  %s\n", strings.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
		return nil
	}
	_ = out.Printf("  ")
	return out.JSONText(c.raw)
}
