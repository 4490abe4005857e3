package monitoring_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// server is a Prometheus that scrapes every job each half second.
type server struct{ url string }

// startPrometheus starts one for jobs at addresses, with rules.
func startPrometheus(t *testing.T, jobs map[string]string, rules []string) server {
	t.Helper()
	dir := t.TempDir()
	var config strings.Builder
	config.WriteString("global:\n  scrape_interval: 500ms\n  evaluation_interval: 1s\nrule_files:\n")
	for _, file := range rules {
		fmt.Fprintf(&config, "  - %q\n", file)
	}
	config.WriteString("scrape_configs:\n")
	for job, target := range jobs {
		fmt.Fprintf(&config, "  - job_name: %q\n    static_configs:\n      - targets: [%q]\n", job, target)
	}
	file := filepath.Join(dir, "prometheus.yaml")
	if err := os.WriteFile(file, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, nil, "check", "config", file)

	p := server{"http://" + freeAddress(t)}
	cmd := exec.Command(tool(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+strings.TrimPrefix(p.url, "http://"), "--log.level=error")
	harness.StartChild(t, cmd)
	harness.Eventually(t, func() bool {
		response, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, "Prometheus is not ready")
	return p
}

// freeAddress returns a loopback address at which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return lis.Addr().String()
}

// series returns how many series a query has now.
func (p server) series(ctx context.Context, query string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/query?"+url.Values{"query": {query}}.Encode(), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string `json:"error"`
		Data  struct {
			Result []struct {
				Value [2]any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error != "" {
		return 0, fmt.Errorf("%s: %s %w", query, answer.Error, err)
	}
	count := 0
	for _, result := range answer.Data.Result {
		if result.Value[1] != "NaN" { // a quantile of nothing
			count++
		}
	}
	return count, nil
}

// is waits until a query has series, or until it has none.
func (p server) is(t *testing.T, query string, some bool) bool {
	t.Helper()
	for end := time.Now().Add(harness.Limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		count, err := p.series(t.Context(), query)
		if err != nil {
			t.Error(err)
			return false
		}
		if (count > 0) == some {
			return true
		}
	}
	return false
}
