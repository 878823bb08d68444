// Topics of Amazon SNS.

package event

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"

	"ferry/internal/state"
)

const (
	maxTopicClients     = 1024      // clients for topics that callers have chosen
	maxTopicConnections = 256       // of all of these together, to a host
	maxTopicMessage     = 256 << 10 // bytes of a message and its attributes (docs/references.md#sns)
)

// A message has two attributes, which subscriptions can filter by. SNS copies them to
// queues with raw delivery.
const (
	attributeID   = "eventId"   // the same on every attempt
	attributeName = "eventName" // such as status.delivered
)

// topics publishes to topics with one set of credentials in one region.
type topics struct {
	awsClient
	publish func(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error) // not the client: see bus.put
}

// topicKey is what a client for topics that callers have chosen depends on.
type topicKey struct{ region, roleARN, businessAccountID string }

// topic returns the sender for a topic that a caller has chosen. The session of a role
// is named after the business account, so that its owner finds it in their log.
func (d *Deliverer) topic(ctx context.Context, to Topic, roleARN, businessAccountID string) (sender, error) {
	key := topicKey{region: to.Region, roleARN: roleARN}
	if roleARN != "" {
		key.businessAccountID = businessAccountID
	}
	client, ok := d.topics.Get(key)
	if !ok {
		how := d.config.Topics
		how.RoleARN = roleARN
		base, err := d.aws(ctx, how, to.Region, "sns", "ferry-"+businessAccountID, "the topic", d.topicHTTP)
		if err != nil {
			return nil, err
		}
		client = &topics{base, sns.NewFromConfig(base.config).Publish}
		d.topics.Add(key, client)
	}
	return topicSender{client, Destination{TopicARN: to.ARN, Timeout: defaultTimeout}}, nil
}

func (d *Deliverer) openTopic(ctx context.Context, to Destination) (sender, error) {
	topic, err := ParseTopic(to.TopicARN)
	if err != nil {
		return nil, err
	}
	base, err := d.aws(ctx, to.AWS, topic.Region, "sns", "ferry-"+to.Name, "the topic", d.awsHTTP(to.Slots))
	if err != nil {
		return nil, err
	}
	return topicSender{&topics{base, sns.NewFromConfig(base.config).Publish}, to}, nil
}

// topicSender publishes to one topic.
type topicSender struct {
	*topics
	to Destination
}

func (s topicSender) close() { s.http.close() }

// send publishes the envelope as the message.
func (s topicSender) send(ctx context.Context, e *state.Event) error {
	client := s.awsClient
	client.target = "the topic " + s.to.TopicARN
	attributes := map[string]snstypes.MessageAttributeValue{
		attributeID:   {DataType: aws.String("String"), StringValue: &e.ID},
		attributeName: {DataType: aws.String("String"), StringValue: &e.Name},
	}
	size := len(e.Body)
	for name, value := range attributes {
		size += len(name) + len(*value.DataType) + len(*value.StringValue)
	}
	if size > maxTopicMessage {
		return tooLarge("SNS accepts", size, maxTopicMessage)
	}
	out, err := s.publish(ctx, &sns.PublishInput{TopicArn: &s.to.TopicARN, Message: aws.String(string(e.Body)), MessageAttributes: attributes})
	if err != nil {
		return client.failed(ctx, s.to, "sns:Publish", err)
	}
	if aws.ToString(out.MessageId) == "" {
		return client.unnamed()
	}
	return nil
}
