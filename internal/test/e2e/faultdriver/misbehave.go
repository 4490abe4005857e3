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
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// faulty wraps a Provisioner server and makes its methods misbehave as a script says. The library sees it as the
// handler.
type faulty struct {
	cosi.UnimplementedProvisionerServer

	works  cosi.ProvisionerServer
	script string
	calls  *fault.CallLog
}

func (f *faulty) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return misbehave(ctx, f.script, f.calls, "DriverCreateBucket", r.GetName(), r, f.works.DriverCreateBucket)
}

func (f *faulty) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	return misbehave(ctx, f.script, f.calls, "DriverDeleteBucket", r.GetBucketId(), r, f.works.DriverDeleteBucket)
}

func (f *faulty) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	return misbehave(ctx, f.script, f.calls, "DriverGrantBucketAccess", r.GetBucketId(), r, f.works.DriverGrantBucketAccess)
}

func (f *faulty) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	return misbehave(ctx, f.script, f.calls, "DriverRevokeBucketAccess", r.GetBucketId(), r, f.works.DriverRevokeBucketAccess)
}

// misbehaveInfo makes DriverGetInfo misbehave, which the library's own server answers.
func misbehaveInfo(script string, calls *fault.CallLog) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		if path.Base(info.FullMethod) != "DriverGetInfo" {
			return handler(ctx, request)
		}
		work := func(ctx context.Context, _ *struct{}) (*any, error) {
			response, err := handler(ctx, request)
			return &response, err
		}
		response, err := misbehave(ctx, script, calls, "DriverGetInfo", "", nil, work)
		if response == nil {
			return nil, err
		}
		return *response, err
	}
}

// misbehave records a call, and does what the script says before, after or instead of the work.
func misbehave[Q, R any](
	ctx context.Context, script string, calls *fault.CallLog, method, bucket string, request *Q, work func(context.Context, *Q) (*R, error),
) (*R, error) {
	if err := calls.Note(fault.Call{Method: method, Bucket: bucket, PID: os.Getpid(), Pod: os.Getenv(fault.EnvPod), At: time.Now()}); err != nil {
		return nil, err
	}
	b, err := fault.Read(script, method)
	if err == nil {
		err = pause(ctx, b.Delay)
	}
	if err != nil {
		return nil, err
	}
	if !b.Applies() {
		return work(ctx, request)
	}
	if err := fail(ctx, b); err != nil || b.Nil {
		return nil, err
	}
	response, err := work(ctx, request)
	if b.Kill == fault.After {
		die()
	}
	return response, err
}

// pause waits and obeys the context, as a handler that waits for its store should.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// fail produces the failures that come before the work.
func fail(ctx context.Context, b fault.Behaviour) error {
	if b.Kill == fault.Before {
		die()
	}
	if b.Hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if b.Panic {
		panic(fault.Message)
	}
	if b.Code != 0 {
		return status.Error(codes.Code(b.Code), fault.Message)
	}
	return nil
}

// die ends the process without any cleanup, as the kernel does when memory is short.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
