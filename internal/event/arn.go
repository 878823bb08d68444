// The ARNs of destinations: of topics, and of destinations in the configuration.

package event

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// A region becomes part of a host name: sns.REGION.amazonaws.com.
// compiled returns an expression that is compiled when it is first used: those with large
// repetitions would otherwise take most of the time in which a command starts.
func compiled(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{1,12}){1,3}-[0-9]{1,2}$`)

// roleForm is an ARN of a role, which may have a path.
var roleForm = compiled(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]{1,512}$`)

// A Topic is what the ARN of a standard SNS topic names.
type Topic struct {
	ARN, Region, AccountID, Name string
}

var topicForm = compiled(`^arn:(aws|aws-cn|aws-us-gov):sns:([^:]*):([0-9]{12}):([A-Za-z0-9_-]{1,256}(\.fifo)?)$`)

// ParseTopic parses the ARN of a standard topic. Its errors are for the user.
func ParseTopic(arn string) (Topic, error) {
	parts := topicForm().FindStringSubmatch(arn)
	switch {
	case parts == nil || !regionForm.MatchString(parts[2]) || partitionOf(parts[2]) != parts[1]:
		return Topic{}, fmt.Errorf("'%s' is not the ARN of an SNS topic; expected arn:aws:sns:REGION:ACCOUNT:NAME", arn)
	case parts[5] != "":
		return Topic{}, errors.New("Amazon SNS FIFO topics are not supported as event destinations; use a standard topic") //nolint:staticcheck // a sentence for the user
	}
	return Topic{ARN: arn, Region: parts[2], AccountID: parts[3], Name: parts[4]}, nil
}

// partitionOf returns the partition of AWS that a region is in.
func partitionOf(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// A Holder is a business account whose events go somewhere.
type Holder struct {
	AccountID         string // 12 digits
	BusinessAccountID string // as state.BusinessAccount.ID
	Region            string // of its ARNs
}

// destinationARN returns the ARN of a destination in the configuration, for an account.
func destinationARN(region, accountID, name string) string {
	return "arn:aws:social-messaging:" + region + ":" + accountID + ":event-destination/" + name
}

var destinationForm = compiled(`^arn:aws:social-messaging:([a-z0-9-]{1,63}):([0-9]{12}):event-destination/([a-z0-9-]{1,64})$`)

// nameInARN returns the name of the destination in the configuration that an ARN
// names, and the account and region that it names it for.
func nameInARN(arn string) (name, accountID, region string, ok bool) {
	parts := destinationForm().FindStringSubmatch(arn)
	if parts == nil {
		return "", "", "", false
	}
	return parts[3], parts[2], parts[1], true
}
