// ferry flow create, update, publish, deprecate and delete.

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/tty"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// flowFlags are what a flow has besides its JSON.
type flowFlags struct {
	Category    []string `env:"-" help:"What the flow is for: SIGN_UP, SIGN_IN, APPOINTMENT_BOOKING, LEAD_GENERATION, SHOPPING, CONTACT_US, CUSTOMER_SUPPORT, SURVEY or OTHER. May be repeated." placeholder:"CATEGORY"`
	EndpointURI string   `name:"endpoint-uri" env:"-" help:"HTTPS address at which your server exchanges data with the flow." placeholder:"URL"`
	JSON        string   `name:"json" env:"-" help:"File with the flow in Meta's JSON, or - for standard input." placeholder:"FILE"`
}

// categories returns the categories in Meta's spelling.
func (f flowFlags) categories() (list []types.MetaFlowCategory) {
	for _, category := range f.Category {
		list = append(list, types.MetaFlowCategory(strings.ToUpper(strings.ReplaceAll(category, "-", "_"))))
	}
	return list
}

// content reads the JSON of the flow; it is nil if none is set.
func (f flowFlags) content() ([]byte, error) {
	if f.JSON == "" {
		return nil, nil
	}
	content, err := readInput(f.JSON)
	if err != nil {
		return nil, fmt.Errorf("--json: %w", err)
	}
	return content, nil
}

// textOrNil returns nil for an empty text, which the operations leave out.
func textOrNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

type flowCreateCommand struct {
	wabaFlags
	flowFlags
	Name    string `arg:"" help:"Name of the flow. No other flow of the account has it." placeholder:"NAME"`
	Clone   string `env:"-" help:"Id of a flow whose JSON is copied." placeholder:"ID"`
	Publish bool   `env:"-" help:"Publish the flow if its JSON has no errors."`
}

// Run creates the flow. It fails if its JSON has errors, though the flow then exists.
func (c *flowCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	content, err := c.content()
	if err != nil {
		return err
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	input := &socialmessaging.CreateWhatsAppFlowInput{
		Id: client.id, FlowName: &c.Name, Categories: c.categories(), FlowJson: content,
		CloneFlowId: textOrNil(c.Clone), EndpointUri: textOrNil(c.EndpointURI),
	}
	if len(input.Categories) == 0 {
		input.Categories = []types.MetaFlowCategory{types.MetaFlowCategoryOther}
	}
	if c.Publish {
		input.Publish = &c.Publish
	}
	output, err := client.CreateWhatsAppFlow(ctx, input)
	if err != nil {
		return readable(err)
	}
	id := aws.ToString(output.FlowId)
	if tty.IsTerminal(terminal.out) {
		state := "as a draft"
		if c.Publish && len(output.ValidationErrors) == 0 {
			state = "and published"
		}
		_ = terminal.out.Printf("The flow %s is created %s. Its id is %s.\n", c.Name, state, id)
	}
	return reportFlow(terminal, id, output.ValidationErrors)
}

// reportFlow prints what became of a flow's JSON: for programs, and its errors for
// people. It returns errReported if it has errors.
func reportFlow(terminal *terminal, id string, problems []string) error {
	if !tty.IsTerminal(terminal.out) {
		err := terminal.out.JSON(map[string]any{"flowId": id, "validationErrors": asJSON(problems)})
		if err != nil {
			return err
		}
	}
	if len(problems) == 0 {
		return nil
	}
	_ = terminal.err.Printf("The JSON of the flow has errors. Until they are corrected the flow cannot be published:\n\n")
	_ = printFlowProblems(terminal.err, problems)
	_ = terminal.err.Printf("\n'ferry flow update %s --json FILE' replaces the JSON.\n", id)
	return errReported
}

type flowUpdateCommand struct {
	wabaFlags
	flowArg
	flowFlags
	Name  string `env:"-" help:"New name of the flow." placeholder:"NAME"`
	AppID string `name:"app-id" env:"-" help:"Meta's id of the app that the flow belongs to." placeholder:"ID"`
}

// Run changes the flow: first what is not its JSON.
func (c *flowUpdateCommand) Run(ctx context.Context, terminal *terminal) error {
	input := &socialmessaging.UpdateWhatsAppFlowInput{
		FlowName: textOrNil(c.Name), Categories: c.categories(), EndpointUri: textOrNil(c.EndpointURI), MetaAppId: textOrNil(c.AppID),
	}
	changes := c.Name+c.EndpointURI+c.AppID != "" || len(c.Category) > 0
	if !changes && c.JSON == "" {
		return errors.New("nothing is to be changed; set --json, --name, --category, --endpoint-uri or --app-id")
	}
	content, err := c.content()
	if err != nil {
		return err
	}
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	if changes {
		input.Id, input.FlowId = client.id, id
		if _, err := client.UpdateWhatsAppFlow(ctx, input); err != nil {
			return readable(err)
		}
	}
	var problems []string
	if c.JSON != "" {
		output, err := client.UpdateWhatsAppFlowAssets(ctx, &socialmessaging.UpdateWhatsAppFlowAssetsInput{Id: client.id, FlowId: id, FlowJson: content})
		if err != nil && changes {
			return fmt.Errorf("the flow is changed, but not its JSON: %w", readable(err))
		}
		if err != nil {
			return readable(err)
		}
		problems = output.ValidationErrors
	}
	if tty.IsTerminal(terminal.out) {
		_ = terminal.out.Printf("The flow %s is changed.\n", c.Flow)
	}
	return reportFlow(terminal, *id, problems)
}

type flowPublishCommand struct {
	wabaFlags
	flowArg
}

// Run publishes a flow. If Meta refuses, it prints what is wrong with the flow's JSON.
func (c *flowPublishCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	_, err = client.PublishWhatsAppFlow(ctx, &socialmessaging.PublishWhatsAppFlowInput{Id: client.id, FlowId: id})
	if err == nil {
		return terminal.out.Printf("The flow %s is published.\n", c.Flow)
	}
	if _, refused := errors.AsType[*types.InvalidParametersException](err); refused {
		flow, problem := client.GetWhatsAppFlow(ctx, &socialmessaging.GetWhatsAppFlowInput{Id: client.id, FlowId: id})
		if problem == nil && len(flow.ValidationErrors) > 0 {
			terminal.err.Error(readable(err))
			_ = terminal.err.Printf("\n")
			_ = printFlowProblems(terminal.err, flow.ValidationErrors)
			return errReported
		}
	}
	return readable(err)
}

type flowDeprecateCommand struct {
	wabaFlags
	flowArg
	yesFlags
}

// Run retires a flow.
func (c *flowDeprecateCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	if err := c.confirm(terminal, fmt.Sprintf("retire the flow %s, which cannot be undone", c.Flow)); err != nil {
		return err
	}
	if _, err = client.DeprecateWhatsAppFlow(ctx, &socialmessaging.DeprecateWhatsAppFlowInput{Id: client.id, FlowId: id}); err != nil {
		return readable(err)
	}
	return terminal.out.Printf("The flow %s is deprecated.\n", c.Flow)
}

type flowDeleteCommand struct {
	wabaFlags
	flowArg
	yesFlags
}

// Run deletes a flow.
func (c *flowDeleteCommand) Run(ctx context.Context, terminal *terminal) error {
	client, id, err := c.flowArg.open(ctx, c.wabaFlags)
	if err != nil {
		return err
	}
	if err := c.confirm(terminal, fmt.Sprintf("delete the flow %s", c.Flow)); err != nil {
		return err
	}
	if _, err = client.DeleteWhatsAppFlow(ctx, &socialmessaging.DeleteWhatsAppFlowInput{Id: client.id, FlowId: id}); err != nil {
		return readable(err)
	}
	return terminal.out.Printf("The flow %s is deleted.\n", c.Flow)
}

// flowProblem is an error in the JSON of a flow, as Meta describes it.
type flowProblem struct {
	Code     string `json:"error"`
	Message  string `json:"message"`
	Line     int    `json:"line_start"`
	Column   int    `json:"column_start"`
	Pointers []struct {
		Path string `json:"path"`
	} `json:"pointers"`
}

// printFlowProblems prints a table of the errors in the JSON of a flow.
func printFlowProblems(out *tty.Output, problems []string) error {
	table := out.Table("LINE", "COLUMN", "ERROR", "AT", "MESSAGE")
	for _, text := range problems {
		var problem flowProblem
		if err := json.Unmarshal([]byte(text), &problem); err != nil {
			table.Row("", "", "", "", text)
			continue
		}
		at := ""
		if len(problem.Pointers) > 0 {
			at = problem.Pointers[0].Path
		}
		table.Row(problem.Line, problem.Column, problem.Code, at, problem.Message)
	}
	return table.Flush()
}

// asJSON returns texts as the JSON that they contain, or else as strings.
func asJSON(texts []string) []any {
	values := make([]any, len(texts)) // not nil: an empty list is printed
	for i, text := range texts {
		values[i] = text
		if json.Valid([]byte(text)) {
			values[i] = json.RawMessage(text)
		}
	}
	return values
}
