// ferry template edit: other components for a template.

package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/socialmessaging"
)

type templateEditCommand struct {
	wabaFlags
	templateArg
	headerFlags
	formatFlags
	Definition string `arg:"" help:"File with the template in Meta's JSON as it should be, or - for standard input." placeholder:"FILE"`
}

// Help implements [kong.HelpProvider].
func (c *templateEditCommand) Help() string {
	return `Replaces the components of a template, all of them, and its category and parameter format if the file names others. Meta then reviews the template again. Meta edits only templates that are APPROVED, REJECTED or PAUSED; of an approved one it keeps the category, and takes 1 edit in 24 hours and 10 in 30 days.`
}

// templateEdit is what a file says about a template.
type templateEdit struct {
	Name            string         `json:"name"`
	Language        string         `json:"language"`
	Category        string         `json:"category"`
	ParameterFormat string         `json:"parameter_format"`
	Components      jsontext.Value `json:"components"`
}

// Run edits the template.
func (c *templateEditCommand) Run(ctx context.Context, terminal *terminal) error {
	definition, err := readInput(c.Definition)
	if err != nil {
		return err
	}
	if err := c.checkHeader(definition); err != nil {
		return fmt.Errorf("%s: %w", c.Definition, err)
	}
	edit := templateEdit{}
	if err := json.Unmarshal(definition, &edit); err != nil {
		return notTemplate(c.Definition, err)
	}
	if edit.Components.Kind() != '[' {
		return fmt.Errorf("%s: the template has no components; expected Meta's JSON, such as %s", c.Definition, templateExample)
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	template, err := c.find(ctx, client)
	if err != nil {
		return readable(err)
	}
	if edit.Name != "" && edit.Name != template.Name || edit.Language != "" && edit.Language != template.Language {
		return fmt.Errorf("%s is the template %s, and not %s", c.Definition, metaTemplate{Name: edit.Name, Language: edit.Language}.title(), template.title())
	}
	if definition, err = c.addHeader(ctx, client, c.clientFlags, definition); err == nil {
		err = json.Unmarshal(definition, &edit)
	}
	if err != nil {
		return err
	}
	input := &socialmessaging.UpdateWhatsAppMessageTemplateInput{Id: client.id, MetaTemplateId: &template.ID, TemplateComponents: edit.Components}
	if edit.Category != "" && !strings.EqualFold(edit.Category, template.Category) {
		input.TemplateCategory = &edit.Category
	}
	if edit.ParameterFormat != "" && !strings.EqualFold(edit.ParameterFormat, template.ParameterFormat) {
		input.ParameterFormat = &edit.ParameterFormat
	}
	if _, err := client.UpdateWhatsAppMessageTemplate(ctx, input); err != nil {
		return readable(err)
	}
	if c.isJSON(terminal) {
		return terminal.out.JSON(map[string]string{"metaTemplateId": template.ID})
	}
	return terminal.out.Printf("The template %s is edited.\n'ferry template watch %s' waits for the end of its review.\n", template.title(), template.ID)
}
