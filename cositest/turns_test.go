package cositest_test

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// around puts something around each call of the Provisioner service, inside the log.
func (d *driver) around(interceptor grpc.UnaryServerInterceptor) {
	d.options = append(d.options, grpc.ChainUnaryInterceptor(
		func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if !strings.HasPrefix(info.FullMethod, "/cosi.v1alpha1.Provisioner/") {
				return handler(ctx, request)
			}
			return interceptor(ctx, request, info, handler)
		}))
}

// slowBy makes each call take a while.
func (d *driver) slowBy(duration time.Duration) {
	d.around(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if err := wait(ctx, duration); err != nil {
			return nil, err
		}
		return handler(ctx, request)
	})
}

// oneOrAborted serves one call at a time, and answers ABORTED to all others.
func (d *driver) oneOrAborted() {
	turn := make(chan struct{}, 1)
	d.around(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			return handler(ctx, request)
		default:
			return nil, status.Error(codes.Aborted, "the driver is at work on another call")
		}
	})
}

// oneAfterAnother serves one call at a time, and lets all others wait.
func (d *driver) oneAfterAnother() {
	turn := make(chan struct{}, 1)
	d.around(func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
			return handler(ctx, request)
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	})
}
