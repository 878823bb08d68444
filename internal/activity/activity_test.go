package activity_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"ferry/internal/activity"
)

// logged returns the attributes of the line that an entry becomes, nil if it becomes none.
func logged(t *testing.T, least slog.Level, e activity.Entry) map[string]any {
	t.Helper()
	var out bytes.Buffer
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	activity.NewRecorder(slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: least}))).Record(ended, e)
	if out.Len() == 0 {
		return nil
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func TestCallIsLoggedWithTheFieldsThatAreSet(t *testing.T) {
	line := logged(t, slog.LevelInfo, activity.Entry{
		Kind: activity.Call, Trace: "7b1c", Operation: "PostWhatsAppMessageMedia", Took: time.Second, MediaID: "123",
		Outcome: activity.OK, Status: 200, Details: []slog.Attr{slog.Int("attempts", 2)},
	})
	for name, want := range map[string]any{
		"msg": "request", "level": "INFO", "request_id": "7b1c", "operation": "PostWhatsAppMessageMedia",
		"media_id": "123", "attempts": 2.0, "status": 200.0, "outcome": "ok",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}
	for _, name := range []string{"account", "remote", "cause", "exception", "ambiguous", "meta_trace_id", "size"} {
		if value, there := line[name]; there {
			t.Errorf("%s is %v although it is not set", name, value)
		}
	}
}

func TestLevelTellsWhoFailed(t *testing.T) {
	cases := map[string]struct {
		entry activity.Entry
		level string
	}{
		"the caller":                      {activity.Entry{Kind: activity.Call, Outcome: activity.Refused, Status: 400}, "INFO"},
		"the server":                      {activity.Entry{Kind: activity.Call, Outcome: activity.Failed, Status: 500}, "ERROR"},
		"Meta":                            {activity.Entry{Kind: activity.Call, Outcome: activity.Failed, Status: 502}, "WARN"},
		"nobody sure":                     {activity.Entry{Kind: activity.Call, Outcome: activity.Ambiguous, Status: 502}, "WARN"},
		"Meta, when a message was sent":   {activity.Entry{Kind: activity.Send, Outcome: activity.Ambiguous}, "WARN"},
		"nobody, when a message was sent": {activity.Entry{Kind: activity.Send, Outcome: activity.OK}, "INFO"},
		"a step":                          {activity.Entry{Kind: activity.Graph, Outcome: activity.Failed, Status: 500}, "DEBUG"},
	}
	for name, c := range cases {
		if line := logged(t, slog.LevelDebug, c.entry); line["level"] != c.level {
			t.Errorf("%s failed: level %v, want %s", name, line["level"], c.level)
		}
	}
}

func TestStepsAreForDebuggingOnly(t *testing.T) {
	step := activity.Entry{Kind: activity.Graph, Trace: "7b1c", MetaTrace: "Az8or2", Status: 200, Outcome: activity.OK}
	if line := logged(t, slog.LevelInfo, step); line != nil {
		t.Errorf("logged at level info: %v", line)
	}
	line := logged(t, slog.LevelDebug, step)
	if line["msg"] != "graph" || line["request_id"] != "7b1c" || line["meta_trace_id"] != "Az8or2" {
		t.Errorf("%v", line)
	}
}

func TestNilRecorderDropsEntries(t *testing.T) {
	activity.NewRecorder(nil).Record(t.Context(), activity.Entry{})
}
