// Whether a store responds, for whoever examines a server.

package object

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Reached is the response of a store to a request without a signature.
type Reached struct {
	Host string        // of the store, with its port if the endpoint has one
	Date time.Time     // of the response; zero if it has none. It is in whole seconds.
	At   time.Time     // half-way between the request and the response, by this machine's clock
	Took time.Duration // from the request to the response
}

// Reach requests the root of a store, by its index in Stores, without a signature. Whatever
// it responds, it can be reached, and says what its clock shows. The error says why there was
// no response; its text may have addresses, and is not to be shown. bucket is one that the
// store serves, for a store whose host depends on it; it may be empty.
func (o *Opener) Reach(ctx context.Context, index int, bucket string) (Reached, error) {
	s := o.stores[index]
	target := url.URL{Scheme: "https", Host: "s3." + s.cfg.Region + ".amazonaws.com", Path: "/"}
	if s.cfg.Region == "" {
		target.Host = "s3.amazonaws.com"
	}
	if s.cfg.Endpoint != "" {
		target.Scheme, target.Host, _ = strings.Cut(s.cfg.Endpoint, "://")
	} else if bucket != "" {
		if endpoint, err := s.reader.endpointOf(ctx, bucket); err == nil {
			target.Scheme, target.Host = endpoint.scheme, endpoint.host
		}
	}
	reached := Reached{Host: target.Host}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return reached, err
	}
	begun := time.Now()
	response, err := s.transport.RoundTrip(request)
	reached.Took = time.Since(begun)
	if err != nil {
		return reached, err
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, maxErrorDocument) // so that the connection can be used again
	reached.Date, _ = http.ParseTime(response.Header.Get("Date"))
	reached.At = begun.Add(reached.Took / 2)
	return reached, nil
}
