package otlptest

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	colmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // lets the server read compressed exports
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Start starts a receiver for a protocol, named as in OTEL_EXPORTER_OTLP_PROTOCOL: grpc or http/protobuf.
func Start(t testing.TB, protocol string) *Receiver { return start(t, protocol, false) }

// StartTLS starts a receiver with TLS that accepts any client certificate and requires one.
func StartTLS(t testing.TB, protocol string) *Receiver { return start(t, protocol, true) }

func start(t testing.TB, protocol string, secure bool) *Receiver {
	t.Helper()
	r := &Receiver{ended: make(chan struct{})}
	server := httptest.NewUnstartedServer(r.handler())
	if secure {
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
		server.EnableHTTP2 = true
		server.StartTLS()
		r.writeFiles(t, server.TLS.Certificates[0])
	} else {
		server.Start()
	}
	r.URL = server.URL
	stop := server.Close
	if protocol == "grpc" {
		config := server.TLS
		server.Close()
		r.URL, stop = r.serveGRPC(t, config)
	}
	t.Cleanup(func() { close(r.ended); stop() })
	return r
}

func (r *Receiver) serveGRPC(t testing.TB, config *tls.Config) (url string, stop func()) {
	t.Helper()
	lis := listen(t)
	scheme := "http"
	var options []grpc.ServerOption
	if config != nil {
		scheme, options = "https", append(options, grpc.Creds(credentials.NewTLS(config)))
	}
	server := grpc.NewServer(options...)
	coltrace.RegisterTraceServiceServer(server, traceService{receiver: r})
	colmetrics.RegisterMetricsServiceServer(server, metricsService{receiver: r})
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(lis) }()
	return scheme + "://" + lis.Addr().String(), func() { server.Stop(); <-served }
}

// writeFiles writes a certificate and its key to PEM files.
func (r *Receiver) writeFiles(t testing.TB, pair tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r.Certificate, r.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		r.Certificate: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		r.Key:         {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

type traceService struct {
	coltrace.UnimplementedTraceServiceServer
	receiver *Receiver
}

func (s traceService) Export(ctx context.Context, r *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	return &coltrace.ExportTraceServiceResponse{}, overGRPC(s.receiver.traces(ctx, header(ctx), r))
}

type metricsService struct {
	colmetrics.UnimplementedMetricsServiceServer
	receiver *Receiver
}

func (s metricsService) Export(ctx context.Context, r *colmetrics.ExportMetricsServiceRequest) (*colmetrics.ExportMetricsServiceResponse, error) {
	return &colmetrics.ExportMetricsServiceResponse{}, overGRPC(s.receiver.measures(ctx, header(ctx), r))
}

func header(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, Header); len(values) > 0 {
		return values[0]
	}
	return ""
}

func overGRPC(err error) error {
	if err == nil {
		return nil
	}
	return status.Error(codes.Unavailable, err.Error())
}

// handler returns a handler that serves both signals over HTTP.
func (r *Receiver) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", func(w http.ResponseWriter, request *http.Request) {
		var body coltrace.ExportTraceServiceRequest
		overHTTP(w, request, &body, func() error { return r.traces(request.Context(), request.Header.Get(Header), &body) })
	})
	mux.HandleFunc("POST /v1/metrics", func(w http.ResponseWriter, request *http.Request) {
		var body colmetrics.ExportMetricsServiceRequest
		overHTTP(w, request, &body, func() error { return r.measures(request.Context(), request.Header.Get(Header), &body) })
	})
	return mux
}

func overHTTP(w http.ResponseWriter, request *http.Request, body proto.Message, export func() error) {
	if err := read(request, body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := export(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func read(request *http.Request, body proto.Message) error {
	if got := request.Header.Get("Content-Type"); got != "application/x-protobuf" {
		return fmt.Errorf("content type %q, want application/x-protobuf", got)
	}
	reader := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(reader)
		if err != nil {
			return err
		}
		reader = unzipped
	}
	data, err := io.ReadAll(reader)
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, body)
}
