// ferry template library, and what ferry template create needs to create a template from it.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

type templateLibraryCommand struct {
	wabaFlags
	formatFlags
	Name     string `arg:"" optional:"" help:"Name of one template, which is then shown with its texts. Default: all are listed." placeholder:"NAME"`
	Search   string `env:"-" help:"Text that the template contains." placeholder:"TEXT"`
	Topic    string `env:"-" help:"Topic, such as ORDER_MANAGEMENT or PAYMENTS." placeholder:"TOPIC"`
	UseCase  string `name:"use-case" env:"-" help:"Use case, such as ORDER_CONFIRMATION." placeholder:"CASE"`
	Industry string `env:"-" help:"Industry: E_COMMERCE or FINANCIAL_SERVICES." placeholder:"INDUSTRY"`
	Language string `env:"-" help:"Language, such as en_US." placeholder:"CODE"`
}

// filters returns the filters of the API.
func (c *templateLibraryCommand) filters() map[string]string {
	filters := map[string]string{}
	for key, value := range map[string]string{"searchKey": c.Search, "topic": c.Topic, "usecase": c.UseCase, "industry": c.Industry, "language": c.Language} {
		if value != "" {
			filters[key] = value
		}
	}
	return filters
}

// Run lists the library.
func (c *templateLibraryCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	found, isJSON := false, c.isJSON(terminal)
	table := terminal.out.Table("NAME", "LANGUAGE", "BUTTONS", "TOPIC", "USE CASE")
	err = client.eachLibraryTemplate(ctx, c.filters(), func(t types.MetaLibraryTemplateDefinition) error {
		if c.Name != "" && aws.ToString(t.TemplateName) != c.Name {
			return nil
		}
		isFirst := !found
		found = true
		if !isJSON && c.Name != "" && !isFirst { // the same template in another language
			_ = terminal.out.Printf("\n")
		}
		switch {
		case isJSON:
			return terminal.out.JSON(t)
		case c.Name != "":
			return ofLibrary(t).print(terminal.out)
		}
		var buttons []string
		for _, b := range t.TemplateButtons {
			buttons = append(buttons, aws.ToString(b.Type))
		}
		table.Row(aws.ToString(t.TemplateName), aws.ToString(t.TemplateLanguage), strings.Join(buttons, ", "), aws.ToString(t.TemplateTopic), aws.ToString(t.TemplateUseCase))
		return nil
	})
	switch {
	case err != nil:
		return err
	case c.Name != "" && !found:
		return fmt.Errorf("the library has no template %q; 'ferry template library' shows those that it has", c.Name)
	case isJSON || c.Name != "":
		return nil
	}
	return table.Flush()
}

// ofLibrary returns a template of the library in the form in which templates are printed.
func ofLibrary(t types.MetaLibraryTemplateDefinition) metaTemplate {
	shown := metaTemplate{Name: aws.ToString(t.TemplateName), Language: aws.ToString(t.TemplateLanguage), Category: aws.ToString(t.TemplateCategory)}
	if header := aws.ToString(t.TemplateHeader); header != "" {
		shown.Components = append(shown.Components, templateComponent{Type: "HEADER", Format: "TEXT", Text: header})
	}
	shown.Components = append(shown.Components, templateComponent{Type: "BODY", Text: aws.ToString(t.TemplateBody)})
	var buttons []templateButton
	for _, b := range t.TemplateButtons {
		buttons = append(buttons, templateButton{Type: aws.ToString(b.Type), Text: aws.ToString(b.Text), URL: aws.ToString(b.Url), Number: aws.ToString(b.PhoneNumber)})
	}
	if buttons != nil {
		shown.Components = append(shown.Components, templateComponent{Type: "BUTTONS", Buttons: buttons})
	}
	return shown
}

// eachLibraryTemplate calls do for each template of Meta's library that fits the filters,
// until it returns an error.
func (c wabaClient) eachLibraryTemplate(ctx context.Context, filters map[string]string, do func(types.MetaLibraryTemplateDefinition) error) error {
	pages := socialmessaging.NewListWhatsAppTemplateLibraryPaginator(c.Client, &socialmessaging.ListWhatsAppTemplateLibraryInput{Id: c.id, Filters: filters})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return readable(err)
		}
		for _, t := range page.MetaLibraryTemplates {
			if err := do(t); err != nil {
				return err
			}
		}
	}
	return nil
}

// libraryFlags say what a template of the library becomes.
type libraryFlags struct {
	Library   string   `env:"-" help:"Name of a template of Meta's library, from which the template is created, in place of a definition." placeholder:"NAME" group:"From the library"`
	Name      string   `env:"-" help:"Name of the new template. Default: that of the library." placeholder:"NAME" group:"From the library"`
	Language  string   `env:"-" help:"Language of the template. Default: en_US." placeholder:"CODE" group:"From the library"`
	ButtonURL []string `name:"button-url" env:"-" help:"Your URL for a button with a link, such as https://example.com/orders/{{1}}. Once for each such button, in their order." placeholder:"URL" sep:"none" group:"From the library"`
	URLSample []string `name:"url-sample" env:"-" help:"Sample of the whole URL, if --button-url has a variable. Once for each such --button-url." placeholder:"URL" sep:"none" group:"From the library"`
	Phone     string   `name:"button-phone" env:"-" help:"Your number for a button that calls, such as +15550001234." placeholder:"NUMBER" group:"From the library"`
}

func (f libraryFlags) isSet() bool {
	return f.Name+f.Language+f.Phone != "" || len(f.ButtonURL)+len(f.URLSample) > 0
}

// title names the new template.
func (f libraryFlags) title() metaTemplate {
	return metaTemplate{Name: cmp.Or(f.Name, f.Library), Language: cmp.Or(f.Language, "en_US")}
}

// create creates a template from the library.
func (f libraryFlags) create(ctx context.Context, client wabaClient) (*socialmessaging.CreateWhatsAppMessageTemplateOutput, error) {
	named := f.title()
	template := &types.MetaLibraryTemplate{
		TemplateName: &named.Name, LibraryTemplateName: &f.Library, TemplateLanguage: &named.Language, TemplateCategory: new("UTILITY"), // as all of the library are
	}
	samples := f.URLSample
	for _, address := range f.ButtonURL {
		url := map[string]string{"baseUrl": address}
		if strings.Contains(address, "{{") {
			if len(samples) == 0 {
				return nil, fmt.Errorf("--button-url %s has a variable; give a sample of the whole URL with --url-sample", address)
			}
			url["urlSuffixExample"], samples = samples[0], samples[1:]
		}
		template.LibraryTemplateButtonInputs = append(template.LibraryTemplateButtonInputs, types.LibraryTemplateButtonInput{Type: new("URL"), Url: url})
	}
	if len(samples) > 0 {
		return nil, errors.New("there are more --url-sample than --button-url with a variable")
	}
	if f.Phone != "" {
		template.LibraryTemplateButtonInputs = append(template.LibraryTemplateButtonInputs, types.LibraryTemplateButtonInput{Type: new("PHONE_NUMBER"), PhoneNumber: &f.Phone})
	}
	output, err := client.CreateWhatsAppMessageTemplateFromLibrary(ctx, &socialmessaging.CreateWhatsAppMessageTemplateFromLibraryInput{Id: client.id, MetaLibraryTemplate: template})
	if err != nil {
		return nil, readable(err)
	}
	return (*socialmessaging.CreateWhatsAppMessageTemplateOutput)(output), nil
}
