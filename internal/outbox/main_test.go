package outbox_test

import (
	"net/http"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	mainOfChild()
	http.DefaultTransport.(*http.Transport).DisableKeepAlives = true // so that no connection outlives a test
	goleak.VerifyTestMain(m)
}
