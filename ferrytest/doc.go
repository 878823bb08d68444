// Package ferrytest starts the whole of `ferry dev` inside a Go test, in a few
// milliseconds: ferry's API in front of a simulated WhatsApp, an S3 server and SNS topics.
// The test plays the people on their phones, and waits for what its program does.
//
// To test that a program sends a picture, start a world, give the program the world's
// configuration, and wait until the picture is on the phone:
//
//	func TestOrder(t *testing.T) {
//		w := ferrytest.Start(t)                                // ends with the test
//		anna := w.Person("+4915112345678")
//
//		app := myapp.New(w.AWSConfig(), w.Sample("sample.jpg"))  // the program under test
//		app.SendOrder(anna.Number())
//
//		m := w.Await(ferrytest.Delivered(anna, ferrytest.Type("image/jpeg")))
//		anna.Reads(m)
//		anna.Says("Thanks!")
//		w.Await(ferrytest.Published(ferrytest.DefaultTopic, ferrytest.Text("Thanks!")))
//
//		w.Advance(25 * time.Hour)                              // only templates arrive now
//		w.Never(time.Minute, ferrytest.Delivered(anna))
//	}
//
// Nothing is sent to Meta or AWS. The gateway is the code of `ferry serve`, and its
// requests, signatures, checks of files and limits are real. Ids and keys are those of
// `ferry dev` (docs/development.md), the same in every world; worlds share nothing, so
// tests may run in parallel.
//
// # How a program reaches the world
//
// AWSConfig is for aws-sdk-go-v2, its S3 and SNS clients, and [ferry/socialmessaging].
// Environ and Command are for programs in other processes and languages. HTTPClient and
// the URLs of World are for everything else, such as clients of Meta's Cloud API.
//
// Events of the account are published to the SNS topic DefaultTopic; Topics and
// PutWhatsAppBusinessAccountEventDestinations choose others. A test passes Entry.Envelope
// of a published event to the program's own handler.
//
// # Waiting
//
// A matcher, such as Delivered, Published or Called, describes what to wait for, and
// conditions narrow it: Type, Text, JSON, Code, Of, Where. Await returns the first entry
// that matches, also if it is older than the call; Since leaves out what is older than a
// Mark. There is no polling and no counting. When nothing comes in time, the failure shows
// the three entries that came closest, field by field, why the nearest one went no
// further, and the last 20 entries.
//
// # The clock
//
// ferry and WhatsApp share one clock, which runs. Advance moves it on; everything that is
// due on the way happens in its order, and has happened when Advance returns. With the
// option Clock it stands still between, so that every run sees the same times. A program
// that lives by time.Now has another clock; to move that one, too, start the world with
// MemoryNetwork inside [testing/synctest.Test], and use time.Sleep.
//
// # At the end
//
// When the test ends, the world fails it for what went wrong unseen: unknown operations,
// internal errors, dead letters, uploads that WhatsApp does not deliver, goroutines that
// are left. Expect announces such a [Problem], and Lenient turns this off.
//
// The world of a failed test is kept as world.ferry, in the artifacts of the test (go test
// -artifacts) or in a new directory for temporary files; `ferry dev --load` begins in it. With
// FERRYTEST_CONSOLE=127.0.0.1:4083 in the environment, it also stays open until Ctrl-C, with its
// web console at that address (1 means a free port) and the others on standard error:
//
//	FERRYTEST_CONSOLE=127.0.0.1:4083 go test -run TestOrder
//
// The module is called ferry, which is not an address. A program in another module needs a
// copy of the repository, here at PATH, and once:
//
//	go mod edit -require=ferry@v0.0.0 -replace=ferry=PATH
//	go mod tidy
package ferrytest
