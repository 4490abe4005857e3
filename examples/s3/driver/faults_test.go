package driver_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doomshrine/gocosi"
)

// A store that fails gives the right code, makes the driver not ready, and once it is back the driver works by itself.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		broken func(*proxy)
		code   codes.Code
		words  string
	}{
		{"down", func(p *proxy) { p.cut(0, false, func() {}) }, codes.Unavailable, "the store does not answer"},
		{"500 without a body", func(p *proxy) { p.answer(http.StatusInternalServerError, "") }, codes.Unavailable, "HTTP 500"},
		{"500", func(p *proxy) { p.answer(http.StatusInternalServerError, "InternalError") }, codes.Unavailable, "InternalError"},
		{"503", func(p *proxy) { p.answer(http.StatusServiceUnavailable, "SlowDown") }, codes.Unavailable, "SlowDown"},
		{"key refused", func(p *proxy) { p.answer(http.StatusForbidden, "InvalidAccessKeyId") }, codes.PermissionDenied, "InvalidAccessKeyId to the driver's own key"},
		{"may not", func(p *proxy) { p.answer(http.StatusForbidden, "AccessDenied") }, codes.PermissionDenied, "AccessDenied to the driver's own key"},
		{"slow", func(p *proxy) {
			p.do(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
				_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that the client goes
				<-r.Context().Done()
			})
		}, codes.DeadlineExceeded, "deadline"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p, s := behindProxy(t, embedded)
			conn, _ := start(t, s, gocosi.WithDefaultRPCTimeout(patience))
			c, health := callerOn(conn), healthpb.NewHealthClient(conn)
			bucket := "faults-" + unique()
			c.create(t, bucket, nil)
			c.grant(t, bucket, bucket, nil)

			row.broken(p)
			if serving(t, health) {
				t.Error("the driver says that it is ready")
			}
			for _, err := range []error{
				c.tryCreate(t.Context(), bucket, nil), grantError(t.Context(), c, bucket),
				c.tryRevoke(t.Context(), bucket, bucket), c.tryDelete(t.Context(), bucket, nil),
			} {
				expect(t, err, row.code, row.words)
			}
			p.undo()
			if !serving(t, health) {
				t.Error("the driver does not become ready again")
			}
			c.revoke(t, bucket, bucket)
			c.delete(t, bucket, nil)
		})
	}
}

// patience is what the driver gives a store that hangs, and more than its own repeats take.
const patience = 4 * time.Second

// serving asks for the driver's health; a store that hangs is not ready either.
func serving(t *testing.T, health healthpb.HealthClient) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	response, err := health.Check(ctx, &healthpb.HealthCheckRequest{})
	return err == nil && response.GetStatus() == healthpb.HealthCheckResponse_SERVING
}

func grantError(ctx context.Context, c caller, bucket string) error {
	_, err := c.tryGrant(ctx, bucket, bucket, nil)
	return err
}

// A wrong key of the driver's own is refused by the real store.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	s := settings(t, embedded)
	s.SecretKey = "wrong"
	c := connect(t, s)
	expect(t, c.tryCreate(t.Context(), "wrong-key", nil), codes.PermissionDenied, "SignatureDoesNotMatch to the driver's own key")
	s = settings(t, embedded)
	s.AccessKey = "nobody"
	c = connect(t, s)
	expect(t, c.tryCreate(t.Context(), "wrong-key", nil), codes.PermissionDenied, "InvalidAccessKeyId to the driver's own key")
}

// A store on which nothing listens does not keep the driver from starting.
func TestNothingListens(t *testing.T) {
	t.Parallel()
	p, s := behindProxy(t, embedded)
	p.s3.Close()
	p.iam.Close()
	c := connect(t, s)
	expect(t, c.tryCreate(t.Context(), "nothing-listens", nil), codes.Unavailable, "create bucket: the store does not answer")
}
