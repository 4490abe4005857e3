//go:build unix

package driver_test

import (
	"context"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// many is small enough for every run of the tests. The README says what 100,000 took.
var many = flag.Int("many", 1000, "how many objects TestEmptyMany puts into a bucket, in two versions each")

// TestEmptyMany empties a bucket of many objects by a driver that is killed halfway: the next call goes on from there.
func TestEmptyMany(t *testing.T) { //nolint:paralleltest // it measures
	const bucket = "many"
	class := map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	proxy, s := behindProxy(t, embedded)
	count := proxy.count()
	store := embedded
	store.Endpoint, store.IAMEndpoint = s.Endpoint, s.IAMEndpoint
	p := newProcess(t, gatewaySite(store))
	c := callerOn(p.dial(t))
	p.start(t)
	c.create(t, bucket, class)
	writeVersions(t, bucket, *many)
	items := 2 * *many

	began, killed, calls, memory := time.Now(), make(chan struct{}), 1, ""
	go func() {
		defer close(killed)
		count.await(t.Context(), max(1, int64(items/2000)))
		memory = p.peak()
		p.kill()
	}()
	err := c.tryDelete(t.Context(), bucket, class)
	<-killed
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("the call that was cut ended with %v", err)
	}
	p.start(t)
	for ; err != nil; calls++ { // some end by their deadline
		err = c.tryDelete(t.Context(), bucket, class)
		if code := status.Code(err); code != codes.OK && code != codes.DeadlineExceeded {
			t.Fatal(err)
		}
	}
	lists, deletes := count.lists.Load(), count.deletes.Load()
	t.Logf("%d versions of %d objects, killed at half: %v in %d calls, %d lists, %d multi-deletes, %d requests in all, %s and %s of memory at most",
		items, *many, time.Since(began).Round(time.Millisecond), calls, lists, deletes, count.all.Load(), memory, p.peak())
	if pages := int64(items/1000 + 2*calls); lists > 2*pages || deletes > pages {
		t.Errorf("%d lists and %d multi-deletes; want at most %d of these, and a list before and after each", lists, deletes, pages)
	}
	if there, err := administer(embedded).exists(t.Context(), bucket); there || err != nil {
		t.Errorf("the bucket is still there (%v)", err)
	}
}

// endless is how many objects TestEmptyMemory has; the README says what a million took.
var endless = flag.Int("endless", 20_000, "how many objects TestEmptyMemory has")

// TestEmptyMemory empties a bucket on a store that has nothing but numbers: the driver needs as much memory for a million
// objects as for a few thousand.
func TestEmptyMemory(t *testing.T) { //nolint:paralleltest // it measures
	f := &fakeBucket{}
	var gone atomic.Int64 // objects before this one
	f.answers = func(w http.ResponseWriter, r *http.Request) bool {
		switch query := r.URL.Query(); {
		case query.Has("versions"):
			l := listing{XMLName: xml.Name{Local: "ListVersionsResult"}, Xmlns: namespace, Name: "bucket"}
			first := int(gone.Load())
			for n := first; n < min(first+1000, *endless); n++ {
				l.Versions = append(l.Versions, fakeEntry{Key: fmt.Sprintf("%s-%09d", strings.Repeat("key", 300), n), VersionID: "null"})
			}
			l.IsTruncated = first+1000 < *endless
			f.write(w, l)
			return true
		case query.Has("delete"):
			_, _ = io.Copy(io.Discard, r.Body)
			gone.Add(1000)
			f.write(w, deleteResult{Xmlns: namespace})
			return true
		}
		return false
	}
	f.prepare(t)
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	p := newProcess(t, gatewaySite(gateway.Store{Endpoint: server.URL, IAMEndpoint: server.URL, AccessKey: "key", SecretKey: "secret"}))
	p.start(t)
	began, calls := time.Now(), 0
	for err := status.Error(codes.DeadlineExceeded, ""); status.Code(err) == codes.DeadlineExceeded; calls++ {
		if err = callerOn(p.dial(t)).tryDelete(t.Context(), "bucket", pair("emptyOnDelete=true")); err != nil && status.Code(err) != codes.DeadlineExceeded {
			t.Fatal(err)
		}
	}
	memory := p.peak()
	t.Logf("%d objects with long keys: %v in %d calls, %d requests, %s of memory at most", *endless, time.Since(began).Round(time.Millisecond), calls, f.requests, memory)
	var kilobytes int
	if _, err := fmt.Sscanf(memory, "%d kB", &kilobytes); err == nil && kilobytes > 100<<10 {
		t.Errorf("the driver took %s; want less than 100 MiB", memory)
	}
}

// writeVersions writes what the store's own requests would, some hundred times faster: objects that were put twice.
func writeVersions(t *testing.T, bucket string, objects int) {
	t.Helper()
	began := time.Now()
	folder := filepath.Dir(working(t))
	write := func(content string, path ...string) {
		name := filepath.Join(append([]string{folder}, path...)...)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range objects {
		key := fmt.Sprintf("folder-%03d/object-%06d", n%997, n)
		sum := fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
		before, now := fmt.Sprintf("01BX5ZZKBK%016d", n), fmt.Sprintf("01BX5ZZKBN%016d", n)
		replaced := filepath.Join("versions", bucket, sum[:2], sum[2:4], sum[4:6], sum, before)
		write("x", "data", bucket, key)
		write(now, "meta", bucket, key, "meta", "version-id")
		write("x", replaced)
		write(before, "meta", folder, replaced, "meta", "version-id")
	}
	t.Logf("%d versions written in %v", 2*objects, time.Since(began).Round(time.Millisecond))
}

// working returns the working directory, which is where the store has its data.
func working(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return folder
}

// counts has the numbers of requests that were answered.
type counts struct{ lists, deletes, all atomic.Int64 }

func (p *proxy) count() *counts {
	c := &counts{}
	p.do(func(w http.ResponseWriter, r *http.Request, forward http.Handler) {
		forward.ServeHTTP(w, r)
		c.all.Add(1)
		switch query := r.URL.Query(); {
		case query.Has("versions"):
			c.lists.Add(1)
		case query.Has("delete"):
			c.deletes.Add(1)
		}
	})
	return c
}

// await waits for a number of multi-deletes.
func (c *counts) await(ctx context.Context, deletes int64) {
	for ctx.Err() == nil && c.deletes.Load() < deletes {
		time.Sleep(time.Millisecond)
	}
}

// peak returns the most memory that the driver has had.
func (p *process) peak() string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.running.Process.Pid))
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
