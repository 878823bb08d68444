package event

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ferry/internal/secret"
)

// A Type says how a Destination receives events.
type Type string

// The types of destinations.
const (
	SNS         Type = "sns"         // a topic of Amazon SNS or of what speaks its protocol
	SQS         Type = "sqs"         // a queue of Amazon SQS, standard or FIFO
	EventBridge Type = "eventbridge" // a bus of Amazon EventBridge
	HTTPS       Type = "https"       // a webhook with signatures of Standard Webhooks
	File        Type = "file"        // JSON lines
	Stdout      Type = "stdout"      // JSON lines
)

// Types are all types of destinations.
var Types = []Type{SNS, SQS, EventBridge, HTTPS, File, Stdout}

// Destination is a destination of events that the operator has configured. Business
// accounts choose it by its ARN with PutWhatsAppBusinessAccountEventDestinations, or
// it applies to them without that.
type Destination struct {
	// Name identifies it, in its ARN too: 1 to 64 lower-case letters, digits and
	// hyphens. Required.
	Name string
	// Type is required.
	Type Type

	// Accounts (12 digits) and BusinessAccounts (32 hexadecimal digits, as
	// state.BusinessAccount.ID) are those that it is for; both empty means that
	// it is for all.
	Accounts, BusinessAccounts []string
	// OnPut says that it receives only the events of business accounts that have
	// chosen it by its ARN. Default: true if it is for all, else false, which means
	// all events of those that it is for.
	OnPut bool
	// Events are patterns of the names of events that it receives, with * for any
	// number of characters: "status.failed", "message.*". Default: all.
	Events []string
	// PhoneNumbers (as state.PhoneNumber.ID) are those whose events it receives.
	// Default: all, and the events that concern no phone number.
	PhoneNumbers []string

	// Slots is the number of deliveries to it that are in progress at the same time.
	// Default: 8.
	Slots int
	// Timeout is the limit for one attempt. Default: 15 s.
	Timeout time.Duration

	// TopicARN is of a standard topic. Required for SNS.
	TopicARN string
	// QueueURL is required for SQS. A queue whose name ends with .fifo keeps the
	// order of each conversation.
	QueueURL string
	// Bus is the name or ARN of an event bus. Default for EventBridge: default.
	Bus string
	// Source is the source of the events of EventBridge. AWS refuses sources that begin
	// with aws. Default: ferry.social-messaging, or aws.social-messaging if there is an
	// Endpoint.
	Source string
	// AWS says how a topic, queue or bus is reached.
	AWS AWS

	// URL receives the events. Required for HTTPS: https:// on a public address,
	// unless Private allows others.
	URL string
	// Private allows the URL to be http:// and to lead to private and loopback addresses.
	Private bool
	// Secrets sign the requests, each in the form "whsec_" and the base64 of 24 to 64
	// bytes. While one replaces another, both sign. Required for HTTPS: 1 to 4.
	Secrets []secret.Secret

	// Path is required for a File.
	Path string
}

// AWS says how a service of AWS, or one that speaks its protocol, is reached.
type AWS struct {
	// Region is that of the service. Default: that of the topic, queue or bus, else
	// Config.Region.
	Region string
	// Endpoint is its URL, and that of STS if there is a Role. Default: AWS.
	Endpoint string
	// RoleARN is of a role that is assumed through STS. Default: none.
	RoleARN string
	// AccessKeyID and SecretAccessKey sign the requests, with SessionToken if they are
	// temporary. Default: the AWS SDK's credential chain (environment, shared files,
	// web identity, container).
	AccessKeyID     string
	SecretAccessKey secret.Secret
	SessionToken    secret.Secret
	// UseInstanceProfile adds the EC2 metadata service to that chain. Default: false.
	UseInstanceProfile bool
}

const (
	defaultSlots   = 8
	maxSlots       = 256
	defaultTimeout = 15 * time.Second
	maxTimeout     = 45 * time.Second // below outbox.DefaultTimeout
	maxSecrets     = 4
)

var (
	nameForm       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)
	accountForm    = regexp.MustCompile(`^[0-9]{12}$`)
	resourceIDForm = regexp.MustCompile(`^[0-9a-zA-Z]{1,64}$`)
	patternForm    = regexp.MustCompile(`^[a-z0-9_.*]{1,100}$`)
	busForm        = compiled(`^(arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/)?[/.\-_A-Za-z0-9]{1,256}$`)
	sourceForm     = compiled(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,255}$`)
)

// withDefaults returns the destination with its defaults.
func (d Destination) withDefaults() Destination {
	d.OnPut = d.OnPut || len(d.Accounts)+len(d.BusinessAccounts) == 0
	d.Slots, d.Timeout = cmp.Or(d.Slots, defaultSlots), cmp.Or(d.Timeout, defaultTimeout)
	if d.Type == EventBridge {
		d.Bus = cmp.Or(d.Bus, "default")
		if d.Source == "" && d.AWS.Endpoint != "" {
			d.Source = awsSource
		}
		d.Source = cmp.Or(d.Source, "ferry.social-messaging")
	}
	return d
}

// awsSource is the source of AWS's own events (docs/references.md#aws-events).
const awsSource = "aws.social-messaging"

// check returns all mistakes of a destination with its defaults. The errors contain
// no secrets.
func (d Destination) check() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !nameForm.MatchString(d.Name) {
		problem("name is %q; expected 1 to 64 lower-case letters, digits and hyphens", d.Name)
	}
	if !slices.Contains(Types, d.Type) {
		problem("type is %q; expected sns, sqs, eventbridge, https, file or stdout", d.Type)
	}
	for _, list := range []struct {
		what, expected string
		form           *regexp.Regexp
		values         []string
	}{
		{"accounts", "12 digits", accountForm, d.Accounts},
		{"wabas", "an id such as waba-0123…", resourceIDForm, d.BusinessAccounts},
		{"phone_numbers", "an id such as phone-number-id-0123…", resourceIDForm, d.PhoneNumbers},
		{"events", "a name such as status.failed, or a pattern such as message.*", patternForm, d.Events},
	} {
		for _, value := range list.values {
			if !list.form.MatchString(value) {
				problem("%s: %q is not valid; expected %s", list.what, value, list.expected)
			}
		}
	}
	if d.Slots < 1 || d.Slots > maxSlots {
		problem("slots is %d; expected 1 to %d", d.Slots, maxSlots)
	}
	if d.Timeout < time.Second || d.Timeout > maxTimeout {
		problem("timeout is %v; expected 1s to %v", d.Timeout, maxTimeout)
	}
	return errors.Join(append(problems, d.checkParameters(), d.AWS.Check())...)
}

// checkParameters checks what belongs to the type.
func (d Destination) checkParameters() error {
	var problems []error
	for _, parameter := range []struct {
		name  string
		isSet bool
		of    []Type // that need it
	}{
		{"topic_arn", d.TopicARN != "", []Type{SNS}},
		{"queue_url", d.QueueURL != "", []Type{SQS}},
		{"bus", d.Bus != "", []Type{EventBridge}},
		{"source", d.Source != "", []Type{EventBridge}},
		{"url", d.URL != "", []Type{HTTPS}},
		{"secrets", len(d.Secrets) > 0, []Type{HTTPS}},
		{"path", d.Path != "", []Type{File}},
	} {
		switch isNeeded := slices.Contains(parameter.of, d.Type); {
		case isNeeded && !parameter.isSet:
			problems = append(problems, fmt.Errorf("%s is missing; the type %s needs it", parameter.name, d.Type))
		case !isNeeded && parameter.isSet:
			problems = append(problems, fmt.Errorf("%s is set, but the type %s does not use it", parameter.name, d.Type))
		}
	}
	if d.Private && d.Type != HTTPS {
		problems = append(problems, fmt.Errorf("private is set, but the type %s does not use it", d.Type))
	}
	if !d.usesAWS() && d.AWS != (AWS{}) {
		problems = append(problems, fmt.Errorf("region, endpoint, role or credentials are set, but the type %s does not use them", d.Type))
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	switch d.Type {
	case SNS:
		_, err := ParseTopic(d.TopicARN)
		return err
	case SQS:
		return checkURL("queue_url", d.QueueURL, true)
	case EventBridge:
		return d.checkBus()
	case HTTPS:
		return d.checkWebhook()
	case File:
		if !filepath.IsAbs(d.Path) {
			return fmt.Errorf("path is %q; expected an absolute path", d.Path)
		}
	}
	return nil
}

func (d Destination) checkBus() error {
	switch {
	case !busForm().MatchString(d.Bus):
		return fmt.Errorf("bus is %q; expected the name or the ARN of an event bus", d.Bus)
	case !sourceForm().MatchString(d.Source):
		return fmt.Errorf("source is %q; expected letters, digits, dots, hyphens and underscores", d.Source)
	case strings.HasPrefix(d.Source, "aws.") && d.AWS.Endpoint == "":
		return fmt.Errorf("source is %q; AWS refuses sources of others that begin with aws.; choose another one, and match it in the rules", d.Source)
	}
	return nil
}

func (d Destination) checkWebhook() error {
	if err := checkURL("url", d.URL, d.Private); err != nil {
		return err
	}
	if len(d.Secrets) > maxSecrets {
		return fmt.Errorf("there are %d secrets; expected at most %d, each whsec_ and base64, such as from: echo whsec_$(openssl rand -base64 32)", len(d.Secrets), maxSecrets)
	}
	for i, s := range d.Secrets {
		if _, err := webhookKey(s); err != nil {
			return fmt.Errorf("secret %d: %w", i+1, err)
		}
	}
	return nil
}

// webhookKey returns the key of a secret (docs/references.md#standard-webhooks).
func webhookKey(s secret.Secret) ([]byte, error) {
	encoded, hasPrefix := strings.CutPrefix(s.Reveal(), "whsec_")
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !hasPrefix || err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errors.New("expected whsec_ and the base64 of 24 to 64 random bytes, such as from: echo whsec_$(openssl rand -base64 32)")
	}
	return key, nil
}

// checkURL checks a URL that is called. Errors show no more of it than its host, since
// the rest may be secret.
func checkURL(what, text string, allowPlain bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Fragment != "" || u.Opaque != "":
		return fmt.Errorf("%s is not a URL; expected https://host/path", what)
	case u.User != nil:
		return fmt.Errorf("%s contains a user name or password; leave it out", what)
	case u.Scheme == "http" && !allowPlain:
		return fmt.Errorf("%s at %s is plain HTTP, which others can read and change; use https, or set private if it stays within your network", what, u.Host)
	case u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("%s has the scheme %q; expected https", what, u.Scheme)
	}
	return nil
}

// Check returns all mistakes of a, without its secrets.
func (a AWS) Check() error {
	var problems []error
	if a.Region != "" && !regionForm.MatchString(a.Region) {
		problems = append(problems, fmt.Errorf("region is %q; expected a name such as us-east-1", a.Region))
	}
	if a.Endpoint != "" {
		problems = append(problems, checkURL("endpoint", a.Endpoint, true))
	}
	if a.RoleARN != "" && !roleForm().MatchString(a.RoleARN) {
		problems = append(problems, fmt.Errorf("role_arn is %q; expected arn:aws:iam::ACCOUNT:role/NAME", a.RoleARN))
	}
	if (a.AccessKeyID == "") != a.SecretAccessKey.IsZero() {
		problems = append(problems, errors.New("access_key_id and secret_access_key belong together; set both or none"))
	}
	if a.AccessKeyID == "" && !a.SessionToken.IsZero() {
		problems = append(problems, errors.New("session_token needs access_key_id and secret_access_key"))
	}
	if a.AccessKeyID != "" && a.UseInstanceProfile {
		problems = append(problems, errors.New("both an access key and instance_profile are set; set only one"))
	}
	return errors.Join(problems...)
}

// usesAWS reports whether the destination is called with an SDK of AWS.
func (d Destination) usesAWS() bool { return d.Type == SNS || d.Type == SQS || d.Type == EventBridge }

// isFor reports whether a business account of an account may use the destination.
func (d Destination) isFor(accountID, businessAccountID string) bool {
	return len(d.Accounts)+len(d.BusinessAccounts) == 0 ||
		slices.Contains(d.Accounts, accountID) || slices.Contains(d.BusinessAccounts, businessAccountID)
}
