// The hours in which a phone number takes calls (docs/references.md#graph-number-settings).

package metasim

import (
	"regexp"
	"slices"
	"time"
)

// maxDailyHours is how many ranges of hours a day of the week has.
const maxDailyHours = 2

// dayTime is a time of day, such as 0930. Only the end of a day is 2400.
var dayTime = regexp.MustCompile(`^(([01][0-9]|2[0-3])[0-5][0-9]|2400)$`)

// dayRange is a part of a day.
type dayRange struct{ from, to string }

// checkCallHours refuses hours and holidays that are not possible.
func checkCallHours(calling map[string]any) *apiError {
	hours, _ := calling["call_hours"].(map[string]any)
	path := memberPath("calling", "call_hours")
	days := map[string][]dayRange{}
	at := memberPath(path, "weekly_operating_hours")
	for i, entry := range objects(hours["weekly_operating_hours"]) {
		day := lower(entry, "day_of_week")
		given, refusal := readDayRange(elementPath(at, i), entry, "open_time", "close_time")
		if refusal != nil {
			return refusal
		}
		switch {
		case len(days[day]) == maxDailyHours:
			return parameterError("Param %s can have %d entries for a day of the week.", at, maxDailyHours)
		case slices.ContainsFunc(days[day], func(other dayRange) bool { return given.from < other.to && other.from < given.to }):
			return parameterError("Param %s overlaps with another entry of the same day.", elementPath(at, i))
		}
		days[day] = append(days[day], given)
	}
	at = memberPath(path, "holiday_schedule")
	for i, entry := range objects(hours["holiday_schedule"]) {
		if date := text(entry["date"]); !isDate(date) {
			return parameterError("Param %s must be a date such as 2026-12-24 - got \"%s\".", memberPath(elementPath(at, i), "date"), truncate(date))
		}
		if _, refusal := readDayRange(elementPath(at, i), entry, "start_time", "end_time"); refusal != nil {
			return refusal
		}
	}
	return nil
}

// readDayRange reads a range whose times are the members from and to.
func readDayRange(path string, entry map[string]any, from, to string) (dayRange, *apiError) {
	given := dayRange{text(entry[from]), text(entry[to])}
	for _, name := range []string{from, to} {
		if value := text(entry[name]); !dayTime.MatchString(value) {
			return given, parameterError("Param %s must be a time of four digits such as 0930 - got \"%s\".", memberPath(path, name), truncate(value))
		}
	}
	if given.from >= given.to {
		return given, parameterError("Param %s must be before %s.", memberPath(path, from), to)
	}
	return given, nil
}

func isDate(value string) bool {
	_, err := time.Parse(time.DateOnly, value)
	return err == nil
}
