//go:build linux

package process_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// peak returns the most memory that the process has used, in KiB.
func (p process) peak(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib := 0
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatalf("no VmHWM in %s", text)
	}
	return kib
}

// compressed is a compressor that sends the same bytes for every message, so that many large ones arrive at once.
type compressed []byte

func compress(t *testing.T, m proto.Message) compressed {
	t.Helper()
	text, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var small bytes.Buffer
	w := gzip.NewWriter(&small)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return small.Bytes()
}

func (c compressed) Do(w io.Writer, _ []byte) error {
	_, err := w.Write(c)
	return err
}

func (compressed) Type() string { return "gzip" }

// TestPeakOfLargeRequests checks that requests which the rules refuse cost a driver hardly more memory than any gRPC server.
func TestPeakOfLargeRequests(t *testing.T) {
	if raced.On {
		t.Skip("the race detector's memory would be measured")
	}
	const calls, rounds = 40, 15
	same := compress(t, &cosi.DriverCreateBucketRequest{Name: strings.Repeat("x", 4<<20-64)})
	peaks := map[string][]int{}
	for range rounds { // the median of each counts: when the collector runs is chance
		for _, kind := range []string{bareServer, driverServer} {
			p, path := serve(t, kind, io.Discard)
			conn, err := grpc.NewClient("unix://"+path, grpc.WithTransportCredentials(insecure.NewCredentials()),
				grpc.WithCompressor(same)) //nolint:staticcheck // the newer way is the process's
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			client := cosi.NewProvisionerClient(conn)
			ready := make(chan bool)
			var group sync.WaitGroup
			for range calls {
				group.Go(func() {
					<-ready
					_, err := client.DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: "replaced"})
					if status.Code(err) != codes.InvalidArgument {
						t.Errorf("%s: got %.200v, want INVALID_ARGUMENT", kind, err)
					}
				})
			}
			close(ready)
			group.Wait()
			peaks[kind] = append(peaks[kind], p.peak(t))
			p.Kill()
		}
	}
	driver, bare := median(peaks[driverServer]), median(peaks[bareServer])
	ratio := float64(driver) / float64(bare)
	t.Logf("peak of the driver: %d KiB %d, of a bare server: %d KiB %d, ratio %.2f", driver, peaks[driverServer], bare, peaks[bareServer], ratio)
	if ratio > 1.5 {
		t.Error("want at most 1.5 times as much")
	}
}

func median(numbers []int) int { return slices.Sorted(slices.Values(numbers))[len(numbers)/2] }
