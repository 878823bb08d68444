package metasim_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"ferry/metasim"
)

// A person sends a photo. The program under test, here a handler that prints what it
// receives, gets a signed webhook, with a media id that it can download.
func ExampleServer_Receive() {
	program := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			log.Print(err)
		}
		fmt.Println(r.Method, r.Header.Get("X-Hub-Signature-256") != "", len(body) > 0)
	}))
	defer program.Close()
	sim := metasim.New(metasim.Config{
		WebhookURL: program.URL,
		BusinessAccounts: []metasim.BusinessAccount{{
			ID: "102290129340398", Token: token, AppID: "634974688087057", AppSecret: "app-secret",
			PhoneNumbers: []metasim.PhoneNumber{{ID: phoneNumber}},
		}},
	})
	defer sim.Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	ended := make(chan error)
	go func() { ended <- sim.RunBackground(ctx) }()

	received, err := sim.Receive(phoneNumber, metasim.Inbound{From: "+1 650-555-1234", Type: "image"})
	if err != nil {
		log.Fatal(err)
	}
	found, err := sim.Wait(ctx, metasim.Wait{For: metasim.WaitWebhook, State: metasim.WebhookDelivered, Contains: received.ID})
	file, ok := sim.Media(received.MediaID)
	fmt.Println(len(found.Webhooks), err, file.MIMEType, ok)
	stop()
	fmt.Println(<-ended)
	// Output:
	// POST true true
	// 1 <nil> image/jpeg true
	// <nil>
}
