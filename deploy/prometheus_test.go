package deploy

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPromtoolAcceptsAlertsAndTheirTests(t *testing.T) {
	promtool := program(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = "prometheus"
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, text)
		}
	}
}

// rules is the file of alerts.
type rules struct {
	Groups []struct {
		Name  string
		Rules []struct {
			Record, Alert, Expr string
			Labels, Annotations map[string]string
		}
	}
}

func readRules(t *testing.T) (list rules) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, "prometheus/rules.yaml")), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEachAlertHasARunbookAndATest(t *testing.T) {
	operating, tests := readFile(t, "../docs/operating.md"), readFile(t, "prometheus/rules_test.yaml")
	alerts := 0
	for _, group := range readRules(t).Groups {
		for _, rule := range group.Rules {
			if rule.Alert == "" {
				continue
			}
			alerts++
			if want := "docs/operating.md#" + strings.ToLower(rule.Alert); rule.Annotations["runbook"] != want {
				t.Errorf("%s has the runbook %q, want %q", rule.Alert, rule.Annotations["runbook"], want)
			}
			if !strings.Contains(operating, "\n### "+rule.Alert+"\n") {
				t.Errorf("docs/operating.md has no section for %s", rule.Alert)
			}
			if severity := rule.Labels["severity"]; severity != "page" && severity != "ticket" {
				t.Errorf("%s has the severity %q", rule.Alert, severity)
			}
			if !strings.Contains(tests, "alertname: "+rule.Alert+"\n        exp_alerts:\n          - ") {
				t.Errorf("rules_test.yaml does not make %s fire", rule.Alert)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("there are %d alerts", alerts)
	}
}

var (
	documentedMetric = regexp.MustCompile("(?m)^\\| `(ferry_[a-z_]+)` \\| (counter|gauge|histogram) \\|([^|]*)\\|")
	usedMetric       = regexp.MustCompile(`ferry_[a-z_]+`)
	recordedMetric   = regexp.MustCompile(`ferry:[a-zA-Z0-9_:]+`)
)

// TestAlertsAndDashboardUseMetricsThatExist: a test of internal/metrics compares the table
// in docs/operating.md with the registry.
func TestAlertsAndDashboardUseMetricsThatExist(t *testing.T) {
	series := map[string]bool{}
	for _, row := range documentedMetric.FindAllStringSubmatch(readFile(t, "../docs/operating.md"), -1) {
		series[row[1]] = true
		if row[2] == "histogram" {
			series[row[1]+"_bucket"], series[row[1]+"_sum"], series[row[1]+"_count"] = true, true, true
		}
	}
	if len(series) < 20 {
		t.Fatalf("docs/operating.md documents only %d metrics: is the pattern still right?", len(series))
	}
	recorded := map[string]bool{}
	var expressions []string
	for _, group := range readRules(t).Groups {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
			if rule.Record != "" {
				recorded[rule.Record] = true
			}
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, "grafana/ferry.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		if len(panel.Targets) == 0 {
			t.Errorf("the panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	shown := map[string]bool{}
	for _, expression := range expressions {
		for _, name := range usedMetric.FindAllString(expression, -1) {
			shown[strings.TrimSuffix(name, "_bucket")] = true
			if !series[name] {
				t.Errorf("%s does not exist, in %s", name, expression)
			}
		}
		for _, name := range recordedMetric.FindAllString(expression, -1) {
			if !recorded[name] {
				t.Errorf("no rule records %s, in %s", name, expression)
			}
		}
	}
	if len(shown) < 20 {
		t.Errorf("alerts and dashboard use only %d metrics", len(shown))
	}
}
