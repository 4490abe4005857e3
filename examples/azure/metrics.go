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
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// exportMetrics serves metrics to Prometheus when OTEL_METRICS_EXPORTER says so, until the process ends, and returns the reader
// that wants them, also with an error. Without a reader, gocosi does what the variable says. Whoever reaches the address may read: no
// metric has a secret, or the name of a bucket.
func exportMetrics(ctx context.Context, getenv func(string) string, log logr.Logger) (reader metric.Reader, err error) {
	read := func(name string) string { return strings.TrimSpace(getenv(name)) }
	if read("OTEL_METRICS_EXPORTER") != "prometheus" || strings.EqualFold(read("OTEL_SDK_DISABLED"), "true") {
		return reader, nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return reader, fmt.Errorf("metrics: %w", err)
	}
	host, port := cmp.Or(read("OTEL_EXPORTER_PROMETHEUS_HOST"), "localhost"), cmp.Or(read("OTEL_EXPORTER_PROMETHEUS_PORT"), "9464")
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return exporter, fmt.Errorf("OTEL_EXPORTER_PROMETHEUS_PORT: %.40q is no port; want a number up to 65535, 0 for any port that is free", port)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return exporter, fmt.Errorf("OTEL_EXPORTER_PROMETHEUS_HOST and _PORT: %w; want an address of this machine and a port that is free", err)
	}
	log.Info("metrics are served", "url", "http://"+listener.Addr().String()+"/metrics")
	go serveMetrics(listener, registry, log)
	return exporter, nil
}

// serveMetrics answers whoever scrapes, a few at a time, and bounds what each may cost.
func serveMetrics(listener net.Listener, registry *prometheus.Registry, log logr.Logger) {
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		MaxRequestsInFlight: 5, Timeout: 10 * time.Second, ErrorHandling: promhttp.ContinueOnError,
	}))
	server := &http.Server{
		Handler: mux, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 8 << 10,
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error(err, "metrics are no longer served")
	}
}
