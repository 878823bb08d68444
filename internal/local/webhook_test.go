package local_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/internal/local"
	"ferry/metasim"
)

// What people send, and the statuses of messages, reach the gateway as Meta's webhooks
// do: after the handshake, and signed.
func TestGatewayReceivesTheSimulatorsWebhooks(t *testing.T) {
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			w, err := local.Start(ctx, local.Config{TLS: secure, Strict: true})
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}()
			received, err := w.Simulator.Receive(w.MetaPhoneNumberID, metasim.Inbound{From: "16505551234", Type: "image"})
			if err != nil {
				t.Fatal(err)
			}
			found, err := w.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitWebhook, Contains: received.ID, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			hook := found.Webhooks[0]
			if a := hook.Attempts[0]; a.Status != http.StatusOK || a.URL != w.APIURL+"/webhooks/whatsapp" || a.Signature == "" {
				t.Errorf("%+v", a)
			}
			if address := strings.ReplaceAll(w.SimulatorURL, "/", `\/`); !strings.Contains(hook.Body, `"url":"`+address) {
				t.Errorf("the file is not at %s: %s", address, hook.Body)
			}
		})
	}
}
