// Shapes of the datasets and conversion events.

package socialmessaging

import (
	"github.com/aws/smithy-go/middleware"
)

// CreateWhatsAppDatasetInput names a linked account.
type CreateWhatsAppDatasetInput struct {
	Id *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"` // "waba-…" or its ARN. Required.
}

// CreateWhatsAppDatasetOutput names its dataset.
type CreateWhatsAppDatasetOutput struct {
	DatasetId *string `json:"datasetId,omitzero" required:"true" is:"WhatsAppDatasetId"` // Meta's id of the dataset, digits.

	ResultMetadata middleware.Metadata `json:"-"`
}

// SendWhatsAppConversionEventInput holds conversion events and the dataset that
// they go to.
type SendWhatsAppConversionEventInput struct {
	// "waba-…" or its ARN. Required.
	Id *string `json:"id,omitzero" required:"true" is:"LinkedWhatsAppBusinessAccountId"`
	// Meta's id of the dataset, digits. Required.
	DatasetId *string `json:"datasetId,omitzero" required:"true" is:"WhatsAppDatasetId"`
	// One or more events in the JSON of Meta's Conversions API. Required.
	EventData []byte `json:"eventData,omitzero" required:"true" is:"WhatsAppConversionEventBlob"`
}

// SendWhatsAppConversionEventOutput identifies the request.
type SendWhatsAppConversionEventOutput struct {
	RequestId *string `json:"requestId,omitzero" required:"true"`

	ResultMetadata middleware.Metadata `json:"-"`
}
