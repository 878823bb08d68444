package transfer

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

// places is a quota with a clock of its own.
type places struct {
	*quota
	t     *testing.T
	clock time.Time
	held  map[string][]*place // by account, oldest first
}

func newPlaces(t *testing.T, number int) *places {
	p := &places{quota: newQuota(number), t: t, clock: time.Unix(0, 0), held: make(map[string][]*place)}
	p.now = func() time.Time { return p.clock }
	return p
}

// begin begins a transfer and reports whether there was a place for it.
func (p *places) begin(account string) bool {
	p.t.Helper()
	held, err := p.quota.begin(account)
	if busy, ok := errors.AsType[*Error](err); err != nil && (!ok || busy.Kind != Busy) {
		p.t.Fatal(err)
	}
	if err == nil {
		p.held[account] = append(p.held[account], held)
	}
	return err == nil
}

func (p *places) fill(account string, number int) {
	p.t.Helper()
	for range number {
		if !p.begin(account) {
			p.t.Fatalf("%s got no place", account)
		}
	}
}

// ended returns which of an account's transfers were ended for another account.
func (p *places) ended(account string) (which []int) {
	for i, held := range p.held[account] {
		if held.ended.Err() != nil {
			which = append(which, i)
		}
	}
	return which
}

func TestAccountWithoutATransferAlwaysGetsAPlace(t *testing.T) {
	p := newPlaces(t, 8)
	p.fill("a", 6) // its limit
	p.fill("b", 2)
	if p.begin("a") || p.begin("b") {
		t.Error("an account with transfers got a place beyond the total")
	}
	for _, account := range []string{"c", "d", "e"} {
		if !p.begin(account) {
			t.Errorf("%s got no place", account)
		}
		if p.begin(account) {
			t.Errorf("%s got a second place although no transfer has run for %s", account, minRun)
		}
	}
	if p.taken != 11 {
		t.Errorf("%d places are taken", p.taken)
	}
	p.held["c"][0].end()
	if !p.begin("c") {
		t.Error("c got no place after it had freed its own")
	}
}

func TestSlowestTransferOfTheAccountWithTheMostGivesWay(t *testing.T) {
	p := newPlaces(t, 8)
	p.fill("a", 6)
	p.fill("b", 2)
	for i, bytes := range []int64{500, 400, 100, 300, 200, 600} {
		p.held["a"][i].moved.Store(bytes)
	}
	p.held["a"][2].settle() // it is the slowest, but its last bytes are at WhatsApp
	p.clock = p.clock.Add(minRun)
	p.fill("c", 2) // the share of 3 accounts in 8 places; the first is beyond the total
	if ended := p.ended("a"); len(ended) != 1 || ended[0] != 4 || len(p.ended("b")) != 0 {
		t.Errorf("ended %v of a and %v of b", ended, p.ended("b"))
	}
	if p.begin("c") {
		t.Error("c got more than its share")
	}
	if cause, ok := errors.AsType[*Error](context.Cause(p.held["a"][4].ended)); !ok || cause.Kind != Busy || !strings.Contains(cause.Message, "Retry later") {
		t.Errorf("ended with %v", context.Cause(p.held["a"][4].ended))
	}
	if p.taken != 9 {
		t.Errorf("%d places are taken", p.taken)
	}
	p.held["a"][4].end() // its place is c's by now
	if p.taken != 9 {
		t.Errorf("%d places are taken after it has ended", p.taken)
	}
	for _, held := range p.held {
		for _, one := range held {
			one.end()
		}
	}
	if p.taken != 0 {
		t.Errorf("%d places are taken when all have ended", p.taken)
	}
}

// endingReader ends its transfer while its last bytes are read.
type endingReader struct{ end func() }

func (r endingReader) Read(b []byte) (int, error) {
	r.end()
	return copy(b, "abc"), nil
}

func TestTransferThatIsEndedWhileItsLastBytesAreReadKeepsThem(t *testing.T) {
	p := newPlaces(t, 4)
	p.fill("a", 1)
	upload := p.held["a"][0]
	reader := upload.reader(endingReader{func() { upload.stop(fail(Busy, nil, "ended")) }}, 3)
	if n, err := reader.Read(make([]byte, 10)); n > 0 || err == nil {
		t.Errorf("passed on %d bytes, %v", n, err)
	}
}

func TestTransferThatStartsAnewMayGiveWayAgain(t *testing.T) {
	p := newPlaces(t, 4)
	p.fill("a", 3)
	for _, held := range p.held["a"] {
		held.settle() // the last bytes are passed on, and then the connection breaks
	}
	p.fill("b", 1)
	p.clock = p.clock.Add(minRun)
	if p.begin("b") {
		t.Error("a transfer was ended whose last bytes were passed on")
	}
	p.held["a"][1].reader(strings.NewReader("abc"), 3) // its next attempt
	if !p.begin("b") || len(p.ended("a")) != 1 {
		t.Errorf("ended %v", p.ended("a"))
	}
}

func TestTransferThatIsEndedPassesOnNoMoreBytes(t *testing.T) {
	for name, test := range map[string]struct {
		endAfter int // reads
		want     string
		isEnded  bool
	}{
		"before the first byte":       {0, "", true},
		"before the last bytes":       {1, "ab", true},
		"after the last bytes: never": {2, "abc", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlaces(t, 4)
			p.fill("a", 3)
			p.held["a"][1].settle()
			p.held["a"][2].settle()
			upload := p.held["a"][0]
			reader := upload.reader(io.MultiReader(strings.NewReader("ab"), strings.NewReader("c")), 3)
			p.clock = p.clock.Add(minRun)
			var got string
			var err error
			for read := 0; err == nil; read++ {
				if read == test.endAfter {
					p.fill("b", 1)
					p.begin("b") // its share: the second place is one of a's, if a has one to give
				}
				b := make([]byte, 2)
				var n int
				n, err = reader.Read(b)
				got += string(b[:n])
			}
			busy, isBusy := errors.AsType[*Error](err)
			if isEnded := isBusy && busy.Kind == Busy; got != test.want || isEnded != test.isEnded {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

func TestRetriesAreATenthOfTheTransfersWhenEverythingFails(t *testing.T) {
	q := newQuota(256)
	retries := 0
	const transfers = 1000
	for range transfers {
		place, err := q.begin("111122223333")
		if err != nil {
			t.Fatal(err)
		}
		for range MaxPosts - 1 {
			if q.mayRetry("111122223333") {
				retries++
			}
		}
		place.end()
	}
	if most := retryReserve + transfers*retryShare; float64(retries) > most+1 || float64(retries) < most-1 {
		t.Errorf("%d retries of %d transfers", retries, transfers)
	}
	if !q.mayRetry("444455556666") {
		t.Error("another account has no retry left")
	}
}
