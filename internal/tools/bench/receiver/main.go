// Command receiver runs an OTLP collector that counts what it receives and discards it. It prints its URL at the start.
// When its input ends, it prints how many spans and metrics each service delivered, as JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/grpc"
)

func main() {
	if err := run(context.Background()); err != nil {
		slog.Error("failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	c := &counts{Spans: map[string]int{}, Metrics: map[string]int{}}
	server := grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, traces{counts: c})
	colmetrics.RegisterMetricsServiceServer(server, metrics{counts: c})
	served := make(chan error, 1)
	go func() { served <- server.Serve(lis) }()
	fmt.Fprintf(os.Stdout, "http://%s\n", lis.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Stop()
	if err := <-served; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(c)
}

// counts holds the numbers of spans and metrics that arrived, by the service's name.
type counts struct {
	mu      sync.Mutex
	Spans   map[string]int `json:"spans"`
	Metrics map[string]int `json:"metrics"`
}

func (c *counts) add(to map[string]int, from *resource.Resource, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range from.GetAttributes() {
		if a.GetKey() == "service.name" {
			to[a.GetValue().GetStringValue()] += n
		}
	}
}

type traces struct {
	coltrace.UnimplementedTraceServiceServer
	*counts
}

// Export counts spans.
func (t traces) Export(_ context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	for _, from := range r.GetResourceSpans() {
		for _, scope := range from.GetScopeSpans() {
			t.add(t.Spans, from.GetResource(), len(scope.GetSpans()))
		}
	}
	return &coltrace.ExportTraceServiceResponse{}, nil
}

type metrics struct {
	colmetrics.UnimplementedMetricsServiceServer
	*counts
}

// Export counts metrics.
func (m metrics) Export(_ context.Context, r *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	for _, from := range r.GetResourceMetrics() {
		for _, scope := range from.GetScopeMetrics() {
			m.add(m.Metrics, from.GetResource(), len(scope.GetMetrics()))
		}
	}
	return &colmetrics.ExportMetricsServiceResponse{}, nil
}
