package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi"
)

// The names of the servers that the benchmark compares.
const (
	bare       = "bare"
	bareAgain  = "bare-again"
	bareLogged = "bare-log"
	bareTraced = "bare-otel"
	plain      = "gocosi"
	logging    = "gocosi-log"
	traced     = "gocosi-otlp"
	everything = "gocosi-all"
)

// fleet holds one server of each kind, with the logs and the collector that show that the servers did their work.
type fleet struct {
	servers   map[string]*server
	lines     map[string]*lines
	collector *collector
}

// lines counts the lines of a log and discards them.
type lines struct{ n atomic.Int64 }

func (l *lines) Write(line []byte) (int, error) {
	l.n.Add(1)
	return len(line), nil
}

func (l *lines) logger() logr.Logger { return logr.FromSlogHandler(slog.NewJSONHandler(l, nil)) }

// startFleet starts the collector from its binary, and all servers in dir.
func startFleet(ctx context.Context, dir, binary string) (*fleet, error) {
	c, err := startCollector(ctx, binary)
	if err != nil {
		return nil, err
	}
	f := &fleet{servers: map[string]*server{}, lines: map[string]*lines{bareLogged: {}, logging: {}, everything: {}}, collector: c}
	nothing := func(context.Context) error { return nil }
	starts := map[string]func() (*server, error){
		bare:      func() (*server, error) { return startBare(ctx, dir, bare, nothing) },
		bareAgain: func() (*server, error) { return startBare(ctx, dir, bareAgain, nothing) },
		bareLogged: func() (*server, error) {
			return startBare(ctx, dir, bareLogged, nothing, grpc.UnaryInterceptor(logged(f.lines[bareLogged].logger())))
		},
		bareTraced: func() (*server, error) {
			return exporting(c.url, func() (*server, error) { return startBareTraced(ctx, dir, bareTraced) })
		},
		plain: func() (*server, error) { return startDriver(ctx, dir, plain) },
		logging: func() (*server, error) {
			return startDriver(ctx, dir, logging, gocosi.WithLogger(f.lines[logging].logger()))
		},
		traced: func() (*server, error) {
			return exporting(c.url, func() (*server, error) { return startDriver(ctx, dir, traced) })
		},
		everything: func() (*server, error) {
			return exporting(c.url, func() (*server, error) {
				return startDriver(ctx, dir, everything, gocosi.WithLogger(f.lines[everything].logger()))
			})
		},
	}
	for name, start := range starts {
		s, err := start()
		if err != nil {
			_, err2 := f.stop()
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), err2)
		}
		f.servers[name] = s
	}
	return f, nil
}

// stop stops all servers and the collector, and fails when a server did not log or export its calls. It returns the
// share of calls to exporting servers whose spans arrived.
func (f *fleet) stop() (arrived float64, err error) {
	var failures []error
	for _, s := range f.servers {
		failures = append(failures, s.stop())
	}
	got, err := f.collector.end()
	failures = append(failures, err)
	spans, calls := 0, 0
	for _, name := range []string{bareTraced, traced, everything} {
		if got.Spans[service(name)] == 0 || got.Metrics[service(name)] == 0 {
			failures = append(failures, fmt.Errorf("%s delivered %d spans and %d metrics", name, got.Spans[service(name)], got.Metrics[service(name)]))
		}
		if s := f.servers[name]; s != nil {
			spans, calls = spans+got.Spans[service(name)], calls+s.calls
		}
	}
	for name, l := range f.lines {
		if s := f.servers[name]; s != nil && l.n.Load() < int64(s.calls) {
			failures = append(failures, fmt.Errorf("%s logged %d lines for %d calls", name, l.n.Load(), s.calls))
		}
	}
	return float64(spans) / float64(calls), errors.Join(failures...)
}
