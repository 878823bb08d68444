//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"ferry/socialmessaging"
)

const (
	probeInterval = 100 * time.Millisecond
	probeBound    = 5000 // ms within which every request of the bystander must be answered
)

// api returns a client of the server's API that does not retry.
func (s *server) api(key accessKey) *socialmessaging.Client {
	return s.apiOver(s.client("127.0.0.2"), key)
}

func (s *server) apiOver(client *http.Client, key accessKey) *socialmessaging.Client {
	return socialmessaging.New(socialmessaging.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(s.url), Retryer: aws.NopRetryer{}, HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider(key.id, key.secret, ""),
	})
}

// call makes a small signed call.
func (s *server) call(ctx context.Context, key accessKey) error {
	_, err := s.api(key).ListLinkedWhatsAppBusinessAccounts(ctx, &socialmessaging.ListLinkedWhatsAppBusinessAccountsInput{})
	return err
}

// live asks for /livez.
func (s *server) live(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/livez", nil)
	if err != nil {
		return err
	}
	response, err := s.client("127.0.0.2").Do(request)
	if err != nil {
		return err
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// A probe repeats a request, on a new connection each time.
type probe struct {
	what  string
	do    func(ctx context.Context) error
	count int
	worst time.Duration
	err   error // the first one
}

// run repeats the request until ctx is done.
func (p *probe) run(ctx context.Context) {
	for ctx.Err() == nil {
		started := time.Now()
		err := p.do(context.WithoutCancel(ctx)) // the client has a timeout
		p.worst = max(p.worst, time.Since(started))
		p.count++
		if err != nil && p.err == nil {
			p.err = err
		}
		select {
		case <-ctx.Done():
		case <-time.After(probeInterval):
		}
	}
}

// finding says how the requests were answered.
func (p *probe) finding() finding {
	if p.err != nil {
		return finding{what: p.what + ": " + p.err.Error(), figure: "failed", bound: fmt.Sprintf("≤ %d ms", probeBound)}
	}
	return atMost(fmt.Sprintf("%s, slowest of %d", p.what, p.count), float64(p.worst.Milliseconds()), probeBound, "ms")
}

// bystander makes requests until stop is called, which returns what became of
// them.
func (s *server) bystander() (stop func() []finding) {
	ctx, cancel := context.WithCancel(context.Background())
	probes := []*probe{
		{what: "/livez", do: s.live},
		{what: "a signed call", do: func(ctx context.Context) error { return s.call(ctx, s.tenants[0].key) }},
	}
	var running sync.WaitGroup
	for _, p := range probes {
		running.Go(func() { p.run(ctx) })
	}
	return func() (findings []finding) {
		cancel()
		running.Wait()
		for _, p := range probes {
			findings = append(findings, p.finding())
		}
		return findings
	}
}
