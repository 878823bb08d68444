// ferry trigger webhook: a webhook of a file, an earlier one, or one made of an event.

package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"ferry/internal/control"
	"ferry/metasim"
)

type triggerWebhookCommand struct {
	clientFlags
	triggerFlags
	File   string `env:"-" xor:"source" required:"" help:"Webhook as Meta sends it, {\"object\",\"entry\":[…]}; or one entry; or an event in AWS's envelope. - is standard input." placeholder:"FILE"`
	From   string `env:"-" xor:"source" required:"" help:"An earlier event or webhook: the id of an event, Meta's id of a message, the id of a webhook in the simulator's history, or the number (seq) of an entry of ferry logs." placeholder:"ENTRY"`
	SameID bool   `name:"same-id" env:"-" help:"With --from: keep the ids of messages of people, so that ferry takes them for a repeated delivery and drops them. Default: they become new ones."`
}

// Run sends the webhook.
func (c *triggerWebhookCommand) Run(ctx context.Context, terminal *terminal) error {
	source, err := c.read(ctx)
	if err != nil {
		return c.explainTrigger(terminal, err)
	}
	return c.run(ctx, terminal, func(ctx context.Context, client *metasim.ControlClient) (any, string, error) {
		webhook, err := parseWebhook(source)
		if err != nil {
			return nil, "", usageError{err}
		}
		if c.From != "" && !c.SameID {
			webhook.renew()
		}
		if err := webhook.change(&c.triggerFlags); err != nil {
			return nil, "", err
		}
		updates, err := webhook.updates(ctx, client)
		for i := 0; err == nil && i < len(updates); i++ {
			err = client.PostWebhook(ctx, updates[i])
		}
		var fields []string
		for _, u := range updates {
			fields = append(fields, u.Field)
		}
		return updates, "sent " + strings.Join(fields, ", "), err
	})
}

// read returns the JSON that the flags name.
func (c *triggerWebhookCommand) read(ctx context.Context) ([]byte, error) {
	if c.File != "" {
		text, err := readInput(c.File)
		if err != nil {
			return nil, usageError{fmt.Errorf("--file: %w", err)}
		}
		return text, nil
	}
	history, err := c.simulatorFlags.client().Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	for _, w := range history.Webhooks {
		if w.ID == c.From {
			return []byte(w.Body), nil
		}
	}
	client, err := c.control(ctx)
	if err != nil {
		return nil, usageError{err}
	}
	id := c.From
	if seq, err := strconv.ParseInt(id, 10, 64); err == nil && seq > 0 {
		if found, err := eventOfEntry(ctx, client, seq); err != nil {
			return nil, usageError{err}
		} else if found != "" {
			id = found
		}
	}
	page, err := control.Do(ctx, client, control.ListEvents, control.ListEventsInput{Filter: control.Filter{ID: id, Kind: "event"}, Body: true})
	if err != nil {
		return nil, usageError{err}
	}
	switch len(page.Events) {
	case 0:
		return nil, usageError{fmt.Errorf("there is no event, no webhook and no entry %q; 'ferry events list --kind event' shows the last ones", c.From)}
	case 1:
		return page.Events[0].Body, nil
	}
	var ids []string
	for _, e := range page.Events {
		ids = append(ids, e.ID+" ("+e.Name+")")
	}
	return nil, usageError{fmt.Errorf("%s has several events; name one of them: %s", c.From, strings.Join(ids, ", "))}
}

// eventOfEntry returns an id of the event that an entry of the journal is about.
func eventOfEntry(ctx context.Context, client *control.Client, seq int64) (string, error) {
	page, err := control.Do(ctx, client, control.ListEntries, control.ListEntriesInput{After: seq - 1, Limit: 1})
	if err != nil || len(page.Entries) == 0 || page.Entries[0].Seq != seq {
		return "", err
	}
	e := page.Entries[0]
	return cmp.Or(e.EventID, e.WAMID, e.MessageID), nil
}

// webhook is one of Meta's, as JSON that can be changed.
type webhook struct {
	whole   any // {"object","entry":[…]}
	entries []map[string]any
}

var errNoWebhook = errors.New(`this is no webhook; expected {"object":"whatsapp_business_account","entry":[{"id":…,"changes":[{"field":…,"value":…}]}]}, one of its entries, or an event in AWS's envelope`)

// parseWebhook reads a webhook, an entry or an event.
func parseWebhook(text []byte) (*webhook, error) {
	decoded, err := decodeAny(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoWebhook, err)
	}
	whole, _ := decoded.(map[string]any)
	if entry, ok := whole["whatsAppWebhookEntry"].(string); ok {
		return parseWebhook([]byte(entry))
	}
	if whole["changes"] != nil {
		whole = map[string]any{"object": "whatsapp_business_account", "entry": []any{whole}}
	}
	w := &webhook{whole: whole}
	list, _ := whole["entry"].([]any)
	for _, one := range list {
		entry, _ := one.(map[string]any)
		changes, _ := entry["changes"].([]any)
		if len(changes) == 0 {
			return nil, errNoWebhook
		}
		for _, change := range changes {
			if members, _ := change.(map[string]any); members["value"] == nil || members["field"] == nil {
				return nil, errNoWebhook
			}
		}
		w.entries = append(w.entries, entry)
	}
	if len(w.entries) == 0 {
		return nil, errNoWebhook
	}
	return w, nil
}

// changes returns all changes, which parseWebhook has checked.
func (w *webhook) changes() []map[string]any {
	var all []map[string]any
	for _, entry := range w.entries {
		for _, change := range entry["changes"].([]any) {
			all = append(all, change.(map[string]any))
		}
	}
	return all
}

// renew replaces the ids and the times of the messages of people by new ones.
func (w *webhook) renew() {
	for _, change := range w.changes() {
		value, _ := change["value"].(map[string]any)
		messages, _ := value["messages"].([]any)
		for _, one := range messages {
			if message, ok := one.(map[string]any); ok && message["id"] != nil {
				random := make([]byte, 24)
				_, _ = rand.Read(random)
				message["id"] = "wamid." + base64.StdEncoding.EncodeToString(random)
				message["timestamp"] = strconv.FormatInt(time.Now().Unix(), 10)
			}
		}
	}
}

// change applies --set. A path begins at the value of the only change, or, with "entry",
// at the webhook.
func (w *webhook) change(f *triggerFlags) error {
	all := w.changes()
	for _, one := range f.Set {
		path, value, _ := strings.Cut(one, "=")
		target := &w.whole
		if !strings.HasPrefix(path, "entry.") && !strings.HasPrefix(path, "entry[") {
			if len(all) > 1 {
				return usageError{fmt.Errorf("--set %s: the webhook has %d changes; begin the path with the one that is meant, such as entry.0.changes.0.value.%s", one, len(all), path)}
			}
			inner := all[0]["value"]
			target = &inner
		}
		if err := setMember(target, path, value); err != nil {
			return usageError{fmt.Errorf("--set %s: %w", one, err)}
		}
	}
	return nil
}

// updates returns what the simulator is to send.
func (w *webhook) updates(ctx context.Context, client *metasim.ControlClient) ([]metasim.WebhookUpdate, error) {
	numbers, err := client.Numbers(ctx)
	if err != nil {
		return nil, err
	}
	accountOf := make(map[string]string, len(numbers))
	for _, n := range numbers {
		accountOf[n.ID] = n.AccountID
	}
	var updates []metasim.WebhookUpdate
	for _, entry := range w.entries {
		account, _ := entry["id"].(string)
		for _, one := range entry["changes"].([]any) {
			change := one.(map[string]any)
			field, _ := change["field"].(string)
			number := ""
			if value, ok := change["value"].(map[string]any); ok {
				metadata, _ := value["metadata"].(map[string]any)
				if id, _ := metadata["phone_number_id"].(string); accountOf[id] == account && id != "" {
					number = id
				}
			}
			update, err := webhookUpdate(account, number, field, change["value"])
			if err != nil {
				return nil, err
			}
			updates = append(updates, update)
		}
	}
	return updates, nil
}

// decodeAny decodes JSON without rounding its numbers.
func decodeAny(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("there is more after the first value")
	}
	return value, nil
}
