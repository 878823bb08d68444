// What the configuration of a store adds to every request to it.

package object

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// addHeaders adds the headers of the store's configuration to a request, before it is
// signed (docs/references.md#s3-headers).
func (s *StoreConfig) addHeaders(header http.Header) {
	if s.RequestPayer {
		header.Set("X-Amz-Request-Payer", "requester")
	}
	if s.ExpectedBucketOwner != "" {
		header.Set("X-Amz-Expected-Bucket-Owner", s.ExpectedBucketOwner)
	}
}

// forWriting makes the SDK's client add these headers, and return an error for a response
// other than 200, 201 and 204.
func (s *StoreConfig) forWriting(o *s3.Options) {
	o.APIOptions = append(o.APIOptions, func(stack *middleware.Stack) error {
		headers := middleware.BuildMiddlewareFunc("FerryHeaders", func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			if request, ok := in.Request.(*smithyhttp.Request); ok {
				s.addHeaders(request.Header)
			}
			return next.HandleBuild(ctx, in)
		})
		status := middleware.DeserializeMiddlewareFunc("FerryStatus", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if response, ok := out.RawResponse.(*smithyhttp.Response); ok && err == nil && !isWritten(response.StatusCode) {
				err = &otherStatusError{response.StatusCode}
			}
			return out, metadata, err
		})
		if err := stack.Build.Add(headers, middleware.After); err != nil {
			return err
		}
		return stack.Deserialize.Add(status, middleware.Before)
	})
}

// isWritten reports whether a status confirms a write.
func isWritten(status int) bool {
	return slices.Contains([]int{http.StatusOK, http.StatusCreated, http.StatusNoContent}, status)
}

// otherStatusError is a success of HTTP that does not confirm a write, such as 202 or 206.
type otherStatusError struct{ status int }

func (e *otherStatusError) Error() string {
	return fmt.Sprintf("the store responded with %d to a write", e.status)
}
