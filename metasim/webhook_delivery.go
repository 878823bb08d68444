// How webhooks are delivered, as tests want it: in batches, late, twice, not at all.

package metasim

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	maxBatch        = 1000 // updates of one webhook, as at Meta
	maxWebhookDelay = 7 * 24 * time.Hour
	batchWait       = time.Second     // of the simulator's clock, for a batch to fill
	disorderDelay   = 2 * time.Second // of the simulator's clock, in which later updates overtake
)

// Signatures of WebhookDelivery.
const (
	SignatureValid   = ""        // by the app's secret
	SignatureWrong   = "wrong"   // by a secret that nobody has
	SignatureOld     = "old"     // by WebhookDelivery.OldSecret
	SignatureMissing = "missing" // none
)

// WebhookDelivery says how webhooks are delivered. The zero value is what Meta
// usually does: each update once, in a webhook of its own, at once, in order, and
// signed. All times are of the simulator's clock.
type WebhookDelivery struct {
	// BatchSize is the maximum number of updates in one webhook: 1 to 1000. A batch is
	// sent when it is full, or a second after its first update. Default 1.
	BatchSize int `json:"batch_size,omitempty"`

	Duplicate float64 `json:"duplicate,omitempty"` // probability that a webhook is sent twice
	Lose      float64 `json:"lose,omitempty"`      // probability that an update is never sent
	Disorder  float64 `json:"disorder,omitempty"`  // probability that an update is sent two seconds late, so that others overtake it

	// Delay is the time between an update and its first delivery, in whole
	// milliseconds. The JSON name is delay_ms.
	Delay time.Duration `json:"-"`

	// Signature is one of the constants above. Default "", by the app's secret.
	Signature string `json:"signature,omitempty"`

	// OldSecret signs webhooks with SignatureOld. It is not shown again.
	OldSecret string `json:"old_secret,omitempty"`

	// Times is the number of updates that are delivered like this; later ones are
	// delivered as by the zero value. 0, the default, means all.
	Times int `json:"times,omitempty"`
}

// webhookDeliveryJSON is WebhookDelivery with Delay in milliseconds.
type webhookDeliveryJSON struct {
	webhookDeliveryFields
	DelayMS int64 `json:"delay_ms,omitempty"`
}

type webhookDeliveryFields WebhookDelivery

// MarshalJSON implements [json.Marshaler].
func (d WebhookDelivery) MarshalJSON() ([]byte, error) {
	return json.Marshal(webhookDeliveryJSON{webhookDeliveryFields(d), d.Delay.Milliseconds()})
}

// delivery returns what the JSON describes.
func (in webhookDeliveryJSON) delivery() (WebhookDelivery, error) {
	if in.DelayMS < 0 || in.DelayMS > maxWebhookDelay.Milliseconds() {
		return WebhookDelivery{}, fmt.Errorf("metasim: webhooks: delay_ms %d is not in 0 to %d", in.DelayMS, maxWebhookDelay.Milliseconds())
	}
	d := WebhookDelivery(in.webhookDeliveryFields)
	d.Delay = time.Duration(in.DelayMS) * time.Millisecond
	return d, nil
}

// UnmarshalJSON implements [json.Unmarshaler].
func (d *WebhookDelivery) UnmarshalJSON(text []byte) error {
	var in webhookDeliveryJSON
	err := json.Unmarshal(text, &in)
	if err == nil {
		*d, err = in.delivery()
	}
	return err
}

func (d WebhookDelivery) validate() error {
	problem := func(format string, args ...any) error { return fmt.Errorf("metasim: webhooks: "+format, args...) }
	for name, p := range map[string]float64{"duplicate": d.Duplicate, "lose": d.Lose, "disorder": d.Disorder} {
		if !(p >= 0 && p <= 1) {
			return problem("%s %v is not a probability from 0 to 1", name, p)
		}
	}
	switch {
	case d.BatchSize < 0 || d.BatchSize > maxBatch:
		return problem("batch_size %d is not in 1 to %d", d.BatchSize, maxBatch)
	case d.Delay < 0 || d.Delay > maxWebhookDelay:
		return problem("the delay %v is not in 0 to %v", d.Delay, maxWebhookDelay)
	case d.Times < 0:
		return problem("times %d is negative", d.Times)
	case d.Signature == SignatureOld && d.OldSecret == "":
		return problem(`signature "old" requires old_secret`)
	}
	switch d.Signature {
	case SignatureValid, SignatureWrong, SignatureOld, SignatureMissing:
		return nil
	}
	return problem(`signature %q is none of "", "wrong", "old", "missing"`, truncate(d.Signature))
}

// errNoApp is the error of settings of an app that does not exist.
var errNoApp = errors.New("metasim: no account has this app_id")

// SetWebhookDelivery says how updates that happen from now on are delivered.
func (s *Server) SetWebhookDelivery(d WebhookDelivery) error {
	if err := d.validate(); err != nil {
		return err
	}
	s.webhooks.setDelivery(d)
	s.changed.broadcast()
	return nil
}

// WebhookDelivery returns how updates are delivered, without OldSecret.
func (s *Server) WebhookDelivery() WebhookDelivery {
	d := s.webhooks.currentDelivery()
	d.OldSecret = ""
	return d
}
