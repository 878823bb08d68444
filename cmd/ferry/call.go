// ferry call: one operation of the API with JSON in and out.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"

	"ferry/socialmessaging"
)

// keptConnections bounds the idle connections of a client.
const keptConnections = 256

// clientFlags say where the API is, for the commands that call it. What they
// leave open comes from the AWS SDK's own settings, so that the same command
// works against ferry and against AWS.
type clientFlags struct {
	Endpoint string `help:"URL of the API. Default: the AWS SDK's settings (AWS_ENDPOINT_URL_SOCIALMESSAGING), then AWS." placeholder:"URL" group:"Client"`
	Region   string `name:"aws-region" help:"Region to sign for. Default: the AWS SDK's settings." env:"-" placeholder:"REGION" group:"Client"`
}

var errNoRegion = errors.New("no region is set: use --aws-region or AWS_REGION")

// client returns a client of the API.
func (f clientFlags) client(ctx context.Context) (*socialmessaging.Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the AWS SDK's settings: %w", err)
	}
	if f.Region != "" {
		cfg.Region = f.Region
	}
	if cfg.Region == "" {
		return nil, errNoRegion
	}
	if standard, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // it keeps 10 connections; many uploads at once want more
		cfg.HTTPClient = standard.WithTransportOptions(func(t *http.Transport) { t.MaxIdleConns, t.MaxIdleConnsPerHost = keptConnections, keptConnections })
	}
	return socialmessaging.NewFromConfig(cfg, func(o *socialmessaging.Options) {
		if f.Endpoint != "" {
			o.BaseEndpoint = &f.Endpoint
		}
	}), nil
}

type callCommand struct {
	clientFlags
	Operation string `arg:"" help:"Name of the operation, such as PostWhatsAppMessageMedia."`
	Input     string `help:"The input as JSON, or @FILE, or - for standard input." default:"{}" placeholder:"JSON"`
}

// Run calls the operation and prints its output.
func (c *callCommand) Run(ctx context.Context, terminal *terminal) error {
	operation, known := socialmessaging.OperationByName(c.Operation)
	if !known {
		return fmt.Errorf("the API has no operation %q; it has %s", c.Operation, strings.Join(operationNames(), ", "))
	}
	input, err := c.readInput()
	if err != nil {
		return err
	}
	client, err := c.client(ctx)
	if err != nil {
		return err
	}
	output, err := client.Call(ctx, operation, input)
	if exception, ok := socialmessaging.AsException(err); ok {
		return errors.New(exception.String())
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(terminal.out, "%s\n", output)
	return err
}

func (c *callCommand) readInput() ([]byte, error) {
	if c.Input == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, 16<<20))
	}
	if file, ok := strings.CutPrefix(c.Input, "@"); ok {
		return os.ReadFile(file)
	}
	return []byte(c.Input), nil
}

func operationNames() []string {
	names := make([]string, len(socialmessaging.Operations))
	for i, operation := range socialmessaging.Operations {
		names[i] = operation.Name
	}
	return names
}
