// Whether a destination of the configuration can be reached, without sending an event.

package event

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Reach looks whether a destination of the configuration is there and accepts the server's
// credentials, and sends it nothing: it reads the attributes of a topic or a queue, or the
// description of a bus; connects to the host of a webhook; and looks for the folder of a
// file. It returns what it has found out. The error has a text for the operator.
func (d *Deliverer) Reach(ctx context.Context, name string) (found string, err error) {
	to, ok := d.configured[name]
	if !ok {
		return "", final("The configuration of this server has no destination '%s'.", name)
	}
	ctx, cancel := context.WithTimeout(ctx, to.timeout)
	defer cancel()
	switch s := to.sender.(type) {
	case *queue:
		return s.reach(ctx)
	case topicSender:
		return s.reach(ctx)
	case *bus:
		return s.reach(ctx)
	case *webhook:
		return s.reach(ctx)
	}
	if configured := d.config.Router.byName[name]; configured.Type == File {
		return reachFile(configured.Path)
	}
	return "standard output of the server", nil
}

// The methods that are used; see bus.put.
type (
	queueAttributes func(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
	topicAttributes func(context.Context, *sns.GetTopicAttributesInput, ...func(*sns.Options)) (*sns.GetTopicAttributesOutput, error)
	busDescription  func(context.Context, *eventbridge.DescribeEventBusInput, ...func(*eventbridge.Options)) (*eventbridge.DescribeEventBusOutput, error)
)

func (q *queue) reach(ctx context.Context) (string, error) {
	var get queueAttributes = sqs.NewFromConfig(q.config).GetQueueAttributes
	_, err := get(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.to.QueueURL, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
	return q.reached(ctx, q.to, "sqs:GetQueueAttributes", err)
}

func (s topicSender) reach(ctx context.Context) (string, error) {
	client := s.awsClient
	client.target = "the topic " + s.to.TopicARN
	var get topicAttributes = sns.NewFromConfig(s.config).GetTopicAttributes
	_, err := get(ctx, &sns.GetTopicAttributesInput{TopicArn: &s.to.TopicARN})
	return client.reached(ctx, s.to, "sns:GetTopicAttributes", err)
}

func (b *bus) reach(ctx context.Context) (string, error) {
	var describe busDescription = eventbridge.NewFromConfig(b.config).DescribeEventBus
	_, err := describe(ctx, &eventbridge.DescribeEventBusInput{Name: &b.to.Bus})
	return b.reached(ctx, b.to, "events:DescribeEventBus", err)
}

// reached returns what the response to a request about a destination says. Credentials that
// may send events need not have the right to ask about it: a service that refuses that has
// accepted them.
func (c *awsClient) reached(ctx context.Context, to Destination, right string, err error) (string, error) {
	if err == nil {
		return c.target + " is there, and accepts the credentials", nil
	}
	err = c.failed(ctx, to, right, err)
	if failed, ok := errors.AsType[*failure](err); ok && hasCode(failed.code, deniedCodes) {
		return fmt.Sprintf("%s accepts the credentials, which may not ask about %s (%s)", c.host, c.target, right), nil
	}
	return "", err
}

func (w *webhook) reach(ctx context.Context) (string, error) {
	port := w.url.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[w.url.Scheme]
	}
	conn, err := w.transport.DialContext(ctx, "tcp", net.JoinHostPort(w.url.Hostname(), port))
	if err != nil {
		return "", w.unreachable(ctx, err)
	}
	defer conn.Close() // nothing was sent
	if w.url.Scheme == "https" {
		secure := w.transport.TLSClientConfig.Clone()
		secure.ServerName = w.url.Hostname()
		ctx, cancel := context.WithTimeout(ctx, tlsTimeout)
		defer cancel()
		if err := tls.Client(conn, secure).HandshakeContext(ctx); err != nil {
			return "", w.unreachable(ctx, err)
		}
	}
	return w.url.Host + " can be connected to", nil
}

// reachFile looks whether a file of lines can be written, which it does not create.
func reachFile(path string) (string, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err == nil {
		return "the file can be written", file.Close()
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", final("The file of the destination cannot be written: %s. Correct the path or its permissions.", cause(err))
	}
	folder, err := os.Stat(filepath.Dir(path))
	if err != nil || !folder.IsDir() {
		return "", final("There is no folder %s for the file of the destination. Create it, or correct the path.", filepath.Dir(path))
	}
	return "the file does not exist yet; its folder does", nil
}

// cause returns why something with a file failed, without its path.
func cause(err error) error {
	if failed, ok := errors.AsType[*os.PathError](err); ok {
		return failed.Err
	}
	return err
}
