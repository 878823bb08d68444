// Calls: their signals, whom a business may call, and the settings of a phone number
// for them.

package social

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ferry/internal/graph"
	"ferry/internal/state"
	"ferry/socialmessaging"
	"ferry/socialmessaging/types"
)

// GetWhatsAppCallPermission returns whether a phone number may call a user, and what it
// may do to be allowed to.
//
// Errors: InvalidParameters unless exactly one of the number and the business-scoped id
// of the user is set.
func (m *metaCall) GetWhatsAppCallPermission(ctx context.Context, in *socialmessaging.GetWhatsAppCallPermissionInput) (*socialmessaging.GetWhatsAppCallPermissionOutput, error) {
	if (in.DestinationPhoneNumber == nil) == (in.EndUserBsuid == nil) {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, "Set exactly one of destinationPhoneNumber and endUserBsuid.")
	}
	number, userID := "", ""
	if in.DestinationPhoneNumber != nil {
		number = strings.TrimPrefix(*in.DestinationPhoneNumber, "+")
	} else {
		userID = *in.EndUserBsuid
	}
	found, err := m.meta.CallPermissions(ctx, m.sender.MetaID, number, userID, m.token)
	if err != nil {
		return nil, err
	}
	out := &socialmessaging.GetWhatsAppCallPermissionOutput{
		Permission: &types.WhatsAppCallPermission{Status: new(string(found.Permission.Status)), ExpirationTime: timeOrNil(found.Permission.Expires.Time)},
		Actions:    []types.WhatsAppCallPermissionAction{},
	}
	for _, action := range found.Actions {
		shown := types.WhatsAppCallPermissionAction{ActionName: new(string(action.Name)), CanPerformAction: new(action.May), Limits: []types.WhatsAppCallPermissionLimit{}}
		for _, limit := range action.Limits {
			shown.Limits = append(shown.Limits, types.WhatsAppCallPermissionLimit{
				TimePeriod: new(string(limit.Period)), MaxAllowed: new(limit.Max), CurrentUsage: new(limit.Usage), LimitExpirationTime: timeOrNil(limit.Expires.Time),
			})
		}
		out.Actions = append(out.Actions, shown)
	}
	return out, nil
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

const callExample = `{"messaging_product":"whatsapp","to":"4915112345678","action":"connect","session":{"sdp_type":"offer","sdp":"v=0…"}}`

// SendWhatsAppCallEvent sends a signal of a call to Meta, byte for byte, and returns the
// id of the call: of a call that it has started Meta's, otherwise the one in the event.
//
// Errors: InvalidParameters for an event that is no JSON object, and all that Meta
// refuses; Conflict for a call that is in this state already, or with a user whom the
// number is calling already; AccessDeniedByMeta when calls are not enabled or the user
// has not permitted them; Dependency when Meta may have the signal all the same. An SDK
// that retries this call then receives the same error: it would call the user twice.
func (m *metaCall) SendWhatsAppCallEvent(ctx context.Context, in *socialmessaging.SendWhatsAppCallEventInput) (*socialmessaging.SendWhatsAppCallEventOutput, error) {
	if _, _, ok := graph.ParseVersion(*in.MetaApiVersion); !ok {
		return nil, fail(socialmessaging.KindInvalidParameters, nil, `The metaApiVersion must have the form "v<major>.<minor>", such as "v23.0".`)
	}
	if err := checkJSON("callEvent", in.CallEvent, '{', callExample); err != nil {
		return nil, err
	}
	var event struct {
		CallID json.RawMessage `json:"call_id"` // Meta says what is wrong with one that is not a text
	}
	if err := json.Unmarshal(in.CallEvent, &event); err != nil {
		return nil, err
	}
	if f, ok := m.unsettledCalls.Get(m.sharedBy); ok && m.sharedBy != "" {
		m.report.Ambiguous = true
		return nil, f
	}
	id, err := m.meta.SendCallEvent(ctx, m.sender.MetaID, graph.LiveVersion(*in.MetaApiVersion, m.config.Now()), in.CallEvent, m.token)
	if mayHaveHappened(err) {
		f := fail(socialmessaging.KindDependency, err, "%s A call that was started is reported by a webhook of the field calls; starting it again may call the user twice.", unconfirmed(err))
		if m.sharedBy != "" {
			m.unsettledCalls.Add(m.sharedBy, f)
		}
		m.report.Ambiguous = true
		return nil, f
	}
	if err != nil {
		return nil, err
	}
	if id == "" {
		_ = json.Unmarshal(event.CallID, &id)
	}
	if id == "" {
		return nil, fail(socialmessaging.KindDependency, nil, "WhatsApp (Meta) accepted the event and returned no id of a call.")
	}
	return &socialmessaging.SendWhatsAppCallEventOutput{CallId: &id}, nil
}

// UpdateLinkedWhatsAppBusinessAccountPhoneNumber changes the settings of a phone number
// for calls. Those that are not set stay as they are.
func (m *metaCall) UpdateLinkedWhatsAppBusinessAccountPhoneNumber(ctx context.Context, in *socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumberInput) (*socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput, error) {
	if err := m.meta.PutCallSettings(ctx, m.sender.MetaID, metaSettings(in.CallSettings), m.token); err != nil {
		return nil, m.unsettled(err, "Setting it again is safe.")
	}
	return &socialmessaging.UpdateLinkedWhatsAppBusinessAccountPhoneNumberOutput{PhoneNumberId: new(kindPhoneNumber.id(m.sender.ID))}, nil
}

// setText sets a text of Meta's from an optional one of AWS's.
func setText[T ~string](to *T, from *string) {
	if from != nil {
		*to = T(*from)
	}
}

func enabled(on bool) string {
	if on {
		return "ENABLED"
	}
	return "DISABLED"
}

// metaSettings returns settings in Meta's form.
func metaSettings(given *types.WhatsAppCallSettings) (settings graph.CallSettings) {
	setText(&settings.Status, new(enabled(*given.CallEnabled)))
	setText(&settings.IconVisibility, given.CallIconVisibility)
	setText(&settings.CallbackPermission, given.CallbackPermissionStatus)
	if given.CallHours == nil {
		return settings
	}
	hours := &graph.CallHours{Weekly: []graph.WeeklyHours{}}
	setText(&hours.Status, new(enabled(*given.CallHours.Enabled)))
	setText(&hours.Timezone, given.CallHours.Timezone)
	for _, entry := range given.CallHours.WeeklyOperatingHours {
		var day graph.WeeklyHours
		setText(&day.Day, new(string(entry.DayOfWeek)))
		setText(&day.Open, metaTime(entry.OpenTime))
		setText(&day.Close, metaTime(entry.CloseTime))
		hours.Weekly = append(hours.Weekly, day)
	}
	if given.CallHours.HolidaySchedule != nil {
		hours.Holidays = &[]graph.HolidayHours{}
		for _, entry := range given.CallHours.HolidaySchedule {
			var day graph.HolidayHours
			setText(&day.Date, entry.Date)
			setText(&day.Start, metaTime(entry.StartTime))
			setText(&day.End, metaTime(entry.EndTime))
			*hours.Holidays = append(*hours.Holidays, day)
		}
	}
	settings.Hours = hours
	return settings
}

// metaTime returns a time of day as Meta writes it: "0930".
func metaTime(t *types.WhatsAppTimeOfDay) *string {
	return new(fmt.Sprintf("%02d%02d", *t.Hours, *t.Minutes))
}

// timeOfDay reads a time of day of Meta's: "0930" or "09:30".
func timeOfDay[T ~string](text T) *types.WhatsAppTimeOfDay {
	number, err := strconv.Atoi(strings.Replace(string(text), ":", "", 1))
	if err != nil || number < 0 || number/100 > 23 || number%100 > 59 {
		return nil
	}
	return &types.WhatsAppTimeOfDay{Hours: new(int32(number / 100)), Minutes: new(int32(number % 100))}
}

// settingsTimeout bounds the request for the settings of a phone number, without which
// its details can be shown.
const settingsTimeout = 5 * time.Second

// callSettings returns the settings of a phone number for calls; nil if it has none, or
// Meta does not say.
func (c *call) callSettings(ctx context.Context, sender state.Sender) *types.WhatsAppCallSettings {
	ctx, cancel := context.WithTimeout(ctx, settingsTimeout)
	defer cancel()
	settings, err := c.meta(ctx).CallSettings(ctx, sender.MetaID, sender.Token)
	if err != nil { // the request is in the log
		return nil
	}
	return shownSettings(settings)
}

// shownSettings returns settings in AWS's form; nil if calls were never configured.
func shownSettings(found graph.CallSettings) *types.WhatsAppCallSettings {
	if found.Status != "ENABLED" && found.Status != "DISABLED" {
		return nil
	}
	settings := &types.WhatsAppCallSettings{
		CallEnabled: new(found.Status == "ENABLED"), CallIconVisibility: textOrNil(found.IconVisibility), CallbackPermissionStatus: textOrNil(found.CallbackPermission),
	}
	if found.Hours == nil {
		return settings
	}
	hours := &types.WhatsAppCallHours{
		Enabled: new(found.Hours.Status == "ENABLED"), Timezone: new(string(found.Hours.Timezone)), WeeklyOperatingHours: []types.WhatsAppWeeklyOperatingHoursEntry{},
	}
	for _, day := range found.Hours.Weekly {
		entry := types.WhatsAppWeeklyOperatingHoursEntry{DayOfWeek: types.WhatsAppDayOfWeek(day.Day), OpenTime: timeOfDay(day.Open), CloseTime: timeOfDay(day.Close)}
		if entry.OpenTime != nil && entry.CloseTime != nil { // else it cannot be written in AWS's form
			hours.WeeklyOperatingHours = append(hours.WeeklyOperatingHours, entry)
		}
	}
	if found.Hours.Holidays != nil {
		hours.HolidaySchedule = []types.WhatsAppHolidayScheduleEntry{}
		for _, day := range *found.Hours.Holidays {
			entry := types.WhatsAppHolidayScheduleEntry{Date: new(string(day.Date)), StartTime: timeOfDay(day.Start), EndTime: timeOfDay(day.End)}
			if entry.StartTime != nil && entry.EndTime != nil {
				hours.HolidaySchedule = append(hours.HolidaySchedule, entry)
			}
		}
	}
	settings.CallHours = hours
	return settings
}
