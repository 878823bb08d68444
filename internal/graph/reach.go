// Whether Meta responds, for whoever examines a server.

package graph

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Host returns the host of the API, with its port if the URL has one.
func (c *Client) Host() string { return c.base.Host }

// Reached is a response to a request without a token.
type Reached struct {
	Status int
	Date   time.Time     // of the response; zero if it has none. It is in whole seconds.
	At     time.Time     // half-way between the request and the response, by this machine's clock
	Took   time.Duration // from the request to the response
}

// Reach requests a path of the API without a token. Meta refuses the request; the response
// says that it can be reached, and what its clock shows. The error is an UnreachableError if
// there is no response, or one with a status of 5xx. The request is not reported to the
// observer: it does nothing.
func (c *Client) Reach(ctx context.Context) (Reached, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base.String()+"/"+c.version+"/", nil)
	if err != nil {
		return Reached{}, err
	}
	request.Header.Set("User-Agent", c.userAgent)
	begun := time.Now()
	response, err := c.transport.RoundTrip(request)
	took := time.Since(begun)
	if err != nil {
		return Reached{}, unreachable(err)
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxResponse) // so that the connection can be used again
	if response.StatusCode >= 500 {
		return Reached{}, unreachable(fmt.Errorf("status %d", response.StatusCode))
	}
	date, _ := http.ParseTime(response.Header.Get("Date"))
	return Reached{Status: response.StatusCode, Date: date, At: begun.Add(took / 2), Took: took}, nil
}
