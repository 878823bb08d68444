package metasim

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
)

// errorCode is a row of Meta's table of errors (docs/references.md#graph-errors).
type errorCode struct {
	title     string
	status    int // HTTP status; throttled codes have Config.ThrottleStatus
	transient bool
	details   string
}

// throttling are the codes of throttling. Meta's sources disagree about their HTTP
// status.
var throttling = []int{4, 17, 341, 613, 80007, 80008, 130429, 131048, 131056, 131064, 133016}

// errorCodes are the codes that a fault can have without a message of its own.
var errorCodes = map[int]errorCode{
	0:      {"AuthException", 401, false, ""},
	1:      {"API Unknown", 400, false, "Invalid request or possible server error."},
	2:      {"API Service", 503, true, "Temporary issue due to downtime or being overloaded."},
	3:      {"API Method", 500, false, "Capability or permissions issue."},
	4:      {"API Too Many Calls", 400, true, "The app has reached its API call rate limit."},
	10:     {"Permission Denied", 403, false, "Permission is either not granted or has been removed."},
	17:     {"User request limit reached", 400, true, ""},
	33:     {"Parameter value is not valid", 400, false, "The business phone number has been deleted."},
	100:    {"Invalid parameter", 400, false, ""},
	104:    {"An access token is required to request this resource.", 401, false, ""},
	190:    {"Error validating access token: Session has expired", 401, false, ""},
	200:    {"API Permission", 403, false, "Permission is either not granted or has been removed."},
	341:    {"Application limit reached", 400, true, ""},
	368:    {"Temporarily blocked for policies violations", 403, false, "The account has been restricted or disabled."},
	613:    {"Calls to this api have exceeded the rate limit.", 400, true, ""},
	80007:  {"Rate limit issues", 400, true, "The WhatsApp Business Account has reached its rate limit."},
	80008:  {"There have been too many calls to this WhatsApp Business account. Wait a bit and try again. For more info, please refer to https://developers.facebook.com/docs/graph-api/overview/rate-limiting.", 400, true, ""},
	130429: {"Rate limit hit", 400, true, "Cloud API message throughput has been reached."},
	130403: {"Business has blocked the end user", 400, false, ""},
	130472: {"User's number is part of an experiment", 400, false, ""},
	130497: {"Business account is restricted from messaging users in this country.", 403, false, ""},
	130501: {"Message type is not currently supported", 400, false, "Message type is not currently supported."},
	131000: {"Something went wrong", 500, true, "Message failed to send due to an unknown error."},
	131005: {"Access denied", 403, false, "Permission is either not granted or has been removed."},
	131008: {"Required parameter is missing", 400, false, ""},
	131009: {"Parameter value is not valid", 400, false, ""},
	131016: {"Service unavailable", 500, true, "A service is temporarily unavailable."},
	131021: {"Recipient cannot be sender", 400, false, "Recipient phone number cannot be the sender phone number."},
	131026: {"Message undeliverable", 400, false, "Message Undeliverable."},
	131030: {"Recipient phone number not in allowed list", 400, false, "Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again."},
	131031: {"Account has been locked", 403, false, ""},
	131037: {"Display name approval needed", 400, false, ""},
	131042: {"Business eligibility payment issue", 400, false, "Message failed to send because there were one or more errors related to your payment method."},
	131045: {"Incorrect certificate", 500, false, ""},
	131047: {"Re-engagement message", 400, false, "Message failed to send because more than 24 hours have passed since the customer last replied to this number."},
	131048: {"Spam rate limit hit", 400, true, ""},
	131049: {"This message was not delivered to maintain healthy ecosystem engagement.", 400, false, ""},
	131050: {"User has stopped receipt of marketing messages from this business", 400, false, ""},
	131051: {"Unsupported message type", 400, false, "Message type is currently not supported."},
	131052: {"Media download error", 400, false, ""},
	131053: {"Media upload error", 400, false, ""},
	131056: {"(Business Account, Consumer Account) pair rate limit hit", 400, true, "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time."},
	131057: {"Account in maintenance mode", 500, true, ""},
	131059: {"Invalid cursor", 400, false, ""},
	131062: {"Business-scoped User ID (BSUID) recipients are not supported for this message.", 400, false, ""},
	131064: {"Messaging limit reached", 400, true, ""},
	132000: {"Number of parameters does not match the expected number of params", 400, false, ""},
	132001: {"Template name does not exist in the translation", 404, false, ""},
	132005: {"Translated text too long", 400, false, ""},
	132012: {"Parameter format does not match format in the created template", 400, false, ""},
	132015: {"Template is paused", 400, false, "Template is temporarily unavailable to use because it was paused due to low quality."},
	132016: {"Template is disabled", 400, false, ""},
	132018: {"There's an issue with the parameters in your template", 400, false, ""},
	132068: {"Flow is blocked", 400, false, "Flow is in blocked state."},
	132069: {"Flow is throttled", 400, false, "Flow is in throttled state and 10 messages using this flow were already sent in the last hour."},
	133004: {"Server Temporarily Unavailable", 503, true, ""},
	133005: {"Two step verification PIN Mismatch", 400, false, "The two-step verification PIN is incorrect."},
	133006: {"Phone number re-verification needed", 400, false, "The phone number must be verified before it is registered."},
	133008: {"Too many two step verification PIN guesses", 400, false, ""},
	133009: {"Two step verification PIN guessed too fast", 400, false, ""},
	133010: {"Account not registered", 400, false, ""},
	133016: {"Account register deregister rate limit exceeded", 400, true, ""},
	138000: {"Calling API not enabled for this phone number", 401, false, "Enable calls in the settings of the phone number."},
	138001: {"Recipient cannot be called", 400, false, ""},
	138002: {"Concurrent calls limit reached", 429, true, ""},
	138003: {"Duplicate call", 400, false, ""},
	138004: {"Error during connecting the call", 500, true, ""},
	138005: {"Call rate limit exceeded", 429, true, ""},
	138006: {"No approved call permission from the recipient", 401, false, ""},
	138007: {"Connection timed out", 500, true, ""},
	138009: {"Limit reached for call permission request sends", 400, false, "One request is allowed in 24 hours, and two in 7 days."},
	138012: {"Limit reached for business-initiated calls to the recipient", 400, false, ""},
	138015: {"Messaging limit too low to enable calls", 400, false, "The messaging limit must be 2000 at least."},
	138017: {"Permanent call permission is given already", 400, false, ""},
	138018: {"Prerequisites of calls are not met", 400, false, ""},
	136024: {"Request code error", 400, false, ""},
	136025: {"Verify code error", 400, false, ""},
	139100: {"Failed to block/unblock users", 400, false, ""},
	139101: {"Block list is full", 400, false, "At most 64000 users can be blocked."},
	139102: {"The block list is changed by another request", 400, true, ""},
	139103: {"Internal error of the block list", 500, true, ""},
	147001: {"Username is not available", 400, false, ""},
	147002: {"Account is not eligible for a username", 400, false, ""},
	147005: {"Username is in use on another phone number of the business", 400, false, "Send transfer_action force_transfer."},
	139000: {"Blocked by Integrity", 400, false, ""},
	139001: {"Flow can't be updated", 400, false, ""},
	139002: {"Flow can't be published", 400, false, ""},
	139003: {"Flow can't be deprecated", 400, false, ""},
	139004: {"Flow can't be deleted", 400, false, ""},
	139006: {"Metric is not available", 400, false, "The flow has fewer than 250 events."},
	135000: {"Generic user error", 400, false, ""},
}

// errorFor returns the error of a code. One that is not in the table has status
// 400 and nothing but its number in the message.
func (s *Server) errorFor(code int) *apiError {
	e := codeError(code, "")
	if slices.Contains(throttling, code) {
		e.status = s.cfg.ThrottleStatus
	}
	return e
}

// codeError returns the error of a code that is no throttling. Without details, they
// are those of the table.
func codeError(code int, details string) *apiError {
	row, ok := errorCodes[code]
	if !ok {
		row = errorCode{title: "Error", status: http.StatusBadRequest}
	}
	e := oauthError(row.status, code, "(#%d) %s", code, row.title)
	e.transient, e.details = row.transient, cmp.Or(details, row.details)
	switch code {
	case 190:
		e.message, e.challenge, e.subcode = row.title, "invalid_token", 463
	case 104:
		e.message, e.challenge = row.title, "invalid_request"
	}
	return e
}

// challengeHeader returns the value of Graph's header WWW-Authenticate.
func (e *apiError) challengeHeader() string {
	return fmt.Sprintf("OAuth \"Facebook Platform\" %q %q", e.challenge, e.message)
}
