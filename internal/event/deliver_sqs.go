// Queues of Amazon SQS.

package event

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"ferry/internal/state"
)

// maxQueueMessage is the size of a message with its attributes, in bytes, that SQS
// accepts (docs/references.md#sqs). A queue may be configured to accept less.
const maxQueueMessage = 1 << 20

// queue sends events to a queue.
type queue struct {
	awsClient
	sendMessage func(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) // not the client: see bus.put
	to          Destination
	isFIFO      bool
}

// queueRegion finds the region in the host name of an SQS endpoint.
var queueRegion = regexp.MustCompile(`^(?:sqs|queue)\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$`)

func (d *Deliverer) openQueue(ctx context.Context, to Destination) (sender, error) {
	address, err := url.Parse(to.QueueURL)
	if err != nil {
		return nil, err
	}
	region := d.config.Router.config.Region
	if found := queueRegion.FindStringSubmatch(address.Host); found != nil {
		region = found[1]
	}
	how := to.AWS
	if how.Endpoint == "" && !strings.HasSuffix(address.Hostname(), ".amazonaws.com") && !strings.HasSuffix(address.Hostname(), ".amazonaws.com.cn") {
		how.Endpoint = address.Scheme + "://" + address.Host
	}
	base, err := d.aws(ctx, how, region, "sqs", "ferry-"+to.Name, "the queue "+address.Host+address.Path, d.awsHTTP(to.Slots))
	if err != nil {
		return nil, err
	}
	return &queue{base, sqs.NewFromConfig(base.config).SendMessage, to, strings.HasSuffix(address.Path, ".fifo")}, nil
}

func (q *queue) close() { q.http.close() }

// send sends the envelope as the body of a message. In a FIFO queue, a conversation is
// a group, and the id of the event makes a repetition harmless for five minutes.
func (q *queue) send(ctx context.Context, e *state.Event) error {
	attributes := map[string]sqstypes.MessageAttributeValue{
		attributeID:   {DataType: aws.String("String"), StringValue: &e.ID},
		attributeName: {DataType: aws.String("String"), StringValue: &e.Name},
	}
	size := len(e.Body)
	for name, value := range attributes {
		size += len(name) + len(*value.DataType) + len(*value.StringValue)
	}
	if size > maxQueueMessage {
		return tooLarge("SQS accepts", size, maxQueueMessage)
	}
	in := &sqs.SendMessageInput{QueueUrl: &q.to.QueueURL, MessageBody: aws.String(string(e.Body)), MessageAttributes: attributes}
	if q.isFIFO {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String(groupID(e.Conversation)), &e.ID
	}
	out, err := q.sendMessage(ctx, in)
	if err != nil {
		return q.failed(ctx, q.to, "sqs:SendMessage", err)
	}
	if aws.ToString(out.MessageId) == "" {
		return q.unnamed()
	}
	return nil
}

// groupForm is a message group id.
var groupForm = compiled("^[a-zA-Z0-9!-/:-@\\[-`{-~]{1,128}$")

// groupID returns the message group of a conversation: the conversation itself, or its
// digest if it is not a valid group id.
func groupID(conversation string) string {
	if groupForm().MatchString(conversation) {
		return conversation
	}
	digest := sha256.Sum256([]byte(conversation))
	return hex.EncodeToString(digest[:])
}
