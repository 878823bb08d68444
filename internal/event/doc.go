// Package event receives Meta's webhooks, makes events of what they report, and
// routes the events of business accounts to their destinations, and delivers them
// there, in AWS's envelope.
//
//	webhook.go         the webhook: the verification of its address, signatures, responses
//	webhook_split.go   a webhook becomes updates, each with an entry of its own
//	webhook_update.go  what an update is about, and what makes it the same one again
//	webhook_store.go   updates become events of the accounts that are linked
//	webhook_json.go    JSON byte for byte
//	prepare.go         what is done before an event is delivered: files are stored, statuses find their message
//
//	destination.go      a destination of the configuration
//	arn.go              the ARNs of topics and of destinations
//	route.go            which destinations receive an event
//	deliver.go          one attempt to deliver an event
//	deliver_*.go        what it is sent with, by the type of its destination
//	trial.go            test events
//	detail.go           the form that events have on EventBridge
//	failure.go, aws.go  what an error means for the outbox and for the user
//	client.go           connections
package event
