// Flows: forms inside WhatsApp (docs/references.md#graph-flows).

package graph

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"ferry/internal/secret"
)

// Flow is a flow. Members that Meta omits, or that were not requested, are empty.
type Flow struct {
	ID               nodeID            `json:"id"`
	Name             lenientText       `json:"name"`
	Status           lenientText       `json:"status"` // DRAFT, PUBLISHED, DEPRECATED, THROTTLED, BLOCKED
	Categories       []string          `json:"categories"`
	ValidationErrors []json.RawMessage `json:"validation_errors"` // objects
	JSONVersion      lenientText       `json:"json_version"`
	DataAPIVersion   lenientText       `json:"data_api_version"`
	EndpointURI      lenientText       `json:"endpoint_uri"`
	Preview          FlowPreview       `json:"preview"`
	BusinessAccount  struct {
		ID                nodeID      `json:"id"`
		Name              lenientText `json:"name"`
		Currency          lenientText `json:"currency"`
		TimezoneID        lenientText `json:"timezone_id"`
		TemplateNamespace lenientText `json:"message_template_namespace"`
	} `json:"whatsapp_business_account"`
	Application struct {
		ID   nodeID      `json:"id"`
		Name lenientText `json:"name"`
		Link lenientText `json:"link"`
	} `json:"application"`
	Health struct {
		CanSendMessage lenientText `json:"can_send_message"`
		Entities       []struct {
			Type           lenientText `json:"entity_type"`
			ID             nodeID      `json:"id"`
			CanSendMessage lenientText `json:"can_send_message"`
		} `json:"entities"`
	} `json:"health_status"`
}

// FlowPreview is the link to a preview of a flow, which needs no sign-in.
type FlowPreview struct {
	URL       lenientText `json:"preview_url"`
	ExpiresAt lenientText `json:"expires_at"` // as Meta writes times: 2026-12-20T10:00:00+0000
}

const (
	ownerFields   = "id,categories,whatsapp_business_account" // only flows have categories
	flowFields    = "id,name,status,categories,validation_errors"
	allFlowFields = flowFields + ",json_version,data_api_version,endpoint_uri,preview.invalidate(false),whatsapp_business_account,application,health_status"
)

// NewFlow describes a flow to create. Empty members are omitted.
type NewFlow struct {
	Name        string   `json:"name"`
	Categories  []string `json:"categories"`
	JSON        string   `json:"flow_json,omitempty"`
	Publish     *bool    `json:"publish,omitempty"`
	CloneFlowID string   `json:"clone_flow_id,omitempty"`
	EndpointURI string   `json:"endpoint_uri,omitempty"`
}

// CreateFlow creates a flow. Its result may have validation errors, which are about the
// flow's JSON.
func (c *Client) CreateFlow(ctx context.Context, businessAccountID string, flow NewFlow, token secret.Secret) (id string, validation []json.RawMessage, err error) {
	body, err := json.Marshal(flow)
	if err != nil {
		return "", nil, err
	}
	var created Flow
	request := change{operation: "create_flow", method: http.MethodPost, target: c.node(businessAccountID, "flows"), token: token}
	if err := c.change(ctx, request.withJSON(body), &created); err != nil {
		return "", nil, err
	}
	if created.ID == "" {
		return "", nil, &UnreachableError{BodySent: true, Cause: errors.New("status 200 without the id of a flow")}
	}
	return string(created.ID), created.ValidationErrors, nil
}

// FlowEdit is a change of what is not the JSON of a flow. Empty members are omitted.
type FlowEdit struct {
	Name        string   `json:"name,omitempty"`
	Categories  []string `json:"categories,omitempty"`
	EndpointURI string   `json:"endpoint_uri,omitempty"`
	AppID       string   `json:"application_id,omitempty"`
}

// EditFlow changes what is not the JSON of a flow.
func (c *Client) EditFlow(ctx context.Context, id string, edit FlowEdit, token secret.Secret) error {
	body, err := json.Marshal(edit)
	if err != nil {
		return err
	}
	request := change{operation: "edit_flow", method: http.MethodPost, target: c.node(id), token: token}
	return c.confirm(ctx, request.withJSON(body))
}

// PutFlowJSON replaces the JSON of a flow, and returns what Meta has found wrong with it.
func (c *Client) PutFlowJSON(ctx context.Context, id string, flow []byte, token secret.Secret) (validation []json.RawMessage, err error) {
	boundary := rand.Text() // 128 random bits: it is not in the file
	field := func(name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	head := field("name", "flow.json") + field("asset_type", "FLOW_JSON") + "--" + boundary +
		"\r\nContent-Disposition: form-data; name=\"file\"; filename=\"flow.json\"\r\nContent-Type: application/json\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	var response struct {
		Success          *bool             `json:"success"`
		ValidationErrors []json.RawMessage `json:"validation_errors"`
	}
	err = c.change(ctx, change{
		operation: "put_flow_json", method: http.MethodPost, target: c.node(id, "assets"), token: token,
		contentType: "multipart/form-data; boundary=" + boundary,
		body:        io.MultiReader(strings.NewReader(head), bytes.NewReader(flow), strings.NewReader(tail)),
		size:        int64(len(head)) + int64(len(flow)) + int64(len(tail)),
	}, &response)
	if err == nil && len(response.ValidationErrors) == 0 {
		err = confirmed(response.Success)
	}
	return response.ValidationErrors, err
}

// Flow returns a flow, of whichever business account it is.
func (c *Client) Flow(ctx context.Context, id string, token secret.Secret) (Flow, error) {
	return c.flow(ctx, "flow", id, allFlowFields, token)
}

// FlowOwner returns Meta's id of the business account that a flow belongs to. For a node
// that is no flow, it returns an error.
func (c *Client) FlowOwner(ctx context.Context, id string, token secret.Secret) (businessAccountID string, err error) {
	flow, err := c.flow(ctx, "flow_owner", id, ownerFields, token)
	return string(flow.BusinessAccount.ID), err
}

// FlowPreview returns the link to a flow's preview. With invalidate, it is a new one, and
// older ones end.
func (c *Client) FlowPreview(ctx context.Context, id string, invalidate bool, token secret.Secret) (FlowPreview, error) {
	flow, err := c.flow(ctx, "flow_preview", id, "preview.invalidate("+strconv.FormatBool(invalidate)+")", token)
	if err == nil && (flow.Preview.URL == "" || flow.Preview.ExpiresAt == "") {
		err = unreachable(errors.New("status 200 without a preview"))
	}
	return flow.Preview, err
}

func (c *Client) flow(ctx context.Context, operation, id, fields string, token secret.Secret) (flow Flow, err error) {
	target := c.node(id)
	target.RawQuery = url.Values{"fields": {fields}}.Encode()
	err = c.read(ctx, operation, target, token, &flow)
	return flow, err
}

// Flows returns a page of the flows of a business account.
func (c *Client) Flows(ctx context.Context, businessAccountID string, page Page, token secret.Secret) (List[Flow], error) {
	return list[Flow](ctx, c, "flows", c.node(businessAccountID, "flows"), url.Values{"fields": {flowFields}}, page, token)
}

// FlowAsset is a file of a flow.
type FlowAsset struct {
	Name        lenientText `json:"name"`
	Type        lenientText `json:"asset_type"`
	DownloadURL lenientText `json:"download_url"`
}

// FlowAssets returns a page of the files of a flow.
func (c *Client) FlowAssets(ctx context.Context, id string, page Page, token secret.Secret) (List[FlowAsset], error) {
	return list[FlowAsset](ctx, c, "flow_assets", c.node(id, "assets"), url.Values{}, page, token)
}

// PublishFlow publishes a flow, which cannot be undone.
func (c *Client) PublishFlow(ctx context.Context, id string, token secret.Secret) error {
	return c.confirm(ctx, change{operation: "publish_flow", method: http.MethodPost, target: c.node(id, "publish"), token: token})
}

// DeprecateFlow retires a published flow, which cannot be undone.
func (c *Client) DeprecateFlow(ctx context.Context, id string, token secret.Secret) error {
	return c.confirm(ctx, change{operation: "deprecate_flow", method: http.MethodPost, target: c.node(id, "deprecate"), token: token})
}

// DeleteFlow deletes a draft.
func (c *Client) DeleteFlow(ctx context.Context, id string, token secret.Secret) error {
	return c.confirm(ctx, change{operation: "delete_flow", method: http.MethodDelete, target: c.node(id), token: token})
}

// PublicKey is the key with which Meta encrypts what flows exchange with a business.
type PublicKey struct {
	PEM             lenientText `json:"business_public_key"`
	SignatureStatus lenientText `json:"business_public_key_signature_status"` // VALID or MISMATCH
}

// PublicKey returns the key of a phone number. Without one, it is empty.
func (c *Client) PublicKey(ctx context.Context, phoneNumberID string, token secret.Secret) (PublicKey, error) {
	keys, err := list[PublicKey](ctx, c, "public_key", c.node(phoneNumberID, "whatsapp_business_encryption"), url.Values{}, Page{}, token)
	if err != nil || len(keys.Entries) == 0 {
		return PublicKey{}, err
	}
	return keys.Entries[0], nil
}

// PutPublicKey sets the key of a phone number: RSA with 2048 bits, in PEM.
func (c *Client) PutPublicKey(ctx context.Context, phoneNumberID, pem string, token secret.Secret) error {
	request := change{operation: "put_public_key", method: http.MethodPost, target: c.node(phoneNumberID, "whatsapp_business_encryption"), token: token}
	return c.confirm(ctx, request.withForm(url.Values{"business_public_key": {pem}}))
}
