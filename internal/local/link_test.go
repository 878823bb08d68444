package local_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"ferry/internal/local"
	"ferry/internal/sample"
	"ferry/metasim"
	"ferry/socialmessaging"
)

// A picture behind a redirect fails as at Meta, which follows none, and arrives with
// link to id.
func TestLinkBehindARedirectIsDeliveredWithLinkToID(t *testing.T) {
	picture := sample.Files()[0]
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/picture.jpg" {
			http.Redirect(w, r, "/picture.jpg", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", picture.ContentType)
		w.Header().Set("Content-Length", strconv.Itoa(len(picture.Data)))
		_, _ = w.Write(picture.Data)
	}))
	defer host.Close()
	for _, test := range []struct {
		linkToID bool
		status   string
		code     int
	}{{false, "failed", 131053}, {true, "delivered", 0}} {
		t.Run(test.status, func(t *testing.T) {
			world := startWith(t, local.Config{LinkToID: test.linkToID})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			const user = "16505551234"
			if _, err := world.Simulator.Receive("106540352242922", metasim.Inbound{From: user, Text: &metasim.InboundText{Body: "Hi"}}); err != nil { // opens the 24 hours
				t.Fatal(err)
			}
			_, err := apiClient(world, world.Region).SendWhatsAppMessage(ctx, &socialmessaging.SendWhatsAppMessageInput{
				OriginationPhoneNumberId: aws.String("phone-number-id-aaaa1111bbbb2222cccc3333dddd4444"), MetaApiVersion: aws.String("v23.0"),
				Message: fmt.Appendf(nil, `{"messaging_product":"whatsapp","to":"+%s","type":"image","image":{"link":"%s/moved.jpg","caption":"Hello"}}`, user, host.URL),
			})
			if err != nil {
				t.Fatal(err)
			}
			found, err := world.Simulator.Wait(ctx, metasim.Wait{For: metasim.WaitMessage, To: user, Status: test.status})
			if err != nil {
				t.Fatalf("the message did not get the status %s: %v", test.status, err)
			}
			statuses := found.Messages[0].Statuses
			at := slices.IndexFunc(statuses, func(s metasim.StatusChange) bool { return s.Status == test.status })
			if statuses[at].Code != test.code {
				t.Errorf("the statuses are %+v", statuses)
			}
		})
	}
}
