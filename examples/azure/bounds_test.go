package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// What no answer may cost.
const (
	mostMemory = 100 << 20
	mostTime   = 7 * time.Second
)

// storeHeader is a header as the store's own, of a container that this driver made long ago.
func storeHeader(rw http.ResponseWriter) {
	rw.Header().Set("X-Ms-Version", sasVersion)
	rw.Header().Set("ETag", `"0x1"`)
	rw.Header().Set("Last-Modified", "Mon, 02 Mar 2026 10:00:00 GMT")
	rw.Header().Set("X-Ms-Meta-Cosi_driver", driverName)
	rw.Header().Set("X-Ms-Meta-Cosi_empty_on_delete", "false")
}

// stub answers as the store does for a container that never changes, without policies and blobs.
func stub(rw http.ResponseWriter, r *http.Request) {
	storeHeader(rw)
	sent, _ := requestOf(r)
	if sent.name == "create container" {
		refuse(rw, http.StatusConflict, "ContainerAlreadyExists")
		return
	}
	rw.WriteHeader(sent.success)
	if sent.root == "EnumerationResults" {
		fmt.Fprint(rw, "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>")
	} else if sent.root != "" {
		fmt.Fprintf(rw, "<%s/>", sent.root)
	}
}

func TestStub(t *testing.T) {
	t.Parallel()
	p := against(t, stub)
	for name, call := range calls(p) {
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	must(t, p.ready(t.Context()))
}

// endlessly writes the text until nobody listens.
func endlessly(rw http.ResponseWriter, text string) {
	for block := strings.Repeat(text, 1+(64<<10)/len(text)); ; {
		if _, err := io.WriteString(rw, block); err != nil {
			return
		}
	}
}

// No answer costs much memory or time, whatever it is.
func TestAnswersAreBounded(t *testing.T) { // not parallel: it measures the process
	for name, handler := range map[string]http.HandlerFunc{
		"endless": func(rw http.ResponseWriter, _ *http.Request) { storeHeader(rw); endlessly(rw, "<a>") },
		"endless failure": func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X-Ms-Error-Code", "ServerBusy")
			rw.WriteHeader(http.StatusServiceUnavailable)
			endlessly(rw, "busy ")
		},
		"endless success": func(rw http.ResponseWriter, r *http.Request) {
			storeHeader(rw)
			sent, _ := requestOf(r)
			rw.WriteHeader(sent.success)
			endlessly(rw, "<?xml version=\"1.0\"?>")
		},
		"deep": func(rw http.ResponseWriter, r *http.Request) {
			storeHeader(rw)
			sent, _ := requestOf(r)
			rw.WriteHeader(sent.success)
			fmt.Fprint(rw, "<", sent.root, ">", strings.Repeat("<a>", 300_000))
		},
		"a long header": func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("X-Long", strings.Repeat("x", 4<<20))
			stub(rw, r)
		},
		"a byte at a time": func(rw http.ResponseWriter, r *http.Request) {
			storeHeader(rw)
			sent, _ := requestOf(r)
			rw.WriteHeader(sent.success)
			for tick := time.NewTicker(50 * time.Millisecond); r.Context().Err() == nil; <-tick.C {
				fmt.Fprint(rw, " ")
				_ = http.NewResponseController(rw).Flush()
			}
		},
		"nothing at all": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			p := against(t, handler)
			before, begin := allocated(), time.Now()
			var wg sync.WaitGroup
			for _, call := range calls(p) { // all at once, which costs more
				wg.Go(func() { wantCode(t, call(t.Context()), codes.Unavailable) })
			}
			wg.Wait()
			if took, bytes := time.Since(begin), allocated()-before; took > mostTime || bytes > mostMemory {
				t.Errorf("four calls took %v and %d MiB", took, bytes>>20)
			} else {
				t.Logf("four calls took %v and %d MiB", took.Round(time.Millisecond), bytes>>20)
			}
		})
	}
}

// allocated is how much the process has ever taken. The race detector adds little to it, and the bound holds with it, too.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// What is compressed is not unpacked.
func TestNothingIsUnpacked(t *testing.T) {
	t.Parallel()
	p := against(t, func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			t.Error("the driver asks for gzip")
		}
		stub(rw, r)
	})
	must(t, calls(p)["grant"](t.Context()))
}

// A request is for the endpoint alone: it carries a signature.
func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { arrived.Add(1); stub(rw, r) }))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		p := against(t, func(rw http.ResponseWriter, r *http.Request) {
			http.Redirect(rw, r, elsewhere.URL+r.URL.String(), status)
		})
		for name, call := range calls(p) {
			err := call(t.Context())
			wantCode(t, err, codes.FailedPrecondition)
			if !strings.Contains(fmt.Sprint(err), "region") || !strings.Contains(fmt.Sprint(err), envEndpoint) {
				t.Errorf("%s of %d: %v", name, status, err)
			}
		}
	}
	if arrived.Load() != 0 {
		t.Errorf("%d requests arrived elsewhere", arrived.Load())
	}
}

// A grant that cannot succeed says so soon, with the waits that the driver has in the field.
func TestNothingSpins(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    codes.Code
	}{
		"changed all the time": {func(rw http.ResponseWriter, r *http.Request) {
			if writesPolicies(r) {
				refuse(rw, http.StatusPreconditionFailed, "ConditionNotMet")
				return
			}
			stub(rw, r)
		}, codes.Aborted},
		"changed in the future": {func(rw http.ResponseWriter, r *http.Request) {
			stub(late{rw, time.Now().Add(time.Hour)}, r)
		}, codes.Unavailable},
		"gone and there": {func(rw http.ResponseWriter, r *http.Request) {
			if sent, _ := requestOf(r); sent.name == "prove absence" {
				refuse(rw, http.StatusConflict, "LeaseIdMismatchWithLeaseOperation")
				return
			}
			refuse(rw, http.StatusNotFound, "ContainerNotFound")
		}, codes.Unavailable},
		"busy": {func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, http.StatusServiceUnavailable, "ServerBusy") }, codes.Unavailable},
		"busy, a second": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "1")
			refuse(rw, http.StatusServiceUnavailable, "ServerBusy")
		}, codes.Unavailable},
		"busy, an hour": {func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Retry-After", "3600")
			refuse(rw, http.StatusServiceUnavailable, "ServerBusy")
		}, codes.Unavailable},
		"silent": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, codes.Unavailable},
		"slow": {func(rw http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(2500 * time.Millisecond):
			case <-r.Context().Done():
			}
			stub(rw, r)
		}, codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests atomic.Int32
			p := against(t, func(rw http.ResponseWriter, r *http.Request) { requests.Add(1); test.handler(rw, r) })
			begin := time.Now()
			wantCode(t, calls(p)["grant"](t.Context()), test.want)
			took := time.Since(begin)
			t.Logf("%d requests, %v", requests.Load(), took)
			if took > mostTime || requests.Load() > 50 {
				t.Errorf("%d requests in %v", requests.Load(), took)
			}
			if name == "busy, a second" && took < 2*time.Second {
				t.Errorf("tried three times within %v, against the store's wish", took)
			}
			if name == "busy, an hour" && (took > time.Second || requests.Load() != 1) {
				t.Errorf("%d requests in %v", requests.Load(), took)
			}
		})
	}
}

// late has another time of the last change.
type late struct {
	http.ResponseWriter

	at time.Time
}

func (l late) WriteHeader(status int) {
	l.Header().Set("Last-Modified", l.at.UTC().Format(http.TimeFormat))
	l.ResponseWriter.WriteHeader(status)
}

// A list of blobs that does not end, or goes in a circle, ends the call.
func TestListsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		marker func(page int32) string
		most   int32
		want   codes.Code
	}{
		"always another page": {func(page int32) string { return fmt.Sprint("m", page) }, mostPages, codes.FailedPrecondition},
		"always the same":     {func(int32) string { return "m" }, 2, codes.Unavailable},
	} {
		var pages atomic.Int32
		p := against(t, func(rw http.ResponseWriter, r *http.Request) {
			if sent, _ := requestOf(r); sent.name != "list container" {
				stub(rw, r)
				return
			}
			storeHeader(rw)
			fmt.Fprintf(rw, "<EnumerationResults><Blobs/><NextMarker>%s</NextMarker></EnumerationResults>", test.marker(pages.Add(1)))
		})
		wantCode(t, calls(p)["delete"](t.Context()), test.want)
		if pages.Load() > test.most {
			t.Errorf("%s: %d pages were read, want %d at most", name, pages.Load(), test.most)
		}
	}
}

// However many calls there are, the store sees few connections.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	var open, most atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(stub))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			for now := open.Add(1); ; {
				if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey), envEndpoint: server.URL + "/acme"}
	p, err := newProvisioner(func(name string) string { return env[name] })
	must(t, err)
	var wg sync.WaitGroup
	for range 4 * mostConnections {
		wg.Go(func() {
			if err := calls(p)["create"](context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > mostConnections {
		t.Errorf("there were %d connections, want %d at most", most.Load(), mostConnections)
	}
}
