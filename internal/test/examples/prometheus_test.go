package examples_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// This example shows Prometheus's exporter as the reader of a driver's metrics. The author opens the port: http.ListenAndServe(":9464",
// promhttp.HandlerFor(registry, …)). A scaffold does that in metrics.go.
func Example_prometheus() {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		fmt.Println(err)
		return
	}
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &harness.Handlers{},
		gocosi.WithMetricReader(exporter), gocosi.WithEnvironment(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	scrape := func() {
		scraped := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		var names []string
		for lines := bufio.NewScanner(scraped.Body); lines.Scan(); {
			if name, isType := strings.CutPrefix(lines.Text(), "# TYPE gocosi_driver_"); isType {
				names = append(names, "gocosi_driver_"+name)
			}
		}
		slices.Sort(names)
		fmt.Println(strings.Join(names, "\n"))
	}
	if err := harness.CreateOnce(driver, "photos", scrape); err != nil {
		fmt.Println(err)
	}
	// Output: gocosi_driver_ready gauge
}
