package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// exportMetrics serves metrics to Prometheus when OTEL_METRICS_EXPORTER says so, until the process ends. It returns the reader to give
// to gocosi, even with an error. Without a reader, gocosi does what the variable says. Whoever reaches the address may read: no metric
// has a secret, or the name of a bucket.
func exportMetrics(ctx context.Context, getenv func(string) string, log logr.Logger) (reader metric.Reader, err error) {
	read := func(name string) string { return strings.TrimSpace(getenv(name)) }
	asked := read("OTEL_METRICS_EXPORTER")
	if !strings.Contains(strings.ToLower(asked), "prometheus") || strings.EqualFold(read("OTEL_SDK_DISABLED"), "true") {
		return reader, nil
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Error(err, "metrics are incomplete") }))
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return reader, fmt.Errorf("metrics: %w", err)
	}
	if asked != "prometheus" {
		return exporter, fmt.Errorf("OTEL_METRICS_EXPORTER: %.40q; want prometheus alone, in lower case, or otlp, or none", asked)
	}
	listener, err := listen(ctx, cmp.Or(read("OTEL_EXPORTER_PROMETHEUS_HOST"), "localhost"), cmp.Or(read("OTEL_EXPORTER_PROMETHEUS_PORT"), "9464"))
	if err != nil {
		return exporter, err
	}
	log.Info("metrics are served", "url", "http://"+listener.Addr().String()+"/metrics")
	go serveMetrics(listener, registry, log)
	return exporter, nil
}

// listen opens the port.
func listen(ctx context.Context, host, port string) (net.Listener, error) {
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_PROMETHEUS_PORT: %.40q is no port; want a number up to 65535, 0 for any port that is free", port)
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]") // as a URL has an address of IPv6
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_PROMETHEUS_HOST and _PORT: %w; "+
			"want a name or an IP address of this machine, without a port, and a port that is free", err)
	}
	return listener, nil
}

// serveMetrics answers whoever scrapes, a few at a time, and bounds what each may cost.
func serveMetrics(listener net.Listener, registry *prometheus.Registry, log logr.Logger) {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 5, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError, ErrorLog: scrapes{log},
	}))
	server := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error(err, "metrics are no longer served")
	}
}

// scrapes logs what is wrong with the answer to a scrape.
type scrapes struct{ log logr.Logger }

// Println implements promhttp.Logger.
func (s scrapes) Println(values ...any) {
	s.log.Error(nil, "metrics are incomplete", "reason", fmt.Sprint(values...))
}
