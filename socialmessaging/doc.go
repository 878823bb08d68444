// Package socialmessaging is the wire contract of the AWS End User Messaging
// Social API (AWS REST-JSON, API version 2024-01-01) and a client for it.
//
// The contract is data: [Operations] is the table of all 33 operations, and an
// operation that is built has its shapes, Go structs whose tags bind each
// member to its place on the wire and to its constraints. ferry's server, the
// [Client] and the documentation read the same table, so that they cannot
// disagree.
//
//	operation.go    the table: name, method, path, exceptions, shapes
//	media.go        shapes of the media operations
//	account.go      shapes of the linked accounts and phone numbers
//	constraint.go   the model's named types with their lengths, patterns and enums
//	validate.go     the check of an input against its constraints, in AWS's grammar
//	wire.go         JSON and query string to and from the shapes
//	exception.go    the modelled exceptions as Go errors
//	client.go       the client
//
// The client works against ferry and against AWS alike:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	client := socialmessaging.NewFromConfig(cfg)
//	out, err := client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
//		OriginationPhoneNumberId: new("phone-number-id-0123456789abcdef0123456789abcdef"),
//		SourceS3File:             &socialmessaging.S3File{BucketName: new("media"), Key: new("photo.jpg")},
//	})
//	if notFound, ok := errors.AsType[*socialmessaging.ResourceNotFoundException](err); ok {
//		log.Print(notFound.Message)
//	}
package socialmessaging

// ServiceID is AWS's identifier of the service, from which SDKs derive the
// names of endpoint settings (AWS_ENDPOINT_URL_SOCIALMESSAGING).
const ServiceID = "SocialMessaging"

// SigningName is the service in the scope of a signature and the prefix of IAM actions.
const SigningName = "social-messaging"
