// Calling settings and permissions.

package types

import "time"

// WhatsAppCallSettings is the calling settings of a phone number.
type WhatsAppCallSettings struct {
	CallEnabled              *bool              `json:"callEnabled,omitzero" required:"true"`
	CallHours                *WhatsAppCallHours `json:"callHours,omitzero"`
	CallIconVisibility       *string            `json:"callIconVisibility,omitzero" is:"WhatsAppCallIconVisibility"`             // Meta's value, such as DEFAULT or DISABLE_ALL.
	CallbackPermissionStatus *string            `json:"callbackPermissionStatus,omitzero" is:"WhatsAppCallbackPermissionStatus"` // Meta's value: ENABLED or DISABLED.
}

// WhatsAppCallHours is when calls are accepted.
type WhatsAppCallHours struct {
	Enabled              *bool                               `json:"enabled,omitzero" required:"true"`
	Timezone             *string                             `json:"timezone,omitzero" required:"true" is:"IanaTimezone"`                        // IANA name, such as "Europe/Berlin".
	WeeklyOperatingHours []WhatsAppWeeklyOperatingHoursEntry `json:"weeklyOperatingHours" required:"true" is:"WhatsAppWeeklyOperatingHoursList"` // At most 14.
	HolidaySchedule      []WhatsAppHolidayScheduleEntry      `json:"holidaySchedule,omitzero" is:"WhatsAppHolidayScheduleList"`                  // At most 20.
}

// WhatsAppWeeklyOperatingHoursEntry is a range of hours on a day of the week.
type WhatsAppWeeklyOperatingHoursEntry struct {
	DayOfWeek WhatsAppDayOfWeek  `json:"dayOfWeek,omitzero" required:"true" is:"WhatsAppDayOfWeek"`
	OpenTime  *WhatsAppTimeOfDay `json:"openTime,omitzero" required:"true"`
	CloseTime *WhatsAppTimeOfDay `json:"closeTime,omitzero" required:"true"`
}

// WhatsAppHolidayScheduleEntry is a range of hours on a date.
type WhatsAppHolidayScheduleEntry struct {
	Date      *string            `json:"date,omitzero" required:"true" is:"WhatsAppDate"` // YYYY-MM-DD.
	StartTime *WhatsAppTimeOfDay `json:"startTime,omitzero" required:"true"`
	EndTime   *WhatsAppTimeOfDay `json:"endTime,omitzero" required:"true"`
}

// WhatsAppTimeOfDay is a time of day.
type WhatsAppTimeOfDay struct {
	Hours   *int32 `json:"hours,omitzero" required:"true" is:"WhatsAppTimeOfDayHoursInteger"`     // 0 to 23.
	Minutes *int32 `json:"minutes,omitzero" required:"true" is:"WhatsAppTimeOfDayMinutesInteger"` // 0 to 59.
}

// WhatsAppCallPermission is the permission to call a user.
type WhatsAppCallPermission struct {
	Status         *string    `json:"status,omitzero" required:"true" is:"WhatsAppCallPermissionStatus"` // Such as no_permission, temporary or permanent.
	ExpirationTime *time.Time `json:"expirationTime,omitzero"`                                           // Nil without permission, and for a permanent one.
}

// WhatsAppCallPermissionAction is an action and its limits.
type WhatsAppCallPermissionAction struct {
	ActionName       *string                       `json:"actionName,omitzero" required:"true" is:"WhatsAppCallPermissionActionName"` // Such as send_call_permission_request or start_call.
	CanPerformAction *bool                         `json:"canPerformAction,omitzero" required:"true"`
	Limits           []WhatsAppCallPermissionLimit `json:"limits" required:"true" is:"WhatsAppCallPermissionLimitList"`
}

// WhatsAppCallPermissionLimit is how often an action is allowed in a period.
type WhatsAppCallPermissionLimit struct {
	TimePeriod          *string    `json:"timePeriod,omitzero" required:"true" is:"Iso8601Duration"` // ISO 8601 duration, such as PT24H.
	MaxAllowed          *int32     `json:"maxAllowed,omitzero" required:"true"`
	CurrentUsage        *int32     `json:"currentUsage,omitzero" required:"true"`
	LimitExpirationTime *time.Time `json:"limitExpirationTime,omitzero"` // When the limit is lifted. Nil until it is reached.
}
