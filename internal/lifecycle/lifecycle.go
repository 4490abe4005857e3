// Package lifecycle runs a gRPC server on a listener, notices when nobody can reach it any more, and ends it within a bound.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/conns"
	"github.com/doomshrine/gocosi/internal/foreign"
	"github.com/doomshrine/gocosi/internal/health"
	"github.com/doomshrine/gocosi/internal/inflight"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/safelog"
)

// The bounds of the end: after the shutdown timeout at most half a second for the listener, obeyTimeout, five seconds of flushing and
// LogTimeout go by.
const (
	// callerTimeout limits how long a drain waits for callers: for messages that have not come, and the ends of streams.
	callerTimeout = 500 * time.Millisecond
	// readTimeout limits how long a drain waits for callers to read their answers, when all calls have one. gRPC waits as long
	// for a client to confirm that it knows of the drain.
	readTimeout = 5 * time.Second
	// obeyTimeout limits how long handlers whose contexts were cancelled may take to return, and lines to be written.
	obeyTimeout = time.Second
	// LogTimeout limits how long the last lines of the log are waited for.
	LogTimeout = 500 * time.Millisecond
)

const (
	// observeInterval spaces the looks for late handlers and a stuck logger.
	observeInterval = time.Second / 2
	// listenerInterval spaces the looks at the listener.
	listenerInterval = 5 * time.Second
	// troubleInterval spaces the lines about trouble that lasts.
	troubleInterval = 10 * time.Minute
)

// ErrStopping answers calls that the drain does not wait for.
var ErrStopping = status.Error(codes.Unavailable, "the driver is shutting down")

// Running is a server with what its life needs. Start, Wait and Drain are called once, in this order.
type Running struct {
	Server   *grpc.Server
	Health   *health.Server
	Listener *conns.Listener
	Calls    *inflight.Table
	Ending   *atomic.Bool // set when the drain begins
	Log      *safelog.Log

	Missed       func(methods []string) // is told whose calls are past their deadline, each once; nil: nobody is
	Shutdown     time.Duration          // how long calls may go on after a stop was requested
	ShutdownFrom string                 // the variable that says so

	log      logr.Logger   // never blocks
	served   chan struct{} // closed when the server has returned
	failure  error         // of the server; set before served is closed
	late     time.Time     // until when what was cut off is waited for; zero: nothing was
	troubled time.Time     // when trouble of the listener was logged; zero: there is none
}

// Start begins to serve and to observe. The function that it returns ends both; it waits for what a handler, a listener or
// a logger may hold up no longer than obeyTimeout.
func (r *Running) Start() (end func()) {
	r.log, r.served = r.Log.Queued(), make(chan struct{})
	observing, stop := context.WithCancel(context.Background())
	observed := make(chan struct{})
	go func() { defer close(observed); r.observe(observing) }()
	served := foreign.Go(func() error { return r.Server.Serve(r.Listener) })
	go func() { defer close(r.served); r.failure = <-served }()
	return func() {
		late := r.late
		if late.IsZero() {
			late = time.Now().Add(obeyTimeout)
		}
		within(r.served, time.Until(late))
		if !within(r.Calls.Empty(), time.Until(late)) {
			r.logAbandoned()
		}
		r.Calls.Abandon(ErrStopping)
		stop()
		<-observed
	}
}

// logAbandoned names the calls whose handlers go on.
func (r *Running) logAbandoned() {
	if calls := r.Calls.Unfinished(time.Now()); len(calls) > 0 {
		r.log.Info("handlers ignore their context and are abandoned", "calls", bound.Join(calls))
	}
}

// observe logs handlers past their deadline, and learns whether the logger is stuck, until ctx ends.
func (r *Running) observe(ctx context.Context) {
	tick := time.NewTicker(observeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			if late := r.Calls.LogLate(now, r.log); r.Missed != nil && len(late) > 0 {
				go r.Missed(late) // which may wait for a provider of the author's own
			}
			r.Log.Observe(now, r.Calls.Stuck(now, safelog.StuckAfter))
		}
	}
}

// Wait returns when a stop is requested, or with the reason why the driver cannot be reached any more.
func (r *Running) Wait(ctx context.Context) error {
	tick := time.NewTicker(listenerInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-r.served:
			return fmt.Errorf("serving on %s: %w", r.Listener.Addr(), r.failure)
		case now := <-tick.C:
			if err := r.checkListener(now); err != nil {
				r.log.Error(err, "socket is lost")
				return err
			}
		}
	}
}

// checkListener logs trouble of the listener that may pass, seldom, and returns trouble that does not.
func (r *Running) checkListener(now time.Time) error {
	switch err := r.Listener.Trouble(); {
	case err == nil && !r.troubled.IsZero():
		r.log.Info("connections are accepted again")
		r.troubled = time.Time{}
	case err != nil && now.Sub(r.troubled) > troubleInterval:
		r.log.Error(err, "connections cannot be accepted")
		r.troubled = now
	}
	if socket, ok := r.Listener.Listener.(interface{ Lost() error }); ok {
		return socket.Lost()
	}
	return nil
}

// Drain ends health and the listener, lets calls finish, and cuts off those that do not.
func (r *Running) Drain() error {
	due := time.Now().Add(r.Shutdown)
	r.Ending.Store(true) // first: it tells the end of a watch by the drain from a failure
	r.Health.Drain()
	if err := r.Listener.Close(); err != nil {
		r.log.Error(errors.New(redact.Text(err.Error(), nil)), "listener was not closed cleanly")
	}
	r.log.Info("stopping", "timeout", r.Shutdown.String()) // whoever asks or calls has heard of it
	done := make(chan struct{})
	go func() { defer close(done); r.Server.GracefulStop() }()
	defer time.AfterFunc(min(r.Shutdown, callerTimeout), func() { r.Calls.Refuse(ErrStopping) }).Stop()
	if r.drained(done, due) {
		return nil
	}
	return r.cutOff(done)
}

// drained waits until every call has an answer and its caller has read that, and reports whether both came in time.
func (r *Running) drained(done <-chan struct{}, due time.Time) bool {
	late := time.NewTimer(time.Until(due))
	defer late.Stop()
	for {
		select {
		case <-done:
			return true
		case <-late.C:
			return false
		case <-r.Calls.Empty():
		}
		if within(done, min(readTimeout, time.Until(due))) {
			return true
		}
		if r.Calls.Len() == 0 {
			return false
		}
	}
}

// cutOff stops the server for good, and says which calls had no answer yet.
func (r *Running) cutOff(done <-chan struct{}) error {
	cut := r.Calls.Unanswered(time.Now())
	r.late = time.Now().Add(obeyTimeout)
	go func() { r.Listener.Cut(); r.Server.Stop() }() // with some options of gRPC's it waits for handlers
	within(done, obeyTimeout)
	if len(cut) == 0 {
		r.log.Info("connections are cut off")
		return nil
	}
	return fmt.Errorf("%s cut off after %s (%s): %s", bound.Count(len(cut), "call was", "calls were"), r.Shutdown, r.ShutdownFrom, bound.Join(cut))
}

// within waits for done, and reports whether it came in time.
func within(done <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
