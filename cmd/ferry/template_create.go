// ferry template create: a template from Meta's JSON, with the media of its header.

package main

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ferry/internal/media"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

type templateCreateCommand struct {
	wabaFlags
	bucketFlags
	formatFlags
	HeaderMedia string `env:"-" help:"Picture, video or document that shows Meta's reviewers the header: a file, which is first put into --bucket, or s3://BUCKET/KEY. It becomes the example of the component HEADER, which is added if the template has none." placeholder:"FILE"`
	Definition  string `arg:"" help:"File with the template in Meta's JSON, or - for standard input." placeholder:"FILE"`
}

// Run uploads the media and creates the template.
func (c *templateCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	definition, err := readInput(c.Definition)
	if err != nil {
		return err
	}
	var named struct {
		Name     string `json:"name"`
		Language string `json:"language"`
	}
	if err := json.Unmarshal(definition, &named); err != nil {
		return fmt.Errorf("%s: expected a template in Meta's JSON, such as %s: %w", c.Definition, templateExample, err)
	}
	if c.HeaderMedia != "" { // what is wrong is found before anything is uploaded
		if _, err := withHeader(definition, "", headerFormat(c.HeaderMedia)); err != nil {
			return fmt.Errorf("%s: %w", c.Definition, err)
		}
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.HeaderMedia != "" {
		handle, err := c.upload(ctx, client)
		if err != nil {
			return fmt.Errorf("--header-media %s: %w", c.HeaderMedia, err)
		}
		if definition, err = withHeader(definition, handle, headerFormat(c.HeaderMedia)); err != nil {
			return err
		}
	}
	output, err := client.CreateWhatsAppMessageTemplate(ctx, &socialmessaging.CreateWhatsAppMessageTemplateInput{Id: client.id, TemplateDefinition: definition})
	if err != nil {
		return readable(err)
	}
	if c.isJSON(terminal) {
		return terminal.out.JSON(output)
	}
	id := aws.ToString(output.MetaTemplateId)
	_ = terminal.out.Printf("The template %s is created.\n", metaTemplate{Name: named.Name, Language: named.Language}.title())
	printFields(terminal.out, [][2]string{{"id", id}, {"status", aws.ToString(output.TemplateStatus)}, {"category", aws.ToString(output.Category)}})
	if aws.ToString(output.TemplateStatus) != "PENDING" {
		return nil
	}
	return terminal.out.Printf("'ferry template watch %s' waits for the end of its review.\n", id)
}

const templateExample = `{"name": "order_update", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Your order is on its way."}]}`

// upload uploads the media of the header and returns the handle of it.
func (c *templateCreateCommand) upload(ctx context.Context, client wabaClient) (string, error) {
	source := c.HeaderMedia
	if !strings.HasPrefix(source, "s3://") {
		var err error
		if source, err = c.putFile(ctx, c.clientFlags, "ferry-template/", source); err != nil {
			return "", err
		}
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(source, "s3://"), "/")
	if bucket == "" || key == "" {
		return "", errors.New("it does not name an object; expected s3://BUCKET/KEY")
	}
	output, err := client.CreateWhatsAppMessageTemplateMedia(ctx, &socialmessaging.CreateWhatsAppMessageTemplateMediaInput{
		Id: client.id, SourceS3File: &types.S3File{BucketName: &bucket, Key: &key},
	})
	if err == nil && output.MetaHeaderHandle == nil {
		err = errors.New("the response has no handle")
	}
	if err != nil {
		return "", readable(err)
	}
	return *output.MetaHeaderHandle, nil
}

// headerFormat returns the format of a header with a file, "" if its name does not say.
func headerFormat(path string) string {
	known := mime.TypeByExtension(filepath.Ext(path))
	if known == "" {
		return ""
	}
	base, _, _ := mime.ParseMediaType(known)
	if kind := media.MessageType(base); kind == "image" || kind == "video" {
		return strings.ToUpper(kind)
	}
	return "DOCUMENT"
}

// mediaFormats are the formats of headers with media.
var mediaFormats = []string{"IMAGE", "VIDEO", "DOCUMENT", "GIF"}

// withHeader returns a template whose header has a handle as its example. A header with
// the format is added if there is none.
func withHeader(definition []byte, handle, format string) ([]byte, error) {
	var template map[string]jsontext.Value
	if err := json.Unmarshal(definition, &template); err != nil {
		return nil, err
	}
	var components []jsontext.Value
	if len(template["components"]) > 0 {
		if err := json.Unmarshal(template["components"], &components); err != nil {
			return nil, fmt.Errorf("components: %w", err)
		}
	}
	header, at := map[string]jsontext.Value{}, -1
	for i, component := range components {
		var is struct {
			Type   string `json:"type"`
			Format string `json:"format"`
		}
		if err := json.Unmarshal(component, &is); err != nil {
			return nil, fmt.Errorf("components: %w", err)
		}
		if !strings.EqualFold(is.Type, "HEADER") {
			continue
		}
		if !slices.Contains(mediaFormats, strings.ToUpper(is.Format)) {
			return nil, fmt.Errorf("the HEADER of the template has the format %q, which has no media; expected %s", is.Format, strings.Join(mediaFormats, ", "))
		}
		if err := json.Unmarshal(component, &header); err != nil {
			return nil, err
		}
		at = i
	}
	if at < 0 && format == "" {
		return nil, errors.New(`the template has no HEADER, and the name of the file does not say of which format it is; add {"type": "HEADER", "format": "IMAGE"} to its components`)
	}
	if at < 0 {
		header["type"], header["format"] = jsontext.Value(`"HEADER"`), jsontext.Value(`"`+format+`"`)
		components, at = slices.Insert(components, 0, nil), 0
	}
	var err error
	if header["example"], err = json.Marshal(map[string][]string{"header_handle": {handle}}); err != nil {
		return nil, err
	}
	if components[at], err = json.Marshal(header, json.Deterministic(true)); err != nil {
		return nil, err
	}
	if template["components"], err = json.Marshal(components); err != nil {
		return nil, err
	}
	return json.Marshal(template, json.Deterministic(true))
}
