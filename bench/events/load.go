// An open-loop load: requests are sent at a rate, whether earlier ones are answered or
// not, so that a server that stalls is measured by everything that waits for it.

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// connections bounds those of a load. The server accepts 512 of one address.
const connections = 256

// A loaded is the result of a load.
type loaded struct {
	sent int             // the first second included
	took []time.Duration // from the time when each request was due to the end of its response, without the first second
}

// load sends requests at a rate, and returns an error if one is not answered with 200.
// The first second opens the connections and is not measured.
func load(ctx context.Context, requests []*http.Request, perSecond int) (loaded, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections, DisableCompression: true}, Timeout: 30 * time.Second}
	defer client.CloseIdleConnections()
	took, failures := make([]time.Duration, len(requests)), make([]error, len(requests))
	var running sync.WaitGroup
	began := time.Now()
	for i, request := range requests {
		due := began.Add(time.Duration(i) * time.Second / time.Duration(perSecond))
		select {
		case <-ctx.Done():
			return loaded{}, ctx.Err()
		case <-time.After(time.Until(due)):
		}
		running.Go(func() {
			failures[i] = ask(client, request.WithContext(ctx))
			took[i] = time.Since(due)
		})
	}
	running.Wait()
	if err := errors.Join(failures...); err != nil {
		failed := 0
		for _, err := range failures {
			if err != nil {
				failed++
			}
		}
		return loaded{}, fmt.Errorf("%d of %d requests failed, such as: %w", failed, len(requests), first(failures))
	}
	return loaded{sent: len(requests), took: took[perSecond:]}, nil
}

func first(failures []error) error {
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}

// ask sends a request and reads its response.
func ask(client *http.Client, request *http.Request) error {
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s\n%s", request.Method, request.URL.Path, response.Status, body)
	}
	return err
}
