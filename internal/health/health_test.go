package health_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

const (
	password  = "hunter2-canary"
	secretURL = "postgres://admin:" + password + "@db.example.com:5432/x"
)

const (
	yes = healthpb.HealthCheckResponse_SERVING
	no  = healthpb.HealthCheckResponse_NOT_SERVING
)

// list returns the health of all services.
func list(t *testing.T, conn *grpc.ClientConn) map[string]healthpb.HealthCheckResponse_ServingStatus {
	t.Helper()
	answer, err := healthpb.NewHealthClient(conn).List(harness.Timeout(t), &healthpb.HealthListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]healthpb.HealthCheckResponse_ServingStatus{}
	for name, s := range answer.GetStatuses() {
		all[name] = s.GetStatus()
	}
	return all
}

func TestHealthOfServices(t *testing.T) {
	t.Parallel()
	verdict := func(err error) gocosi.Option { return gocosi.WithReady(func(context.Context) error { return err }) }
	tests := map[string]struct {
		ready gocosi.Option
		want  healthpb.HealthCheckResponse_ServingStatus
	}{
		"always":    {nil, yes},
		"nil":       {gocosi.WithReady(nil), yes},
		"ready":     {verdict(nil), yes},
		"not ready": {verdict(errors.New("not yet")), no},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &harness.Echo{}
			d := harness.Start(t, &harness.Handlers{}, tt.ready, gocosi.WithServices(e.Register))
			names := []string{"", "cosi.v1alpha1.Identity", "cosi.v1alpha1.Provisioner", "grpc.health.v1.Health", "test.Echo"}
			all := list(t, d.Conn)
			if got := slices.Sorted(maps.Keys(all)); !slices.Equal(got, names) {
				t.Errorf("the list has %q, want %q", got, names)
			}
			for _, name := range names {
				if got, err := d.Health(t, name); err != nil || got != tt.want || all[name] != tt.want {
					t.Errorf("service %q: got %s, %v; in the list %s; want %s", name, got, err, all[name], tt.want)
				}
			}
			if _, err := d.Health(t, "no.such.Service"); status.Code(err) != codes.NotFound {
				t.Errorf("got %v, want NOT_FOUND", err)
			}
		})
	}
}

func TestReadinessChanges(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	var problem atomic.Value // of struct{ error }
	problem.Store(struct{ error }{errors.New("dial " + secretURL)})
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()),
		gocosi.WithReady(func(context.Context) error { return problem.Load().(struct{ error }).error }))
	watching, err := healthpb.NewHealthClient(d.Conn).Watch(harness.Timeout(t), &healthpb.HealthCheckRequest{Service: "cosi.v1alpha1.Provisioner"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []healthpb.HealthCheckResponse_ServingStatus{no, yes, no} {
		if want == yes {
			problem.Store(struct{ error }{})
		} else {
			problem.Store(struct{ error }{errors.New("dial " + secretURL)})
		}
		for range 3 {
			if got, err := d.Health(t, ""); err != nil || got != want {
				t.Errorf("got %s, %v, want %s", got, err, want)
			}
		}
		if update, err := watching.Recv(); err != nil || update.GetStatus() != want {
			t.Errorf("the watch says %s, %v, want %s", update.GetStatus(), err, want)
		}
	}
	if len(log.Lines(`"msg"="not ready"`, "dial postgres://admin:[redacted]@")) != 2 || len(log.Lines(`"msg"="ready"`)) != 1 {
		t.Errorf("got the lines %q, want one for each change", log.Lines("ready"))
	}
	if found := log.Lines(password); len(found) > 0 {
		t.Errorf("the log holds the password in %q, want it redacted", found)
	}
}

func TestReadinessPanics(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	var sick atomic.Bool
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithReady(func(context.Context) error {
		if sick.Load() {
			panic(secretURL)
		}
		return nil
	}))
	watching, err := healthpb.NewHealthClient(d.Conn).Watch(harness.Timeout(t), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []bool{false, true, false} {
		sick.Store(bad)
		want := yes
		if bad {
			want = no
		}
		for range 2 {
			if got, err := d.Health(t, ""); (status.Code(err) == codes.Internal) != bad || !bad && got != yes {
				t.Errorf("panics %t: got %s, %v", bad, got, err)
			}
		}
		if update, err := watching.Recv(); err != nil || update.GetStatus() != want {
			t.Errorf("the watch says %s, %v, want %s", update.GetStatus(), err, want)
		}
	}
	if len(log.Lines(`"msg"="call failed"`, `"stack"=`, "panic: postgres")) != 2 || len(log.Lines(password)) > 0 {
		t.Errorf("got the lines %q, want two panics without the password", log.Lines("panic"))
	}
}

func TestReadinessHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asking, most atomic.Int32
		var well atomic.Bool
		d := harness.Serve(t, &harness.Handlers{}, gocosi.WithReady(func(ctx context.Context) error {
			most.Store(max(most.Load(), asking.Add(1)))
			defer asking.Add(-1)
			if !well.Load() {
				<-ctx.Done()
			}
			return ctx.Err()
		}))
		checkFor := func(limit time.Duration) (healthpb.HealthCheckResponse_ServingStatus, error) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			answer, err := healthpb.NewHealthClient(d.Conn).Check(ctx, &healthpb.HealthCheckRequest{})
			return answer.GetStatus(), err
		}
		// A watch also asks, and has no deadline. It must not block the other checks.
		watching, err := healthpb.NewHealthClient(d.Conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 3 {
			go func() { _, _ = checkFor(time.Second) }()
		}
		synctest.Wait()
		if _, err := checkFor(2 * time.Second); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("got %v, want DEADLINE_EXCEEDED", err)
		}
		if update, err := watching.Recv(); err != nil || update.GetStatus() != no {
			t.Errorf("the watch begins with %s, %v", update.GetStatus(), err)
		}
		well.Store(true)
		if got, err := checkFor(time.Second); err != nil || got != yes {
			t.Errorf("when it is well again: %s, %v", got, err)
		}
		if update, err := watching.Recv(); err != nil || update.GetStatus() != yes {
			t.Errorf("the watch goes on with %s, %v", update.GetStatus(), err)
		}
		if most.Load() != 1 {
			t.Errorf("%d checks asked at once", most.Load())
		}
	})
}

// TestCheckIsCalledOff checks that a client that goes away during a check does not make the driver unready.
func TestCheckIsCalledOff(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	asked, answers := make(chan struct{}, 8), make(chan struct{})
	var patient atomic.Bool
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithReady(func(ctx context.Context) error {
		asked <- struct{}{}
		if patient.Load() {
			<-answers
		}
		return ctx.Err()
	}))
	if got, err := d.Health(t, ""); err != nil || got != yes {
		t.Fatalf("got %s, %v", got, err)
	}
	<-asked
	patient.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := healthpb.NewHealthClient(d.Conn).Check(ctx, &healthpb.HealthCheckRequest{}); status.Code(err) != codes.Canceled {
		t.Errorf("got %v, want CANCELLED", err)
	}
	log.Wait(t, `"method"="grpc.health.v1.Health/Check"`, `"code"="Canceled"`)
	close(answers) // the function's context goes on, and so it says yes
	if got, err := d.Health(t, ""); err != nil || got != yes {
		t.Errorf("got %s, %v", got, err)
	}
	if found := log.Lines(`"msg"="not ready"`); len(found) > 0 {
		t.Errorf("nobody said so: %q", found)
	}
}

func TestHealthIsLoggedAsARead(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
	if _, err := d.Health(t, ""); err != nil {
		t.Fatal(err)
	}
	if line := log.OneLine(t, "grpc.health.v1.Health/Check"); !strings.HasPrefix(line, `"level"=1 "msg"="call done"`) {
		t.Errorf("got %s", line)
	}
}
