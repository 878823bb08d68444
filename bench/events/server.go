// The cases of the server: the real binary receives Meta's webhooks, and accepts
// messages.

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ferry/bench/child"
	"ferry/socialmessaging"
)

const (
	webhooksPerSecond = 500
	sendsPerSecond    = 200
	appSecret         = "bench-app-secret-0123456789abcdef"
)

// serve measures the server: it is started on a new database, with the simulator as
// Meta, and a webhook as the destination of its events.
func (e *engine) serve(ctx context.Context) (results []result, err error) {
	dir, err := filepath.Abs(filepath.Join(e.directory, "serve-"+strings.ToLower(e.name)))
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	world, err := startWorld(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer world.Stop()
	f, err := e.install(ctx, dir, world)
	if err != nil {
		return nil, err
	}
	address, err := child.FreeAddress()
	if err != nil {
		return nil, err
	}
	server, err := f.Serve(ctx, address, "--graph-url", world.graphURL, "--messages-per-second", fmt.Sprint(5*sendsPerSecond))
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	if results, err = e.loadServer(ctx, world, "http://"+address, f); err != nil {
		return nil, server.Failed(err)
	}
	return results, nil
}

// install creates the database with an account that is linked.
func (e *engine) install(ctx context.Context, dir string, world *world) (*child.Ferry, error) {
	database, err := e.database(ctx)
	if err != nil {
		return nil, err
	}
	destination, err := json.Marshal(map[string]any{
		"name": "receiver", "type": "https", "accounts": []string{account}, "url": world.receiverURL, "private": true,
		"secrets": []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	})
	if err != nil {
		return nil, err
	}
	env := child.Environment("FERRY_KEYSET_FILE=keyset.json", "FERRY_DATABASE="+database, "FERRY_META_TOKEN="+metaToken,
		"FERRY_APP_SECRET="+appSecret, "FERRY_WEBHOOK_VERIFY_TOKEN=verify", "FERRY_DESTINATION="+string(destination))
	return child.Install(ctx, e.binary, dir, env, account, metaAccount, world.graphURL)
}

// loadServer posts webhooks, and then sends messages, and waits until all events are
// delivered after each.
func (e *engine) loadServer(ctx context.Context, world *world, url string, f *child.Ferry) ([]result, error) {
	seconds := 1 + int(e.duration/time.Second) // the first one is not measured
	requests, err := webhooks(ctx, url, seconds*webhooksPerSecond)
	if err != nil {
		return nil, err
	}
	webhooks, err := load(ctx, requests, webhooksPerSecond)
	if err != nil {
		return nil, fmt.Errorf("webhooks: %w", err)
	}
	if _, err := world.await(ctx, webhooks.sent); err != nil {
		return nil, err
	}
	if requests, err = sends(ctx, url, f, seconds*sendsPerSecond); err != nil {
		return nil, err
	}
	sends, err := load(ctx, requests, sendsPerSecond)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	received, err := world.await(ctx, webhooks.sent+sends.sent)
	if err != nil {
		return nil, err
	}
	if received.Events != webhooks.sent+sends.sent {
		return nil, fmt.Errorf("the destination has received %d events; expected %d", received.Events, webhooks.sent+sends.sent)
	}
	var results []result
	for _, r := range []struct {
		what  string
		bound float64
		loaded
	}{
		{fmt.Sprintf("`ferry serve`: webhook acknowledged at %d/s", webhooksPerSecond), 25, webhooks},
		{fmt.Sprintf("`ferry serve`: message accepted at %d/s", sendsPerSecond), 10, sends},
	} {
		results = append(results,
			result{what: r.what + ", p50", value: milliseconds(r.took, 50), unit: "ms"},
			atMost(r.what+", p99", milliseconds(r.took, 99), "ms", r.bound),
			result{what: r.what + ", longest", value: milliseconds(r.took, 100), unit: "ms"})
	}
	return append(results, result{what: "requests answered with 200, and their events delivered: all of", value: float64(received.Events)}), nil
}

// webhooks returns signed webhooks, each with a message of another person.
func webhooks(ctx context.Context, url string, n int) ([]*http.Request, error) {
	return requests(n, func(i int) (*http.Request, error) { return webhook(ctx, url, i) })
}

// sends returns signed calls of SendWhatsAppMessage, each to another person.
func sends(ctx context.Context, url string, f *child.Ferry, n int) ([]*http.Request, error) {
	return requests(n, func(i int) (*http.Request, error) { return send(ctx, url, f, i) })
}

func requests(n int, request func(i int) (*http.Request, error)) (all []*http.Request, err error) {
	all = make([]*http.Request, n)
	for i := range all {
		if all[i], err = request(i); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// webhook returns a signed webhook with a message of a person.
func webhook(ctx context.Context, url string, i int) (*http.Request, error) {
	body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"15550783881","phone_number_id":%q},"contacts":[{"profile":{"name":"A"},"wa_id":"1650%07d"}],`+
		`"messages":[{"from":"1650%07[3]d","id":"wamid.bench%07[3]d","timestamp":"%d","type":"text","text":{"body":"Is the blue one still available?"}}]},"field":"messages"}]}]}`,
		metaAccount, metaPhone, i, time.Now().Unix())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/whatsapp", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, []byte(appSecret))
	mac.Write(body)
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// send returns a signed call of SendWhatsAppMessage to a person.
func send(ctx context.Context, url string, f *child.Ferry, i int) (*http.Request, error) {
	message := fmt.Sprintf(`{"messaging_product":"whatsapp","to":"+1651%07d","type":"text","text":{"body":"Your order is on its way."}}`, i)
	return signed(ctx, url, f, socialmessaging.SendWhatsAppMessage.Operation, map[string]any{
		"originationPhoneNumberId": f.Phone, "message": []byte(message), "metaApiVersion": "v25.0",
	})
}
