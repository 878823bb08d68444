package ferrytest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"ferry/ferrytest"
)

// wants fails a test for each text that is missing.
func wants(t *testing.T, got string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(got, text) {
			t.Errorf("there is no %q in:\n%s", text, got)
		}
	}
}

func TestFailedAwaitShowsTheNearestMisses(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t, ferrytest.Timeout(2*time.Second))
		anna, bruno := w.Person("+4915112345678"), w.Person("+4915112345679")
		send(t, w, anna, text)
		send(t, w, bruno, `"type":"text","text":{"body":"\u001b[31mred"}`)
		w.Await(ferrytest.Delivered(anna))
		w.Await(ferrytest.Delivered(bruno, ferrytest.Type("image/jpeg"), ferrytest.JSON("$.text.body", "red")))
	})
	wants(t, failed,
		"Await: there was no message to +4915112345679 that is delivered, type image/jpeg, $.text.body \"red\" within 2s.",
		"The nearest misses:",
		"✗ type: (none), wanted image/jpeg",
		`✗ $.text.body: "\u001b[31mred", wanted "red"`,
		"✓ kind, status, person",
		"✗ person: 4915112345678, wanted 4915112345679",
		"Why: wamid.", "✓ 7 WhatsApp", "The last ", "status delivered person=4915112345679 type=text")
	if strings.Contains(failed, "\x1b") {
		t.Error("a control character is in the text")
	}
	if n := strings.Count(failed, "      ✓ "); n > 3 {
		t.Errorf("%d misses are shown", n)
	}
}

func TestFailedAwaitSaysWhyWhatItWaitedForFailed(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t, ferrytest.UploadAnyway(), ferrytest.Timeout(2*time.Second))
		w.Expect(ferrytest.WillFail)
		anna := w.Person("+4915112345678")
		media := post(t, w, w.Sample("jpeg-cmyk.jpg"))
		w.Fault(ferrytest.Fault{Operation: "send_message", FailLater: 131053})
		send(t, w, anna, fmt.Sprintf(`"type":"image","image":{"id":%q}`, media))
		w.Await(ferrytest.Delivered(anna))
	})
	wants(t, failed, "✗ status: failed, wanted delivered", "131053", "✗ 7 WhatsApp", "! 3 Inspection", "jpeg-cmyk")
}

func TestFailedAwaitWithNothingNear(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t, ferrytest.Timeout(50*time.Millisecond))
		w.Await(ferrytest.Published("orders"))
	})
	wants(t, failed, "Await: there was no event that was published to orders within 50ms.", "Nothing came close")
}

func TestFailedAwaitShowsWhatWasBeforeTheMark(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t, ferrytest.Timeout(time.Second))
		anna := w.Person("+4915112345678")
		send(t, w, anna, text)
		w.Await(ferrytest.Delivered(anna))
		w.Await(ferrytest.Delivered(anna, ferrytest.Since(w.Mark())))
	})
	wants(t, failed, "This one matches, but it was before the mark:", "status delivered person=4915112345678")
}

func TestNeverFailsWithWhatHappened(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		anna := w.Person("+4915112345678")
		anna.GoesOffline()
		send(t, w, anna, text)
		w.Await(ferrytest.Requested("send_message"))
		anna.ComesOnline()
		w.Never(time.Hour, ferrytest.Delivered(anna))
	})
	wants(t, failed, "Never: within 1h0m0s there was a message to +4915112345678 that is delivered:", "status delivered", "The last ")
}

func TestMistakesOfTheTestAreNamed(t *testing.T) {
	t.Parallel()
	for want, mistake := range map[string]func(t testing.TB){
		`Person("Anna"): `: func(t testing.TB) { ferrytest.Start(t).Person("Anna") },
		`there is no sample "photo.jpg"; there are sample.jpg, `: func(t testing.TB) { ferrytest.Start(t).Sample("photo.jpg") },
		`the JSON path "statuses" does not begin with $`:         func(t testing.TB) { ferrytest.Start(t).Await(ferrytest.Published("", ferrytest.JSON("statuses", 1))) },
		`the JSON path "$.a[x]" has the index "x"`:               func(t testing.TB) { ferrytest.Start(t).Never(0, ferrytest.Published("", ferrytest.JSON("$.a[x]", 1))) },
		`Fault: metasim: fault: the fault does nothing`:          func(t testing.TB) { ferrytest.Start(t).Fault(ferrytest.Fault{Operation: "upload"}) },
		`Advance(-1s): `:                     func(t testing.TB) { ferrytest.Start(t).Advance(-time.Second) },
		`Timeout(0s): expected more than 0s`: func(t testing.TB) { ferrytest.Start(t, ferrytest.Timeout(0)) },
		`Topics("a b"): `:                    func(t testing.TB) { ferrytest.Start(t, ferrytest.Topics("a b")) },
		`leave out Database or MemoryNetwork`: func(t testing.TB) {
			ferrytest.Start(t, ferrytest.MemoryNetwork(), ferrytest.Database("postgres://h/n"))
		},
		`the URL of Database is not that of a PostgreSQL database`: func(t testing.TB) { ferrytest.Start(t, ferrytest.Database("mysql://h/n")) },
		`Expect("nothing"): there is no such problem`:              func(t testing.TB) { ferrytest.Start(t).Expect("nothing") },
	} {
		wants(t, failing(t, mistake), "ferrytest: ", want)
	}
}

func TestButtonThatAMessageDoesNotHave(t *testing.T) {
	t.Parallel()
	failed := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		anna := w.Person("+4915112345678")
		send(t, w, anna, `"type":"interactive","interactive":{"type":"button","body":{"text":"Ready?"},"action":{"buttons":[{"type":"reply","reply":{"id":"yes","title":"Yes, please"}}]}}`)
		anna.Presses(w.Await(ferrytest.Delivered(anna)), "Maybe")
	})
	wants(t, failed, `has no button "Maybe"; it has "Yes, please" (id "yes")`)
}

// problems are what fails a test at its end, with what causes it.
func problems() map[ferrytest.Problem]func(t testing.TB, w *ferrytest.World) {
	return map[ferrytest.Problem]func(t testing.TB, w *ferrytest.World){
		ferrytest.UnknownOperation: func(t testing.TB, w *ferrytest.World) {
			request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, w.SimulatorURL+"/"+w.GraphVersion+"/"+w.MetaPhoneNumberID+"/nonsense", nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+w.MetaToken)
			response, err := w.HTTPClient().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		},
		ferrytest.WillFail: func(t testing.TB, w *ferrytest.World) { post(t, w, w.Sample("opus-not-mono.ogg")) },
	}
}

func TestProblemsFailTheTestAtItsEnd(t *testing.T) {
	t.Parallel()
	for problem, cause := range problems() {
		failed := failing(t, func(t testing.TB) { cause(t, ferrytest.Start(t, ferrytest.UploadAnyway())) })
		wants(t, failed, "ferrytest: "+string(problem)+"; announce it by Expect(ferrytest.")
		announced := failing(t, func(t testing.TB) {
			w := ferrytest.Start(t, ferrytest.UploadAnyway())
			w.Expect(problem)
			cause(t, w)
		})
		if announced != "" {
			t.Errorf("%s was announced: %s", problem, announced)
		}
		if lenient := failing(t, func(t testing.TB) { cause(t, ferrytest.Start(t, ferrytest.UploadAnyway(), ferrytest.Lenient())) }); lenient != "" {
			t.Errorf("%s failed a lenient world: %s", problem, lenient)
		}
		wants(t, failing(t, func(t testing.TB) { ferrytest.Start(t).Expect(problem) }), "): there was none")
	}
}

func TestUnknownOperationOfTheAPIFailsTheTest(t *testing.T) {
	t.Parallel()
	wants(t, failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		response, err := w.HTTPClient().Get(w.APIURL + "/v1/nonsense")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}), "unknown operation; announce it")
}

func TestGoroutineThatIsLeftFailsItsOwnTestOnly(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	other := make(chan string)
	failed := failing(t, func(t testing.TB) {
		ferrytest.Start(t)
		go leave(release)
		go func() { other <- "" }()
		<-other
	})
	wants(t, failed, "goroutines left; announce it by Expect(ferrytest.GoroutinesLeft)", "ferrytest_test.leave")
	if passed := failing(t, func(t testing.TB) { ferrytest.Start(t) }); passed != "" {
		t.Errorf("another test failed: %s", passed)
	}
}

func leave(release chan struct{}) { <-release }

func TestDeadLetterFailsTheTest(t *testing.T) {
	t.Parallel()
	cause := func(w *ferrytest.World) {
		w.FaultTopic(ferrytest.DefaultTopic, 0)
		w.Person("+4915112345678").Says("Hello")
		w.Await(ferrytest.PublishFailed(ferrytest.DefaultTopic))
		w.Advance(73 * time.Hour)
	}
	wants(t, failing(t, func(t testing.TB) { cause(ferrytest.Start(t)) }), "dead letter; announce it", ferrytest.DefaultTopic)
	if announced := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		w.Expect(ferrytest.DeadLetter)
		cause(w)
	}); announced != "" {
		t.Error(announced)
	}
}

func TestInternalErrorFailsTheTest(t *testing.T) {
	t.Parallel()
	cause := func(t testing.TB, w *ferrytest.World) {
		if err := w.BreakDatabase(); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Client().ListLinkedWhatsAppBusinessAccounts(context.Background(), nil); err == nil {
			t.Fatal("the call has succeeded without a database")
		}
	}
	wants(t, failing(t, func(t testing.TB) { cause(t, ferrytest.Start(t)) }),
		"internal error; announce it by Expect(ferrytest.InternalError)", "InternalServiceException")
	announced := failing(t, func(t testing.TB) {
		w := ferrytest.Start(t)
		w.Expect(ferrytest.InternalError)
		cause(t, w)
	})
	if strings.Contains(announced, "internal error; announce") || strings.Contains(announced, "there was none") {
		t.Error(announced)
	}
}

func TestAnnouncedGoroutinesDoNotFailTheTest(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	defer close(release)
	if announced := failing(t, func(t testing.TB) {
		ferrytest.Start(t).Expect(ferrytest.GoroutinesLeft)
		go leave(release)
	}); announced != "" {
		t.Error(announced)
	}
	wants(t, failing(t, func(t testing.TB) { ferrytest.Start(t).Expect(ferrytest.GoroutinesLeft) }), "Expect(ferrytest.GoroutinesLeft): there was none")
}
