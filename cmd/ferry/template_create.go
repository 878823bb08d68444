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

// headerFlags name the media of a header.
type headerFlags struct {
	bucketFlags
	HeaderMedia string `env:"-" help:"Picture, video or document that shows Meta's reviewers the header: a file, which is first put into --bucket, or s3://BUCKET/KEY. It becomes the example of the component HEADER, which is added if the template has none." placeholder:"FILE"`
}

type templateCreateCommand struct {
	wabaFlags
	headerFlags
	libraryFlags
	formatFlags
	Definition string `arg:"" optional:"" help:"File with the template in Meta's JSON, or - for standard input." placeholder:"FILE"`
}

// Run uploads the media and creates the template.
func (c *templateCreateCommand) Run(ctx context.Context, terminal *terminal) error {
	switch {
	case (c.Definition == "") == (c.Library == ""):
		return errors.New("expected either a file with a definition, or --library NAME")
	case c.Library != "" && c.HeaderMedia != "":
		return errors.New("templates of the library have no media; leave out --header-media")
	case c.Library == "" && c.libraryFlags.isSet():
		return errors.New("--name, --language, --button-url, --url-sample and --button-phone are for --library; a definition has these values itself")
	case c.Library != "":
		client, err := c.open(ctx)
		if err != nil {
			return err
		}
		output, err := c.libraryFlags.create(ctx, client)
		if err != nil {
			return err
		}
		return c.print(terminal, c.title(), output)
	}
	definition, err := readInput(c.Definition)
	if err != nil {
		return err
	}
	var named metaTemplate
	if err := json.Unmarshal(definition, &struct {
		Name     *string `json:"name"`
		Language *string `json:"language"`
	}{&named.Name, &named.Language}); err != nil {
		return notTemplate(c.Definition, err)
	}
	if err := c.checkHeader(definition); err != nil {
		return fmt.Errorf("%s: %w", c.Definition, err)
	}
	client, err := c.open(ctx)
	if err != nil {
		return err
	}
	if definition, err = c.addHeader(ctx, client, c.clientFlags, definition); err != nil {
		return err
	}
	output, err := client.CreateWhatsAppMessageTemplate(ctx, &socialmessaging.CreateWhatsAppMessageTemplateInput{Id: client.id, TemplateDefinition: definition})
	if err != nil {
		return readable(err)
	}
	return c.print(terminal, named, output)
}

// print prints what was created.
func (c *templateCreateCommand) print(terminal *terminal, named metaTemplate, output *socialmessaging.CreateWhatsAppMessageTemplateOutput) error {
	if c.isJSON(terminal) {
		return terminal.out.JSON(output)
	}
	id := aws.ToString(output.MetaTemplateId)
	_ = terminal.out.Printf("The template %s is created.\n", named.title())
	printFields(terminal.out, [][2]string{{"id", id}, {"status", aws.ToString(output.TemplateStatus)}, {"category", aws.ToString(output.Category)}})
	if aws.ToString(output.TemplateStatus) != "PENDING" {
		return nil
	}
	return terminal.out.Printf("'ferry template watch %s' waits for the end of its review.\n", id)
}

const templateExample = `{"name": "order_update", "language": "en_US", "category": "UTILITY", "components": [{"type": "BODY", "text": "Your order is on its way."}]}`

func notTemplate(file string, cause error) error {
	return fmt.Errorf("%s: expected a template in Meta's JSON, such as %s: %w", file, templateExample, cause)
}

// checkHeader returns what prevents the media from being the example of the header,
// before anything is uploaded.
func (f headerFlags) checkHeader(definition []byte) error {
	if f.HeaderMedia == "" {
		return nil
	}
	_, err := withHeader(definition, "", headerFormat(f.HeaderMedia))
	return err
}

// addHeader uploads the media, if there are any, and returns the template with them.
func (f headerFlags) addHeader(ctx context.Context, client wabaClient, api clientFlags, definition []byte) ([]byte, error) {
	if f.HeaderMedia == "" {
		return definition, nil
	}
	handle, err := f.upload(ctx, client, api)
	if err != nil {
		return nil, fmt.Errorf("--header-media %s: %w", f.HeaderMedia, err)
	}
	return withHeader(definition, handle, headerFormat(f.HeaderMedia))
}

// upload uploads the media of the header and returns the handle of it.
func (f headerFlags) upload(ctx context.Context, client wabaClient, api clientFlags) (string, error) {
	source := f.HeaderMedia
	if !strings.HasPrefix(source, "s3://") {
		var err error
		if source, err = f.putFile(ctx, api, "ferry-template/", source); err != nil {
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
