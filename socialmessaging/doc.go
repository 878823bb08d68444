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
//	endpoint.go     the address of the service
//	stack.go        the middleware of a call
//	paginator.go    the paginators
//
// The operations, [ExceptionKind], [ResourceKind], [Encode], [Operation.Decode]
// and [Operation.Validate] are for servers. AWS's package does not have them,
// nor [Client.Call], [Operation.Blobs], [Exception] and [AsException].
//
// # The client
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
// The module is called ferry, which is not an address. A program in another
// module needs a copy of the repository, here at PATH, and once:
//
//	go mod edit -require=ferry@v0.0.0 -replace=ferry=PATH
//	go mod tidy
//
// # Differences from AWS's client
//
//   - All constraints of an input are checked before it is sent, and a violated
//     one is a ValidationException without a request. AWS's client checks only
//     that the required members are set. So a value that AWS allows later is
//     refused here until this package allows it.
//   - A ThrottledRequestException is retried, as the model says.
//   - Requests fail while the clock of the program is wrong by more than the
//     server accepts: the client does not adjust for it.
//   - A BaseEndpoint that is not the URL of an HTTP server is an error at once,
//     and so is a response of more than 16 MiB.
//   - [Options] has no DefaultsMode, DisableClockSkewCorrection, EndpointResolver,
//     EndpointResolverV2, HTTPSignerV4, Interceptors, MeterProvider, Protocol,
//     RuntimeEnvironment or TracerProvider, nothing about auth schemes
//     (AuthSchemes, AuthSchemeResolver, AuthSchemePreference), and
//     [EndpointResolverOptions] no DisableHTTPS. WithEndpointResolver,
//     WithEndpointResolverV2, WithSigV4SigningName and WithSigV4SigningRegion do
//     not exist. A program that uses one of them does not compile. An aws.Config
//     that sets one is accepted, and the setting is ignored.
//   - The middleware stack lacks some of the SDK's middlewares, which stack.go
//     lists. A call fails if one of its APIOptions refers to one of them.
//   - The types of the paginators are aliases of [Paginator], and those of their
//     options aliases of [PaginatorOptions]. So functions for the options of
//     different paginators have the same type, and reflection and %T show the
//     generic name.
package socialmessaging

// ServiceID is AWS's identifier of the service, from which SDKs derive the
// names of endpoint settings (AWS_ENDPOINT_URL_SOCIALMESSAGING).
const ServiceID = "SocialMessaging"

// ServiceAPIVersion is the version of the API.
const ServiceAPIVersion = "2024-01-01"

// SigningName is the service in the scope of a signature and the prefix of IAM actions.
const SigningName = "social-messaging"
