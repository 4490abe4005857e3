package deps_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// budget lists the modules that a driver may link, with the reasons. A new module is a deliberate decision: add it here
// and in docs/rationale.md.
var budget = map[string]string{
	"github.com/doomshrine/gocosi":                        "itself",
	"sigs.k8s.io/container-object-storage-interface-spec": "the bindings",
	"google.golang.org/grpc":                              "the server",
	"google.golang.org/protobuf":                          "grpc, the bindings",
	"github.com/golang/protobuf":                          "the bindings",
	"google.golang.org/genproto/googleapis/rpc":           "grpc: status",
	"golang.org/x/net":                                    "grpc: http2",
	"golang.org/x/sys":                                    "grpc, x/net",
	"golang.org/x/text":                                   "x/net: idna",
	"github.com/go-logr/logr":                             "logs",
	"github.com/go-logr/stdr":                             "otel",
	"github.com/grpc-ecosystem/go-grpc-middleware/v2":     "recovery",
	"go.opentelemetry.io/otel":                            "traces and metrics",
	"go.opentelemetry.io/otel/log":                        "otel",
	"go.opentelemetry.io/otel/metric":                     "metrics",
	"go.opentelemetry.io/otel/trace":                      "traces",
	"go.opentelemetry.io/otel/sdk":                        "traces",
	"go.opentelemetry.io/otel/sdk/metric":                 "metrics",
	"go.opentelemetry.io/auto/sdk":                        "otel/trace",
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc": "the stats handler",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace":                           "OTLP",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc":             "OTLP",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp":             "OTLP",
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc":           "OTLP",
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp":           "OTLP",
	"go.opentelemetry.io/proto/otlp":                                              "OTLP",
	"github.com/cenkalti/backoff/v5":                                              "OTLP: retry",
	"github.com/cespare/xxhash/v2":                                                "otel: attribute sets",
	"github.com/google/uuid":                                                      "otel/sdk: instance ids",
	"github.com/grpc-ecosystem/grpc-gateway/v2":                                   "proto/otlp",
	"google.golang.org/genproto/googleapis/api":                                   "grpc-gateway",
}

func TestLinksOnlyWhatTheBudgetAllows(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps",
		"-f", "{{if not .Standard}}{{.Module.Path}}{{end}}", "github.com/doomshrine/gocosi").Output()
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(string(out))
	slices.Sort(linked)
	linked = slices.Compact(linked)
	for _, module := range linked {
		if budget[module] == "" {
			t.Errorf("links %s, want only modules in the budget", module)
		}
	}
	for module := range budget {
		if !slices.Contains(linked, module) {
			t.Errorf("the budget has %s, want only linked modules", module)
		}
	}
}

// A module that requires this one and the bindings, and nothing else, tidies and builds: the old bindings alone would
// end in an ambiguous import of genproto.
func TestConsumerModuleTidiesAndBuilds(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bindings := version(t, "sigs.k8s.io/container-object-storage-interface-spec")
	write("go.mod", "module example.com/consumer\n\ngo 1.26.0\n\n"+
		"require github.com/doomshrine/gocosi v0.0.0\n"+
		"require sigs.k8s.io/container-object-storage-interface-spec "+bindings+"\n\n"+
		"replace github.com/doomshrine/gocosi => "+root+"\n")
	write("main.go", `package main

import (
	"context"

	"github.com/doomshrine/gocosi"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func main() {
	driver, err := gocosi.New(gocosi.NewIdentity("s3.example.com"), &cosi.UnimplementedProvisionerServer{})
	if err != nil {
		panic(err)
	}
	_ = driver.Run(context.Background())
}
`)
	for _, args := range [][]string{{"mod", "tidy"}, {"build", "-o", filepath.Join(dir, "consumer"), "."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// version returns the version of a module that go.mod requires.
func version(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}
