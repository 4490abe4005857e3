package gocosi_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// The benchmarks here measure the chain without a network, down to nanoseconds. What it costs in a real server is
// measured by make bench.

// BenchmarkStage measures each stage of the chain alone, around a handler that answers at once. The first one, none, is
// what the others cost too.
func BenchmarkStage(b *testing.B) {
	for _, name := range []string{"none", "logged", "answered", "recovered", "checked", "serialized", "limited"} {
		b.Run(name, func(b *testing.B) {
			stage, err := gocosi.NewStage(name, gocosi.WithEnvironment(nil), discarding())
			if err != nil {
				b.Fatal(err)
			}
			defer stage.Close()
			benchmark(b, stage, answerAtOnce)
		})
	}
}

// BenchmarkChain measures the whole chain, and what it costs when the handler asks for the end of its context.
func BenchmarkChain(b *testing.B) {
	waits := func(ctx context.Context, request any) (any, error) {
		_ = ctx.Done()
		return answerAtOnce(ctx, request)
	}
	for _, c := range []struct {
		name    string
		handler grpc.UnaryHandler
		options []gocosi.Option
	}{
		{"default", answerAtOnce, nil},
		{"handler asks for Done", waits, nil},
		{"log", answerAtOnce, []gocosi.Option{discarding()}},
		{"no rules", answerAtOnce, []gocosi.Option{gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules()}},
		{"no deadline", answerAtOnce, []gocosi.Option{gocosi.WithDefaultRPCTimeout(0)}},
		{"no turns", answerAtOnce, []gocosi.Option{gocosi.WithoutSerialization()}},
	} {
		b.Run(c.name, func(b *testing.B) {
			chain, err := gocosi.NewChain(append([]gocosi.Option{gocosi.WithEnvironment(nil)}, c.options...)...)
			if err != nil {
				b.Fatal(err)
			}
			defer chain.Close()
			benchmark(b, chain, c.handler)
		})
	}
}

// discarding is a logger of lines that are formatted and thrown away.
func discarding() gocosi.Option {
	return gocosi.WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil)))
}

func benchmark(b *testing.B, chain gocosi.Chain, handler grpc.UnaryHandler) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context()) // gRPC's context ends too
	defer cancel()
	request := &cosi.DriverCreateBucketRequest{Name: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chain.Call(ctx, createMethod, request, handler); err != nil {
			b.Fatal(err)
		}
	}
}

// answer is made once, so that a benchmark counts nothing of it.
var answer = &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: s3Info()}

func answerAtOnce(context.Context, any) (any, error) { return answer, nil }
