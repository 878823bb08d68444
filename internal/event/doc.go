// Package event routes the events of business accounts to their destinations, in
// AWS's envelope.
//
//	destination.go  a destination of the configuration
//	arn.go          the ARNs of topics and of destinations
//	route.go        which destinations receive an event
package event
