package local

import "ferry/internal/event"

// noTopics is why SNS topics are refused in a world without an SNS endpoint.
const noTopics = "This server sends nothing to AWS. For SNS topics, start 'ferry dev' with --sns-endpoint and the URL of what stands for SNS, such as moto_server."

// noKMS is why keys of KMS are refused in a world without a KMS endpoint.
const noKMS = "This server sends nothing to AWS. For keys of KMS, start 'ferry dev' with --kms-endpoint and the URL of what stands for KMS, such as moto_server."

// events returns where events go. Nothing is sent to AWS unless a destination of the
// configuration says so.
func (w *World) events() (router event.RouterConfig, deliverer event.DelivererConfig) {
	router.Destinations = w.config.Destinations
	if w.config.SNSEndpoint == "" {
		router.NoTopics = noTopics
	}
	deliverer.Topics = event.AWS{Endpoint: w.config.SNSEndpoint, AccessKeyID: w.AccessKeyID, SecretAccessKey: w.SecretAccessKey}
	deliverer.Stdout, deliverer.UserAgent = w.config.Stdout, "ferry-dev"
	return router, deliverer
}
