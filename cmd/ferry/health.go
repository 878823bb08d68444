// ferry health: whether a server is ready, without curl.

package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ferry/internal/gateway"
	"ferry/internal/tty"
)

const (
	healthPoll    = 100 * time.Millisecond // between two tries of --wait
	healthTimeout = 5 * time.Second        // for one response
	maxHealth     = 64 << 10               // bytes of a response
)

type healthCommand struct {
	URL  string        `name:"url" help:"Address of the server's API. Default: ${default}, or that of ferry dev in its environment." env:"FERRY_HEALTH_URL,AWS_ENDPOINT_URL_SOCIALMESSAGING" default:"http://127.0.0.1:4080" placeholder:"URL"`
	Wait time.Duration `env:"-" help:"Wait for the server to become ready, for this time at most. Default: one try." placeholder:"TIME"`
}

// Run exits with 0 if the server is ready, with 1 if it is not, or does not respond.
func (c *healthCommand) Run(ctx context.Context, terminal *terminal) error {
	base, err := url.Parse(c.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || c.Wait < 0 {
		return fmt.Errorf("--url %q, --wait %v: expected a URL such as http://127.0.0.1:4080, and a time such as 30s", c.URL, c.Wait)
	}
	client := &http.Client{Timeout: healthTimeout}
	if isOwnHost(base.Hostname()) { // the certificate is for the name by which others reach the server
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // nothing is sent, and the peer is this machine
	}
	ctx, cancel := context.WithTimeout(ctx, max(c.Wait, healthTimeout))
	defer cancel()
	begun := time.Now()
	for {
		health, err := readHealth(ctx, client, strings.TrimRight(c.URL, "/")+gateway.HealthPath)
		if err == nil {
			return printHealth(terminal.out, health)
		}
		if time.Since(begun) >= c.Wait || ctx.Err() != nil {
			return fmt.Errorf("the server at %s is not ready: %w", c.URL, err)
		}
		select {
		case <-time.After(healthPoll):
		case <-ctx.Done():
		}
	}
}

func isOwnHost(name string) bool { return name == "localhost" || name == "127.0.0.1" || name == "::1" }

// readHealth returns the health of a server that is ready.
func readHealth(ctx context.Context, client *http.Client, address string) (health gateway.Health, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return health, err
	}
	response, err := client.Do(request)
	if err != nil {
		if of, ok := errors.AsType[*url.Error](err); ok {
			err = of.Err
		}
		return health, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxHealth))
	if err != nil {
		return health, err
	}
	if json.Unmarshal(text, &health) != nil || health.Status == "" {
		return health, fmt.Errorf("status %d, and no health of ferry; is --url the address of ferry's API?", response.StatusCode)
	}
	if response.StatusCode != http.StatusOK {
		return health, errors.New(health.String())
	}
	return health, nil
}

func printHealth(out *tty.Output, health gateway.Health) error {
	if !tty.IsTerminal(out) {
		return out.JSON(health)
	}
	return out.Printf("%s\n", health)
}
