// ferry trigger status, template and account: what Meta reports about what exists.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/metasim"
)

type triggerStatusCommand struct {
	triggerFlags
	WAMID  string `name:"wamid" arg:"" help:"Id of the message at Meta, as 'ferry send' prints it; or 'last' for the last one that was sent." placeholder:"WAMID"`
	Status string `arg:"" help:"sent, delivered, read, played or failed." enum:"sent,delivered,read,played,failed"`
	Code   int    `env:"-" help:"Meta's error code of failed. Default: 131000." placeholder:"CODE"`
}

// messageStatus is what is sent.
type messageStatus struct {
	Status string `json:"status"`
	Code   int    `json:"code,omitempty"`
}

// Run sets the status.
func (c *triggerStatusCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.run(ctx, terminal, func(ctx context.Context, client *metasim.ControlClient) (any, string, error) {
		wamid := c.WAMID
		if wamid == "last" {
			list, err := client.Messages(ctx)
			if err != nil {
				return nil, "", err
			}
			if len(list.Messages) == 0 {
				return nil, "", usageError{fmt.Errorf("no message was sent; send one: ferry send --to +16505551234 --text Hello")}
			}
			wamid = list.Messages[len(list.Messages)-1].ID
		}
		in := messageStatus{c.Status, c.Code}
		if err := c.change(&in); err != nil {
			return nil, "", err
		}
		err := client.SetStatus(ctx, wamid, in.Status, in.Code)
		return struct {
			WAMID string `json:"wamid"`
			messageStatus
		}{wamid, in}, wamid + "  " + in.Status, err
	})
}

type triggerTemplateCommand struct {
	triggerFlags
	Name     string `arg:"" help:"Name of the template, or Meta's id of it." placeholder:"NAME"`
	Status   string `arg:"" help:"approved, rejected, paused, disabled, archived, pending, in_appeal or limit_exceeded." enum:"approved,rejected,paused,disabled,archived,pending,in_appeal,limit_exceeded" placeholder:"STATUS"`
	Language string `env:"-" help:"Language, if the template has several: en_US." placeholder:"LANGUAGE"`
	Reason   string `env:"-" help:"Why it is rejected: SCAM, INVALID_FORMAT, … Default: INVALID_FORMAT." placeholder:"REASON"`
}

// Run changes the template.
func (c *triggerTemplateCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.run(ctx, terminal, func(ctx context.Context, client *metasim.ControlClient) (any, string, error) {
		found, err := c.find(ctx, client)
		if err != nil {
			return nil, "", err
		}
		change := metasim.TemplateChange{Status: strings.ToUpper(c.Status), Reason: c.Reason}
		if err := c.change(&change); err != nil {
			return nil, "", err
		}
		after, err := client.ChangeTemplate(ctx, found.ID, change)
		return after, fmt.Sprintf("%s  %s %s  %s", after.ID, after.Name, after.Language, after.Status), err
	})
}

// find returns the template that the flags name.
func (c *triggerTemplateCommand) find(ctx context.Context, client *metasim.ControlClient) (metasim.MessageTemplate, error) {
	list, err := client.Templates(ctx, "")
	if err != nil {
		return metasim.MessageTemplate{}, err
	}
	var found []metasim.MessageTemplate
	var names []string
	for _, t := range list.Templates {
		if (t.Name == c.Name || t.ID == c.Name) && (c.Language == "" || t.Language == c.Language) {
			found = append(found, t)
		}
		names = append(names, t.Name)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		slices.Sort(names)
		names = slices.Compact(names)
		slices.SortStableFunc(names, func(a, b string) int { return distance(c.Name, a) - distance(c.Name, b) })
		nearest := ""
		if len(names) > 0 {
			nearest = "; the nearest are " + strings.Join(names[:min(len(names), 5)], ", ")
		}
		return metasim.MessageTemplate{}, usageError{fmt.Errorf("there is no template %q%s", strings.TrimSpace(c.Name+" "+c.Language), nearest)}
	}
	var languages []string
	for _, t := range found {
		languages = append(languages, t.Language)
	}
	return metasim.MessageTemplate{}, usageError{fmt.Errorf("the template %s has the languages %s; say which with --language", c.Name, strings.Join(languages, ", "))}
}

type triggerAccountCommand struct {
	triggerFlags
	Event   string `arg:"" help:"restricted, violation, ban_scheduled, banned, reinstated, deleted, approved, rejected or alert." enum:"restricted,violation,ban_scheduled,banned,reinstated,deleted,approved,rejected,alert" placeholder:"EVENT"`
	Account string `env:"-" help:"Meta's id of the business account. Default: the first one." placeholder:"WABA"`
}

// accountEvents are the webhooks of what Meta does to an account: field and value
// (docs/references.md#webhooks).
var accountEvents = map[string][2]string{
	"restricted":    {"account_update", `{"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING","expiration":EXPIRATION}]}`},
	"violation":     {"account_update", `{"event":"ACCOUNT_VIOLATION","violation_info":{"violation_type":"ALCOHOL"}}`},
	"ban_scheduled": {"account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE","waba_ban_date":"DATE"}}`},
	"banned":        {"account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"DISABLE","waba_ban_date":"DATE"}}`},
	"reinstated":    {"account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE","waba_ban_date":"DATE"}}`},
	"deleted":       {"account_update", `{"event":"ACCOUNT_DELETED"}`},
	"approved":      {"account_review_update", `{"decision":"APPROVED"}`},
	"rejected":      {"account_review_update", `{"decision":"REJECTED"}`},
	"alert":         {"account_alerts", `{"entity_type":"BUSINESS","entity_id":"ACCOUNT","alert_info":{"alert_severity":"INFORMATIONAL","alert_status":"NONE","alert_type":"OBA_APPROVED","alert_description":"Your official business account request has been approved."}}`},
}

// Run sends the webhook.
func (c *triggerAccountCommand) Run(ctx context.Context, terminal *terminal) error {
	return c.run(ctx, terminal, func(ctx context.Context, client *metasim.ControlClient) (any, string, error) {
		now, account := time.Now(), c.Account
		if numbers, err := client.Numbers(ctx); err == nil && account == "" && len(numbers) > 0 {
			account = numbers[0].AccountID
		} else if err != nil {
			return nil, "", err
		}
		if clock, err := client.Clock(ctx); err == nil {
			now = clock.Time
		}
		kind := accountEvents[c.Event]
		text := strings.NewReplacer("EXPIRATION", fmt.Sprint(now.Add(24*time.Hour).Unix()), `"DATE"`, `"`+now.UTC().Format("January 2, 2006")+`"`,
			`"ACCOUNT"`, `"`+account+`"`).Replace(kind[1])
		value, err := decodeAny([]byte(text))
		if err == nil {
			err = c.change(&value)
		}
		if err != nil {
			return nil, "", err
		}
		update, err := webhookUpdate(account, "", kind[0], value)
		if err == nil {
			err = client.PostWebhook(ctx, update)
		}
		return update, kind[0] + "  " + string(update.Value), err
	})
}

// webhookUpdate returns a webhook with a value.
func webhookUpdate(account, number, field string, value any) (metasim.WebhookUpdate, error) {
	text, err := json.Marshal(value)
	return metasim.WebhookUpdate{BusinessAccountID: account, PhoneNumberID: number, Field: field, Value: text}, err
}
