// Package socialmessaging is the wire contract of the AWS End User Messaging
// Social API (AWS REST-JSON, API version 2024-01-01) and a client for it.
//
// The contract is data: [Operations] is the table of all 38 operations. Each
// has an input and an output, Go structs whose tags bind each member to its
// place on the wire and to its constraints. ferry's server, the [Client] and
// the documentation read the same table, so that they cannot disagree.
//
//	operation.go    the table: name, method, path, exceptions, limits, resources
//	media.go, …     the shapes, one file per resource; the nested ones are in types/
//	constraint.go   the model's named types with their lengths, patterns and values
//	validate.go     the check of an input against its constraints
//	wire.go         JSON and query strings to and from shapes
//	exception.go    the modelled exceptions
//	client.go       the client
//	stack.go        the middleware of a call
//	paginator.go    the paginators
//
// The client works with ferry and with AWS. It has the names of the client in
// aws-sdk-go-v2/service/socialmessaging, and package types those of its
// types, so that a program moves between both by changing its imports:
//
//	cfg, err := config.LoadDefaultConfig(ctx)
//	client := socialmessaging.NewFromConfig(cfg)
//	out, err := client.PostWhatsAppMessageMedia(ctx, &socialmessaging.PostWhatsAppMessageMediaInput{
//		OriginationPhoneNumberId: aws.String("phone-number-id-0123456789abcdef0123456789abcdef"),
//		SourceS3File:             &types.S3File{BucketName: aws.String("media"), Key: aws.String("photo.jpg")},
//	})
//	if notFound, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
//		log.Print(notFound.ErrorMessage())
//	}
//
// It differs from AWS's client in three ways. It checks all constraints of an
// input before it sends it, and returns a ValidationException if one is
// violated. It retries a ThrottledRequestException, as the model says. It does
// not correct for a wrong clock, and has no EndpointResolver, interceptors,
// traces or metrics.
package socialmessaging

// ServiceID is AWS's identifier of the service, from which SDKs derive the
// names of endpoint settings (AWS_ENDPOINT_URL_SOCIALMESSAGING).
const ServiceID = "SocialMessaging"

// ServiceAPIVersion is the version of the API.
const ServiceAPIVersion = "2024-01-01"

// SigningName is the service in the scope of a signature and the prefix of IAM actions.
const SigningName = "social-messaging"
