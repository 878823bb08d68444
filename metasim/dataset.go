// Datasets and the events of the Conversions API that are sent to them
// (docs/references.md#graph-conversions).

package metasim

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	datasetKind = "dataset"    // of records
	eventKind   = "conversion" // of records
	clickKind   = "click"      // of records

	maxConversions     = 10_000 // that are kept; one more replaces the oldest
	maxConversionsSent = 1000   // in one request
	maxConversionBody  = 2 << 20
	maxConversionKept  = 64 << 10 // bytes of an event that are kept
	maxClicks          = 65_536   // of advertisements
	maxClickID         = 512      // bytes
	conversionAge      = 7 * 24 * time.Hour
	conversionAhead    = 10 * time.Minute // of a sender's clock
	clickLife          = 90 * 24 * time.Hour
)

// A Conversion is an event that was sent to a dataset.
type Conversion struct {
	ID        string          `json:"id"`
	DatasetID string          `json:"dataset_id"`
	AccountID string          `json:"business_account_id"`
	Name      string          `json:"event_name"`
	Time      time.Time       `json:"event_time"`
	ClickID   string          `json:"ctwa_clid,omitempty"`
	Event     json.RawMessage `json:"event,omitempty"` // as it was sent; empty above 64 KiB
	TraceID   string          `json:"trace_id"`        // of the request in the history
	Created   time.Time       `json:"created"`
}

func (c Conversion) createdAt() time.Time { return c.Created }
func (c Conversion) expiresAt() time.Time { return time.Time{} }

// dataset is the dataset of an account, which has one at most.
type dataset struct {
	ID        string    `json:"id"`
	AccountID string    `json:"business_account_id"`
	Created   time.Time `json:"created"`
}

func (d dataset) createdAt() time.Time { return d.Created }
func (d dataset) expiresAt() time.Time { return time.Time{} }

// click is the id of a click on an advertisement, by which a message of a person came.
type click struct {
	ID        string    `json:"id"`
	AccountID string    `json:"business_account_id"`
	Created   time.Time `json:"created"`
}

func (c click) createdAt() time.Time { return c.Created }
func (c click) expiresAt() time.Time { return c.Created.Add(clickLife) }

var (
	errDatasetsFull    = errors.New("metasim: datasets: too many datasets; reset the simulator")
	errConversionsFull = errors.New("metasim: conversions: too many conversions; reset the simulator")
	errClicksFull      = errors.New("metasim: clicks: too many clicks on advertisements; reset the simulator")
)

// datasets are the datasets of all accounts, and what was sent to them.
type datasets struct {
	mu     sync.Mutex // held while a row is added
	rows   *table[dataset]
	events *table[Conversion]
	clicks *table[click]
}

func newDatasets(records RecordStore, accounts int) *datasets {
	return &datasets{
		rows:   newTable[dataset](datasetKind, max(1, accounts), errDatasetsFull, records),
		events: newTable[Conversion](eventKind, maxConversions, errConversionsFull, records),
		clicks: newTable[click](clickKind, maxClicks, errClicksFull, records),
	}
}

// load reads what an earlier Server has left.
func (d *datasets) load() []error {
	named := func(kind, id, found string) error {
		if id != found || id == "" {
			return badRecord(kind, id, "it is the record of %q", truncate(found))
		}
		return nil
	}
	return slices.Concat(
		d.rows.load(func(id string, row dataset) error { return named(datasetKind, id, row.ID) }),
		d.events.load(func(id string, row Conversion) error { return named(eventKind, id, row.ID) }),
		d.clicks.load(func(id string, row click) error { return named(clickKind, id, row.ID) }))
}

var datasetOperations = []operation{
	{name: OperationCreateDataset, method: "POST", pattern: "/{version}/{account}/dataset", auth: ownersToken, serve: (*Server).createDataset,
		parameters: []string{"dataset_name", "messaging_product"}, place: inBody},
	{name: OperationDataset, method: "GET", pattern: "/{version}/{account}/dataset", auth: ownersToken, serve: (*Server).dataset},
	{name: OperationSendEvents, method: "POST", pattern: "/{version}/{dataset}/events", auth: ownersToken, serve: (*Server).sendEvents,
		parameters: []string{"data", "partner_agent", "test_event_code", "messaging_outcome_data", "upload_tag"}, place: inBody,
		maxBody: maxConversionBody, maxField: maxConversionBody},
}

// datasetOf returns the dataset of an account.
func (s *Server) datasetOf(account string) (dataset, bool) {
	for _, row := range s.datasets.rows.all() {
		if row.AccountID == account {
			return row, true
		}
	}
	return dataset{}, false
}

// createDataset makes the dataset of an account, or returns the one that there is.
func (s *Server) createDataset(c *call) (any, *apiError) {
	s.datasets.mu.Lock()
	defer s.datasets.mu.Unlock()
	row, ok := s.datasetOf(c.id)
	if !ok {
		row = dataset{ID: s.newMediaID(), AccountID: c.id, Created: s.Now()}
		if err := s.datasets.rows.put(row.ID, row); err != nil {
			return nil, c.storageError(err)
		}
	}
	return uploadResult{row.ID}, nil
}

// dataset returns the id of the dataset of an account, or an object without one.
func (s *Server) dataset(c *call) (any, *apiError) {
	row, ok := s.datasetOf(c.id)
	if !ok {
		return object{}, nil
	}
	return uploadResult{row.ID}, nil
}

// conversionNames are those that Meta documents.
var conversionNames = []string{"Purchase", "LeadSubmitted", "InitiateCheckout", "AddToCart", "ViewContent", "OrderCreated", "OrderShipped",
	"OrderDelivered", "OrderCanceled", "OrderReturned", "CartAbandoned", "QualifiedLead", "RatingProvided", "ReviewProvided"}

// eventsReceived is the response to events.
type eventsReceived struct {
	Received int      `json:"events_received"`
	Messages []string `json:"messages"`
	TraceID  string   `json:"fbtrace_id"`
}

// sendEvents keeps events, or none if something is wrong with one of them.
func (s *Server) sendEvents(c *call) (any, *apiError) {
	given, ok := c.parameters["data"]
	if !ok {
		return nil, missingParameter("data")
	}
	var raw []json.RawMessage
	if json.Unmarshal([]byte(given.value), &raw) != nil || len(raw) == 0 || len(raw) > maxConversionsSent {
		return nil, parameterError("Param data must be an array of 1 to %d events.", maxConversionsSent)
	}
	owner, _ := s.datasets.rows.find(c.id, time.Time{})
	rows := make([]Conversion, len(raw))
	for i, text := range raw {
		event, ok := decodeMember(string(text)).(map[string]any)
		if !ok {
			return nil, parameterError("Param data[%d] must be a JSON object.", i)
		}
		row, refusal := s.checkConversion(c, elementPath("data", i), owner.AccountID, event)
		if refusal != nil {
			return nil, refusal
		}
		row.ID, row.DatasetID, row.AccountID, row.TraceID, row.Created = s.random.digits(18), c.id, owner.AccountID, c.traceID, s.Now()
		if len(text) <= maxConversionKept {
			row.Event = text
		}
		rows[i] = row
	}
	for _, row := range rows {
		if err := s.keepConversion(row); err != nil {
			return nil, c.storageError(err)
		}
	}
	return eventsReceived{len(rows), []string{}, c.traceID}, nil
}

// conversionError is code 100 with a subcode, as captured from Meta.
func conversionError(subcode int, title, text string) *apiError {
	e := parameterError("Invalid parameter")
	e.message, e.subcode, e.userTitle, e.userMsg = "Invalid parameter", subcode, title, text
	return e
}

// checkConversion checks an event.
func (s *Server) checkConversion(c *call, path, account string, event map[string]any) (row Conversion, _ *apiError) {
	for _, name := range []string{"event_name", "event_time", "action_source", "messaging_channel"} {
		if event[name] == nil || event[name] == "" {
			return row, missingParameter(memberPath(path, name))
		}
	}
	seconds, ok := number(event["event_time"])
	now := s.Now()
	row.Name, row.Time = text(event["event_name"]), time.Unix(int64(min(max(seconds, 0), 1<<40)), 0).UTC()
	switch {
	case !ok:
		return row, parameterError("Param %s must be a number.", memberPath(path, "event_time"))
	case now.Sub(row.Time) > conversionAge:
		return row, conversionError(2804003, "Event Timestamp Too Old", "The timestamp of the event is more than 7 days old.")
	case row.Time.Sub(now) > conversionAhead:
		e := parameterError("Invalid parameter")
		e.userTitle, e.userMsg = "Event Timestamp In The Future", "The timestamp of the event is in the future. It is a time in seconds."
		return row, e
	case !strings.EqualFold(text(event["action_source"]), "business_messaging"):
		return row, parameterError("Param %s must be business_messaging for events of messages.", memberPath(path, "action_source"))
	case !strings.EqualFold(text(event["messaging_channel"]), "whatsapp"):
		return row, parameterError("Param %s must be whatsapp.", memberPath(path, "messaging_channel"))
	case row.Name == "" || len(row.Name) > maxClickID:
		return row, parameterError("Param %s must be the name of an event.", memberPath(path, "event_name"))
	}
	if !slices.Contains(conversionNames, row.Name) {
		if refusal := c.warn(warnMemberIgnored, "The event %s is none that Meta documents for messages.", truncate(row.Name)); refusal != nil {
			return row, refusal
		}
	}
	if refusal := checkPurchase(path, row.Name, event); refusal != nil {
		return row, refusal
	}
	user, _ := event["user_data"].(map[string]any)
	row.ClickID = text(user["ctwa_clid"])
	given := scalar(user["whatsapp_business_account_id"])
	switch {
	case row.ClickID == "" || user["whatsapp_business_account_id"] == nil:
		return row, conversionError(2804050, "You haven't added sufficient customer information parameter data for this event",
			"Send ctwa_clid and whatsapp_business_account_id in user_data.")
	case given != account || !s.knowsClick(account, row.ClickID):
		e := conversionError(2804087, "Messaging Event Invalid Ctwa Clid", "The ctwa_clid is not valid for this WhatsApp Business Account.")
		e.reason = "no message of a person has had this referral.ctwa_clid"
		return row, e
	}
	return row, nil
}

// checkPurchase refuses a purchase without its price.
func checkPurchase(path, name string, event map[string]any) *apiError {
	if name != "Purchase" {
		return nil
	}
	data, _ := event["custom_data"].(map[string]any)
	path = memberPath(path, "custom_data")
	if text(data["currency"]) == "" {
		return missingParameter(memberPath(path, "currency"))
	}
	if data["value"] == nil {
		return missingParameter(memberPath(path, "value"))
	}
	if _, ok := number(data["value"]); !ok {
		return parameterError("Param %s must be a number.", memberPath(path, "value"))
	}
	return nil
}

// keepConversion keeps an event, in place of the oldest if there are too many.
func (s *Server) keepConversion(row Conversion) error {
	s.datasets.mu.Lock()
	defer s.datasets.mu.Unlock()
	if all := s.datasets.events.all(); len(all) >= maxConversions {
		oldest := slices.MinFunc(all, func(a, b Conversion) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
		if _, err := s.datasets.events.remove(oldest.ID); err != nil {
			return err
		}
	}
	return s.datasets.events.put(row.ID, row)
}

// rememberClick keeps the id of the click by which a message came.
func (s *Server) rememberClick(phoneID string, referral *InboundReferral) {
	if referral == nil || referral.CTWAClickID == "" || len(referral.CTWAClickID) > maxClickID {
		return
	}
	account := s.accountOf(phoneID)
	key := account + "." + referral.CTWAClickID
	s.logStorage(s.datasets.clicks.put(key, click{ID: key, AccountID: account, Created: s.Now()}))
}

func (s *Server) knowsClick(account, id string) bool {
	_, ok := s.datasets.clicks.find(account+"."+id, s.Now())
	return ok
}

// Conversions returns the events that are kept, oldest first.
func (s *Server) Conversions() []Conversion {
	list, _ := s.datasets.events.list(time.Time{}, maxConversions)
	return list
}

// ConversionList is the newest events, newest last.
type ConversionList struct {
	Total       int          `json:"total"` // all that are kept; at most 1000 are listed
	Conversions []Conversion `json:"conversions"`
}

// controlDatasets adds the path about events.
func (s *Server) controlDatasets(mux *http.ServeMux) {
	mux.HandleFunc("GET /conversions", func(w http.ResponseWriter, _ *http.Request) {
		list := s.Conversions()
		writeControl(w, http.StatusOK, ConversionList{len(list), list[max(0, len(list)-maxControlRows):]})
	})
}
