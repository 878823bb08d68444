// The model's named types and what they demand of a value. A field says with
// the tag `is` which of them it is; the tags `required` and `sensitive` belong
// to the field itself.

package socialmessaging

import "regexp"

// A Constraint is what a named type of the model demands of a value. For a
// string Min and Max count Unicode code points, for a list or map its
// entries, for a blob bytes, for a number they bound the value itself.
type Constraint struct {
	Name    string   // of the type in the model
	Min     int64    // 0 = none: the model has no lower bound below 1 that could be broken
	Max     int64    // 0 = none
	Pattern string   // the whole value must match; "" = none
	Enum    []string // nil = none

	pattern *regexp.Regexp
}

// constraints holds the named types of the shapes that are built.
//
// S3PresignedUrlUrlString has a pattern in the model,
// https://(.*)s3(.*).amazonaws.com/(.*), which is left out on purpose: it
// refuses every store but AWS's and accepts https://169.254.169.254/s3xamazonaws.com/.
// The guard of internal/object decides instead.
var constraints = named(
	Constraint{Name: "EventDestinationArn", Max: 2048, Pattern: `arn:.*:[a-z-]+([/:](.*))?`},
	Constraint{Name: "IsoCountryCode", Pattern: `[A-Z]{2}`},
	Constraint{Name: "LinkedWhatsAppBusinessAccountArn", Max: 2048, Pattern: `arn:.*:waba/[0-9a-zA-Z]+`},
	Constraint{Name: "LinkedWhatsAppBusinessAccountId", Min: 1, Max: 115, Pattern: `.*(^waba-.*$)|(^arn:.*:waba/[0-9a-zA-Z]+$).*`},
	Constraint{Name: "LinkedWhatsAppPhoneNumberArn", Max: 2048, Pattern: `arn:.*:phone-number-id/[0-9a-zA-Z]+`},
	Constraint{Name: "MaxResults", Min: 1, Max: 100},
	Constraint{Name: "NextToken", Min: 1, Max: 600},
	Constraint{Name: "PhoneNumber", Min: 1, Max: 20},
	Constraint{Name: "RegistrationStatus", Enum: []string{"COMPLETE", "INCOMPLETE"}},
	Constraint{Name: "RoleArn", Pattern: `arn:.*:iam::\d{12}:role\/[a-zA-Z0-9+=,.@\-_]+`},
	Constraint{Name: "S3FileBucketNameString", Min: 3, Max: 63, Pattern: `[a-z0-9][a-z0-9.-]*[a-z0-9]`},
	Constraint{Name: "S3FileKeyString", Max: 1024},
	Constraint{Name: "S3PresignedUrlUrlString", Min: 1, Max: 2000},
	Constraint{Name: "WhatsAppBusinessAccountEventDestinations", Max: 1},
	Constraint{Name: "WhatsAppBusinessAccountId", Min: 1, Max: 100},
	Constraint{Name: "WhatsAppBusinessAccountMarketingMessagesOnboardingStatus", Max: 100},
	Constraint{Name: "WhatsAppBusinessAccountName", Max: 200},
	Constraint{Name: "WhatsAppDatasetId", Min: 10, Max: 20, Pattern: `[0-9]+`},
	Constraint{Name: "WhatsAppDisplayPhoneNumber", Max: 20},
	Constraint{Name: "WhatsAppMediaId", Min: 1, Max: 100, Pattern: `[A-Za-z0-9]+`},
	Constraint{Name: "WhatsAppPhoneNumber", Min: 1, Max: 100},
	Constraint{Name: "WhatsAppPhoneNumberId", Min: 1, Max: 115, Pattern: `.*(^phone-number-id-.*$)|(^arn:.*:phone-number-id/[0-9a-zA-Z]+$).*`},
	Constraint{Name: "WhatsAppPhoneNumberName", Max: 200},
	Constraint{Name: "WhatsAppPhoneNumberQualityRating", Max: 10},
)

// named indexes constraints and compiles their patterns. AWS matches a pattern
// against the whole value (aws-service.md §6.3: a media id with a hyphen is refused).
func named(list ...Constraint) map[string]*Constraint {
	byName := make(map[string]*Constraint, len(list))
	for _, constraint := range list {
		if constraint.Pattern != "" {
			constraint.pattern = regexp.MustCompile(`\A(?:` + constraint.Pattern + `)\z`)
		}
		byName[constraint.Name] = &constraint
	}
	return byName
}
