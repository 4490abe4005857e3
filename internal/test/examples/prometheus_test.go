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
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// The exporter reads a meter provider. The author opens the port: http.ListenAndServe(":9090",
// promhttp.HandlerFor(registry, …)).
func Example_prometheus() {
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		fmt.Println(err)
		return
	}
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &harness.Handlers{},
		gocosi.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter))),
		gocosi.WithEnvironment(nil))
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := harness.CreateOnce(driver, "photos"); err != nil {
		fmt.Println(err)
	}

	scraped := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(scraped, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	var names []string
	for lines := bufio.NewScanner(scraped.Body); lines.Scan(); {
		if name, isType := strings.CutPrefix(lines.Text(), "# TYPE rpc_"); isType {
			names = append(names, "rpc_"+name)
		}
	}
	slices.Sort(names)
	fmt.Println(strings.Join(names, "\n"))
	// Output: rpc_server_call_duration_seconds histogram
}
