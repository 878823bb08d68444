package e2e

import (
	"encoding/json"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// startMoto starts moto_server, which stands for SNS and SQS, and returns its URL.
func startMoto(t testing.TB) string {
	t.Helper()
	python := pythonBinary(t)
	if err := exec.Command(python, "-c", "import moto.server, flask").Run(); err != nil {
		missingOnMachine(t, "moto with its server", "'python3 -m pip install \"moto[server]\"' installs it")
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	server := exec.Command(python, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", strconv.Itoa(port))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
	})
	eventually(t, "moto_server listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return "http://" + address
}

// A program that was written for AWS chooses an SNS topic for its events, and reads
// them from two queues: one with raw delivery, and one without.
func TestEventsGoThroughSNSToQueues(t *testing.T) {
	sns := startMoto(t)
	dev := startDev(t, raceBuild, "--sns-endpoint", sns)
	dev.hello()
	printed := dev.shell(`export AWS_ENDPOINT_URL_SNS=` + sns + ` AWS_ENDPOINT_URL_SQS=` + sns + `
python3 -c "
import boto3, json, os
sns, sqs, social = boto3.client('sns'), boto3.client('sqs'), boto3.client('socialmessaging')
topic = sns.create_topic(Name='whatsapp')['TopicArn']
queues = {}
for name, raw in (('raw', 'true'), ('wrapped', 'false')):
    queues[name] = sqs.create_queue(QueueName=name)['QueueUrl']
    arn = sqs.get_queue_attributes(QueueUrl=queues[name], AttributeNames=['QueueArn'])['Attributes']['QueueArn']
    sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn, Attributes={'RawMessageDelivery': raw})
social.put_whatsapp_business_account_event_destinations(id=os.environ['FERRY_WABA_ID'], eventDestinations=[{'eventDestinationArn': topic}])
assert social.get_linked_whatsapp_business_account(id=os.environ['FERRY_WABA_ID'])['account']['eventDestinations'] == [{'eventDestinationArn': topic}]
message = {'messaging_product': 'whatsapp', 'to': '+` + person + `', 'type': 'text', 'text': {'body': 'Hello'}}
id = social.send_whatsapp_message(originationPhoneNumberId=os.environ['FERRY_PHONE_NUMBER_ID'], message=json.dumps(message).encode(), metaApiVersion='v20.0')['messageId']
for name, queue in queues.items():
    seen = []
    while 'read' not in seen:
        for m in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10).get('Messages', []):
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=m['ReceiptHandle'])
            envelope = json.loads(m['Body'] if name == 'raw' else json.loads(m['Body'])['Message'])
            entry = json.loads(envelope['whatsAppWebhookEntry'])
            for status in entry['changes'][0]['value'].get('statuses', []):
                assert envelope['messageId'] == id, envelope
                seen.append(status['status'])
    print(json.dumps({'queue': name, 'seen': seen}))
"`)
	for line := range strings.Lines(printed) {
		var got struct {
			Queue string
			Seen  []string
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if want := "accepted sent delivered read"; strings.Join(got.Seen, " ") != want {
			t.Errorf("the queue %s received %v, want %s", got.Queue, got.Seen, want)
		}
	}
	if lines := strings.Count(printed, "\n"); lines != 2 {
		t.Errorf("%d queues, want 2:\n%s", lines, printed)
	}
}
