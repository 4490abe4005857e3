package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// calls are the sidecar's four, on a container that exists and an access that was granted.
func calls(p cosi.ProvisionerServer) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"create": func(ctx context.Context) error { return create(ctx, p, "there", nil) },
		"delete": func(ctx context.Context) error { return remove(ctx, p, "there", nil) },
		"grant":  func(ctx context.Context) error { _, err := grant(ctx, p, "there", "ba-2", nil); return err },
		"revoke": func(ctx context.Context) error { return revoke(ctx, p, "there", accountID("ba-1")) },
	}
}

func answering(httpStatus int, code string) fault {
	return func(rw http.ResponseWriter, _ *http.Request) bool { return refuse(rw, httpStatus, code) }
}

// hangUp ends the connection without an answer.
func hangUp(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }

func TestFaults(t *testing.T) {
	t.Parallel()
	every := func(c codes.Code) map[string]codes.Code {
		return map[string]codes.Code{"create": c, "delete": c, "grant": c, "revoke": c}
	}
	for name, test := range map[string]struct {
		fault fault
		want  map[string]codes.Code
	}{
		"internal error": {answering(500, "InternalError"), every(codes.Unavailable)},
		"busy":           {answering(503, "ServerBusy"), every(codes.Unavailable)},
		"slow":           {answering(500, "OperationTimedOut"), every(codes.Unavailable)},
		"bad gateway":    {answering(502, ""), every(codes.Unavailable)},
		"throttled":      {answering(429, "TooManyRequests"), every(codes.Unavailable)},
		"hangs up":       {hangUp, every(codes.Unavailable)},
		"key refused":    {answering(403, "AuthenticationFailed"), every(codes.PermissionDenied)},
		"not authorised": {answering(403, "AuthorizationFailure"), every(codes.PermissionDenied)},
		"no key":         {answering(401, "NoAuthenticationInformation"), every(codes.PermissionDenied)},
		"something else": {answering(400, "InvalidHeaderValue"), every(codes.Internal)},
		"changed":        {answering(412, "ConditionNotMet"), map[string]codes.Code{"create": codes.Aborted, "delete": codes.Aborted}},
		"leased":         {answering(412, "LeaseIdMissing"), map[string]codes.Code{"delete": codes.FailedPrecondition}},
		"not there":      {answering(404, "ContainerNotFound"), map[string]codes.Code{"delete": codes.OK, "grant": codes.NotFound, "revoke": codes.OK}},
		"is being deleted": {answering(409, "ContainerBeingDeleted"), map[string]codes.Code{
			"create": codes.Unavailable, "delete": codes.OK, "grant": codes.NotFound, "revoke": codes.OK,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, proxy := worldWithOneAccess(t)
			p := w.provisionerAt(proxy.url)
			proxy.set(test.fault)
			for call, want := range test.want {
				err := calls(p)[call](t.Context())
				if wantCode(t, err, want); err != nil && strings.Contains(err.Error(), "detail-of-the-store") {
					t.Errorf("%s tells the store's words: %v", call, err)
				}
			}
			proxy.mend() // it recovers by itself
			for _, call := range []string{"create", "grant", "revoke"} {
				must(t, calls(p)[call](t.Context()))
			}
		})
	}
}

// worldWithOneAccess has a container with one access, and a proxy before the store.
func worldWithOneAccess(t *testing.T) (*world, *proxy) {
	t.Helper()
	w := newWorld(t)
	must(t, create(t.Context(), w.provisioner(), "there", nil))
	mustGrant(t, w.provisioner(), "there", "ba-1", nil)
	return w, w.proxy()
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	w, _ := worldWithOneAccess(t)
	other := *w
	other.key = randomKey()
	p := other.provisioner()
	every := calls(p)
	every["ready"] = p.ready
	for name, call := range every {
		err := call(t.Context())
		wantCode(t, err, codes.PermissionDenied)
		if text := fmt.Sprint(err); !strings.Contains(text, "the driver's own key") || strings.Contains(text, other.key) {
			t.Errorf("%s holds the key, or does not say whose it is: %s", name, text)
		}
	}
}

// A store that never answers holds no call beyond its deadline.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w, proxy := worldWithOneAccess(t)
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	proxy.set(func(_ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-r.Context().Done():
		case <-release:
		}
		return true
	})
	const deadline = 500 * time.Millisecond
	for name, call := range calls(w.provisionerAt(proxy.url)) {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		begin := time.Now()
		err := call(ctx)
		cancel()
		if took := time.Since(begin); took > 4*deadline {
			t.Errorf("%s took %v", name, took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || status.Code(err) != codes.Unknown { // as the library wants it
			t.Errorf("%s answered %v", name, err)
		}
		if err.Error() == context.DeadlineExceeded.Error() {
			t.Errorf("%s does not say what took so long", name)
		}
	}
}

// The store does what it is asked, and its answer is lost: the call finds that when it tries again.
func TestAnswersLost(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"create", "delete", "grant", "revoke"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, proxy := worldWithOneAccess(t)
			p := w.provisionerAt(proxy.url)
			call := calls(p)[name]
			if name == "create" {
				call = func(ctx context.Context) error { return create(ctx, p, "new", nil) }
			}
			var lost atomic.Int32
			proxy.set(func(rw http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodGet || !lost.CompareAndSwap(0, 1) {
					return false
				}
				answer := httptest.NewRecorder()
				proxy.forward.ServeHTTP(answer, r)
				if answer.Code >= http.StatusMultipleChoices {
					t.Errorf("the store answered %d", answer.Code)
				}
				return hangUp(rw, r)
			})
			must(t, call(t.Context()))
			if lost.Load() != 1 {
				t.Error("no answer was lost")
			}
			ids, err := w.policies(t.Context(), "there")
			want := map[string]int{"create": 1, "grant": 2, "revoke": 0, "delete": 0}[name]
			if len(ids) != want || (err != nil) != (name == "delete") {
				t.Errorf("policies are %q, %v", ids, err)
			}
		})
	}
}

// Readiness follows the store, and the driver recovers by itself.
func TestReadiness(t *testing.T) {
	t.Parallel()
	w, proxy := worldWithOneAccess(t)
	conn := w.serve(t, w.provisionerAt(proxy.url), &logged{})
	const serving, not = healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING
	for _, step := range []struct {
		what  string
		fault fault
		want  healthpb.HealthCheckResponse_ServingStatus
	}{
		{"all is well", nil, serving},
		{"the store is down", hangUp, not},
		{"it is up again", nil, serving},
		{"it is busy", answering(503, "ServerBusy"), not},
		{"it refuses the key", answering(403, "AuthenticationFailed"), not},
		{"it takes it again", nil, serving},
	} {
		proxy.mend()
		if step.fault != nil {
			proxy.set(step.fault)
		}
		answer, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil || answer.GetStatus() != step.want {
			t.Errorf("%s: %v, %v", step.what, answer.GetStatus(), err)
		}
	}
}

// What the caller is told of a store that is down holds no address, and what the log is told does.
func TestStoreDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := w.proxy()
	proxy.server.Close()
	var log logged
	conn := w.serve(t, w.provisionerAt(proxy.url), &log)
	_, err := cosi.NewProvisionerClient(conn).DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "down"})
	if wantCode(t, err, codes.Unavailable); strings.Contains(err.Error(), "127.0.0.1") || !strings.Contains(log.String(), "connection refused") {
		t.Errorf("the caller is told %q, the log %q", err, log.String())
	}
}
