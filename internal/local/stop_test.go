package local

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	http.DefaultTransport.(*http.Transport).DisableKeepAlives = true // so that no connection outlives a test
	goleak.VerifyTestMain(m)
}

func TestServerThatFailsStopsTheWorld(t *testing.T) {
	world, err := Start(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	_ = world.listeners.s3.Close()
	if err := world.Wait(context.Background()); err == nil || !strings.Contains(err.Error(), "S3 server at "+strings.TrimPrefix(world.S3URL, "http://")) {
		t.Errorf("Wait returned %v", err)
	}
	for _, address := range []string{world.APIURL, world.SimulatorURL, world.ControlURL} {
		if connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://")); err == nil {
			_ = connection.Close()
			t.Errorf("%s still listens", address)
		}
	}
	if err := world.Close(); err != nil {
		t.Errorf("Close returned %v, after Wait had returned what failed", err)
	}
}
