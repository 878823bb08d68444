// ferry flow: the flows of a WhatsApp Business Account, forms inside WhatsApp.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/tty"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

type flowCommands struct {
	List      flowListCommand      `cmd:"" help:"List flows with their status."`
	Show      flowShowCommand      `cmd:"" help:"Show a flow, with the errors in its JSON."`
	Create    flowCreateCommand    `cmd:"" help:"Create a flow from Meta's JSON, as a draft or published."`
	Update    flowUpdateCommand    `cmd:"" help:"Replace the JSON of a flow, or change its name, categories, endpoint or app."`
	Assets    flowAssetsCommand    `cmd:"" help:"List the files of a flow, with links to them."`
	Preview   flowPreviewCommand   `cmd:"" help:"Print the URL of a preview, which anybody can open in a browser."`
	Publish   flowPublishCommand   `cmd:"" help:"Publish a draft."`
	Deprecate flowDeprecateCommand `cmd:"" help:"Retire a published flow: it can no longer be sent or opened."`
	Delete    flowDeleteCommand    `cmd:"" help:"Delete a draft."`
}

type flowListCommand struct {
	wabaFlags
	formatFlags
}

// Run lists the flows.
func (c *flowListCommand) Run(ctx context.Context, terminal *terminal) error {
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.isJSON(terminal) {
		return client.eachFlow(ctx, func(f types.MetaFlowSummary) error {
			return terminal.out.JSON(struct {
				types.MetaFlowSummary
				ValidationErrors []any `json:"validationErrors"`
			}{f, asJSON(f.ValidationErrors)})
		})
	}
	table := terminal.out.Table("NAME", "STATUS", "CATEGORIES", "ERRORS", "ID")
	err = client.eachFlow(ctx, func(f types.MetaFlowSummary) error {
		problems := ""
		if n := len(f.ValidationErrors); n > 0 {
			problems = fmt.Sprint(n)
		}
		table.Row(aws.ToString(f.FlowName), aws.ToString(f.FlowStatus), categoryText(f.FlowCategories), problems, aws.ToString(f.FlowId))
		return nil
	})
	if err != nil {
		return err
	}
	return table.Flush()
}

// eachFlow calls do for each flow of the account, until it returns an error.
func (c wabaClient) eachFlow(ctx context.Context, do func(types.MetaFlowSummary) error) error {
	pages := socialmessaging.NewListWhatsAppFlowsPaginator(c.Client, &socialmessaging.ListWhatsAppFlowsInput{Id: c.id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return readable(err)
		}
		for _, f := range page.Flows {
			if err := do(f); err != nil {
				return err
			}
		}
	}
	return nil
}

func categoryText(categories []types.MetaFlowCategory) string {
	names := make([]string, len(categories))
	for i, category := range categories {
		names[i] = string(category)
	}
	return strings.Join(names, ", ")
}

// flowArg names a flow.
type flowArg struct {
	Flow string `arg:"" help:"Id or name of the flow." placeholder:"FLOW"`
}

// open returns a client, and the id of the flow.
func (a flowArg) open(ctx context.Context, flags wabaFlags) (client wabaClient, id *string, err error) {
	client, err = flags.open(ctx)
	if err != nil || isID(a.Flow) {
		return client, &a.Flow, err
	}
	err = client.eachFlow(ctx, func(f types.MetaFlowSummary) error {
		if aws.ToString(f.FlowName) == a.Flow {
			id = f.FlowId
		}
		return nil
	})
	if err == nil && id == nil {
		err = fmt.Errorf("there is no flow %q; 'ferry flow list' shows those that there are", a.Flow)
	}
	return client, id, err
}

type flowShowCommand struct {
	wabaFlags
	flowArg
	formatFlags
}

// Run prints a flow.
func (c *flowShowCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	flow, err := client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: client.id, FlowId: id})
	if err != nil {
		return readable(err)
	}
	if c.isJSON(terminal) {
		return terminal.out.JSON(struct {
			*socialmessaging.GetWhatsAppFlowOutput
			ValidationErrors []any `json:"validationErrors"`
		}{flow, asJSON(flow.ValidationErrors)})
	}
	return printFlow(terminal.out, flow)
}

// printFlow prints a flow as people read it.
func printFlow(out *tty.Output, flow *socialmessaging.GetWhatsAppFlowOutput) error {
	fields := [][2]string{
		{"id", aws.ToString(flow.FlowId)}, {"status", aws.ToString(flow.FlowStatus)}, {"categories", categoryText(flow.Categories)},
		{"version", aws.ToString(flow.JsonVersion)}, {"endpoint", aws.ToString(flow.EndpointUri)}, {"data API", aws.ToString(flow.DataApiVersion)},
	}
	if flow.Application != nil {
		fields = append(fields, [2]string{"app", aws.ToString(flow.Application.Id) + "  " + aws.ToString(flow.Application.Name)})
	}
	if flow.HealthStatus != nil {
		fields = append(fields, [2]string{"messages", aws.ToString(flow.HealthStatus.CanSendMessage)})
		for _, entity := range flow.HealthStatus.Entities {
			if can := aws.ToString(entity.CanSendMessage); can != "AVAILABLE" {
				fields = append(fields, [2]string{"", strings.TrimSpace(aws.ToString(entity.EntityType)+" "+aws.ToString(entity.Id)) + ": " + can})
			}
		}
	}
	_ = out.Printf("%s\n", aws.ToString(flow.FlowName))
	printFields(out, fields)
	if len(flow.ValidationErrors) == 0 {
		return nil
	}
	_ = out.Printf("\n")
	return printFlowProblems(out, flow.ValidationErrors)
}

type flowAssetsCommand struct {
	wabaFlags
	flowArg
	formatFlags
}

// Run lists the files of a flow.
func (c *flowAssetsCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	pages := socialmessaging.NewListWhatsAppFlowAssetsPaginator(client.Client, &socialmessaging.ListWhatsAppFlowAssetsInput{Id: client.id, FlowId: id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return readable(err)
		}
		for _, asset := range page.FlowAssets {
			if c.isJSON(terminal) {
				err = terminal.out.JSON(asset)
			} else {
				err = terminal.out.Printf("%s  %s\n  %s\n", aws.ToString(asset.Name), aws.ToString(asset.AssetType), aws.ToString(asset.DownloadUrl))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

type flowPreviewCommand struct {
	wabaFlags
	flowArg
	AsJSON bool `name:"json" env:"-" help:"Print one JSON object, which also says until when the URL is valid."`
	New    bool `env:"-" help:"Make a new URL, and the earlier one invalid."`
}

// Run prints the URL of the preview.
func (c *flowPreviewCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	input := &socialmessaging.GetWhatsAppFlowPreviewInput{Id: client.id, FlowId: id}
	if c.New {
		input.Invalidate = &c.New
	}
	output, err := client.GetWhatsAppFlowPreview(ctx, input)
	if err == nil && (output.Preview == nil || output.Preview.PreviewUrl == nil) {
		err = errors.New("the response has no preview")
	}
	if err != nil {
		return readable(err)
	}
	if c.AsJSON {
		return terminal.out.JSON(output)
	}
	if err := terminal.out.Printf("%s\n", *output.Preview.PreviewUrl); err != nil || !tty.IsTerminal(terminal.out) {
		return err
	}
	until := aws.ToString(output.Preview.ExpiresAt)
	if at, err := time.Parse("2006-01-02T15:04:05-0700", until); err == nil {
		until = at.Local().Format("2006-01-02 15:04")
	}
	return terminal.out.Printf("Anybody who has this URL can open it until %s.\n", until)
}
