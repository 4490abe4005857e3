package gocosi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/safelog"
)

// BenchmarkStage measures each stage of the chain alone, around a handler that answers immediately. The first stage,
// none, measures the common costs of all stages.
func BenchmarkStage(b *testing.B) {
	c := newConfig([]Option{
		WithEnvironment(nil), WithoutTelemetry(), WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))),
	})
	s, err := c.settle()
	if err != nil {
		b.Fatal(err)
	}
	log := safelog.New(c.log)
	defer log.Close(time.Second)
	t, err := startTelemetry(c, "test.example.com", log.Queued())
	if err != nil {
		b.Fatal(err)
	}
	defer t.Flush()
	ch := newChain(c, s, log, t)
	for _, bench := range []struct {
		name  string
		stage stage
	}{
		{"none", nil},
		{"answered", ch.answered},
		{"recovered", ch.recovered},
		{"checked", ch.checked},
		{"serialized", ch.serialized},
		{"limited", ch.limited},
	} {
		b.Run(bench.name, func(b *testing.B) {
			if ch.stages = nil; bench.stage != nil {
				ch.stages = []stage{bench.stage}
			}
			benchmarkCalls(b, ch)
		})
	}
}

func benchmarkCalls(b *testing.B, ch *chain) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context()) // gRPC's context also ends
	defer cancel()
	decode := func(request any) error {
		request.(*cosi.DriverCreateBucketRequest).Name = "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"
		return nil
	}
	serve := ch.Unary("/cosi.v1alpha1.Provisioner/DriverCreateBucket", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := serve(atOnce{}, ctx, decode, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// atOnce answers every creation with the same bucket.
type atOnce struct {
	*cosi.UnimplementedProvisionerServer
}

var response = &cosi.DriverCreateBucketResponse{
	BucketId: "id", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{}}},
}

func (atOnce) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return response, nil
}

func TestListenTCP(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		address     string
		offLoopback bool
		refused     bool
	}{
		"loopback":             {"127.0.0.1:0", false, false},
		"localhost":            {"localhost:0", false, false},
		"every address":        {"0.0.0.0:0", false, true},
		"every IPv6 address":   {"[::]:0", false, true},
		"no host":              {":0", false, true},
		"no host, but allowed": {":0", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lis, err := settings{endpoint: address.Endpoint{Network: address.TCP, Address: row.address}, insecure: row.offLoopback}.listen(t.Context())
			if row.refused {
				if !errors.Is(err, errOffLoopback) {
					t.Fatalf("Listen: %v; want %v", err, errOffLoopback)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer lis.Close()
			if !row.offLoopback && !lis.Addr().(*net.TCPAddr).IP.IsLoopback() {
				t.Errorf("it listens on %s", lis.Addr())
			}
		})
	}
}

func TestListenTCPObeysItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	lis, err := settings{endpoint: address.Endpoint{Network: address.TCP, Address: "driver.example.invalid:0"}, insecure: true}.listen(ctx)
	if err == nil {
		lis.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Listen: %v; want %v", err, context.Canceled)
	}
}

// TestDocsNameEveryVariable compares the tables in docs/configuration.md and doc.go with the table in the code: names, defaults and
// meanings. docs/configuration.md formats some of the words as code.
func TestDocsNameEveryVariable(t *testing.T) {
	t.Parallel()
	configuration := strings.ReplaceAll(readText(t, "docs/configuration.md"), "`", "")
	docs := readText(t, "doc.go")
	for _, v := range variables() {
		def := v.preset + v.unset
		if row := fmt.Sprintf("\n| %s | %s | %s |\n", v.env, def, v.means); !strings.Contains(configuration, row) {
			t.Errorf("docs/configuration.md lacks a row, want:%s", row)
		}
		if line := fmt.Sprintf("\n//\t%-24s  %-30s  %s\n", v.env, def, v.means); !strings.Contains(docs, line) {
			t.Errorf("doc.go lacks a line, want:%s", line)
		}
	}
	for file, row := range map[string]string{configuration: `(?m)^\| (X_)?COSI_`, docs: `(?m)^//\t(X_)?COSI_`, readText(t, "env.go"): `(?m)^\tEnv\w+ += "`} {
		if n := len(regexp.MustCompile(row).FindAllString(file, -1)); n != len(variables()) {
			t.Errorf("%d of %s, want %d", n, row, len(variables()))
		}
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// WithGeneration has a driver take calls of one more generation of COSI through all stages. Its services come by WithServices.
func WithGeneration(g methods.Generation) Option {
	return optionFunc(func(c *config) { c.generations = append(c.generations, g) })
}
