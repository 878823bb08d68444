// Sending a message to many recipients: the messages come one by one, and a manifest
// records which were accepted, so that a later run continues where this one stopped.

package bulk

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/sync/errgroup"

	"ferry/internal/tty"
	"ferry/socialmessaging"
)

// sendTimeout bounds the calls for one message, retries included.
const sendTimeout = 10 * time.Minute

// A Message is a message to send.
type Message struct {
	To   string // a phone number with +, or a business-scoped user id
	Body []byte // Meta's message object in JSON
	// Content stands for the content in the manifest, so that a message with another
	// media id of the same file is the same message. Default: Body.
	Content string
}

// A SentMedia is a file that was uploaded for all messages of a manifest.
type SentMedia struct {
	Source string    `json:"source"` // as the user named it
	ID     string    `json:"id"`     // Meta's media id
	Kind   string    `json:"kind"`   // type of the messages
	Time   time.Time `json:"time"`   // of the upload
}

// SendConfig says what to send, and how.
type SendConfig struct {
	Client        *socialmessaging.Client
	PhoneNumberID string // id or ARN of the phone number that sends
	APIVersion    string // of Meta's API
	Messages      iter.Seq2[Message, error]
	Count         int // of the messages; 0 means that it is not known
	Concurrency   int // calls at once; at least 1
	// Manifest is the path of the manifest. It is created if it does not exist, and
	// messages that it lists as accepted are skipped. Empty means no manifest.
	Manifest string
	// Media is the file that the messages have, which a new manifest records; nil means none.
	Media *SentMedia
	// Output receives a line of JSON per message, each in one Write. nil means none.
	Output io.Writer
	// Unrecorded receives the line of a message that the manifest could not record.
	Unrecorded io.Writer
	// Wait is called for each message that was accepted, and returns its status. nil
	// means that nothing is waited for.
	Wait func(ctx context.Context, messageID string) (status string, err error)
}

// Sent is the result of sending one message. Its JSON is one line of output and of a
// manifest, whose lines begin with the recipient.
type Sent struct {
	To        string `json:"to"`
	MessageID string `json:"messageId,omitempty"` // as the API returned it; not Meta's id
	Status    string `json:"status,omitempty"`    // that was waited for
	Failure
	PhoneNumberID string     `json:"phoneNumberId,omitempty"`
	Key           string     `json:"key,omitempty"`      // stands for the content of the message and the place of its recipient in the list
	Campaign      string     `json:"campaign,omitempty"` // the same for all runs with one manifest
	Media         *SentMedia `json:"media,omitempty"`    // of the campaign
	Millis        int64      `json:"milliseconds"`
	Time          time.Time  `json:"time,omitzero"`
}

// Failed reports whether the message was not accepted, or did not reach the status that
// was waited for.
func (s Sent) Failed() bool { return s.Error != "" }

func (s Sent) key() (name, value string) { return "to", s.To }

func (s Sent) done(time.Time) (what digest, is bool) {
	n, err := hex.Decode(what[:], []byte(s.Key)[:min(len(s.Key), 2*len(what))])
	return what, s.MessageID != "" && err == nil && n == len(what)
}

func (s Sent) line() []byte {
	if len(s.Error) > maxErrorText {
		s.Error = strings.ToValidUTF8(s.Error[:maxErrorText], "") + "…"
	}
	line, _ := tty.JSON(s) // cannot fail for such a value
	return line
}

// Sending sends the messages of its SendConfig.
type Sending struct {
	config   SendConfig
	campaign string
	manifest *manifest[Sent] // nil means none
	lines    lineWriter
	tally    *tally
	calling  context.Context // of the calls of the API
	abort    context.CancelCauseFunc
}

// OpenSending opens the manifest, if there is one, and reads what it lists. Close
// closes it.
func OpenSending(config SendConfig) (*Sending, error) {
	if config.Concurrency < 1 {
		return nil, fmt.Errorf("the number of concurrent calls is %d; expected at least 1", config.Concurrency)
	}
	s := &Sending{config: config, lines: lineWriter{out: config.Output}, tally: newTally("message"), campaign: newID()}
	s.calling, s.abort = context.WithCancelCause(context.Background())
	if config.Manifest != "" {
		var err error
		if s.manifest, s.campaign, err = openCampaign(config.Manifest, s.campaign, config.Media); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// openCampaign opens a manifest and returns the campaign that its first line names. A
// new manifest gets such a line, which is on the disk before the first message is sent.
func openCampaign(path, fresh string, media *SentMedia) (*manifest[Sent], string, error) {
	campaign, known := "", ""
	m, err := openManifest(path, time.Now(), func(s Sent) {
		campaign = cmp.Or(campaign, s.Campaign)
		if s.Media != nil {
			known = s.Media.ID
		}
	})
	if err != nil {
		return nil, "", err
	}
	if campaign != "" && media != nil && known != media.ID {
		if err := errors.Join(m.add(Sent{To: "campaign", Campaign: campaign, Media: media, Time: time.Now().UTC().Truncate(time.Millisecond)}), m.sync()); err != nil {
			return nil, "", errors.Join(err, m.close())
		}
	}
	if campaign == "" {
		campaign = fresh
		if err := errors.Join(m.add(Sent{To: "campaign", Campaign: campaign, Media: media, Time: time.Now().UTC().Truncate(time.Millisecond)}), m.sync()); err != nil {
			return nil, "", errors.Join(err, m.close())
		}
	}
	return m, campaign, nil
}

// mediaAge bounds how old a file at WhatsApp may be that a later run sends, so that it
// does not expire meanwhile.
const mediaAge = mediaLife - 24*time.Hour

// CampaignMedia returns the file that the messages of a manifest have, so that a later
// run sends the same one. It returns nil if there is no manifest or no such file, or if
// WhatsApp will soon delete it.
func CampaignMedia(path, source string) (*SentMedia, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("opening the manifest: %w", err)
	}
	defer file.Close()
	var found *SentMedia
	_, _, err = readManifest(file, func(s Sent) {
		if s.Media != nil && s.Media.Source == source && time.Since(s.Media.Time) < mediaAge {
			found = s.Media
		}
	})
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", path, err)
	}
	return found, nil
}

// newID returns 128 random bits in hexadecimal.
func newID() string { return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) }

// Abort cancels the calls in progress. It may be called at any time.
func (s *Sending) Abort(cause error) { s.abort(cause) }

// Close ends the calls. It returns an error if the manifest is not safely on the disk.
func (s *Sending) Close() error {
	s.abort(nil)
	if s.manifest == nil {
		return nil
	}
	return s.manifest.close()
}

// Failed returns the number of messages that failed.
func (s *Sending) Failed() int { return s.tally.now().failed }

// Summarize writes what was done, and why some messages failed.
func (s *Sending) Summarize(w io.Writer) { s.tally.summarize(w) }

// Run sends the messages. When ctx ends it starts no further call and waits for those in
// progress. It returns the first error that is not about a single message: of the list,
// of the manifest, or of the output.
func (s *Sending) Run(ctx context.Context) error {
	for range s.config.Count {
		s.tally.addCounted(0)
	}
	return whileSyncing(s.manifest, func() error { return s.run(ctx) })
}

func (s *Sending) run(ctx context.Context) error {
	taking, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var calls errgroup.Group
	calls.SetLimit(s.config.Concurrency)
	occurrences := make(map[digest]int)
	var listError error
	for message, err := range s.config.Messages {
		if err != nil {
			listError = err
			break
		}
		s.tally.addListed(0)
		content := digestOf(s.config.PhoneNumberID, message.To, cmp.Or(message.Content, string(message.Body)))
		occurrences[content]++
		what := digestOf(hex.EncodeToString(content[:]), fmt.Sprint(occurrences[content]))
		if s.manifest != nil && s.manifest.has(what) {
			s.tally.addSkipped(0)
			continue
		}
		if taking.Err() != nil {
			break
		}
		calls.Go(func() error {
			if taking.Err() != nil {
				return nil
			}
			err := s.send(taking, message, what)
			if err != nil {
				stop(err)
			}
			return err
		})
	}
	if listError == nil && taking.Err() == nil {
		s.tally.listingEnded()
	}
	return errors.Join(listError, calls.Wait())
}

// send sends one message and writes its line. Its error is the manifest's or the output's.
func (s *Sending) send(taking context.Context, message Message, what digest) error {
	ended := s.tally.begin(message.To, 0)
	result := s.call(taking, message, what)
	if result.Failed() && s.calling.Err() != nil && result.MessageID == "" {
		ended(nil) // nobody knows the outcome: it has no line, and the next run asks again
		return nil
	}
	ended(&outcome{failed: result.Failed(), source: result.To, Failure: result.Failure})
	if s.manifest != nil {
		if err := s.manifest.add(result); err != nil {
			_, _ = s.config.Unrecorded.Write(result.line())
			return err
		}
	}
	if s.config.Output != nil {
		return s.lines.write(result.line())
	}
	return nil
}

// call calls the API for one message. All attempts for it, those of later runs with the
// same manifest too, are marked as one call of an SDK, so that the server sends one
// message.
func (s *Sending) call(taking context.Context, message Message, what digest) Sent {
	ctx, cancel := context.WithTimeout(s.calling, sendTimeout)
	defer cancel()
	started := time.Now()
	result := Sent{To: message.To, PhoneNumberID: s.config.PhoneNumberID, Key: hex.EncodeToString(what[:])}
	input := &socialmessaging.SendWhatsAppMessageInput{OriginationPhoneNumberId: &s.config.PhoneNumberID, Message: message.Body, MetaApiVersion: &s.config.APIVersion}
	marked := asOneCall(invocationOf(s.campaign, what))
	err := patiently(ctx, taking, func() error {
		output, err := s.config.Client.SendWhatsAppMessage(ctx, input, marked)
		if err == nil && output.MessageId == nil {
			err = errors.New("the response has no message id")
		}
		if err == nil {
			result.MessageID = *output.MessageId
		}
		return err
	})
	if err != nil {
		result.Failure = Explain(err)
	} else if s.config.Wait != nil {
		if result.Status, err = s.config.Wait(ctx, result.MessageID); err != nil {
			result.Failure = Explain(err)
		}
	}
	result.Millis, result.Time = time.Since(started).Milliseconds(), time.Now().UTC().Truncate(time.Millisecond)
	return result
}

// invocationOf returns the id by which an SDK would mark the attempts of one call, in the
// form of a UUID.
func invocationOf(campaign string, what digest) string {
	id := digestOf(campaign, hex.EncodeToString(what[:]))
	text := hex.EncodeToString(id[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// asOneCall marks a call with an invocation id of its own.
func asOneCall(invocation string) func(*socialmessaging.Options) {
	return socialmessaging.WithAPIOptions(func(stack *middleware.Stack) error {
		return stack.Build.Add(middleware.BuildMiddlewareFunc("OwnInvocationID", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			if request, ok := in.Request.(*smithyhttp.Request); ok {
				request.Header.Set("Amz-Sdk-Invocation-Id", invocation)
			}
			return next.HandleBuild(ctx, in)
		}), middleware.After)
	})
}

// SendOne sends one message.
func SendOne(ctx context.Context, config SendConfig, message Message) Sent {
	s := &Sending{config: config, campaign: newID(), calling: ctx}
	return s.call(ctx, message, digest{})
}
