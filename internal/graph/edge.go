// Calls of the management edges: JSON and forms that change something, and lists.

package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"

	"ferry/internal/graph/wire"
	"ferry/internal/secret"
)

// A change is a request that changes something at Meta. None is idempotent.
type change struct {
	operation   string // for the observer
	method      string
	target      *url.URL
	contentType string    // of body; empty means that there is no body
	body        io.Reader // may be nil
	size        int64     // of body
	token       secret.Secret
}

// withJSON returns the change with a JSON body.
func (r change) withJSON(body []byte) change {
	r.contentType, r.body, r.size = "application/json", bytes.NewReader(body), int64(len(body))
	return r
}

// withForm returns the change with a form as its body.
func (r change) withForm(values url.Values) change {
	text := values.Encode()
	r.contentType, r.body, r.size = "application/x-www-form-urlencoded", bytes.NewReader([]byte(text)), int64(len(text))
	return r
}

// change sends a change and decodes the JSON response into out. Members of the response
// that have another type than out's are left unset. If it returns an UnreachableError,
// BodySent says whether Meta may have executed the change.
func (c *Client) change(ctx context.Context, r change, out any) error {
	if r.body == nil {
		r.body = http.NoBody
	}
	body := wire.NewBody(r.body, r.size, nil)
	var content io.Reader = body
	if r.size == 0 {
		content = nil
	}
	request, err := http.NewRequestWithContext(ctx, r.method, r.target.String(), content)
	if err != nil {
		return err
	}
	request.ContentLength = r.size
	if r.contentType != "" {
		request.Header.Set("Content-Type", r.contentType)
	}
	var isConnected atomic.Bool // without a body there is nothing else that tells
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { isConnected.Store(true) }}
	request = request.WithContext(httptrace.WithClientTrace(ctx, trace))
	err = body.Send(request, func(request *http.Request) error {
		response, _, err := c.exchange(request, r.operation, r.token)
		if err == nil {
			err = decodeLeniently(response, out)
		}
		return err
	})
	sent, _ := body.End()
	if failed, ok := errors.AsType[*UnreachableError](err); ok {
		failed.BodySent = sent && isConnected.Load()
	}
	return err
}

// confirm sends a change whose response says no more than that it succeeded.
func (c *Client) confirm(ctx context.Context, r change) error {
	var response struct {
		Success *bool `json:"success"`
	}
	if err := c.change(ctx, r, &response); err != nil {
		return err
	}
	return confirmed(response.Success)
}

// confirmed returns an error unless the response to a change says that it succeeded.
func confirmed(success *bool) error {
	if success == nil || !*success {
		return &UnreachableError{BodySent: true, Cause: errors.New("status 200 without success")}
	}
	return nil
}

// decodeLeniently decodes JSON. Members of another type than out's are left unset.
func decodeLeniently(body []byte, out any) error {
	err := json.Unmarshal(body, out)
	if _, isMember := errors.AsType[*json.UnmarshalTypeError](err); err != nil && !isMember {
		return unreachable(fmt.Errorf("status 200 without the expected JSON: %w", err))
	}
	return nil
}

// Page selects a page of a list.
type Page struct {
	Limit int    // entries; 0 means Meta's default
	After string // cursor from the page before; empty means the first page
}

// A List is a page of a list.
type List[T any] struct {
	Entries []T
	After   string // cursor of the next page; empty on the last page
}

// list reads a page of a list (docs/references.md#graph-fields).
func list[T any](ctx context.Context, c *Client, operation string, target *url.URL, query url.Values, page Page, token secret.Secret) (List[T], error) {
	if page.Limit > 0 {
		query.Set("limit", strconv.Itoa(page.Limit))
	}
	if page.After != "" {
		query.Set("after", page.After)
	}
	target.RawQuery = query.Encode()
	var response struct {
		Data   []T `json:"data"`
		Paging struct {
			Cursors struct {
				After lenientText `json:"after"`
			} `json:"cursors"`
			Next lenientText `json:"next"`
		} `json:"paging"`
	}
	if err := c.read(ctx, operation, target, token, &response); err != nil {
		return List[T]{}, err
	}
	result := List[T]{Entries: response.Data}
	if response.Paging.Next != "" { // the URL itself is not used, since the token is sent to it
		result.After = string(response.Paging.Cursors.After)
	}
	return result, nil
}

// read sends a GET and decodes the JSON response into out. Members of the response that
// have another type than out's are left unset.
func (c *Client) read(ctx context.Context, operation string, target *url.URL, token secret.Secret, out any) error {
	var body json.RawMessage
	if err := c.get(ctx, operation, target, token, &body); err != nil {
		return err
	}
	return decodeLeniently(body, out)
}

// nodeID decodes the id of a node, which Meta writes as a text or as a number. Anything
// else is "".
type nodeID string

func (n *nodeID) UnmarshalJSON(data []byte) error {
	id := string(bytes.Trim(data, `"`))
	*n = ""
	if isNodeID(id) {
		*n = nodeID(id)
	}
	return nil
}

// isNodeID reports whether an id consists of 1 to 100 digits.
func isNodeID(id string) bool {
	for _, b := range []byte(id) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return len(id) > 0 && len(id) <= 100
}
