package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bridgetypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"ferry/internal/event"
	"ferry/internal/outbox"
	"ferry/internal/secret"
)

// moto is a server that stands for SNS, SQS, EventBridge and STS.
type moto struct {
	t      *testing.T
	url    string
	topics *sns.Client
	queues *sqs.Client
	buses  *eventbridge.Client
}

// motoServer is the one moto_server of all tests, which stopMoto ends.
var motoServer struct {
	start   sync.Once
	process *exec.Cmd
	url     string
	err     error
}

func stopMoto() {
	if motoServer.process != nil {
		_ = motoServer.process.Process.Kill()
		_ = motoServer.process.Wait()
	}
}

// startMoto returns moto_server with nothing in it. Without it the test is skipped, also
// by 'make test', which cannot install it.
func startMoto(t *testing.T) *moto {
	t.Helper()
	motoServer.start.Do(runMoto)
	if motoServer.process == nil {
		t.Skip(motoServer.err)
	}
	if motoServer.err != nil {
		t.Fatal(motoServer.err)
	}
	client := httpClient(t)
	response, err := client.Post(motoServer.url+"/moto-api/reset", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	m := &moto{t: t, url: motoServer.url}
	config := aws.Config{Region: "us-east-1", BaseEndpoint: &m.url, Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), HTTPClient: client}
	m.topics, m.queues, m.buses = sns.NewFromConfig(config), sqs.NewFromConfig(config), eventbridge.NewFromConfig(config)
	return m
}

// runMoto starts moto_server and waits until it responds.
func runMoto() {
	if output, err := exec.Command("python3", "-c", "import moto.server, flask").CombinedOutput(); err != nil {
		motoServer.err = fmt.Errorf("python3 has no moto with its server; install it with: pip install 'moto[server]' (%w: %s)", err, output)
		return
	}
	for range 5 { // somebody else may listen at the port first
		// Below the ports that systems give to connections, and to listeners that want any.
		address := fmt.Sprint("127.0.0.1:", 10_000+rand.IntN(20_000))
		if motoServer.err = runMotoAt(address); motoServer.err == nil {
			motoServer.url = "http://" + address
			return
		}
	}
}

// runMotoAt starts moto_server at an address. It tells nobody when it is ready.
func runMotoAt(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	server := exec.Command("python3", "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		return err
	}
	motoServer.process = server
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for limit := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		response, err := client.Get("http://" + address + "/moto-api/data.json")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("another server listens at %s", address)
		} else if time.Now().Before(limit) {
			continue
		}
		stopMoto()
		return err
	}
}

// httpClient returns a client whose connections end with the test.
func httpClient(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (m *moto) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *moto) topic(name string) (arn string) {
	m.t.Helper()
	out, err := m.topics.CreateTopic(m.t.Context(), &sns.CreateTopicInput{Name: &name})
	m.must(err)
	return *out.TopicArn
}

// queue creates a queue and returns its URL and its ARN.
func (m *moto) queue(name string, attributes map[string]string) (url, arn string) {
	m.t.Helper()
	out, err := m.queues.CreateQueue(m.t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	m.must(err)
	got, err := m.queues.GetQueueAttributes(m.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: out.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}})
	m.must(err)
	return *out.QueueUrl, got.Attributes["QueueArn"]
}

func (m *moto) subscribe(topic, protocol, endpoint string, attributes map[string]string) {
	m.t.Helper()
	_, err := m.topics.Subscribe(m.t.Context(), &sns.SubscribeInput{TopicArn: &topic, Protocol: &protocol, Endpoint: &endpoint, Attributes: attributes})
	m.must(err)
}

// receive returns the next message of a queue.
func (m *moto) receive(queueURL string) sqstypes.Message {
	m.t.Helper()
	for {
		out, err := m.queues.ReceiveMessage(m.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &queueURL, WaitTimeSeconds: 1, MaxNumberOfMessages: 1, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{"All"},
		})
		m.must(err)
		if len(out.Messages) > 0 {
			_, err := m.queues.DeleteMessage(m.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queueURL, ReceiptHandle: out.Messages[0].ReceiptHandle})
			m.must(err)
			return out.Messages[0]
		}
	}
}

// aws reaches moto.
func (m *moto) aws() event.AWS {
	return event.AWS{Endpoint: m.url, AccessKeyID: "AKIAMOTO", SecretAccessKey: secret.New("secret-canary")}
}

const sentEnvelope = `{"context":{"MetaWabaIds":[{"wabaId":"1155","arn":"arn:aws:social-messaging:us-east-1:111122223333:waba/1"}],"MetaPhoneNumberIds":[{"metaPhoneNumberId":"1065","arn":"arn"}]},` +
	`"whatsAppWebhookEntry":"{\"id\":\"1155\",\"changes\":[{\"value\":{\"messaging_product\":\"whatsapp\",\"metadata\":{\"display_phone_number\":\"+1 (555) 078-3881\",\"phone_number_id\":\"1065\"},` +
	`\"statuses\":[{\"id\":\"wamid.HBgL=\",\"status\":\"sent\",\"timestamp\":\"1762827867\",\"recipient_id\":\"16505551234\"}]},\"field\":\"messages\"}]}",` +
	`"aws_account_id":"111122223333","message_timestamp":"2026-11-29T21:00:00.000000000Z","messageId":"4bee7d29-70f5-4a49-b84e-facf4424fe58"}`

func TestEnvelopeIsReadFromSubscriptionsOfAChosenTopic(t *testing.T) {
	m := startMoto(t)
	topic := m.topic("events")
	rawURL, rawARN := m.queue("raw", nil)
	wrappedURL, wrappedARN := m.queue("wrapped", nil)
	m.subscribe(topic, "sqs", rawARN, map[string]string{"RawMessageDelivery": "true"})
	m.subscribe(topic, "sqs", wrappedARN, nil)
	posted := make(chan []byte, 10)
	subscriber := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil {
			posted <- body
		}
	}))
	t.Cleanup(subscriber.Close)
	m.subscribe(topic, "http", subscriber.URL, nil)

	w := newWorld(t, event.DelivererConfig{Topics: m.aws()})
	w.put(topic, "")
	w.run()
	e := w.newEvent("status.sent", "16505551234", []byte(sentEnvelope))
	w.add(e)
	raw := m.receive(rawURL)
	if *raw.Body != sentEnvelope || *raw.MessageAttributes["eventId"].StringValue != e.ID || *raw.MessageAttributes["eventName"].StringValue != "status.sent" {
		t.Errorf("raw: %s, %v", *raw.Body, raw.MessageAttributes)
	}
	checkNotification := func(from string, text []byte) {
		t.Helper()
		var notification struct{ Type, TopicArn, Message string }
		if err := json.Unmarshal(text, &notification); err != nil || notification.Type != "Notification" || notification.TopicArn != topic || notification.Message != sentEnvelope {
			t.Errorf("%s: %v, %s", from, err, text)
		}
	}
	checkNotification("wrapped", []byte(*m.receive(wrappedURL).Body))
	checkNotification("posted", <-posted)
}

// With a role, the topic is published to with the credentials that STS returns for it.
func TestTopicIsPublishedToWithTheRole(t *testing.T) {
	m := startMoto(t)
	topic := m.topic("events")
	queueURL, queueARN := m.queue("raw", nil)
	m.subscribe(topic, "sqs", queueARN, map[string]string{"RawMessageDelivery": "true"})
	var keys []string
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, key, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ = strings.Cut(key, "/")
		keys = append(keys, key)
		request, err := http.NewRequestWithContext(r.Context(), r.Method, m.url+r.RequestURI, r.Body)
		if err != nil {
			return
		}
		request.Header, request.Host = r.Header, strings.TrimPrefix(m.url, "http://")
		response, err := m.topics.Options().HTTPClient.Do(request)
		if err != nil {
			return
		}
		defer response.Body.Close()
		rw.WriteHeader(response.StatusCode)
		_, _ = io.Copy(rw, response.Body)
	}))
	t.Cleanup(proxy.Close)
	how := m.aws()
	how.Endpoint = proxy.URL
	w := newWorld(t, event.DelivererConfig{Topics: how})
	w.put(topic, "arn:aws:iam::111122223333:role/publisher")
	for range 2 {
		if err := w.attempt("status.sent", []byte(sentEnvelope)); err != nil {
			t.Fatal(err)
		}
		if got := m.receive(queueURL); *got.Body != sentEnvelope {
			t.Errorf("received %s", *got.Body)
		}
	}
	if len(keys) != 3 || keys[0] != "AKIAMOTO" || !strings.HasPrefix(keys[1], "ASIA") || keys[1] != keys[2] {
		t.Errorf("the requests were signed with %q", keys)
	}
}

func TestFailureOfATopicSaysWhatToDo(t *testing.T) {
	m := startMoto(t)
	w := newWorld(t, event.DelivererConfig{Topics: m.aws()})
	w.put("arn:aws:sns:us-east-1:123456789012:missing", "")
	err := w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), "no such destination as the topic arn:aws:sns:us-east-1:123456789012:missing") {
		t.Errorf("a topic that does not exist: %v", err)
	}
	w.put(m.topic("events"), "")
	err = w.attempt("status.sent", []byte(`{"x":"`+strings.Repeat("x", 256<<10)+`"}`))
	if !errors.Is(err, outbox.ErrNever) || !strings.Contains(err.Error(), "SNS accepts at most 262144") {
		t.Errorf("an event that is too large: %v", err)
	}
	if err := w.attempt("status.sent", []byte(`{"x":"`+strings.Repeat("x", 256<<10-200)+`"}`)); err != nil {
		t.Errorf("an event that is just small enough: %v", err)
	}
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	m.must(err)
	_ = nowhere.Close()
	how := m.aws()
	how.Endpoint = "http://" + nowhere.Addr().String()
	w.configure(event.DelivererConfig{Topics: how})
	err = w.attempt("status.sent", nil)
	if _, isRetried := retryIn(err); !isRetried || !strings.Contains(err.Error(), nowhere.Addr().String()+" could not be reached") || strings.Contains(err.Error(), "canary") {
		t.Errorf("no server: %v", err)
	}
}

func TestQueueReceivesTheEnvelopeAndKeepsTheOrderOfAConversation(t *testing.T) {
	m := startMoto(t)
	standard, _ := m.queue("events", nil)
	fifo, _ := m.queue("events.fifo", map[string]string{"FifoQueue": "true"})
	queue := func(name, url string) event.Destination {
		return event.Destination{Name: name, Type: event.SQS, QueueURL: url, Accounts: []string{account}, AWS: m.aws(), Slots: 32}
	}
	w := newWorld(t, event.DelivererConfig{}, queue("standard", standard), queue("fifo", fifo))
	const conversations, length = 4, 5
	want, bodies := map[string][]string{}, map[string]string{}
	for i := range length {
		for c := range conversations {
			e := w.newEvent("status.sent", fmt.Sprint("user-", c), nil)
			want[e.Conversation] = append(want[e.Conversation], e.ID)
			bodies[e.ID] = string(e.Body)
			w.add(e)
			if i == 0 && c == 0 { // the delivery of the outbox is a repetition, which the queue drops
				m.must(w.deliverer.Deliver(t.Context(), outbox.Delivery{EventID: e.ID, Destination: "event/" + w.linked.ID + "/fifo"}))
				w.run()
			}
		}
	}
	w.awaitDelivered() // moto recognises only a repetition of what is still in the queue
	got := map[string][]string{}
	for range conversations * length {
		message := m.receive(fifo)
		id := *message.MessageAttributes["eventId"].StringValue
		if *message.Body != bodies[id] {
			t.Errorf("%s has the body %s", id, *message.Body)
		}
		group := message.Attributes["MessageGroupId"]
		got[group] = append(got[group], id)
	}
	for conversation, ids := range want {
		if fmt.Sprint(got[conversation]) != fmt.Sprint(ids) {
			t.Errorf("%s: %v, want %v", conversation, got[conversation], ids)
		}
	}
	for range conversations * length {
		message := m.receive(standard)
		if *message.Body != bodies[*message.MessageAttributes["eventId"].StringValue] {
			t.Errorf("the body is %s", *message.Body)
		}
	}
}

func TestBusReceivesAWSsDetail(t *testing.T) {
	m, ctx := startMoto(t), context.Background()
	queueURL, queueARN := m.queue("from-bus", nil)
	_, err := m.buses.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("all"), EventPattern: aws.String(`{"source":["aws.social-messaging"],"detail-type":["WhatsApp Message Sent"]}`)})
	m.must(err)
	_, err = m.buses.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("all"), Targets: []bridgetypes.Target{{Id: aws.String("queue"), Arn: &queueARN}}})
	m.must(err)
	w := newWorld(t, event.DelivererConfig{}, event.Destination{Name: "bus", Type: event.EventBridge, Accounts: []string{account}, AWS: m.aws()})
	w.run()
	e := w.newEvent("status.sent", "16505551234", []byte(sentEnvelope))
	w.add(e)
	var got struct {
		Source string          `json:"source"`
		Type   string          `json:"detail-type"`
		Time   time.Time       `json:"time"`
		Detail json.RawMessage `json:"detail"`
	}
	m.must(json.Unmarshal([]byte(*m.receive(queueURL).Body), &got))
	const want = `{"wabaId":"1155","originationPhoneNumber":"15550783881","originationPhoneNumberId":"1065","messageId":"4bee7d29-70f5-4a49-b84e-facf4424fe58","status":"sent","eventTimestamp":"1762827867"`
	detail := strings.ReplaceAll(string(got.Detail), `": "`, `":"`)
	detail = strings.ReplaceAll(detail, `", "`, `","`)
	if got.Source != "aws.social-messaging" || got.Type != "WhatsApp Message Sent" || detail != want+`,"eventId":"`+e.ID+`"}` || got.Time.Sub(e.CreatedAt).Abs() > 2*time.Second {
		t.Errorf("%+v: %s", got, detail)
	}
}
