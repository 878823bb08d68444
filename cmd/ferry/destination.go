// The destinations of events: --destination on the command line, `destination:` in the
// file.

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/go-json-experiment/json"

	"ferry/internal/event"
	"ferry/internal/secret"
)

// destinationList is a list of destinations of events.
type destinationList []event.Destination

func (destinationList) isMappings() {}

// Decode implements [kong.MapperValue].
func (l *destinationList) Decode(ctx *kong.DecodeContext) error {
	list, err := decodeMappings(ctx, "destination", parseDestination)
	*l = append(*l, list...)
	return err
}

// eventFlags say where events go.
type eventFlags struct {
	Destination destinationList `help:"A destination of events, as JSON: {\"name\": \"…\", \"type\": \"https\", \"url\": \"https://…\", \"secret_files\": [\"FILE\"]}; other types: \"sns\" with topic_arn, \"sqs\" with queue_url, \"eventbridge\" with bus and source, \"file\" with path, \"stdout\". Business accounts choose it by its ARN, arn:aws:social-messaging:REGION:ACCOUNT:event-destination/NAME; with \"accounts\" or \"wabas\" it receives all of their events without that, unless \"on_put\" is true. \"events\": [\"status.failed\", \"message.*\"] and \"phone_numbers\" filter. docs/destinations.md has all members. May be repeated." placeholder:"JSON" group:"Events"`
	SNSEndpoint string          `name:"sns-endpoint" help:"URL of what stands for Amazon SNS, and STS, for topics that callers choose, such as http://127.0.0.1:5000 of moto_server." placeholder:"URL" group:"Events"`
}

// checkDestinations returns all mistakes of the flags.
func (f eventFlags) checkDestinations() error {
	err := event.CheckDestinations(f.Destination)
	if problem := (event.AWS{Endpoint: f.SNSEndpoint}).Check(); problem != nil {
		err = errors.Join(err, fmt.Errorf("--sns-endpoint: %w", problem))
	}
	return err
}

// destinationMembers are the members of a destination.
type destinationMembers struct {
	Name         string     `json:"name"`
	Type         event.Type `json:"type"`
	Accounts     []string   `json:"accounts"`
	WABAs        []string   `json:"wabas"`
	OnPut        bool       `json:"on_put"`
	Events       []string   `json:"events"`
	PhoneNumbers []string   `json:"phone_numbers"`
	Slots        int        `json:"slots"`
	Timeout      string     `json:"timeout"`

	TopicARN string `json:"topic_arn"`
	QueueURL string `json:"queue_url"`
	Bus      string `json:"bus"`
	Source   string `json:"source"`

	Region              string `json:"region"`
	Endpoint            string `json:"endpoint"`
	RoleARN             string `json:"role_arn"`
	AccessKeyID         string `json:"access_key_id"`
	SecretAccessKey     string `json:"secret_access_key"`
	SecretAccessKeyFile string `json:"secret_access_key_file"`
	SessionToken        string `json:"session_token"`
	InstanceProfile     bool   `json:"instance_profile"`

	URL         string   `json:"url"`
	Private     bool     `json:"private"`
	Secrets     []string `json:"secrets"`
	SecretFiles []string `json:"secret_files"`

	Path string `json:"path"`
}

// parseDestination parses one destination. Unknown members are errors.
func parseDestination(text string) (event.Destination, error) {
	var given destinationMembers
	if err := json.Unmarshal([]byte(text), &given, json.RejectUnknownMembers(true)); err != nil {
		return event.Destination{}, fmt.Errorf("expected an object with name, type, accounts, wabas, on_put, events, phone_numbers, slots, timeout; "+
			"topic_arn, queue_url, bus, source; region, endpoint, role_arn, access_key_id, secret_access_key, secret_access_key_file, session_token, instance_profile; "+
			"url, private, secrets, secret_files; path: %w", err)
	}
	key, err := secretOrFile("secret_access_key", given.SecretAccessKey, given.SecretAccessKeyFile)
	if err != nil {
		return event.Destination{}, err
	}
	d := event.Destination{
		Name: given.Name, Type: given.Type, Accounts: given.Accounts, BusinessAccounts: bareIDs("waba", given.WABAs), OnPut: given.OnPut,
		Events: given.Events, PhoneNumbers: bareIDs("phone-number-id", given.PhoneNumbers), Slots: given.Slots,
		TopicARN: given.TopicARN, QueueURL: given.QueueURL, Bus: given.Bus, Source: given.Source,
		AWS: event.AWS{
			Region: given.Region, Endpoint: given.Endpoint, RoleARN: given.RoleARN, AccessKeyID: given.AccessKeyID,
			SecretAccessKey: secret.New(key), SessionToken: secret.New(given.SessionToken), UseInstanceProfile: given.InstanceProfile,
		},
		URL: given.URL, Private: given.Private, Path: given.Path,
	}
	if given.Timeout != "" {
		if d.Timeout, err = time.ParseDuration(given.Timeout); err != nil {
			return event.Destination{}, fmt.Errorf("timeout is %q; expected a duration such as 15s", given.Timeout)
		}
	}
	for _, text := range given.Secrets {
		d.Secrets = append(d.Secrets, secret.New(text))
	}
	for _, path := range given.SecretFiles {
		text, err := os.ReadFile(path)
		if err != nil {
			return event.Destination{}, fmt.Errorf("secret_files: %w", err)
		}
		d.Secrets = append(d.Secrets, secret.New(strings.TrimSpace(string(text))))
	}
	return d, nil
}

// bareIDs returns the stored ids of resources whose ids or ARNs are given: what follows
// "waba-" or "…:waba/".
func bareIDs(kind string, given []string) (stored []string) {
	for _, id := range given {
		if _, last, isARN := strings.Cut(id, ":"+kind+"/"); isARN && strings.HasPrefix(id, "arn:") {
			id = last
		}
		stored = append(stored, strings.TrimPrefix(id, kind+"-"))
	}
	return stored
}
