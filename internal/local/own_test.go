package local

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"ferry/internal/guard"
)

// The embedded S3 server is a configured store, so callers may name it. Nothing
// else that listens in this process may be reached through ferry.
func TestListenersOfTheWorldAreNotDialled(t *testing.T) {
	world, err := Start(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := world.Close(); err != nil {
			t.Error(err)
		}
	}()
	dialer := guard.New(guard.Config{Own: &world.own})
	check := func(url string) error {
		return dialer.Check(guard.Named, netip.MustParseAddrPort(strings.TrimPrefix(url, "http://")))
	}
	for _, url := range []string{world.APIURL, world.SimulatorURL, world.ControlURL} {
		if err := check(url); !errors.Is(err, guard.ErrAddress) {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := check(world.S3URL); err != nil {
		t.Errorf("the embedded S3: %v", err)
	}
}
