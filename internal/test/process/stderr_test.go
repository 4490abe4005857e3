//go:build linux

package process_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// fullPipe returns the writing end of a pipe that takes no byte more, because nobody reads it.
func fullPipe(t *testing.T) *os.File {
	t.Helper()
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { reader.Close(); writer.Close() })
	if err := writer.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = writer.Write(make([]byte, 1<<20))
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	return writer
}

// TestNobodyReadsTheLog starts a driver whose log goes to a pipe that is full. Its calls have to be answered, its health has
// to be true, and SIGTERM has to end it.
func TestNobodyReadsTheLog(t *testing.T) {
	t.Parallel()
	const stuckLine = 2 * time.Second // until the first line is known to be stuck
	for name, stuck := range map[string]bool{"no call goes on": false, "a call goes on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, path := serve(t, driverServer, fullPipe(t))
			conn := harness.Dial(t, path)
			client, health := cosi.NewProvisionerClient(conn), healthpb.NewHealthClient(conn)
			var slowest, all time.Duration
			const calls = 200
			for range calls {
				begun := time.Now()
				if _, err := client.DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: "b"}); err != nil {
					t.Fatalf("a call whose line is stuck: %v", err)
				}
				took := time.Since(begun)
				slowest, all = max(slowest, took), all+took
			}
			begun := time.Now()
			answer, err := health.Check(harness.Timeout(t), &healthpb.HealthCheckRequest{})
			if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
				t.Errorf("health is %s, %v", answer.GetStatus(), err)
			}
			t.Logf("%d calls: the slowest took %s, all of them %s; health %s", calls, slowest, all, time.Since(begun))
			if slowest > stuckLine+endSlack || all > 2*stuckLine+endSlack {
				t.Errorf("want one delay of at most %s", stuckLine)
			}
			watch, err := health.Watch(harness.Timeout(t), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := watch.Recv(); err != nil {
				t.Fatal(err)
			}
			if stuck {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second) // the handler goes on when its caller has left
				defer cancel()
				_, err := client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "stuck"})
				if status.Code(err) != codes.DeadlineExceeded {
					t.Errorf("got %v, want a call that is never answered", err)
				}
			}
			ended, took := p.terminate(t)
			t.Logf("SIGTERM to exit: %s, with %q", took, ended)
			if took > endBound+endSlack {
				t.Errorf("want at most %s", endBound)
			}
			if cut := ended != "<nil>"; cut != stuck {
				t.Errorf("Run returned %q", ended)
			}
			if update, err := watch.Recv(); err != nil || update.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
				t.Errorf("the watch goes on with %s, %v; want NOT_SERVING", update.GetStatus(), err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the socket is left: %v", err)
			}
			if p.Cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() {
				t.Error("the process was killed, want it to end by itself")
			}
		})
	}
}
