package gocosi

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/otlp"
)

// telemetry traces and measures the calls of a running driver, by providers of the author's own or as the environment says.
type telemetry struct{ *otlp.Telemetry }

// startTelemetry builds what is asked for. The caller must flush when there is no error.
func startTelemetry(c *config, driver string, log logr.Logger) (telemetry, error) {
	t, err := c.signals.Start(authorTimeout, driver, log)
	return telemetry{t}, err
}

// serve shows the metrics what is served.
func (t telemetry) serve(version string, services map[string]grpc.ServiceInfo, ch *chain, h *health.Server) {
	t.Serve(otlp.Served{
		Version: version, Library: buildinfo.Library(), Services: services, Methods: ch.methods,
		Calls: ch.calls.ByMethod, Unserved: ch.unserved.Refused, Ready: h.Ready,
	}, ch.unserved.Serves)
}

// missed reports whether a call that ends now is past its deadline, and nobody counted that yet.
func (t telemetry) missed(c *call) bool {
	return t.Instruments != nil && c.chain.calls.Missed(time.Now(), &c.Call)
}

// count counts what happened to a call that was answered already.
func (t telemetry) count(ctx context.Context, c *call, f *failure, missed bool) {
	if missed {
		t.Instruments.Missed(ctx, c.Method)
	}
	if f != nil && f.stack != "" {
		t.Instruments.Panic(ctx, c.Method)
	}
	if f != nil && f.rule != "" {
		t.Instruments.Translation(ctx, c.Method, f.rule)
	}
}
