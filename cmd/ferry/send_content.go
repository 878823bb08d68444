// What ferry send sends: the message for each recipient, and the rows of the CSV file.

package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"slices"
	"strings"

	"ferry/internal/bulk"
	"ferry/socialmessaging"
)

// maxMessage bounds a message object, in bytes, as the API does.
const maxMessage = 2_048_000

// messageContent makes the message for one recipient.
type messageContent struct {
	object  map[string]any  // Meta's message object without its recipient
	columns []string        // of the CSV file; nil means that there is none
	media   *bulk.SentMedia // nil means none
}

var placeholder = regexp.MustCompile(`\{[^{}]+\}`)

// content returns the message that the flags describe. It uploads media.
func (c *sendCommand) content(ctx context.Context, client *socialmessaging.Client, columns []string) (*messageContent, error) {
	object := map[string]any{"messaging_product": "whatsapp", "recipient_type": "individual"}
	switch {
	case c.Text != "":
		object["type"], object["text"] = "text", map[string]any{"body": c.Text}
	case c.Template != "":
		object["type"], object["template"] = "template", c.template()
	case c.JSON != "":
		text, err := c.readMessage()
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil {
			return nil, fmt.Errorf("--json: expected Meta's message object, such as {\"type\": \"text\", \"text\": {\"body\": \"Hello\"}}: %w", err)
		}
		delete(object, "to")
		delete(object, "recipient")
	}
	content := &messageContent{object: object, columns: columns}
	if err := content.check(append([]string{c.Caption}, c.Param...)...); err != nil {
		return nil, err
	}
	if c.Media != "" {
		media, err := c.media(ctx, client)
		if err != nil {
			return nil, err
		}
		if c.Template != "" {
			c.addHeader(object["template"].(map[string]any), media)
		} else {
			object["type"], object[media.Kind] = media.Kind, c.mediaObject(media)
		}
		content.media = media
	}
	return content, nil
}

// template returns the template object.
func (c *sendCommand) template() map[string]any {
	template := map[string]any{"name": c.Template, "language": map[string]any{"code": c.Language}}
	var parameters []any
	for _, given := range c.Param {
		parameter := map[string]any{"type": "text", "text": given}
		if name, text, named := strings.Cut(given, "="); named && parameterName.MatchString(name) {
			parameter["parameter_name"], parameter["text"] = name, text
		}
		parameters = append(parameters, parameter)
	}
	if parameters != nil {
		template["components"] = []any{map[string]any{"type": "body", "parameters": parameters}}
	}
	return template
}

// addHeader adds the file of the header to a template object.
func (c *sendCommand) addHeader(template map[string]any, media *bulk.SentMedia) {
	header := map[string]any{"type": "header", "parameters": []any{map[string]any{"type": media.Kind, media.Kind: c.mediaObject(media)}}}
	components, _ := template["components"].([]any)
	template["components"] = append([]any{header}, components...)
}

// parameterName is the form of the name of a template's parameter.
var parameterName = regexp.MustCompile(`^[a-z_][a-z0-9_]*$`)

// check reports placeholders that are not columns of the CSV file, before anything is
// sent or uploaded.
func (m *messageContent) check(more ...string) error {
	if m.columns == nil {
		return nil
	}
	text, err := json.Marshal([]any{m.object, more})
	if err != nil {
		return err
	}
	var values any
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	var problem error
	replaceTexts(values, func(text string) string {
		for _, found := range placeholder.FindAllString(text, -1) {
			if name := found[1 : len(found)-1]; !slices.Contains(m.columns, name) && problem == nil && columnForm.MatchString(name) {
				problem = fmt.Errorf("%s is not a column of the recipients; the columns are %s", found, strings.Join(m.columns, ", "))
			}
		}
		return text
	})
	return problem
}

// columnForm is the form of a text in braces that is taken for the name of a column.
var columnForm = regexp.MustCompile(`^[\pL_][\pL\pN_ -]*$`)

// body returns the message object for a recipient, with the values of a row.
func (m *messageContent) body(row map[string]string) ([]byte, error) {
	object := m.object
	if m.columns != nil {
		object = replaceTexts(object, func(text string) string {
			return placeholder.ReplaceAllStringFunc(text, func(found string) string {
				if value, known := row[found[1:len(found)-1]]; known {
					return value
				}
				return found
			})
		}).(map[string]any)
	}
	filled := map[string]any{}
	for name, value := range object {
		filled[name] = value
	}
	if to := row["to"]; strings.HasPrefix(to, "+") {
		filled["to"] = to
	} else {
		filled["recipient"] = to
	}
	body, err := json.Marshal(filled)
	if err == nil && len(body) > maxMessage {
		err = fmt.Errorf("the message for %s has more than %d bytes", row["to"], maxMessage)
	}
	return body, err
}

// message returns the message for a row. In the manifest, its source stands for the
// media id, which another upload of the same file changes.
func (m *messageContent) message(row map[string]string) (bulk.Message, error) {
	body, err := m.body(row)
	message := bulk.Message{To: row["to"], Body: body}
	if m.media != nil {
		message.Content = strings.ReplaceAll(string(body), `"`+m.media.ID+`"`, m.media.Source)
	}
	return message, err
}

// replaceTexts returns a copy of a JSON value whose strings are replaced.
func replaceTexts(value any, replace func(string) string) any {
	switch v := value.(type) {
	case string:
		return replace(v)
	case []any:
		changed := make([]any, len(v))
		for i, element := range v {
			changed[i] = replaceTexts(element, replace)
		}
		return changed
	case map[string]any:
		changed := make(map[string]any, len(v))
		for name, element := range v {
			changed[name] = replaceTexts(element, replace)
		}
		return changed
	}
	return value
}

// recipientRows are the rows of a CSV file. It is read twice: once to check and count
// all rows before the first message is sent, and once while they are sent.
type recipientRows struct {
	path    string
	columns []string // nil means that there is no file
	count   int
}

var (
	numberForm = regexp.MustCompile(`^\+[1-9][0-9]{5,14}$`)
	userIDForm = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[0-9A-Za-z]{1,128}$`) // docs/references.md#graph-bsuid
)

// checkRecipient reports what is wrong with a recipient.
func checkRecipient(to string) error {
	if numberForm.MatchString(to) || userIDForm.MatchString(to) {
		return nil
	}
	return fmt.Errorf("%q is not a recipient; expected a phone number with + and digits, such as +16505551234, or a business-scoped user id, such as US.13491208655302741918", to)
}

// rows checks the recipients.
func (c *sendCommand) rows() (*recipientRows, error) {
	if c.Recipients == "" {
		return &recipientRows{}, checkRecipient(c.To)
	}
	rows := &recipientRows{path: c.Recipients}
	for _, err := range rows.all() {
		if err != nil {
			return nil, fmt.Errorf("--recipients: %w", err)
		}
		rows.count++
	}
	if rows.count == 0 {
		return nil, fmt.Errorf("--recipients: %s has no rows below the names of its columns", c.Recipients)
	}
	return rows, nil
}

// all returns the rows by the names of their columns.
func (r *recipientRows) all() iter.Seq2[map[string]string, error] {
	return func(yield func(map[string]string, error) bool) {
		file, err := os.Open(r.path)
		if err != nil {
			yield(nil, err)
			return
		}
		defer file.Close()
		reader := csv.NewReader(file)
		header, err := r.header(reader)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			record, err := reader.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			row := make(map[string]string, len(header))
			for i, value := range record {
				if i < len(header) {
					row[header[i]] = value
				}
			}
			if err == nil {
				row["to"] = strings.TrimSpace(row["to"])
				if err = checkRecipient(row["to"]); err != nil {
					line, _ := reader.FieldPos(0)
					err = fmt.Errorf("%s, line %d: %w", r.path, line, err)
				}
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// header reads the names of the columns.
func (r *recipientRows) header(reader *csv.Reader) ([]string, error) {
	names, err := reader.Read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; expected CSV whose first row names the columns", r.path, err)
	}
	for i := range names {
		names[i] = strings.TrimSpace(strings.TrimPrefix(names[i], "\ufeff")) // spreadsheets begin a file with a byte order mark
		if slices.Contains(names[:i], names[i]) {
			return nil, fmt.Errorf("%s: two columns are named %q", r.path, names[i])
		}
	}
	if !slices.Contains(names, "to") {
		return nil, fmt.Errorf("%s: there is no column %q; the columns are %s", r.path, "to", strings.Join(names, ", "))
	}
	r.columns = names
	return names, nil
}
