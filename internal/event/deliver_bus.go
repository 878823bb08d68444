// Buses of Amazon EventBridge.

package event

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"ferry/internal/state"
)

// maxBusEntry is the size of an entry in bytes, as PutEvents counts it
// (docs/references.md#eventbridge).
const maxBusEntry = 256 << 10

// bus puts events on an event bus.
type bus struct {
	awsClient
	// put is the one method that is used. A field with the client would keep all of its
	// methods in the binary, with what they write and read: they can be called by reflection.
	put func(context.Context, *eventbridge.PutEventsInput, ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error)
	to  Destination
}

func (d *Deliverer) openBus(ctx context.Context, to Destination) (sender, error) {
	region := d.config.Router.config.Region
	if parts := strings.Split(to.Bus, ":"); len(parts) == 6 { // an ARN
		region = parts[3]
	}
	base, err := d.aws(ctx, to.AWS, region, "events", "ferry-"+to.Name, "the event bus "+to.Bus, d.awsHTTP(to.Slots))
	if err != nil {
		return nil, err
	}
	return &bus{base, eventbridge.NewFromConfig(base.config).PutEvents, to}, nil
}

func (b *bus) close() { b.http.close() }

// send puts the event in the form of AWS's own events.
func (b *bus) send(ctx context.Context, e *state.Event) error {
	detail, err := newDetail(e)
	if err != nil {
		return err
	}
	size := len(b.to.Source) + len(detail.kind) + len(detail.text) + 14 // of the time
	if size > maxBusEntry {
		return tooLarge("EventBridge accepts", size, maxBusEntry)
	}
	out, err := b.put(ctx, &eventbridge.PutEventsInput{Entries: []bridgetypes.PutEventsRequestEntry{{
		EventBusName: &b.to.Bus, Source: &b.to.Source, DetailType: &detail.kind, Detail: &detail.text, Time: &e.CreatedAt,
	}}})
	if err != nil {
		return b.failed(ctx, b.to, "events:PutEvents", err)
	}
	if len(out.Entries) != 1 {
		return b.unnamed()
	}
	entry := out.Entries[0]
	if code := aws.ToString(entry.ErrorCode); code != "" {
		return b.refused(ctx, code, "events:PutEvents", errEntry(aws.ToString(entry.ErrorMessage)))
	}
	if aws.ToString(entry.EventId) == "" {
		return b.unnamed()
	}
	return nil
}

// errEntry is the message of EventBridge for an entry that it did not accept.
type errEntry string

func (e errEntry) Error() string { return string(e) }
