package main

import (
	"context"
	"os"
	"path"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/test/e2e/internal/fault"
)

// misbehave lies directly around the handlers: to the library it looks as if they misbehaved.
func misbehave(script string, calls *fault.CallLog) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		method := path.Base(info.FullMethod)
		if err := calls.Note(fault.Call{Method: method, Bucket: bucketOf(request), PID: os.Getpid()}); err != nil {
			return nil, err
		}
		b, err := fault.Read(script, method)
		if err != nil {
			return nil, err
		}
		if err := pause(ctx, b.Delay); err != nil {
			return nil, err
		}
		if !b.Applies() {
			return handler(ctx, request)
		}
		if response, err, done := before(ctx, b); done {
			return response, err
		}
		response, err := handler(ctx, request)
		if b.Kill == fault.After {
			die()
		}
		return response, err
	}
}

// pause heeds the context, as a handler that waits for its store should.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// before does what goes wrong before the work, and says whether that was all.
func before(ctx context.Context, b fault.Behaviour) (response any, err error, done bool) { //nolint:revive,staticcheck // done says how to read the others
	if b.Kill == fault.Before {
		die()
	}
	if b.Hang {
		<-ctx.Done()
		return nil, ctx.Err(), true
	}
	if b.Panic {
		panic(fault.Message)
	}
	if b.Code != 0 {
		return nil, status.Error(codes.Code(b.Code), fault.Message), true
	}
	return nil, nil, b.Nil
}

// die ends the process as the kernel does when memory is short: nothing is cleaned up.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func bucketOf(request any) string {
	switch r := request.(type) {
	case interface{ GetBucketId() string }:
		return r.GetBucketId()
	case interface{ GetName() string }:
		return r.GetName()
	}
	return ""
}
