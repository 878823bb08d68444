package metasim

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func (s *sim) fault(f Fault) Fault {
	s.t.Helper()
	added, err := s.AddFault(f)
	if err != nil {
		s.t.Fatal(err)
	}
	return added
}

func TestFaultsRespondWithMetasErrors(t *testing.T) {
	tests := map[string]struct {
		fault           Fault
		status          int
		code, subcode   int
		message, detail string
	}{
		"1":        {Fault{ErrorCode: 1}, 400, 1, 0, "(#1) API Unknown", errorCodes[1].details},
		"2":        {Fault{ErrorCode: 2}, 503, 2, 0, "(#2) API Service", errorCodes[2].details},
		"4":        {Fault{ErrorCode: 4}, 400, 4, 0, "(#4) API Too Many Calls", errorCodes[4].details},
		"10":       {Fault{ErrorCode: 10}, 403, 10, 0, "(#10) Permission Denied", errorCodes[10].details},
		"17":       {Fault{ErrorCode: 17}, 400, 17, 0, "(#17) User request limit reached", ""},
		"190":      {Fault{ErrorCode: 190}, 401, 190, 463, "Error validating access token: Session has expired", ""},
		"200":      {Fault{ErrorCode: 200}, 403, 200, 0, "(#200) API Permission", errorCodes[200].details},
		"368":      {Fault{ErrorCode: 368}, 403, 368, 0, "(#368) Temporarily blocked for policies violations", errorCodes[368].details},
		"130429":   {Fault{ErrorCode: 130429}, 400, 130429, 0, "(#130429) Rate limit hit", "Cloud API message throughput has been reached."},
		"131016":   {Fault{ErrorCode: 131016}, 500, 131016, 0, "(#131016) Service unavailable", errorCodes[131016].details},
		"133004":   {Fault{ErrorCode: 133004}, 503, 133004, 0, "(#133004) Server Temporarily Unavailable", ""},
		"unknown":  {Fault{ErrorCode: 424242}, 400, 424242, 0, "(#424242) Error", ""},
		"override": {Fault{ErrorCode: 100, Status: 418, Subcode: 7, Message: "m", Details: "d"}, 418, 100, 7, "m", "d"},
		"only 429": {Fault{Status: 429}, 429, 4, 0, "(#4) API Too Many Calls", errorCodes[4].details},
		"only 502": {Fault{Status: 502}, 502, 2, 0, "(#2) API Service", errorCodes[2].details},
		"only 400": {Fault{Status: 400}, 400, 1, 0, "(#1) API Unknown", errorCodes[1].details},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			added := s.fault(test.fault)
			a := s.get("/v25.0/" + phone1)
			e := a.refusal(t).Error
			detail := ""
			if e.Data != nil {
				detail = e.Data.Details
			}
			if a.status != test.status || e.Code != test.code || e.Subcode != test.subcode || e.Message != test.message || detail != test.detail {
				t.Errorf("%d %s", a.status, a.body)
			}
			if got := s.lastRequest().FaultID; got != added.ID {
				t.Errorf("history names the fault %q, want %q", got, added.ID)
			}
		})
	}
}

func TestThrottlingHasTheConfiguredStatusAndTheTimeToWait(t *testing.T) {
	s := startSim(t, func(c *Config) { c.ThrottleStatus = 429 })
	s.fault(Fault{ErrorCode: 80007})
	a := s.get("/v25.0/" + phone1)
	if use := a.header.Get("x-business-use-case-usage"); a.status != 429 || !strings.Contains(use, `"estimated_time_to_regain_access":5`) {
		t.Errorf("%d, %s", a.status, use)
	}
}

func TestFaultsSelectSkipAndEnd(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	s.fault(Fault{Operation: OperationRetrieve, PathPattern: "/v*/" + id, Method: "get", Skip: 1, Times: 2, Status: 503})
	var got []int
	for range 5 {
		got = append(got, s.get("/v25.0/"+id).status)
		s.get("/v25.0/" + phone1) // another operation is not counted
	}
	if diff := cmp.Diff([]int{200, 503, 503, 200, 200}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if f := s.Faults()[0]; f.Matched != 5 || f.Applied != 2 {
		t.Errorf("matched %d, applied %d", f.Matched, f.Applied)
	}
}

func TestFaultsAreAppliedWithTheirProbabilityAndTheSeedDecidesWhen(t *testing.T) {
	run := func() (hits string) {
		s := startSim(t)
		s.fault(Fault{Status: 500, Probability: 0.3})
		for range 100 {
			if s.get("/v25.0/"+phone1).status == 500 {
				hits += "x"
			} else {
				hits += "."
			}
		}
		return hits
	}
	first, second := run(), run()
	if first != second {
		t.Errorf("the same seed resulted in\n%s\n%s", first, second)
	}
	if n := strings.Count(first, "x"); n < 15 || n > 45 {
		t.Errorf("%d of 100 with probability 0.3", n)
	}
}

func TestFaultsReplaceTheBody(t *testing.T) {
	tests := map[string]struct {
		fault       Fault
		status      int
		contentType string
	}{
		"html":           {Fault{Body: "<html>Sorry"}, 200, "text/html; charset=utf-8"},
		"no id":          {Fault{Body: "{}"}, 200, "application/json; charset=UTF-8"},
		"half a json":    {Fault{Body: `{"id":"12`}, 200, "application/json; charset=UTF-8"},
		"own type":       {Fault{Body: "x", BodyType: "text/plain", Status: 502, AfterBody: true}, 502, "text/plain"},
		"status of code": {Fault{Body: "x", ErrorCode: 131016}, 500, "application/json; charset=UTF-8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			s.fault(test.fault)
			form := formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))
			a := s.post(form)
			if a.status != test.status || a.body != test.fault.Body || a.header.Get("Content-Type") != test.contentType {
				t.Errorf("%d %s %q", a.status, a.header.Get("Content-Type"), a.body)
			}
			if read := s.lastRequest().BytesRead; test.fault.AfterBody && read != int64(len(form)) {
				t.Errorf("%d of %d bytes were read", read, len(form))
			}
			assertNothingStored(t, s)
		})
	}
}

func TestCutUploadsLookBroken(t *testing.T) {
	tests := map[string]struct {
		fault  Fault
		stored int
	}{
		"before any byte":    {Fault{CutAfterBytes: -1}, 0},
		"in the first bytes": {Fault{CutAfterBytes: 1}, 0},
		"in the file":        {Fault{CutAfterBytes: 1 << 20}, 0},
		"after the file":     {Fault{LoseAnswer: true}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := startSim(t)
			test.fault.Operation, test.fault.Times = OperationUpload, 1
			s.fault(test.fault)
			send := func() (response, error) {
				body, _ := sizedForm("a.mp4", "video/mp4", mp4, 4<<20)
				return s.send(http.MethodPost, "/v25.0/"+phone1+"/media", body, "Authorization", "Bearer "+token1, "Content-Type", formType)
			}
			if a, err := send(); err == nil {
				t.Fatalf("the client received %d %s", a.status, a.body)
			}
			last := s.lastRequest()
			for last.Duration == 0 { // what was read is recorded after the cut
				runtime.Gosched()
				last = s.lastRequest()
			}
			if cut := test.fault.CutAfterBytes; cut > 0 && last.BytesRead != cut {
				t.Errorf("%d bytes were read, want %d", last.BytesRead, cut)
			}
			if !last.Cut || last.Status != 0 {
				t.Errorf("history: %+v", last)
			}
			if _, total := s.media.list(s.manual.Now(), 0); total != test.stored {
				t.Errorf("%d files are stored, want %d", total, test.stored)
			}
			if a, err := send(); err != nil || a.status != http.StatusOK {
				t.Errorf("the next upload: %d, %v", a.status, err)
			}
		})
	}
}

// A cut after the end of a body does nothing; LoseAnswer loses the response.
func TestUploadThatEndsBeforeTheCutSucceeds(t *testing.T) {
	s := startSim(t)
	s.fault(Fault{Operation: OperationUpload, CutAfterBytes: 1 << 20})
	s.mustUpload("a.png", "image/png", png)
	if last := s.lastRequest(); last.Cut || last.FaultID == "" {
		t.Errorf("history: %+v", last)
	}
}

func TestOperationWhoseAnswerIsLostIsCarriedOut(t *testing.T) {
	s := startSim(t)
	id := s.mustUpload("a.png", "image/png", png)
	address := s.address(id)
	for _, test := range []struct {
		operation      Operation
		method, target string
		reason         string
	}{
		{OperationDownload, http.MethodGet, address, ""},
		{OperationRetrieve, http.MethodGet, "/v25.0/" + id, ""},
		{OperationRetrieve, http.MethodGet, "/v25.0/1", "no such media, or it has expired"}, // an error is lost, too
		{OperationDelete, http.MethodDelete, "/v25.0/" + id, ""},
	} {
		fault := s.fault(Fault{Operation: test.operation, LoseAnswer: true}) // unlimited, since net/http retries a GET
		if a, err := s.send(test.method, test.target, nil, "Authorization", "Bearer "+token1); err == nil {
			t.Errorf("%s: the client received %d %s", test.operation, a.status, a.body)
		}
		if last := s.lastRequest(); !last.Cut || last.Status != 0 || last.BytesWritten != 0 || last.Reason != test.reason {
			t.Errorf("%s: history: %+v", test.operation, last)
		}
		s.RemoveFault(fault.ID)
	}
	assertNothingStored(t, s)
}

func TestCutDownloadsLookBroken(t *testing.T) {
	s := startSim(t)
	content := png + strings.Repeat("x", 1<<20)
	address := s.address(s.mustUpload("a.png", "image/png", content))
	s.fault(Fault{Operation: OperationDownload, CutAfterBytes: 300_000, Times: 1})
	a, err := s.send(http.MethodGet, address, nil, "Authorization", "Bearer "+token1)
	if !errors.Is(err, io.ErrUnexpectedEOF) || a.body != content[:300_000] {
		t.Errorf("%d bytes, %v", len(a.body), err)
	}
	a = s.get(address, "Range", "bytes=300000-")
	if a.status != http.StatusPartialContent || a.body != content[300_000:] {
		t.Errorf("the rest: %d, %d bytes", a.status, len(a.body))
	}
}

func TestCutResponsesLookBroken(t *testing.T) {
	s := startSim(t)
	s.fault(Fault{Operation: OperationPhoneNumber, CutAfterBytes: 10})
	if a, err := s.send(http.MethodGet, "/v25.0/"+phone1, nil, "Authorization", "Bearer "+token1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", a.body, err)
	}
}

func TestLatencyAndBandwidthTakeTheirTime(t *testing.T) {
	s := startSim(t)
	address := s.address(s.mustUpload("a.png", "image/png", png))
	var total atomic.Int64 // the last wait may follow when the client has all bytes
	s.sleep = func(_ context.Context, d time.Duration) error {
		total.Add(int64(d))
		return nil
	}
	s.fault(Fault{Latency: time.Minute, BandwidthBytesPerSecond: 100})
	form := formOf(field("messaging_product", "whatsapp"), file("a.png", "image/png", png))
	a := s.post(form)
	want := time.Minute + time.Duration(len(form)+len(a.body))*10*time.Millisecond
	if waited := time.Duration(total.Load()); a.status != http.StatusOK || (waited-want).Abs() > time.Second {
		t.Errorf("upload: %d after %v, want %v", a.status, waited, want)
	}
	total.Store(0)
	want = time.Minute + time.Duration(len(png))*10*time.Millisecond
	a = s.get(address)
	if waited := time.Duration(total.Load()); a.body != png || (waited-want).Abs() > time.Second {
		t.Errorf("download: %d bytes after %v, want %v", len(a.body), waited, want)
	}
}

func TestLatencyEndsWithTheRequestAndWithTheServer(t *testing.T) {
	s := startSim(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.sleep(canceled, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	waiting := make(chan struct{})
	s.sleep = func(ctx context.Context, d time.Duration) error {
		close(waiting)
		return s.sleepUntil(ctx, d)
	}
	s.fault(Fault{Latency: maxLatency, Times: 1})
	done := make(chan error, 1)
	go func() {
		_, err := s.send(http.MethodGet, "/v25.0/"+phone1, nil)
		done <- err
	}()
	<-waiting
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil { // Close ends the wait without a response
		t.Error("the request was answered")
	}
}

func TestFaultsThatMakeNoSenseAreRefused(t *testing.T) {
	s := startSim(t)
	s.fault(Fault{ID: "taken", Status: 500})
	tests := map[string]Fault{
		"does nothing":      {Operation: OperationUpload},
		"unknown operation": {Operation: "uplaod", Status: 500},
		"bad pattern":       {PathPattern: "[", Status: 500},
		"status 99":         {Status: 99},
		"status 600":        {Status: 600},
		"negative code":     {ErrorCode: -1},
		"long latency":      {Latency: time.Hour},
		"negative latency":  {Latency: -1},
		"negative times":    {Status: 500, Times: -1},
		"negative skip":     {Status: 500, Skip: -1},
		"negative rate":     {BandwidthBytesPerSecond: -1},
		"probability":       {Status: 500, Probability: 1.5},
		"not a probability": {Status: 500, Probability: math.NaN()},
		"message of a body": {Body: "x", Message: "m"},
		"message of a cut":  {CutAfterBytes: 1, Message: "m"},
		"lost and answered": {LoseAnswer: true, Status: 500},
		"lost and cut":      {LoseAnswer: true, CutAfterBytes: 1},
		"huge body":         {Body: strings.Repeat("x", 100_000)},
		"id":                {ID: "a/b", Status: 500},
		"id taken":          {ID: "taken", Status: 500},
	}
	for name, f := range tests {
		if _, err := s.AddFault(f); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if !s.RemoveFault("taken") || s.RemoveFault("taken") {
		t.Error("RemoveFault does not remove once")
	}
}
