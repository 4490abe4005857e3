package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// What a check may take, whatever it is pointed at.
const (
	longest     = time.Minute
	mostMemory  = 100_000 // KiB
	secretShape = "s3cret-of-a-crowd-"
)

// crowded grants 200,000 secrets at once, and quotes one of them in an error.
type crowded struct{ store }

func (c *crowded) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	response, err := c.store.DriverGrantBucketAccess(ctx, r)
	if err != nil {
		return nil, status.Errorf(status.Code(err), "%s: %s%d", status.Convert(err).Message(), secretShape, 199_999)
	}
	response.Credentials = crowd()
	return response, nil
}

var crowd = sync.OnceValue(func() map[string]*cosi.CredentialDetails {
	secrets := map[string]string{}
	for i := range 200_000 {
		secrets[fmt.Sprint(i)] = fmt.Sprintf("%s%d", secretShape, i)
	}
	return map[string]*cosi.CredentialDetails{"s3": {Secrets: secrets}}
})

// wordy answers 4 MiB, less what surrounds it.
type wordy struct{ store }

func (w *wordy) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	response, err := w.store.DriverCreateBucket(ctx, r)
	if err == nil {
		response.BucketInfo = &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: strings.Repeat("r", 4<<20-200)}}}
	}
	return response, err
}

// verbose refuses everything with a message as long as gRPC lets one be.
type verbose struct{ store }

func (*verbose) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return nil, status.Error(codes.Internal, "\u009b\u202e\x7f"+strings.Repeat("m", 4<<20))
}

// measured runs a command to its end, and tells the most memory that it had.
func measured(cmd *exec.Cmd) (out string, used int64, ran *exec.Cmd, err error) {
	var text strings.Builder
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Start(); err != nil {
		return "", 0, cmd, err
	}
	ended, most := make(chan struct{}), make(chan int64)
	go func() { most <- peak(cmd.Process.Pid, ended) }()
	err = cmd.Wait()
	close(ended)
	return text.String(), <-most, cmd, err
}

// both registers a driver.
func both[D interface {
	cosi.IdentityServer
	cosi.ProvisionerServer
}](driver D,
) func(*grpc.Server) {
	return func(server *grpc.Server) {
		cosi.RegisterIdentityServer(server, driver)
		cosi.RegisterProvisionerServer(server, driver)
	}
}

// later registers a driver of v1alpha2 alone.
func later(server *grpc.Server) {
	handler := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		return &emptypb.Empty{}, decode(&emptypb.Empty{})
	}
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "sigs.k8s.io.cosi.v1alpha2.Identity", Methods: []grpc.MethodDesc{{MethodName: "DriverGetInfo", Handler: handler}},
	}, nil)
}

// A check of a driver that is hostile, or none, ends before long, in bounds, with a sentence and an exit code of its own.
func TestHostileDrivers(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "cosictl")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, one := range []struct {
		name  string
		serve func(*grpc.Server)
		code  int
		words []string
	}{
		{"200,000 secrets", both(&crowded{}), exitFailed, []string{"failed          GEN-9", "does not conform: "}},
		{"answers of 4 MiB", both(&wordy{}), exitFailed, []string{"failed          GEN-9", "more than 256 KiB, which is all that the kit reads"}},
		{"messages of 4 MiB", both(&verbose{}), exitFailed, []string{"failed          CREATE-10"}},
		{"v1alpha2", later, exitGeneration, []string{"the driver speaks COSI v1alpha2, and this kit checks v1alpha1: nothing was checked\n"}},
		{"another service", func(*grpc.Server) {}, exitFailed, []string{"failed          INFO-1", "the server has no service of COSI"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := serve(t, one.serve)
			ctx, cancel := context.WithTimeout(t.Context(), longest)
			defer cancel()
			out, used, cmd, err := measured(exec.CommandContext(ctx, program, "check", "-endpoint", path))
			if ctx.Err() != nil || cmd.ProcessState.ExitCode() != one.code {
				t.Errorf("%v, want exit code %d before %s:\n%.2000s", err, one.code, longest, out)
			}
			for _, words := range one.words {
				if !strings.Contains(out, words) {
					t.Errorf("%q is missing in\n%.4000s", words, out)
				}
			}
			if strings.Contains(out, secretShape) || strings.ContainsAny(out, "\u009b\u202e\x7f") {
				t.Error("a secret or a control character is printed")
			}
			t.Logf("%d KiB", used)
			if used > mostMemory {
				t.Errorf("it took %d KiB of memory, want at most %d", used, mostMemory)
			}
			if one.code == exitGeneration && strings.Count(out, "\n") != 1 {
				t.Errorf("more than a sentence:\n%s", out)
			}
		})
	}
}
