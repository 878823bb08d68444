package ferrytest_test

import (
	"testing"

	"ferry/ferrytest"
	"ferry/internal/state/statetest"
)

func TestWorldsInOneDatabaseShareNothing(t *testing.T) {
	server := statetest.Postgres.Path(t)
	first, second := ferrytest.Start(t, ferrytest.Database(server)), ferrytest.Start(t, ferrytest.Database(server))
	anna := first.Person("+4915112345678")
	send(t, first, anna, text)
	first.Await(ferrytest.Delivered(anna))
	first.Await(ferrytest.Published("", ferrytest.Named("status.delivered")))
	bruno := second.Person("+4915112345678")
	bruno.Says("Hello")
	second.Await(ferrytest.Published("", ferrytest.Text("Hello")))
	second.Never(0, ferrytest.Delivered(bruno))
}
