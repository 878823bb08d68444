// ferry trigger inbound: a person writes to the business.

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"ferry/metasim"
)

// maxTriggerFile bounds a file that a person sends, in bytes: its base64 must fit into a
// request of the control API.
const maxTriggerFile = 16 << 20

type triggerInboundCommand struct {
	triggerFlags

	From    string `required:"" env:"-" help:"Phone number of the person." placeholder:"NUMBER" group:"Who"`
	Number  string `env:"-" help:"Phone number of the business: the number, or Meta's id of it. Default: the first one." placeholder:"NUMBER" group:"Who"`
	ReplyTo string `env:"-" help:"Message that the person replies to or reacts to: wamid.… Default for a button, an entry of a list and a reaction: the last one that the person was sent." placeholder:"WAMID" group:"What"`

	Text       string `env:"-" xor:"what" required:"" help:"Write a text." placeholder:"TEXT" group:"What"`
	Image      string `env:"-" xor:"what" required:"" help:"Send a picture." placeholder:"FILE" group:"What"`
	Voice      string `env:"-" xor:"what" required:"" help:"Send a voice note, recorded in WhatsApp: Ogg with Opus." placeholder:"FILE" group:"What"`
	Audio      string `env:"-" xor:"what" required:"" help:"Send a file with sound." placeholder:"FILE" group:"What"`
	Video      string `env:"-" xor:"what" required:"" help:"Send a video." placeholder:"FILE" group:"What"`
	Document   string `env:"-" xor:"what" required:"" help:"Send a document." placeholder:"FILE" group:"What"`
	Sticker    string `env:"-" xor:"what" required:"" help:"Send a sticker." placeholder:"FILE" group:"What"`
	Location   string `env:"-" xor:"what" required:"" help:"Send a place: 52.52,13.405." placeholder:"LAT,LON" group:"What"`
	Button     string `env:"-" xor:"what" required:"" help:"Press a button of an interactive message, by its id." placeholder:"ID" group:"What"`
	List       string `env:"-" xor:"what" required:"" help:"Choose an entry of a list, by its id." placeholder:"ID" group:"What"`
	QuickReply string `env:"-" xor:"what" required:"" help:"Press a quick reply of a template, by its payload." placeholder:"PAYLOAD" group:"What"`
	Reaction   string `env:"-" xor:"what" required:"" help:"React with an emoji." placeholder:"EMOJI" group:"What"`
	Sample     string `env:"-" xor:"what" required:"" help:"Send an example: image, video, audio, document, sticker, location, contacts, order or unsupported." placeholder:"TYPE" group:"What"`

	Caption string `env:"-" help:"Caption of a picture, a video or a document." placeholder:"TEXT" group:"What"`
	Title   string `env:"-" help:"Title of the button or the entry. Default: its id." placeholder:"TEXT" group:"What"`
	Type    string `env:"-" help:"MIME type of the file. Default: what its content is." placeholder:"TYPE" group:"What"`
}

// Run makes the person do it.
func (c *triggerInboundCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.run(ctx, terminal, func(ctx context.Context, client *metasim.ControlClient) (any, string, error) {
		number, err := phoneNumber(ctx, client, c.Number)
		if err != nil {
			return nil, "", err
		}
		in, err := c.inbound(ctx, client)
		if err == nil {
			err = c.change(&in)
		}
		if err != nil {
			return nil, "", err
		}
		received, err := client.Receive(ctx, number, in)
		return received, fmt.Sprintf("%s  %s from +%s", received.ID, received.Type, digits(c.From)), err
	})
}

// inbound returns the message.
func (c *triggerInboundCommand) inbound(ctx context.Context, client *metasim.ControlClient) (metasim.Inbound, error) {
	in := metasim.Inbound{From: digits(c.From), Type: c.Sample}
	if err := c.setMedia(&in); err != nil {
		return in, err
	}
	title := func(id string) *metasim.InboundReply {
		return &metasim.InboundReply{ID: id, Title: cmp.Or(c.Title, id)}
	}
	switch {
	case c.Text != "":
		in.Text = &metasim.InboundText{Body: c.Text}
	case c.Location != "":
		place, err := parseLocation(c.Location)
		if err != nil {
			return in, usageError{err}
		}
		in.Location = place
	case c.Button != "":
		in.Interactive = &metasim.InboundInteractive{ButtonReply: title(c.Button)}
	case c.List != "":
		in.Interactive = &metasim.InboundInteractive{ListReply: title(c.List)}
	case c.QuickReply != "":
		in.Button = &metasim.InboundButton{Payload: c.QuickReply, Text: cmp.Or(c.Title, c.QuickReply)}
	}
	answered := c.ReplyTo
	if answered == "" && (c.Button != "" || c.List != "" || c.QuickReply != "" || c.Reaction != "") {
		var err error
		if answered, err = lastMessage(ctx, client, in.From); err != nil {
			return in, err
		}
	}
	switch {
	case c.Reaction != "":
		in.Reaction = &metasim.InboundReaction{MessageID: answered, Emoji: c.Reaction}
	case answered != "":
		in.Context = &metasim.InboundContext{ID: answered}
	}
	return in, nil
}

// setMedia reads the file of a message that has one.
func (c *triggerInboundCommand) setMedia(in *metasim.Inbound) error {
	for _, kind := range []struct {
		path   string
		member **metasim.InboundMedia
	}{
		{c.Image, &in.Image}, {c.Voice, &in.Audio}, {c.Audio, &in.Audio}, {c.Video, &in.Video}, {c.Document, &in.Document}, {c.Sticker, &in.Sticker},
	} {
		if kind.path == "" {
			continue
		}
		content, err := readTriggerFile(kind.path)
		if err != nil {
			return usageError{err}
		}
		media := &metasim.InboundMedia{Content: content, Caption: c.Caption, MIMEType: cmp.Or(c.Type, typeOf(content))}
		switch {
		case c.Voice != "":
			isVoice := true
			media.Voice = &isVoice
			if media.MIMEType == "audio/ogg" {
				media.MIMEType = "audio/ogg; codecs=opus" // as WhatsApp reports voice notes
			}
		case c.Document != "":
			media.FileName = filepath.Base(c.Document)
		}
		*kind.member = media
		return nil
	}
	if c.Caption != "" || c.Type != "" {
		return usageError{errors.New("--caption and --type are of a file: --image, --voice, --audio, --video, --document or --sticker")}
	}
	return nil
}

func readTriggerFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTriggerFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(content) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	case len(content) > maxTriggerFile:
		return nil, fmt.Errorf("%s has more than %d bytes; for a file that is too large for WhatsApp, use --sample document --set document.too_large=true", path, maxTriggerFile)
	}
	return content, nil
}

// typeOf returns the MIME type of a file as Meta's webhooks name it.
func typeOf(content []byte) string {
	found, _, _ := strings.Cut(mimetype.Detect(content).String(), ";")
	if found == "audio/x-m4a" {
		return "audio/mp4"
	}
	return found
}

func parseLocation(text string) (*metasim.InboundLocation, error) {
	first, second, ok := strings.Cut(text, ",")
	latitude, err := strconv.ParseFloat(strings.TrimSpace(first), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(second), 64)
	if !ok || err != nil || err2 != nil || !(latitude >= -90 && latitude <= 90) || !(longitude >= -180 && longitude <= 180) {
		return nil, fmt.Errorf("--location is %q; expected latitude and longitude in degrees, such as 52.52,13.405", text)
	}
	return &metasim.InboundLocation{Latitude: latitude, Longitude: longitude}, nil
}

// lastMessage returns the id of the last message that a person was sent.
func lastMessage(ctx context.Context, client *metasim.ControlClient, person string) (string, error) {
	list, err := client.Messages(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range slices.Backward(list.Messages) {
		if m.WAID == person {
			return m.ID, nil
		}
	}
	return "", usageError{fmt.Errorf("+%s was sent no message that could be answered; name one with --reply-to, or send one: ferry send --to +%[1]s --text Hello", person)}
}
