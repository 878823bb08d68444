// Datasets and the events of the Conversions API (docs/references.md#graph-conversions).

package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"ferry/internal/secret"
)

// CreateDataset creates the dataset of a business account, or returns the existing one.
func (c *Client) CreateDataset(ctx context.Context, businessAccountID string, token secret.Secret) (id string, err error) {
	var created struct {
		ID nodeID `json:"id"`
	}
	request := change{operation: "create_dataset", method: http.MethodPost, target: c.node(businessAccountID, "dataset"), token: token}
	if err := c.change(ctx, request, &created); err != nil {
		return "", err
	}
	if created.ID == "" {
		return "", &UnreachableError{BodySent: true, Cause: errors.New("status 200 without the id of a dataset")}
	}
	return string(created.ID), nil
}

// Dataset returns the id of the dataset of a business account, or "" if it has none.
func (c *Client) Dataset(ctx context.Context, businessAccountID string, token secret.Secret) (id string, err error) {
	var found struct {
		ID   nodeID `json:"id"`
		Data []struct {
			ID nodeID `json:"id"`
		} `json:"data"`
	}
	if err := c.read(ctx, "dataset", c.node(businessAccountID, "dataset"), token, &found); err != nil {
		return "", err
	}
	if found.ID == "" && len(found.Data) > 0 {
		return string(found.Data[0].ID), nil
	}
	return string(found.ID), nil
}

// SentEvents is Meta's response to events.
type SentEvents struct {
	Received int      // events that Meta has taken
	Messages []string // what Meta says about them; mostly empty
	TraceID  string   // fbtrace_id; may be empty
}

// SendEvents sends a request of the Conversions API, a JSON object with the events in
// its member data. Meta does not recognise events that it has received already.
func (c *Client) SendEvents(ctx context.Context, datasetID string, body []byte, token secret.Secret) (SentEvents, error) {
	var response struct {
		Received lenientInt64      `json:"events_received"`
		Messages []json.RawMessage `json:"messages"`
		TraceID  lenientText       `json:"fbtrace_id"`
	}
	request := change{operation: "send_events", method: http.MethodPost, target: c.node(datasetID, "events"), token: token}
	if err := c.change(ctx, request.withJSON(body), &response); err != nil {
		return SentEvents{}, err
	}
	sent := SentEvents{Received: int(response.Received)}
	if isTraceID(string(response.TraceID)) {
		sent.TraceID = string(response.TraceID)
	}
	for _, message := range response.Messages {
		sent.Messages = append(sent.Messages, clean(string(message), token))
	}
	return sent, nil
}
