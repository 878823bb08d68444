// Link to id: the files that a message links to are uploaded, and sent by their ids.
//
// Meta reads links through machines of its own, which follow no redirects and which
// hosts limit (docs/references.md#graph-links). For accounts that turn it on, ferry
// reads the file itself, checks it like one that is posted, and puts the media id in
// place of the link. Nothing else in the message changes.

package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ferry/internal/activity"
	"ferry/internal/object"
	"ferry/internal/once"
	"ferry/internal/outbox"
	"ferry/internal/state"
	"ferry/internal/transfer"
)

const (
	// linkAge is how long a file is used before its URL is read again. Meta itself keeps
	// what it has read of a URL for this time.
	linkAge = 10 * time.Minute
	// linkWait is how long a message waits for its files in one attempt. A file is read
	// to its end meanwhile, so that a slow host does not hold up other messages.
	linkWait = 10 * time.Second
	// linkPause is the time until the next attempt of a message whose files are still
	// being read, or cannot be read now because the server is busy.
	linkPause = 5 * time.Second
	// linkGrace is how long a file is read further although no message waits for it.
	linkGrace = time.Minute
	// maxLinkTries is the number of attempts after which a message fails whose files
	// cannot be read.
	maxLinkTries = 5
	// maxLinks bounds the links in one message. Meta's largest messages have 11.
	maxLinks = 16
)

// LinksConfig is what Links work with.
type LinksConfig struct {
	State     *state.DB        // required
	Objects   *object.Opener   // required
	Transfers *transfer.Engine // required
	// All turns link to id on for all accounts. Default: only for those whose setting is on.
	All bool
	// Verify, TextAsPlain and WillFail are as in transfer.Job, for all accounts.
	Verify, TextAsPlain bool
	WillFail            transfer.WillFail
	Logger              *slog.Logger     // default: discards
	Now                 func() time.Time // default time.Now
}

// Links uploads the files that messages link to. It is safe for concurrent use.
type Links struct {
	config  LinksConfig
	shared  once.Group[string] // media ids, by LinkedFile.Key
	running sync.WaitGroup

	mu       sync.Mutex
	failures map[string]*linkFailure // that are remembered, by LinkedFile.Key
}

// NewLinks returns Links.
func NewLinks(config LinksConfig) (*Links, error) {
	if config.State == nil || config.Objects == nil || config.Transfers == nil {
		return nil, errors.New("message: Links need State, Objects and Transfers")
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	l := &Links{config: config, failures: make(map[string]*linkFailure)}
	l.shared.Grace = linkGrace
	return l, nil
}

// Stop ends the reading of files, and returns when it has ended. No attempt may be in
// progress or begin.
func (l *Links) Stop(cause error) {
	l.shared.Stop(cause)
	l.running.Wait()
}

// linked returns the media of a message that have a link and no id.
func linked(media []Medium) []Medium {
	return slices.DeleteFunc(slices.Clone(media), func(m Medium) bool { return m.Link == "" || m.ID != "" })
}

// settings returns the settings of an account, and whether link to id is on for it.
func (l *Links) settings(ctx context.Context, accountID string) (settings state.Settings, on bool, err error) {
	settings, err = l.config.State.Settings(ctx, accountID)
	return settings, err == nil && (l.config.All || settings.LinkToID), err
}

// Check refuses links that cannot be read, as far as that is known without reading
// them, if link to id is on for the account. The error is an *Error.
func (l *Links) Check(ctx context.Context, accountID string, media []Medium) error {
	links := linked(media)
	if len(links) == 0 {
		return nil
	}
	if _, on, err := l.settings(ctx, accountID); err != nil || !on {
		return err
	}
	if len(links) > maxLinks {
		return refuse("The message has %d links; the limit is %d.", len(links), maxLinks)
	}
	for _, medium := range links {
		if _, err := l.config.Objects.PublicLink(medium.Link); err != nil {
			return refuse("The message cannot be sent with the link at %s.link. %s", medium.Path, err.Error())
		}
	}
	return nil
}

// A LinkJob is one attempt to send a message whose files are to be uploaded.
type LinkJob struct {
	Message  state.Message
	Sender   state.Sender
	Attempts int           // that have ended before this one
	Span     activity.Span // of the attempt
}

// Prepare uploads the files that a message links to, if link to id is on for its
// account, and returns the message with their ids in place of the links. A file that
// was read within linkAge is not read again, and the messages that need one at the same
// time share it.
//
// The error is a *LinkError if the message has failed, and otherwise an
// *outbox.RetryError.
func (l *Links) Prepare(ctx context.Context, job LinkJob, media []Medium) ([]byte, error) {
	body, links := job.Message.Body, linked(media)
	if len(links) == 0 {
		return body, nil
	}
	settings, on, err := l.settings(ctx, job.Message.AccountID)
	if err != nil {
		return nil, notNow(err)
	}
	if !on {
		return body, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, linkWait, errStillReading)
	defer cancel()
	ids := make([]string, len(links))
	failures := make([]error, len(links))
	var group sync.WaitGroup
	for i, medium := range links {
		group.Go(func() { ids[i], failures[i] = l.mediaID(ctx, job, settings, medium) })
	}
	group.Wait()
	for i, err := range failures {
		if err != nil {
			return nil, l.failure(job, links[i], err)
		}
	}
	return replaceLinks(body, links, ids), nil
}

var errStillReading = errors.New("the files that the message links to are still being read")

// mediaID returns the media id of a file; it is empty if the file is to be sent by link.
// It returns when ctx ends at the latest, and the file is read further.
func (l *Links) mediaID(ctx context.Context, job LinkJob, settings state.Settings, medium Medium) (string, error) {
	file := state.LinkedFile{PhoneNumberID: job.Sender.ID, URL: medium.Link, Kind: medium.Kind}
	id, err := l.config.State.LinkedMedia(ctx, file)
	switch {
	case err == nil:
		return id, nil
	case !errors.Is(err, state.ErrNotFound):
		return "", notNow(err)
	}
	type outcome struct {
		id  string
		err error
	}
	read := make(chan outcome, 1)
	l.running.Go(func() {
		id, _, err := l.shared.Do(ctx, file.Key(), func(ctx context.Context) (string, error) {
			if err := l.lastFailure(file.Key()); err != nil {
				return "", err
			}
			id, err := l.upload(ctx, job, settings, file)
			if err != nil {
				return "", l.remember(file.Key(), err)
			}
			l.forget(file.Key())
			return id, nil
		})
		read <- outcome{id, err}
	})
	select {
	case got := <-read:
		if got.err == nil || ctx.Err() == nil {
			return got.id, got.err
		} // else the error may be the end of ctx; a failure is remembered
	case <-ctx.Done():
	}
	return "", &outbox.RetryError{Err: context.Cause(ctx), After: linkPause, NotAttempted: true}
}

// upload uploads a file and remembers its media id. A file that WhatsApp takes by link
// only gets the id "".
func (l *Links) upload(ctx context.Context, job LinkJob, settings state.Settings, file state.LinkedFile) (string, error) {
	source, err := l.config.Objects.PublicLink(file.URL)
	if err != nil {
		return "", err
	}
	begun := l.config.Now()
	media, _, err := l.config.Transfers.Post(ctx, transfer.Job{
		Trace: job.Message.RequestID, Span: job.Span, AccountID: job.Message.AccountID, AccessKeyID: job.Message.AccessKeyID, Sender: job.Sender,
		Source: source, MessageType: file.Kind, Reuse: true, Verify: settings.Verify || l.config.Verify,
		TextAsPlain: settings.TextAsPlain || l.config.TextAsPlain, WillFail: l.config.WillFail,
	})
	if err != nil && isForLinksOnly(file.Kind, err) {
		l.config.Logger.InfoContext(ctx, "a file is sent by link, because it cannot be uploaded",
			"request_id", job.Message.RequestID, "message_id", job.Message.ID, "object", source.String(), "cause", err)
		media.ID, err = "", nil
	}
	if err != nil {
		return "", err
	}
	if err := l.config.State.RememberLink(ctx, file, media.ID, begun.Add(linkAge)); err != nil {
		return "", notNow(err)
	}
	return media.ID, nil
}

// notNow returns the error for an attempt that could not begin.
func notNow(err error) error {
	return &outbox.RetryError{Err: fmt.Errorf("preparing the media of the message: %w", err), After: linkPause, NotAttempted: true}
}
