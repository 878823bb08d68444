// ferry media: the group of the commands for media files, and what they share.

package main

import (
	"net/url"
	"strings"

	"ferry/internal/bulk"
	"ferry/internal/tty"
)

type mediaCommands struct {
	Post   mediaPostCommand   `cmd:"" help:"Upload files to WhatsApp and print their media ids."`
	Get    mediaGetCommand    `cmd:"" help:"Download a file from WhatsApp to a bucket or a presigned URL, or print its type and size."`
	Delete mediaDeleteCommand `cmd:"" help:"Delete files at WhatsApp."`
	Lint   mediaLintCommand   `cmd:"" help:"Check files for what WhatsApp refuses, does not deliver or shows badly. No server is needed."`
	Stats  mediaStatsCommand  `cmd:"" help:"Print what was uploaded, and how many uploads reuse saved (from the server's database)."`
}

// mediaResult is the result for one media id; its JSON is one line of output.
type mediaResult struct {
	MediaID  string `json:"mediaId"`
	MIMEType string `json:"mimeType,omitempty"`
	FileSize *int64 `json:"fileSize,omitempty"`
	Deleted  bool   `json:"deleted,omitempty"`
	bulk.Failure
}

// print writes a line of JSON, or of text on a terminal. It returns errReported for a failure.
func (g mediaResult) print(terminal *terminal) error {
	if !tty.IsTerminal(terminal.out) {
		if err := terminal.out.JSON(g); err != nil {
			return err
		}
	} else {
		outcome := "deleted"
		if g.Error != "" {
			outcome = "FAILED " + strings.TrimSpace(g.Code+" "+g.Error)
		} else if !g.Deleted {
			outcome = g.MIMEType
			if g.FileSize != nil {
				outcome += ", " + tty.Size(*g.FileSize)
			}
		}
		if err := terminal.out.Printf("%s  %s\n", g.MediaID, outcome); err != nil {
			return err
		}
	}
	if g.Error != "" {
		return errReported
	}
	return nil
}

func isLink(text string) bool {
	link, err := url.Parse(text)
	return err == nil && link.Host != "" && (link.Scheme == "https" || link.Scheme == "http")
}

// withoutQuery returns a source without the query of a URL, which is secret.
func withoutQuery(source string) string {
	if !strings.HasPrefix(source, "s3://") {
		source, _, _ = strings.Cut(source, "?")
	}
	return source
}
