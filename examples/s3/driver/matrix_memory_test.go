package driver_test

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/internal/test/raced"
)

// What an answer may cost at most.
const (
	mostHeap = 100 << 20
	mostTime = 20 * time.Second
)

// An answer that never ends, or that is large when it is unpacked or read, costs little, with the driver's own bounds. The
// test has the process to itself, and nothing of the race detector's is measured.
func TestMemoryOfAnswers(t *testing.T) { //nolint:paralleltest // see above
	if raced.On {
		t.Skip("the race detector would be measured")
	}
	deep := matrixFault{name: "8 MiB of nested XML", give: func(q seen, w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write(root(q, r))
		_, _ = w.Write(bytes.Repeat([]byte("<a>"), 8<<20/3))
	}}
	answers := slices.DeleteFunc(strangers(), func(f matrixFault) bool { return f.class != tooMuch })
	var worst uint64
	for _, c := range calls(driver.AWS) {
		if c.name != "grant, again" && !c.emptied {
			continue
		}
		w := newWorld(t, gatewaySite(embedded), 0, 0)
		defer w.wipe(context.WithoutCancel(t.Context()))
		for n, q := range w.requests(t, c) {
			for _, f := range append(answers, deep) {
				at := cell{call: c, request: n, operation: q.operation, fault: f}
				if err := c.prepare(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				w.disturb(at)
				start := time.Now()
				heap := growth(func() { expect(t, c.make(t.Context(), w), codes.Unavailable, wordsStranger) })
				w.passAll()
				if took := time.Since(start); heap > mostHeap || took > mostTime {
					t.Errorf("%s: %d MiB and %v", at, heap>>20, took)
				}
				worst = max(worst, heap)
			}
		}
	}
	t.Logf("the heap grew by at most %d MiB", worst>>20)
}

// growth returns by how much the heap grows at most while a function runs.
func growth(run func()) uint64 {
	runtime.GC()
	before, most := heapInUse(), uint64(0)
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			most = max(most, heapInUse())
			select {
			case <-ended:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	run()
	close(ended)
	<-stopped
	return most - min(before, most)
}

func heapInUse() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
