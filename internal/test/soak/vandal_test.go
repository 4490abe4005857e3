package soak_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
)

// openings lists what a vandal sends before it closes its connection.
var openings = []string{
	"",
	"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
	preface[:10],
	preface,
	preface + settings,
	preface + settings[:5],
	preface + settings + "\xff\xff\xff\x00\x00\x00\x00\x00\x01",                 // a frame of 16 MiB
	preface + settings + "\x00\x00\x04\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff", // malformed headers
	preface + settings + "\x00\x00\x04\x00\x01\x00\x00\x00\x07data",             // data for a missing stream
	preface + settings + "\x00\x00\x08\x06\x00\x00\x00\x00\x00ping",             // half a ping
}

// vandalise runs a vandal until ctx ends.
func (t *target) vandalise(ctx context.Context) error {
	r := rand.New(rand.NewPCG(0, 1))
	for n := 0; ctx.Err() == nil; n++ {
		if err := t.vandal(ctx, r, fmt.Sprint("vandal-", n)); err != nil {
			return fmt.Errorf("the vandal cannot connect, want a connection: %w", err)
		}
		_ = lasting(ctx, longestPause)
	}
	return nil
}

// vandal misuses one connection.
func (t *target) vandal(ctx context.Context, r *rand.Rand, nonce string) error {
	t.gate.RLock()
	defer t.gate.RUnlock()
	if ctx.Err() != nil {
		return nil
	}
	switch r.IntN(6) {
	case 0, 1:
		return t.breakOff(r, nonce)
	case 2:
		return t.waste(r)
	}
	conn, err := net.Dial("unix", t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, openings[r.IntN(len(openings))])
	if r.IntN(2) == 0 {
		_ = conn.SetReadDeadline(time.Now().Add(longestPause))
		_, _ = io.Copy(io.Discard, conn)
	}
	return nil
}

// breakOff closes a connection during a call.
func (t *target) breakOff(r *rand.Rand, nonce string) error {
	conn, err := dial(t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := connect(context.Background(), conn); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := newCreate(r, nonce)
		_ = c.send(context.Background(), conn)
	}()
	conn.Close()
	<-done
	return nil
}

// wastes lists methods that a vandal opens a stream of, sends nothing to, and leaves.
var wastes = []string{
	harness.CreateMethod, "/grpc.health.v1.Health/Watch", "/grpc.health.v1.Health/Check",
	"/cosi.v1alpha2.Provisioner/DriverCreateBucket", "/" + strings.Repeat("x", 64<<10) + "/y",
}

// waste opens a few streams with large headers, and goes away without a message.
func (t *target) waste(r *rand.Rand) error {
	conn, err := dial(t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := connect(context.Background(), conn); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), longestPause)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "waste", strings.Repeat("x", r.IntN(32<<10)))
	for range 1 + r.IntN(20) {
		_, _ = conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, wastes[r.IntN(len(wastes))])
	}
	return nil
}

// silence returns how long the driver keeps a silent connection.
func (t *target) silence() (time.Duration, error) {
	conn, err := net.Dial("unix", t.path)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	_ = conn.SetReadDeadline(began.Add(answerLimit))
	if _, err = io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, fmt.Errorf("a silent connection is still open after %s; want it closed", answerLimit)
	}
	return time.Since(began), nil
}
