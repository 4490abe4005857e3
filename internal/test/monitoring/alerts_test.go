package monitoring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestPrometheusRules runs promtool's tests of the rules, in testdata/alerts.yaml. Each alert must be expected there once.
func TestPrometheusRules(t *testing.T) {
	t.Parallel()
	tool(t, "promtool")
	folder := scaffold(t, app, name)
	dir := t.TempDir()
	rules, tests := ruleFile(t, dir, folder), filepath.Join(dir, "tests.yaml")
	text := read(t, "testdata", "alerts.yaml")
	if err := os.WriteFile(tests, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "rules", "--lint-fatal", rules)
	t.Log(promtool(t, nil, "test", "rules", tests))
	for _, rule := range alerts(t, folder) {
		if !strings.Contains(string(text), "alertname: "+rule.Alert+"\n        exp_alerts:\n") {
			t.Errorf("testdata/alerts.yaml does not expect %s", rule.Alert)
		}
	}
}

// ruleFile writes the rules of a scaffold as Prometheus reads them, without Kubernetes.
func ruleFile(t *testing.T, dir, folder string) string {
	t.Helper()
	var object struct{ Spec any }
	if err := yaml.Unmarshal(read(t, folder, "deploy", "monitoring", "alerts.yaml"), &object); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(object.Spec)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
