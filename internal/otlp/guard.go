package otlp

import (
	"context"
	"errors"
	"strings"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/internal/redact"
)

// guard stands between the SDK and the exporter of a signal. It ends exports when exporting ends, and logs their failures
// in place of the SDK's global handler: the first one, then the recovery; it counts those between. The exports of a signal
// follow one another, and so do the attempts of an export: no lock is needed.
type guard struct {
	log       logr.Logger
	signal    Signal
	exporting context.Context //nolint:containedctx // the lifetime of all exports, not of one call
	retrying  context.Context //nolint:containedctx // the time in which a failed export is tried again

	failures  int                // since the last success
	done      bool               // everything was delivered that ever will be
	giveUp    context.CancelFunc // ends the export under way
	forget    func() bool        // its last attempt that failed
	closeIdle func()             // closes the connections that the exporter does not close
}

func (p *Providers) newGuard(signal Signal) *guard {
	return &guard{
		log: p.log.WithValues("signal", strings.ToLower(string(signal))), signal: signal,
		exporting: p.exporting, retrying: p.retrying,
		forget: func() bool { return true }, closeIdle: func() {},
	}
}

// export does one export, whose context also ends with exporting.
func (g *guard) export(ctx context.Context, do func(context.Context) error) {
	ctx, g.giveUp = context.WithCancel(ctx)
	defer g.giveUp()
	defer context.AfterFunc(g.exporting, g.giveUp)()
	g.report(do(ctx))
}

// attempt makes one try of the export under way. The exporter waits for seconds after one that failed; when the driver
// flushes, before or during that wait, the export ends instead: to wait would hold up every exit while a collector is
// down.
func (g *guard) attempt(try func() error) error {
	g.forget()
	err := try()
	if err != nil {
		g.forget = context.AfterFunc(g.retrying, g.giveUp)
	}
	return err
}

// dialOption shows the guard the attempts that are made over gRPC.
func (g *guard) dialOption() grpc.DialOption {
	return grpc.WithUnaryInterceptor(func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption,
	) error {
		return g.attempt(func() error { return invoke(ctx, method, request, reply, conn, options...) })
	})
}

func (g *guard) report(err error) {
	switch {
	case err != nil:
		if g.failures == 0 {
			g.log.Error(masked(err), "telemetry cannot be exported")
		}
		g.failures++
	case g.failures > 0:
		g.log.Info("telemetry is exported again", "failed_exports", g.failures)
		g.failures = 0
	}
}

// closing wraps shutdown, and logs a line when the last exports failed. The SDK gets no deadline: the end of
// exporting ends its exports in time, and then it takes its goroutines with it.
func (g *guard) closing(shutdown flusher) flusher {
	return func(context.Context) error {
		err := shutdown(context.Background())
		g.closeIdle()
		if g.failures > 0 {
			g.log.Info("telemetry was lost", "failed_exports", g.failures)
		}
		return err
	}
}

// masked redacts an error. That bounds its text too: a collector may answer with a page of HTML.
func masked(err error) error { return errors.New(redact.Text(err.Error(), nil)) }
