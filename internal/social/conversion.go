// Datasets and conversion events.

package social

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"ferry/socialmessaging"
)

// maxConversionEvents bounds the events of one request, as AWS and Meta do
// (docs/references.md#graph-conversions).
const maxConversionEvents = 1000

// CreateWhatsAppDataset creates the dataset of an account, or returns the existing one.
func (m *metaCall) CreateWhatsAppDataset(ctx context.Context, _ *socialmessaging.CreateWhatsAppDatasetInput) (*socialmessaging.CreateWhatsAppDatasetOutput, error) {
	id, err := m.meta.CreateDataset(ctx, m.wabaID, m.token)
	if err != nil {
		return nil, m.unsettled(err, "Retrying is safe: an account has one dataset.")
	}
	m.owns(datasetNode, id)
	return &socialmessaging.CreateWhatsAppDatasetOutput{DatasetId: &id}, nil
}

// SendWhatsAppConversionEvent sends events to the account's dataset. Their members are
// Meta's, and are checked there.
//
// Errors: InvalidParameters for what is no event, no event at all, more than 1,000, and
// all that Meta refuses; ResourceNotFound for a dataset that is not the account's;
// Dependency when Meta may have the events all the same. An SDK that retries this call
// receives the same error: Meta would count the events twice.
func (m *metaCall) SendWhatsAppConversionEvent(ctx context.Context, in *socialmessaging.SendWhatsAppConversionEventInput) (*socialmessaging.SendWhatsAppConversionEventOutput, error) {
	body, count, err := conversionEvents(in.EventData)
	if err != nil {
		return nil, err
	}
	if f, ok := m.unsettledCalls.Get(m.sharedBy); ok && m.sharedBy != "" {
		m.report.Ambiguous = true
		return nil, f
	}
	if err := m.checkDataset(ctx, *in.DatasetId); err != nil {
		return nil, err
	}
	sent, err := m.meta.SendEvents(ctx, *in.DatasetId, body, m.token)
	switch {
	case mayHaveHappened(err):
		f := fail(socialmessaging.KindDependency, err, "%s Meta counts repeated events again, so retry only if that does no harm; the Events Manager of Meta shows what it has received.", unconfirmed(err))
		if m.sharedBy != "" {
			m.unsettledCalls.Add(m.sharedBy, f)
		}
		m.report.Ambiguous = true
		return nil, f
	case err != nil:
		return nil, err
	case sent.Received < 1:
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "WhatsApp (Meta) accepted none of the %d events%s.", count, saying(sent.Messages))
	case sent.Received < count:
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "WhatsApp (Meta) accepted only %d of the %d events%s. Do not send the accepted ones again.", sent.Received, count, saying(sent.Messages))
	}
	return &socialmessaging.SendWhatsAppConversionEventOutput{RequestId: new(cmp.Or(sent.TraceID, m.entry.Trace))}, nil
}

// saying returns what Meta said about events, for the end of a sentence.
func saying(messages []string) string {
	if len(messages) == 0 {
		return ""
	}
	return fmt.Sprintf(" (%q)", messages)
}

const eventExample = `{"data":[{"event_name":"Purchase","event_time":1767225600,"action_source":"business_messaging","messaging_channel":"whatsapp","user_data":{"whatsapp_business_account_id":"102290129340398","ctwa_clid":"ARAkLk…"},"custom_data":{"currency":"USD","value":12.5}}]}`

// conversionEvents returns a request of the Conversions API, and how many events it has.
// The blob is such a request, which stays as it is, or one event, or an array of events.
func conversionEvents(blob []byte) (body []byte, count int, err error) {
	isArray := jsontext.Value(blob).Kind() == '['
	kind := jsontext.Kind('{')
	if isArray {
		kind = '['
	}
	if err := checkJSON("eventData", blob, kind, eventExample); err != nil {
		return nil, 0, err
	}
	var request struct {
		Data json.RawMessage `json:"data"`
		Name json.RawMessage `json:"event_name"`
	}
	body, list := blob, blob
	if !isArray {
		if err := json.Unmarshal(blob, &request); err != nil {
			return nil, 0, err
		}
		list = request.Data
		if request.Data == nil && request.Name != nil {
			list = bytes.Join([][]byte{[]byte("["), blob, []byte("]")}, nil)
		}
	}
	if isArray || request.Data == nil {
		body = bytes.Join([][]byte{[]byte(`{"data":`), list, []byte("}")}, nil)
	}
	var events []json.RawMessage
	if json.Unmarshal(list, &events) != nil || len(events) == 0 {
		return nil, 0, fail(socialmessaging.KindInvalidParameters, nil, "eventData has no events. Its form is %s.", eventExample)
	}
	if len(events) > maxConversionEvents {
		return nil, 0, fail(socialmessaging.KindInvalidParameters, nil, "eventData has %d events, and at most %d are allowed in one request.", len(events), maxConversionEvents)
	}
	return body, len(events), nil
}

// checkDataset returns an error unless a dataset is the account's: the token may see
// others. Meta is asked once for each dataset.
func (m *metaCall) checkDataset(ctx context.Context, id string) error {
	if m.isOwn(datasetNode, id) {
		return nil
	}
	own, err := m.meta.Dataset(ctx, m.wabaID, m.token)
	if err != nil {
		return err
	}
	if own != id {
		return fail(socialmessaging.KindResourceNotFound, nil, "WhatsApp Business Account '%s' has no dataset '%s'. CreateWhatsAppDataset returns the one that it has.", m.given, id)
	}
	m.owns(datasetNode, id)
	return nil
}
