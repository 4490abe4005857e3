package monitoring_test

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	operator "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// The driver that most tests write.
const (
	app  = "cosi-osp"
	name = "cosi-osp.example.com"
)

// decode reads a manifest as the API server does, which refuses unknown fields.
func decode(t *testing.T, into any, elements ...string) {
	t.Helper()
	if err := yaml.UnmarshalStrict(read(t, elements...), into); err != nil {
		t.Fatalf("%q: %v", elements, err)
	}
}

// TestMonitor follows the names from the monitor to the pod's port.
func TestMonitor(t *testing.T) {
	t.Parallel()
	folder := scaffold(t, app, name)
	var monitor operator.PodMonitor
	decode(t, &monitor, folder, "deploy", "monitoring", "podmonitor.yaml")
	deployment := built(t, folder)

	pod := deployment.Spec.Template
	if monitor.Namespace != deployment.Namespace {
		t.Errorf("the monitor is in %q, the driver in %q", monitor.Namespace, deployment.Namespace)
	}
	for key, value := range monitor.Spec.Selector.MatchLabels {
		if pod.Labels[key] != value {
			t.Errorf("the monitor selects %s=%s, want a label of the pod", key, value)
		}
	}
	if job := pod.Labels[monitor.Spec.JobLabel]; job != app {
		t.Errorf("the job is %q, want %q, which the alerts ask for", job, app)
	}
	driver := pod.Spec.Containers[0]
	port := *monitor.Spec.PodMetricsEndpoints[0].Port
	i := slices.IndexFunc(driver.Ports, func(p corev1.ContainerPort) bool { return p.Name == port })
	if i < 0 || driver.Ports[i].ContainerPort != 9464 {
		t.Errorf("the driver has the ports %+v, want %q to be the exporter's 9464", driver.Ports, port)
	}
	for _, variable := range []corev1.EnvVar{
		{Name: "OTEL_METRICS_EXPORTER", Value: "prometheus"}, {Name: "OTEL_EXPORTER_PROMETHEUS_HOST", Value: "0.0.0.0"},
	} {
		if !slices.Contains(driver.Env, variable) {
			t.Errorf("the driver lacks %s=%s", variable.Name, variable.Value)
		}
	}
}

// built returns the Deployment that kubectl applies, and expects the monitor and the rules beside it, as they are in their files.
func built(t *testing.T, folder string) appsv1.Deployment {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), kustomize, "build", filepath.Join(folder, "deploy"))
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	var monitor, monitorFile operator.PodMonitor
	var rule, ruleFile operator.PrometheusRule
	decode(t, &monitorFile, folder, "deploy", "monitoring", "podmonitor.yaml")
	decode(t, &ruleFile, folder, "deploy", "monitoring", "alerts.yaml")
	for document := range strings.SplitSeq(string(out), "\n---\n") {
		for kind, into := range map[string]any{"Deployment": &deployment, "PodMonitor": &monitor, "PrometheusRule": &rule} {
			if strings.Contains("\n"+document, "\nkind: "+kind+"\n") {
				if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if !reflect.DeepEqual(monitor, monitorFile) || !reflect.DeepEqual(rule, ruleFile) {
		t.Errorf("kubectl applies the monitor %+v and the rules %+v, want those of the files", monitor, rule)
	}
	return deployment
}

// TestAlertsAreComplete checks what each alert tells an operator, and that it asks for its own driver alone.
func TestAlertsAreComplete(t *testing.T) {
	t.Parallel()
	for _, rule := range alerts(t, scaffold(t, app, name)) {
		expr := rule.Expr.String()
		for selector := range strings.SplitSeq(expr, "{") {
			if _, ok := strings.CutPrefix(selector, `job="`+app+`"`); !ok && selector != expr[:strings.Index(expr, "{")] {
				t.Errorf("%s: {%s asks for other jobs too", rule.Alert, selector)
			}
		}
		if !slices.Contains([]string{"critical", "warning", "info"}, rule.Labels["severity"]) {
			t.Errorf("%s has the severity %q", rule.Alert, rule.Labels["severity"])
		}
		if rule.Labels["driver"] != name || rule.Labels["namespace"] != app { // Alertmanager takes alerts with the same labels for one
			t.Errorf("%s has the labels %q, want the driver and its namespace", rule.Alert, rule.Labels)
		}
		if !strings.HasSuffix(rule.Annotations["runbook_url"], "/docs/operations.md#alerts") || rule.Annotations["summary"] == "" ||
			!strings.Contains(rule.Annotations["description"], name) {
			t.Errorf("%s tells %q, want a summary, a description that names the driver, and where its table is", rule.Alert, rule.Annotations)
		}
		if documented := string(read(t, root, "docs", "operations.md")); !strings.Contains(documented, "\n| `"+rule.Alert+"` |") {
			t.Errorf("docs/operations.md has no row for %s", rule.Alert)
		}
	}
}

// alerts returns the rules of a scaffold.
func alerts(t *testing.T, folder string) []operator.Rule {
	t.Helper()
	var rules operator.PrometheusRule
	decode(t, &rules, folder, "deploy", "monitoring", "alerts.yaml")
	if len(rules.Spec.Groups) != 1 {
		t.Fatalf("%d groups of rules, want one", len(rules.Spec.Groups))
	}
	return rules.Spec.Groups[0].Rules
}

// TestDashboard reads the dashboard with Grafana's own types, strictly.
func TestDashboard(t *testing.T) {
	t.Parallel()
	plugins.RegisterDefaultPlugins()
	var board dashboard.Dashboard //nolint:staticcheck // the form that every Grafana imports; the newer one is of the newest alone
	text := read(t, scaffold(t, app, name), "deploy", "monitoring", "dashboard.json")
	for _, err := range []error{board.UnmarshalJSONStrict(text), board.Validate()} {
		if err != nil && err.Error() != "" { // the package also returns an empty list for no error
			t.Error(err)
		}
	}
	for _, p := range panels(t, text) {
		if p.Type != "row" && (p.Title == "" || p.Description == "" || len(p.Targets) == 0) {
			t.Errorf("panel %q lacks a title, a description or queries", p.Title)
		}
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %q is wider than the page", p.Title)
		}
	}
}

// panel holds what tests need from a dashboard's panel.
type panel struct {
	Type        string `json:"type"`
	Title       string `json:"title"`
	Description string `json:"description"`
	GridPos     struct {
		X int `json:"x"`
		W int `json:"w"`
	} `json:"gridPos"`
	Targets []struct {
		Expr string `json:"expr"`
	} `json:"targets"`
}

func panels(t *testing.T, text []byte) []panel {
	t.Helper()
	var board struct {
		Panels []panel `json:"panels"`
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels
}
