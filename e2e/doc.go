// Package e2e tests ferry from outside: the real binary, built with the race
// detector, between real parts. versitygw is the S3 server; the AWS SDKs for
// JavaScript, Python and Go and the AWS CLI are the clients; metasim, which
// shares no code with ferry, stands in for Meta, over https.
//
// A part that is missing skips the tests that need it, with a line that says
// how to get it. With FERRY_E2E=require a part that 'make test' installs must be
// there. Everything runs on loopback and on free ports.
//
//	ferry_binary_test.go     builds the binary, once for each kind
//	ferry_process_test.go    runs it, and checks how it ended
//	installation_test.go     what an operator sets up: keyset, keys, linked accounts, server
//	dev_world_test.go        a running ferry dev
//	versitygw_test.go        the S3 server
//	simulator_test.go        Meta
//	proxy_test.go            a toxiproxy before either, for connections that break, stall or are slow
//	certificate_test.go      the certificate that all of them trust
//	node_session_test.go     the SDK for JavaScript, kept running
//	outcome_test.go          what a call became, and what must be true of every error
//	parts_test.go            what to do about a missing part
//
// The other files are the tests, one theme each.
package e2e
