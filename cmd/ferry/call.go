// ferry call: one operation of the API, with JSON as input and output.

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

// maxIdleConnections bounds the idle connections of a client.
const maxIdleConnections = 256

// clientFlags say where the API is. What they do not set comes from the AWS SDK's own
// settings, so that the same command works with ferry and with AWS.
type clientFlags struct {
	Endpoint string `help:"URL of the API. Default: the AWS SDK's setting (AWS_ENDPOINT_URL_SOCIALMESSAGING), else AWS." placeholder:"URL" group:"Client"`
	Region   string `name:"aws-region" help:"AWS region of the API. Default: the AWS SDK's setting." env:"-" placeholder:"REGION" group:"Client"`
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
	if standard, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok { // it keeps 10 connections, too few for many concurrent uploads
		cfg.HTTPClient = standard.WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns, t.MaxIdleConnsPerHost = maxIdleConnections, maxIdleConnections
		})
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
	Input     string `env:"-" help:"Input of the operation: JSON, or @FILE, or - for standard input. Default: ${default}." default:"{}" placeholder:"JSON"`
}

// Run calls the operation and prints its output.
func (c *callCommand) Run(ctx context.Context, terminal *terminal) error {
	operation, known := socialmessaging.OperationByName(c.Operation)
	if !known {
		return unknownOperation(c.Operation)
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
	return terminal.out.JSONText(output)
}

// maxInput bounds the input of an operation. No operation accepts a longer one.
const maxInput = 16 << 20

func (c *callCommand) readInput() ([]byte, error) {
	source := io.Reader(strings.NewReader(c.Input))
	if path, ok := strings.CutPrefix(c.Input, "@"); ok {
		file, err := os.Open(path)
		if err != nil {
			return nil, fmt.Errorf("--input: %w", err)
		}
		defer file.Close()
		source = file
	} else if c.Input == "-" {
		source = os.Stdin
	}
	input, err := io.ReadAll(io.LimitReader(source, maxInput+1))
	if err == nil && len(input) > maxInput {
		err = fmt.Errorf("it has more than %d bytes", maxInput)
	}
	if err != nil {
		return nil, fmt.Errorf("--input: %w", err)
	}
	return input, nil
}

// unknownOperation returns the error for a name that is not an operation's. It
// lists all names, and suggests the nearest one if it is near.
func unknownOperation(name string) error {
	names := make([]string, len(socialmessaging.Operations))
	nearest, least := "", 0
	for i, operation := range socialmessaging.Operations {
		names[i] = operation.Name
		if d := distance(foldName(name), foldName(operation.Name)); d <= len(operation.Name)/2 && (nearest == "" || d < least) {
			nearest, least = operation.Name, d
		}
	}
	suggestion := ""
	if nearest != "" {
		suggestion = fmt.Sprintf(", did you mean %q?", nearest)
	}
	return fmt.Errorf("the API has no operation %q%s\nThe operations are:\n  %s", name, suggestion, strings.Join(names, "\n  "))
}

// foldName makes the names of the AWS CLI (post-whatsapp-message-media) and names in
// another case comparable.
func foldName(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "-", ""))
}

// distance returns the number of bytes to insert, delete or replace that make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // row[j] is the distance of the beginning of a that was read from b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
