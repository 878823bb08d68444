// ferry template: the message templates of a WhatsApp Business Account.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

type templateCommands struct {
	List    templateListCommand    `cmd:"" help:"List templates with their status."`
	Show    templateShowCommand    `cmd:"" help:"Show a template."`
	Library templateLibraryCommand `cmd:"" help:"List Meta's library of templates, or show one of them."`
	Create  templateCreateCommand  `cmd:"" help:"Create a template from Meta's JSON, with the media of its header, or from the library."`
	Edit    templateEditCommand    `cmd:"" help:"Replace the components of a template."`
	Watch   templateWatchCommand   `cmd:"" help:"Wait until Meta has reviewed a template."`
	Delete  templateDeleteCommand  `cmd:"" help:"Delete a template, in one language or in all."`
}

type templateListCommand struct {
	wabaFlags
	formatFlags
}

// Run lists the templates.
func (c *templateListCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.isJSON(terminal) {
		return client.eachTemplate(ctx, func(t types.TemplateSummary) error { return terminal.out.JSON(t) })
	}
	table := terminal.out.Table("NAME", "LANGUAGE", "CATEGORY", "STATUS", "QUALITY", "ID")
	err = client.eachTemplate(ctx, func(t types.TemplateSummary) error {
		table.Row(aws.ToString(t.TemplateName), aws.ToString(t.TemplateLanguage), aws.ToString(t.TemplateCategory),
			aws.ToString(t.TemplateStatus), quality(aws.ToString(t.TemplateQualityScore)), aws.ToString(t.MetaTemplateId))
		return nil
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

// quality returns a quality score as people read it.
func quality(score string) string {
	if score == "UNKNOWN" {
		return ""
	}
	return score
}

// eachTemplate calls do for each template of the account, until it returns an error.
func (c wabaClient) eachTemplate(ctx context.Context, do func(types.TemplateSummary) error) error {
	pages := socialmessaging.NewListWhatsAppMessageTemplatesPaginator(c.Client, &socialmessaging.ListWhatsAppMessageTemplatesInput{Id: c.id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return readable(err)
		}
		for _, t := range page.Templates {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// templateArg names a template.
type templateArg struct {
	Template string `arg:"" help:"Name or id of the template." placeholder:"TEMPLATE"`
	Language string `env:"-" help:"Language of the template, such as en_US. Required if a template with this name exists in several languages." placeholder:"CODE"`
}

// metaTemplate is a template in Meta's JSON.
type metaTemplate struct {
	ID               string              `json:"id"`
	Name             string              `json:"name"`
	Language         string              `json:"language"`
	Status           string              `json:"status"`
	Category         string              `json:"category"`
	PreviousCategory string              `json:"previous_category"`
	ParameterFormat  string              `json:"parameter_format"`
	RejectedReason   string              `json:"rejected_reason"`
	Components       []templateComponent `json:"components"`
	Quality          struct {
		Score string `json:"score"`
	} `json:"quality_score"`

	text string // as Meta wrote it
}

// find returns the template that the arguments name.
func (a templateArg) find(ctx context.Context, client wabaClient) (metaTemplate, error) {
	input := &socialmessaging.GetWhatsAppMessageTemplateInput{Id: client.id}
	switch {
	case a.Language != "":
		input.TemplateName, input.TemplateLanguageCode = &a.Template, &a.Language
	case isID(a.Template):
		input.MetaTemplateId = &a.Template
	default:
		id, err := client.templateID(ctx, a.Template)
		if err != nil {
			return metaTemplate{}, err
		}
		input.MetaTemplateId = &id
	}
	return client.template(ctx, input)
}

// template returns a template.
func (c wabaClient) template(ctx context.Context, input *socialmessaging.GetWhatsAppMessageTemplateInput) (metaTemplate, error) {
	output, err := c.GetWhatsAppMessageTemplate(ctx, input)
	if err != nil {
		return metaTemplate{}, err
	}
	template := metaTemplate{text: aws.ToString(output.Template)}
	if err := json.Unmarshal([]byte(template.text), &template); err != nil {
		return metaTemplate{}, fmt.Errorf("the template is not in Meta's JSON: %w", err)
	}
	return template, nil
}

// templateID returns the id of the one template that has a name.
func (c wabaClient) templateID(ctx context.Context, name string) (string, error) {
	var ids, languages []string
	err := c.eachTemplate(ctx, func(t types.TemplateSummary) error {
		if aws.ToString(t.TemplateName) == name {
			ids, languages = append(ids, aws.ToString(t.MetaTemplateId)), append(languages, aws.ToString(t.TemplateLanguage))
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", fmt.Errorf("there is no template %q; 'ferry template list' shows those that there are", name)
	case len(ids) > 1:
		return "", fmt.Errorf("the template %q exists in %d languages; say which with --language: %s", name, len(ids), strings.Join(languages, ", "))
	}
	return ids[0], nil
}

type templateShowCommand struct {
	wabaFlags
	templateArg
	formatFlags
}

// Run prints a template.
func (c *templateShowCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	template, err := c.find(ctx, client)
	if err != nil {
		return readable(err)
	}
	if c.isJSON(terminal) {
		return terminal.out.JSONText([]byte(template.text))
	}
	return template.print(terminal.out)
}

type templateDeleteCommand struct {
	wabaFlags
	templateArg
	yesFlags
	AllLanguages bool `env:"-" help:"Delete the template in all languages."`
}

// Run deletes a template.
func (c *templateDeleteCommand) Run(ctx context.Context, terminal *terminal) error {
	if c.AllLanguages && (c.Language != "" || isID(c.Template)) {
		return errors.New("--all-languages requires the name of a template, and excludes --language")
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	input := &socialmessaging.DeleteWhatsAppMessageTemplateInput{Id: client.id, TemplateName: &c.Template}
	what := fmt.Sprintf("template %s in all languages", c.Template)
	if c.AllLanguages {
		input.DeleteAllLanguages = &c.AllLanguages
	} else {
		template, err := c.find(ctx, client)
		if err != nil {
			return readable(err)
		}
		input.TemplateName, input.MetaTemplateId = &template.Name, &template.ID
		what = "template " + template.title()
	}
	if err := c.confirm(terminal, "delete the "+what+", after which Meta may refuse its name for 30 days"); err != nil {
		return err
	}
	if _, err := client.DeleteWhatsAppMessageTemplate(ctx, input); err != nil {
		return readable(err)
	}
	return terminal.out.Printf("The %s is deleted.\n", what)
}
