package examples_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestScrape compares what Prometheus gets of a running driver with the names and types that queries rely on.
func TestScrape(t *testing.T) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	d := harness.Start(t, &harness.Handlers{},
		gocosi.WithMetricReader(exporter))
	if err := d.Create(t.Context()); err != nil {
		t.Fatal(err)
	}

	var got []string
	harness.Eventually(t, func() bool { // the duration is told when the call has ended for gRPC too
		scraped := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		got = nil
		for line := range strings.Lines(scraped.Body.String()) {
			if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
				got = append(got, strings.TrimSpace(name))
			}
		}
		return slices.Contains(got, "rpc_server_call_duration_seconds histogram")
	}, "no duration in a scrape, want the one of the call")
	slices.Sort(got)
	want := []string{
		"gocosi_bucket_refusals_total counter",
		"gocosi_build_info gauge",
		"gocosi_driver_ready gauge",
		"gocosi_rpc_active_calls gauge",
		"gocosi_rpc_missed_deadlines_total counter",
		"gocosi_rpc_panics_total counter",
		"gocosi_rpc_request_refusals_total counter",
		"gocosi_rpc_response_refusals_total counter",
		"gocosi_rpc_translations_total counter",
		"gocosi_rpc_unserved_calls_total counter",
		"rpc_server_call_duration_seconds histogram",
		"target_info gauge",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
