// Package e2e tests ferry from outside: the real binary, built with the race
// detector, between real parts. versitygw is the S3 server; the AWS SDKs for
// JavaScript, Python and Go and the AWS CLI are the clients; metasim, which
// shares no code with ferry, stands in for Meta, over https. It is strict, except
// for clients of Meta's API that nobody here wrote (node-meta).
//
// Tests that need a missing part are skipped, with a message that says how to
// install it. With FERRY_E2E=require, they fail if 'make test' could have
// installed it. Everything runs on loopback, on free ports.
//
//	ferry_binary_test.go     builds the binary, once of each kind
//	ferry_process_test.go    runs it, and checks how it ends
//	log_test.go              reads its log
//	installation_test.go     what an operator sets up: keyset, keys, linked accounts, server
//	dev_world_test.go        a running ferry dev
//	versitygw_test.go        the S3 server
//	simulator_test.go        Meta
//	proxy_test.go            a toxiproxy before the S3 server or Meta, for connections that break, stall or are slow
//	certificate_test.go      the certificate that all of them trust
//	node_session_test.go     a process with the SDK for JavaScript
//	outcome_test.go          the result of a call, and what must be true of every error
//	parts_test.go            what happens when a part is missing
//	document_test.go         PDF documents of any size
//
// The other files are the tests, one subject each. The folders are:
//
//	hostile/           the program of 'make hostile'
//	security/          the program of 'make security'
//	namespace/         a network of its own for a test or a program
//	node/ python/      programs with AWS's SDKs
//	node-meta/         programs with clients of Meta's API
package e2e
