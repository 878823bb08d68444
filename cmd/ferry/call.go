// ferry call: one operation of the API, with JSON as input and output.

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

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
	Input     string `env:"-" help:"Input of the operation: JSON, or @FILE, or - for standard input. A member that is a blob is JSON of Meta's, or \"@FILE\", or base64. Default: ${default}." default:"{}" placeholder:"JSON"`
}

// Run calls the operation and prints its output.
func (c *callCommand) Run(ctx context.Context, terminal *terminal) error {
	operation, known := socialmessaging.OperationByName(c.Operation)
	if !known {
		return unknownOperation(c.Operation)
	}
	input, err := c.readInput()
	if err == nil {
		input, err = encodeBlobs(operation, input)
	}
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
	path, isFile := strings.CutPrefix(c.Input, "@")
	if !isFile && c.Input != "-" {
		return []byte(c.Input), nil
	}
	input, err := readInput(path)
	if err != nil {
		return nil, fmt.Errorf("--input: %w", err)
	}
	return input, nil
}

// readInput reads a file that is part of the input of an operation, or standard input
// if path is "-".
func readInput(path string) ([]byte, error) {
	source := os.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		source = file
	}
	input, err := io.ReadAll(io.LimitReader(source, maxInput+1))
	if err == nil && len(input) > maxInput {
		err = fmt.Errorf("it has more than %d bytes", maxInput)
	}
	return input, err
}

// encodeBlobs returns the input of an operation with its blobs in base64. A blob that is
// written as JSON, or as a string that contains JSON, is that text as it is written; the
// string "@FILE" stands for the content of the file. Other strings are base64 already,
// as in the input of AWS's tools. What is no JSON object is returned as it is.
func encodeBlobs(operation *socialmessaging.Operation, input []byte) ([]byte, error) {
	blobs := operation.Blobs()
	var members map[string]jsontext.Value
	if len(blobs) == 0 || json.Unmarshal(input, &members) != nil {
		return input, nil
	}
	for _, name := range blobs {
		value := members[name]
		blob := []byte(value)
		switch value.Kind() {
		case '{', '[':
		case '"':
			var text string
			if err := json.Unmarshal(value, &text); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			blob = []byte(text)
			if path, isFile := strings.CutPrefix(text, "@"); isFile {
				var err error
				if blob, err = readInput(path); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			} else if !strings.HasPrefix(strings.TrimSpace(text), "{") && !strings.HasPrefix(strings.TrimSpace(text), "[") {
				continue
			}
		default:
			continue
		}
		members[name] = jsontext.Value(`"` + base64.StdEncoding.EncodeToString(blob) + `"`)
	}
	return json.Marshal(members)
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
