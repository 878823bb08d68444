// The settings of a phone number (docs/references.md#graph-number-settings).

package metasim

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"time"
)

const settingsKind = "settings" // of records

var errSettingsFull = errors.New("metasim: settings: too many phone numbers")

// numberSettings are the settings of a phone number that are not the defaults, by the
// name of their object.
type numberSettings struct {
	PhoneNumberID string                    `json:"phone_number_id"`
	Objects       map[string]map[string]any `json:"objects"`
	Created       time.Time                 `json:"created"`
}

func (n numberSettings) createdAt() time.Time { return n.Created }
func (n numberSettings) expiresAt() time.Time { return time.Time{} }

// allSettings are the settings of all phone numbers.
type allSettings struct {
	mu   sync.Mutex // held while a row is changed
	rows *table[numberSettings]
}

func (s *Server) checkSettingsRecord(id string, row numberSettings) error {
	if row.PhoneNumberID != id || row.Objects == nil {
		return badRecord(settingsKind, id, "it is the record of %q", truncate(row.PhoneNumberID))
	}
	return nil
}

// localRegions are the countries in which messages can be stored.
var localRegions = []string{"au", "id", "in", "jp", "sg", "kr", "de", "ch", "gb", "br", "bh", "za", "ae", "ca"}

var onOff = []string{"enabled", "disabled"}

// settingsShapes are the objects of the settings.
var settingsShapes = map[string]shape{
	"calling": {members: []member{
		{name: "status", kind: textValue, enum: onOff},
		{name: "call_icon_visibility", kind: textValue, enum: []string{"default", "disable_all"}},
		{name: "callback_permission_status", kind: textValue, enum: onOff},
		{name: "call_icons", kind: objectValue, shape: shape{members: anyMembers("restrict_to_user_countries")}},
		{name: "call_hours", kind: objectValue, shape: shape{members: []member{
			{name: "status", kind: textValue, required: true, enum: onOff}, {name: "timezone_id", kind: textValue},
			{name: "weekly_operating_hours", kind: listValue, of: objectValue, max: 28, shape: shape{members: []member{
				{name: "day_of_week", kind: textValue, required: true, enum: []string{"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}},
				requiredText("open_time"), requiredText("close_time")}}},
			{name: "holiday_schedule", kind: listValue, of: objectValue, max: 20, shape: shape{members: []member{
				requiredText("date"), requiredText("start_time"), requiredText("end_time")}}},
		}}},
		{name: "sip", kind: objectValue, shape: shape{members: []member{
			{name: "status", kind: textValue, enum: onOff},
			{name: "servers", kind: listValue, of: objectValue, max: 1, shape: shape{members: append([]member{
				requiredText("hostname"), {name: "port", kind: numberValue}}, anyMembers("request_uri_user_params")...)}},
		}}},
		{name: "srtp_key_exchange_protocol", kind: textValue, enum: []string{"dtls", "sdes"}},
		{name: "audio", kind: anyValue}, {name: "video", kind: anyValue}, {name: "ip_addresses", kind: anyValue},
	}},
	"user_identity_change": {members: []member{{name: "enable_identity_key_check", kind: booleanValue, required: true}}},
	"storage_configuration": {members: []member{
		{name: "status", kind: textValue, required: true, enum: []string{"default", "in_country_storage_enabled", "in_country_storage_disabled", "no_storage_enabled", "no_storage_disabled"}},
		{name: "data_localization_region", kind: textValue, enum: localRegions}, {name: "retention_minutes", kind: numberValue},
	}},
	"payload_encryption": {members: []member{{name: "status", kind: textValue, enum: onOff}, {name: "client_encryption_key", kind: textValue}}},
}

// defaultSettings are those of a number that has changed none.
func defaultSettings() map[string]map[string]any {
	return map[string]map[string]any{
		"calling":               {"status": "DISABLED", "call_icon_visibility": "DEFAULT", "callback_permission_status": "DISABLED"},
		"user_identity_change":  {"enable_identity_key_check": false},
		"storage_configuration": {"status": "DEFAULT"},
		"payload_encryption":    {"status": "DISABLED"},
	}
}

var settingsOperations = []operation{
	{name: OperationSettings, method: "GET", pattern: "/{version}/{phone_number}/settings", auth: ownersToken, serve: (*Server).readSettings,
		parameters: []string{"include_sip_credentials"}, place: inQuery},
	{name: OperationUpdateSettings, method: "POST", pattern: "/{version}/{phone_number}/settings", auth: ownersToken, serve: (*Server).updateSettings,
		parameters: append([]string{"messaging_product"}, sortedNames(settingsShapes)...), place: inBody},
}

// settingsOf returns the settings of a phone number with the defaults.
func (s *Server) settingsOf(phoneID string) map[string]map[string]any {
	all := defaultSettings()
	row, _ := s.settings.rows.find(phoneID, time.Time{})
	for name, object := range row.Objects {
		if all[name] != nil {
			maps.Copy(all[name], object)
		}
	}
	return all
}

func (s *Server) readSettings(c *call) (any, *apiError) {
	fields := map[string]any{}
	for name, object := range s.settingsOf(c.id) {
		fields[name] = nodesIn(object)
	}
	return c.respondWithNode(structure("WhatsAppBusinessPhoneNumberSettings", fields))
}

// updateSettings changes the members that a request has. Others stay.
func (s *Server) updateSettings(c *call) (any, *apiError) {
	check := &messageCheck{call: c}
	changes := map[string]map[string]any{}
	for _, name := range sortedNames(settingsShapes) {
		p, ok := c.parameters[name]
		if !ok {
			continue
		}
		object, refusal := check.readObject(name, p.value, settingsShapes[name])
		if refusal != nil {
			return nil, refusal
		}
		changes[name] = object
	}
	if len(changes) == 0 {
		return nil, parameterError("At least one of {%s} is required.", "calling, payload_encryption, storage_configuration, user_identity_change")
	}
	if lower(changes["calling"], "status") == "enabled" && s.hasLowLimit(c.id) {
		return nil, codeError(138015, "")
	}
	if refusal := checkCallHours(changes["calling"]); refusal != nil {
		return nil, refusal
	}
	for _, object := range changes {
		upperTexts(object, settingsTexts)
	}
	s.settings.mu.Lock()
	defer s.settings.mu.Unlock()
	row, ok := s.settings.rows.find(c.id, time.Time{})
	next := numberSettings{PhoneNumberID: c.id, Created: s.Now(), Objects: map[string]map[string]any{}}
	if ok {
		next.Created = row.Created
		maps.Copy(next.Objects, row.Objects)
	}
	for name, object := range changes {
		merged := map[string]any{}
		maps.Copy(merged, next.Objects[name])
		maps.Copy(merged, object)
		next.Objects[name] = merged
	}
	return c.saved(s.settings.rows.put(c.id, next))
}

// settingsTexts are the members whose values Meta writes in capitals.
var settingsTexts = []string{"status", "call_icon_visibility", "callback_permission_status", "data_localization_region", "srtp_key_exchange_protocol"}

// hasLowLimit reports whether the configuration sets a limit for a number that is too low
// for calls.
func (s *Server) hasLowLimit(phoneID string) bool {
	for _, a := range s.cfg.BusinessAccounts {
		for _, p := range a.PhoneNumbers {
			if p.ID == phoneID {
				return p.MessagingLimitTier == "TIER_50" || p.MessagingLimitTier == "TIER_250"
			}
		}
	}
	return false
}

// callingEnabled reports whether a number takes part in calls.
func (s *Server) callingEnabled(phoneID string) bool {
	return s.settingsOf(phoneID)["calling"]["status"] == "ENABLED"
}

// upperTexts writes texts of an object in capitals.
func upperTexts(object map[string]any, names []string) {
	for _, name := range names {
		if value, ok := object[name].(string); ok {
			object[name] = strings.ToUpper(value)
		}
	}
}
