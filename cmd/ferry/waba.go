// What the commands about one WhatsApp Business Account share.

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/tty"
	"ferry/socialmessaging"
)

// wabaFlags say which WhatsApp Business Account a command is about.
type wabaFlags struct {
	clientFlags
	WABAID string `name:"waba-id" help:"AWS's id or ARN of the WhatsApp Business Account. Default: the only one that is linked to the caller's account." placeholder:"ID" group:"Client"`
}

// wabaClient calls operations for a WhatsApp Business Account.
type wabaClient struct {
	*socialmessaging.Client
	id *string // of the WhatsApp Business Account
}

// open returns a client for the WhatsApp Business Account.
func (f wabaFlags) open(ctx context.Context) (wabaClient, error) {
	client, err := f.client(ctx)
	if err != nil || f.WABAID != "" {
		return wabaClient{client, &f.WABAID}, err
	}
	output, err := client.ListLinkedWhatsAppBusinessAccounts(ctx, &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{})
	switch {
	case err != nil:
		return wabaClient{}, fmt.Errorf("looking for the WhatsApp Business Account, because --waba-id is not set: %w", readable(err))
	case len(output.LinkedAccounts) == 0 && output.NextToken == nil:
		return wabaClient{}, errors.New("no WhatsApp Business Account is linked; 'ferry account link' links one")
	case len(output.LinkedAccounts) == 1 && output.NextToken == nil:
		return wabaClient{client, output.LinkedAccounts[0].Id}, nil
	}
	var text strings.Builder
	for _, account := range output.LinkedAccounts {
		fmt.Fprintf(&text, "\n  %s  %s", aws.ToString(account.Id), aws.ToString(account.WabaName))
	}
	return wabaClient{}, fmt.Errorf("several WhatsApp Business Accounts are linked; say which with --waba-id or FERRY_WABA_ID:%s", text.String())
}

// readable returns the error of a call as a person reads it.
func readable(err error) error {
	if exception, ok := socialmessaging.AsException(err); ok {
		return errors.New(exception.String())
	}
	return err
}

// isID reports whether a text has the form of Meta's ids.
func isID(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// formatFlags say how a command prints.
type formatFlags struct {
	AsJSON bool `name:"json" env:"-" help:"Print JSON on a terminal, too."`
}

// isJSON reports whether the output is JSON.
func (f formatFlags) isJSON(terminal *terminal) bool {
	return f.AsJSON || !tty.IsTerminal(terminal.out)
}

// yesFlags are those of a command that asks before it changes something for good.
type yesFlags struct {
	Yes bool `env:"-" help:"Do not ask."`
}

// confirm says what will happen, and asks the person at the terminal.
func (f yesFlags) confirm(terminal *terminal, what string) error {
	switch {
	case f.Yes:
		return nil
	case !tty.IsTerminal(terminal.out):
		return fmt.Errorf("this would %s; confirm it with --yes", what)
	}
	if err := terminal.out.Printf("This will %s. ", what); err != nil {
		return err
	}
	return confirm(terminal)
}
