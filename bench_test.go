package gocosi_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/go-logr/logr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// BenchmarkChain measures the whole chain without a network, with and without a handler that asks for the end of its
// context. "make bench" measures the chain in a real server.
func BenchmarkChain(b *testing.B) {
	waits := func(ctx context.Context, request *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
		_ = ctx.Done()
		return answerAtOnce(ctx, request)
	}
	for _, c := range []struct {
		name    string
		handler func(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error)
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
			chain := harness.Chain(b, c.options...)
			ctx, cancel := context.WithCancel(b.Context()) // gRPC's context also ends
			defer cancel()
			decode := func(request any) error {
				request.(*cosi.DriverCreateBucketRequest).Name = "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"
				return nil
			}
			serve := chain.Method(harness.CreateMethod, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := serve(&harness.Handlers{Create: c.handler}, ctx, decode, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// discarding returns a logger that formats lines and discards them.
func discarding() gocosi.Option {
	return gocosi.WithLogger(logr.FromSlogHandler(slog.NewJSONHandler(io.Discard, nil)))
}

// answer is shared by all calls, so that a benchmark does not count its creation.
var answer = &cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: harness.S3Info()}

func answerAtOnce(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return answer, nil
}
