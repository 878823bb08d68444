// Package wire sends the bodies of requests to Meta in large pieces, and tells
// whether the last byte of a body may have been sent.
//
// net/http copies a body through 32 KiB, and crypto/tls sends it in records of
// 16 KiB with a system call each. In pieces of 256 KiB a file costs a fraction
// of the calls; docs/performance.md has the figures.
//
// [NewTransport] returns the transport. A [Body] is the body of one request: it
// knows how much of it was read, how its source failed, and which connection
// carries it. An upload that fails before its last byte was handed to the
// operating system can be retried safely; [Body.End] reports that.
package wire
