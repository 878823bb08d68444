package metasim

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// mustCreateDataset makes the dataset of the first account and returns its id.
func (s *sim) mustCreateDataset() string {
	s.t.Helper()
	id, ok := s.call("POST", account1+"/dataset", "").fields(s.t)["id"].(string)
	if !ok {
		s.t.Fatal("no dataset")
	}
	return id
}

// clicked sends a message of a person who came by an advertisement.
func (s *sim) clicked(id string) {
	s.t.Helper()
	if _, err := s.Receive(phone1, Inbound{From: kerry, Type: "text", Referral: &InboundReferral{SourceID: "1", SourceType: "ad", CTWAClickID: id}}); err != nil {
		s.t.Fatal(err)
	}
}

// eventOf returns an event of a time, with members more.
func eventOf(at time.Time, user string) string {
	return fmt.Sprintf(`{"event_name":"Purchase","event_time":%d,"action_source":"business_messaging","messaging_channel":"whatsapp","user_data":{%s},"custom_data":{"currency":"USD","value":1}}`, at.Unix(), user)
}

const goodUser = `"whatsapp_business_account_id":"` + account1 + `","ctwa_clid":"click-1"`

func TestAnAccountHasOneDataset(t *testing.T) {
	s := startSim(t)
	if a := s.get("/v25.0/" + account1 + "/dataset"); a.body != "{}" {
		t.Errorf("none: %s", a.body)
	}
	id := s.mustCreateDataset()
	if again := s.mustCreateDataset(); again != id {
		t.Errorf("%s, then %s", id, again)
	}
	if a := s.get("/v25.0/" + account1 + "/dataset"); a.body != `{"id":"`+id+`"}` {
		t.Errorf("%s", a.body)
	}
}

func TestEventsAreReceivedOrRefusedAsByMeta(t *testing.T) {
	s := startSim(t)
	id := s.mustCreateDataset()
	s.clicked("click-1")
	good := eventOf(s.Now(), goodUser)
	tests := map[string]struct {
		data          string
		code, subcode int // 0 means received
		mention       string
	}{
		"one":                  {`[` + good + `]`, 0, 0, `{"events_received":1,"messages":[],"fbtrace_id":"`},
		"two":                  {`[` + good + `,` + strings.ReplaceAll(good, "Purchase", "QualifiedLead") + `]`, 0, 0, `"events_received":2`},
		"a time as a text":     {`[` + strings.Replace(good, fmt.Sprint(s.Now().Unix()), `"`+fmt.Sprint(s.Now().Unix())+`"`, 1) + `]`, 0, 0, `"events_received":1`},
		"7 days old":           {`[` + eventOf(s.Now().Add(-conversionAge), goodUser) + `]`, 0, 0, ""},
		"older":                {`[` + eventOf(s.Now().Add(-conversionAge-time.Second), goodUser) + `]`, 100, 2804003, "Event Timestamp Too Old"},
		"in the future":        {`[` + eventOf(s.Now().Add(conversionAhead+time.Second), goodUser) + `]`, 100, 0, "Event Timestamp In The Future"},
		"a clock ahead":        {`[` + eventOf(s.Now().Add(conversionAhead), goodUser) + `]`, 0, 0, ""},
		"milliseconds":         {`[` + eventOf(time.Unix(s.Now().UnixMilli(), 0), goodUser) + `]`, 100, 0, "in seconds"},
		"no currency":          {`[` + strings.Replace(good, `"currency":"USD",`, "", 1) + `]`, 100, 0, "data[0]['custom_data']['currency']"},
		"no value":             {`[` + strings.Replace(good, `"value":1`, `"price":1`, 1) + `]`, 100, 0, "data[0]['custom_data']['value']"},
		"a value that is none": {`[` + strings.Replace(good, `"value":1`, `"value":"much"`, 1) + `]`, 100, 0, "data[0]['custom_data']['value']"},
		"a lead without them":  {`[` + strings.Replace(strings.Replace(good, "Purchase", "LeadSubmitted", 1), `"currency":"USD","value":1`, "", 1) + `]`, 0, 0, ""},
		"no user":              {`[` + eventOf(s.Now(), "") + `]`, 100, 2804050, "You haven't added sufficient customer information parameter data for this event"},
		"no click":             {`[` + eventOf(s.Now(), `"whatsapp_business_account_id":"`+account1+`"`) + `]`, 100, 2804050, ""},
		"an unknown click":     {`[` + eventOf(s.Now(), strings.Replace(goodUser, "click-1", "click-2", 1)) + `]`, 100, 2804087, "Messaging Event Invalid Ctwa Clid"},
		"another account":      {`[` + eventOf(s.Now(), strings.Replace(goodUser, account1, account2, 1)) + `]`, 100, 2804087, ""},
		"one of two":           {`[` + good + `,` + eventOf(s.Now(), "") + `]`, 100, 2804050, ""},
		"no name":              {`[` + strings.Replace(good, `"event_name":"Purchase",`, "", 1) + `]`, 100, 0, "event_name"},
		"no time":              {`[` + strings.Replace(good, `"event_time"`, `"time"`, 1) + `]`, 100, 0, "event_time"},
		"no time of numbers":   {`[` + strings.Replace(good, fmt.Sprint(s.Now().Unix()), `"now"`, 1) + `]`, 100, 0, "must be a number"},
		"a source":             {`[` + strings.Replace(good, "business_messaging", "website", 1) + `]`, 100, 0, "business_messaging"},
		"a channel":            {`[` + strings.Replace(good, `"whatsapp"`, `"messenger"`, 1) + `]`, 100, 0, "must be whatsapp"},
		"no events":            {`[]`, 100, 0, "1 to 1000 events"},
		"no list":              {`{}`, 100, 0, "1 to 1000 events"},
		"no objects":           {`[5]`, 100, 0, "JSON object"},
		"too many":             {`[` + strings.Repeat("5,", 1000) + `5]`, 100, 0, "1 to 1000 events"},
	}
	received := 0
	for name, test := range tests {
		a := s.call("POST", id+"/events", `{"data":`+test.data+`,"partner_agent":"ferry"}`)
		if !strings.Contains(a.body, test.mention) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if test.code == 0 {
			received += int(a.fields(t)["events_received"].(float64))
		} else if e := a.refusal(t).Error; a.status != http.StatusBadRequest || e.Code != test.code || e.Subcode != test.subcode {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	list, err := NewControlClient(startControl(t, s), nil).Conversions(t.Context())
	if err != nil || list.Total != received || received != 7 || list.Conversions[0].ClickID != "click-1" || len(list.Conversions[0].Event) == 0 {
		t.Errorf("%d received, %+v, %v", received, list, err)
	}
	s.manual.advance(clickLife)
	if a := s.call("POST", id+"/events", `{"data":[`+eventOf(s.Now(), goodUser)+`]}`); a.refusal(t).Error.Subcode != 2804087 {
		t.Errorf("90 days after the click: %s", a.body)
	}
	if a := s.call("POST", "123456/events", `{"data":[]}`); a.refusal(t).Error.Subcode != 33 {
		t.Errorf("no dataset: %s", a.body)
	}
}

func TestDatasetsOutliveTheServerAndNotAReset(t *testing.T) {
	dir := t.TempDir()
	s, _ := startOn(t, dir)
	id := s.mustCreateDataset()
	s.clicked("click-1")
	send := func() response { return s.call("POST", id+"/events", `{"data":[`+eventOf(s.Now(), goodUser)+`]}`) }
	send()
	s, log := s.restart(dir, time.Minute)
	if a := send(); a.status != http.StatusOK || len(s.Conversions()) != 2 || log.Len() > 0 {
		t.Errorf("%s, %d events, %s", a.body, len(s.Conversions()), log)
	}
	s.Reset()
	if a := send(); a.refusal(t).Error.Subcode != 33 || len(s.Conversions()) != 0 {
		t.Errorf("after a reset: %s", a.body)
	}
}
