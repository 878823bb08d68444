package metasim

import (
	"encoding/json"
	"strings"
)

// The webhooks about templates (docs/references.md#graph-template-webhooks).

// webhookTemplate is what the values of all of them have.
type webhookTemplate struct {
	ID       json.Number `json:"message_template_id"`
	Name     string      `json:"message_template_name"`
	Language string      `json:"message_template_language"` // with a hyphen, but in components_update
}

func webhookTemplateOf(row templateRow) webhookTemplate {
	return webhookTemplate{json.Number(row.ID), row.Name, strings.ReplaceAll(row.Language, "_", "-")}
}

type templateStatusValue struct {
	Event string `json:"event"`
	webhookTemplate
	Reason    *string              `json:"reason"` // null for PENDING_DELETION
	Category  string               `json:"message_template_category"`
	Disable   *templateDisableInfo `json:"disable_info,omitempty"`
	Other     *templateOtherInfo   `json:"other_info,omitempty"`
	Rejection *templateRejection   `json:"rejection_info,omitempty"`
}

type templateDisableInfo struct {
	Date int64 `json:"disable_date"` // Unix seconds
}

type templateOtherInfo struct {
	Title       string `json:"title"`
	Description string `json:"description"`
}

type templateRejection struct {
	Reason         string `json:"reason"`
	Recommendation string `json:"recommendation"`
}

// templateNotices describe the titles of a status, in the simulator's words.
var templateNotices = map[string]string{
	"FIRST_PAUSE":         "The template was paused for 3 hours, because its quality is low.",
	"SECOND_PAUSE":        "The template was paused for 6 hours, because its quality is low.",
	"RATE_LIMITING_PAUSE": "The template was paused by pacing. It must be unpaused.",
	"UNPAUSE":             "Messages with the template can be sent from now on.",
	"DISABLED":            "The template was disabled, because its quality is low.",
}

// notifyTemplateStatus reports a status of a template. title is that of what happened, if
// it has one.
func (s *Server) notifyTemplateStatus(row templateRow, event, title string) {
	value := templateStatusValue{Event: event, webhookTemplate: webhookTemplateOf(row), Category: row.Category}
	reason := row.RejectedReason
	if event != templatePendingDeletion {
		value.Reason = &reason
	}
	if title != "" {
		value.Other = &templateOtherInfo{title, templateNotices[title]}
	}
	if event == templateDisabled {
		value.Disable = &templateDisableInfo{row.Updated.Unix()}
	}
	if event == templateRejected && reason == reasonInvalidFormat {
		value.Rejection = &templateRejection{"The placeholders are not in the expected form.", "Put text between the variables, and number them without a gap."}
	}
	s.notify(update{account: row.AccountID, field: "message_template_status_update", value: value})
}

// notifyTemplateQuality reports another quality.
func (s *Server) notifyTemplateQuality(row templateRow, before string) {
	s.notify(update{account: row.AccountID, field: "message_template_quality_update", value: struct {
		Before string `json:"previous_quality_score"`
		Now    string `json:"new_quality_score"`
		webhookTemplate
	}{before, row.Quality, webhookTemplateOf(row)}})
}

// notifyTemplateCategory reports that a category has changed, or that it will: then
// new_category is the one that the template still has.
func (s *Server) notifyTemplateCategory(row templateRow) {
	value := struct {
		webhookTemplate
		Previous string `json:"previous_category,omitempty"`
		New      string `json:"new_category"`
		Correct  string `json:"correct_category,omitempty"`
		At       int64  `json:"category_update_timestamp,omitempty"`
	}{webhookTemplate: webhookTemplateOf(row), New: row.Category, Correct: row.CorrectCategory}
	if row.CorrectCategory == "" {
		value.Previous = row.PreviousCategory
	} else {
		value.At = row.CategoryDue.Unix()
	}
	s.notify(update{account: row.AccountID, field: "template_category_update", value: value})
}

type webhookButton struct {
	Type   string `json:"message_template_button_type"`
	Text   string `json:"message_template_button_text"`
	URL    string `json:"message_template_button_url,omitempty"`
	Number string `json:"message_template_button_phone_number,omitempty"`
}

// notifyTemplateComponents reports the texts of a template that was created or edited.
func (s *Server) notifyTemplateComponents(row templateRow) {
	value := struct {
		webhookTemplate
		Element string          `json:"message_template_element"`
		Title   string          `json:"message_template_title,omitempty"`
		Footer  string          `json:"message_template_footer,omitempty"`
		Buttons []webhookButton `json:"message_template_buttons,omitempty"`
	}{webhookTemplate: webhookTemplateOf(row)}
	value.Language = row.Language
	var components []struct {
		Type, Text string
		Buttons    []struct {
			Type, Text, URL string
			PhoneNumber     string `json:"phone_number"`
		}
	}
	_ = json.Unmarshal(row.Components, &components) // they were made by json
	for _, c := range components {
		switch c.Type {
		case "HEADER":
			value.Title = c.Text
		case "BODY":
			value.Element = c.Text
		case "FOOTER":
			value.Footer = c.Text
		case "BUTTONS":
			for _, b := range c.Buttons {
				if b.Type == "URL" || b.Type == "PHONE_NUMBER" {
					value.Buttons = append(value.Buttons, webhookButton{b.Type, b.Text, b.URL, b.PhoneNumber})
				}
			}
		}
	}
	s.notify(update{account: row.AccountID, field: "message_template_components_update", value: value})
}
