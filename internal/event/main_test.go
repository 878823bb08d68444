package event_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(exit int) {
		stopMoto()
		os.Exit(exit)
	}))
}
