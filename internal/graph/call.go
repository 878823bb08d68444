// Calls (docs/references.md#graph-calls), and the settings of a phone number for them
// (docs/references.md#graph-number-settings).

package graph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"ferry/internal/secret"
)

// unixTime decodes Unix seconds, as a number or a text. Anything else is the zero time.
type unixTime struct{ time.Time }

func (t *unixTime) UnmarshalJSON(data []byte) error {
	*t = unixTime{}
	if seconds, err := strconv.ParseInt(string(bytes.Trim(data, `"`)), 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
		t.Time = time.Unix(seconds, 0)
	}
	return nil
}

// CallPermissions is whether a business may call a user. Members that Meta omits are empty.
type CallPermissions struct {
	Permission struct {
		Status  lenientText `json:"status"`          // no_permission, temporary or permanent
		Expires unixTime    `json:"expiration_time"` // zero unless it is temporary
	} `json:"permission"`
	Actions []CallAction `json:"actions"`
}

// CallAction is something that a business may do with a user.
type CallAction struct {
	Name   lenientText `json:"action_name"` // send_call_permission_request or start_call
	May    bool        `json:"can_perform_action"`
	Limits []struct {
		Period  lenientText `json:"time_period"` // ISO 8601 duration
		Max     int32       `json:"max_allowed"`
		Usage   int32       `json:"current_usage"`
		Expires unixTime    `json:"limit_expiration_time"` // zero unless the limit is reached
	} `json:"limits"`
}

// CallPermissions returns whether a phone number may call a user: one by number, in
// digits, or by business-scoped user id.
func (c *Client) CallPermissions(ctx context.Context, phoneNumberID, number, userID string, token secret.Secret) (CallPermissions, error) {
	query := url.Values{}
	if number != "" {
		query.Set("user_wa_id", number)
	} else {
		query.Set("recipient", userID)
	}
	target := c.node(phoneNumberID, "call_permissions")
	target.RawQuery = query.Encode()
	var permissions CallPermissions
	err := c.read(ctx, "call_permissions", target, token, &permissions)
	if err == nil && permissions.Permission.Status == "" {
		err = unreachable(errors.New("status 200 without a permission"))
	}
	return permissions, err
}

// maxCallID bounds Meta's id of a call in bytes; Meta's have about 60.
const maxCallID = 512

// SendCallEvent sends a signal of a call with the bytes of its body, and returns the id of
// the call that it has started; empty for other signals. Sending the signal again may
// call the user twice.
func (c *Client) SendCallEvent(ctx context.Context, phoneNumberID, version string, body []byte, token secret.Secret) (callID string, err error) {
	var response struct {
		Calls []struct {
			ID lenientText `json:"id"`
		} `json:"calls"`
		Success *bool `json:"success"`
	}
	target := c.versionedNode(cmp.Or(version, c.version), phoneNumberID, "calls")
	request := change{operation: "call", method: http.MethodPost, target: target, token: token}
	if err := c.change(ctx, request.withJSON(body), &response); err != nil {
		return "", err
	}
	if len(response.Calls) > 0 && response.Calls[0].ID != "" && len(response.Calls[0].ID) <= maxCallID {
		return string(response.Calls[0].ID), nil
	}
	return "", confirmed(response.Success)
}

// CallSettings are the settings of a phone number for calls. Empty members are omitted
// in a change, and left as they are at Meta.
type CallSettings struct {
	Status             lenientText `json:"status"` // ENABLED or DISABLED; Meta may also report NOT_SET
	IconVisibility     lenientText `json:"call_icon_visibility,omitempty"`
	CallbackPermission lenientText `json:"callback_permission_status,omitempty"`
	Hours              *CallHours  `json:"call_hours,omitempty"`
}

// CallHours is when a phone number takes calls.
type CallHours struct {
	Status   lenientText     `json:"status"` // ENABLED or DISABLED
	Timezone lenientText     `json:"timezone_id"`
	Weekly   []WeeklyHours   `json:"weekly_operating_hours"`
	Holidays *[]HolidayHours `json:"holiday_schedule,omitempty"`
}

// WeeklyHours is a range of hours of a day of the week. Times have four digits: "0930".
type WeeklyHours struct {
	Day   lenientText `json:"day_of_week"`
	Open  lenientText `json:"open_time"`
	Close lenientText `json:"close_time"`
}

// HolidayHours is a range of hours of a date, "2026-12-24".
type HolidayHours struct {
	Date  lenientText `json:"date"`
	Start lenientText `json:"start_time"`
	End   lenientText `json:"end_time"`
}

// CallSettings returns the settings of a phone number for calls. Without any, Status is
// empty or NOT_SET.
func (c *Client) CallSettings(ctx context.Context, phoneNumberID string, token secret.Secret) (CallSettings, error) {
	var response struct {
		Calling CallSettings `json:"calling"`
	}
	err := c.read(ctx, "settings", c.node(phoneNumberID, "settings"), token, &response)
	return response.Calling, err
}

// PutCallSettings changes the settings of a phone number for calls.
func (c *Client) PutCallSettings(ctx context.Context, phoneNumberID string, settings CallSettings, token secret.Secret) error {
	body, err := json.Marshal(map[string]CallSettings{"calling": settings})
	if err != nil {
		return err
	}
	request := change{operation: "put_settings", method: http.MethodPost, target: c.node(phoneNumberID, "settings"), token: token}
	return c.confirm(ctx, request.withJSON(body))
}
