package ferrytest_test

import (
	"errors"
	"testing"

	"ferry/ferrytest"
	"ferry/internal/postgrestest"
)

func TestWorldsInOneDatabaseShareNothing(t *testing.T) {
	server, err := postgrestest.Start(t.Context(), postgrestest.Config{})
	if errors.Is(err, postgrestest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	})
	url := server.URL("postgres")
	first, second := ferrytest.Start(t, ferrytest.Database(url)), ferrytest.Start(t, ferrytest.Database(url))
	anna := first.Person("+4915112345678")
	send(t, first, anna, text)
	first.Await(ferrytest.Delivered(anna))
	first.Await(ferrytest.Published("", ferrytest.Named("status.delivered")))
	bruno := second.Person("+4915112345678")
	bruno.Says("Hello")
	second.Await(ferrytest.Published("", ferrytest.Text("Hello")))
	second.Never(0, ferrytest.Delivered(bruno))
}
