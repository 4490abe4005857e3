package gocosi

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/telemetry"
)

// BenchmarkStage measures each stage of the chain alone, around a handler that answers at once. The first one, none,
// measures what the others cost too.
func BenchmarkStage(b *testing.B) {
	c := newConfig([]Option{
		WithEnvironment(nil), WithoutTelemetry(), WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil))),
	})
	s, _, err := c.settle()
	if err != nil {
		b.Fatal(err)
	}
	t, err := telemetry.Start(b.Context(), c.telemetry, "test.example.com", "test", c.log)
	if err != nil {
		b.Fatal(err)
	}
	defer t.Flush()
	ch := newChain(c, s, t)
	for _, bench := range []struct {
		name  string
		stage stage
	}{
		{"none", nil},
		{"logged", ch.logged},
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
	ctx, cancel := context.WithCancel(b.Context()) // gRPC's context ends too
	defer cancel()
	request := &cosi.DriverCreateBucketRequest{Name: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"}
	response := &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{}}}}
	info := &grpc.UnaryServerInfo{FullMethod: "/cosi.v1alpha1.Provisioner/DriverCreateBucket"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ch.unary(ctx, request, info, func(context.Context, any) (any, error) { return response, nil }); err != nil {
			b.Fatal(err)
		}
	}
}
