package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"time"
)

const (
	preface  = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
)

// soakOpenings is what a vandal says before it breaks off.
var soakOpenings = []string{
	"",
	"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // TLS
	preface[:10],
	preface,
	preface + settings,
	preface + settings[:5],
	preface + settings + "\xff\xff\xff\x00\x00\x00\x00\x00\x01",                 // a frame of 16 MiB
	preface + settings + "\x00\x00\x04\x01\x05\x00\x00\x00\x01\xff\xff\xff\xff", // headers that cannot be read
	preface + settings + "\x00\x00\x04\x00\x01\x00\x00\x00\x07data",             // for a stream that is not there
	preface + settings + "\x00\x00\x08\x06\x00\x00\x00\x00\x00ping",             // half a ping
}

// vandalise lets a vandal at the driver until ctx ends.
func (t *soakTarget) vandalise(ctx context.Context) error {
	r := rand.New(rand.NewPCG(0, 1))
	for n := 0; ctx.Err() == nil; n++ {
		if err := t.vandal(ctx, r, fmt.Sprint("vandal-", n)); err != nil {
			return fmt.Errorf("the vandal was not let in: %w", err)
		}
		_ = lasting(ctx, soakThinking)
	}
	return nil
}

func (t *soakTarget) vandal(ctx context.Context, r *rand.Rand, nonce string) error {
	t.gate.RLock()
	defer t.gate.RUnlock()
	if ctx.Err() != nil {
		return nil
	}
	if r.IntN(3) == 0 {
		return t.breakOff(r, nonce)
	}
	conn, err := net.Dial("unix", t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, soakOpenings[r.IntN(len(soakOpenings))])
	if r.IntN(2) == 0 {
		_ = conn.SetReadDeadline(time.Now().Add(soakThinking))
		_, _ = io.Copy(io.Discard, conn)
	}
	return nil
}

// breakOff closes a connection with a call under way.
func (t *soakTarget) breakOff(r *rand.Rand, nonce string) error {
	conn, err := soakDial(t.path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := soakConnect(context.Background(), conn); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := soakCreate(r, nonce)
		_ = c.send(context.Background(), conn)
	}()
	conn.Close()
	<-done
	return nil
}

// silence returns how long the driver bears with a connection that says nothing.
func (t *soakTarget) silence() (time.Duration, error) {
	conn, err := net.Dial("unix", t.path)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	began := time.Now()
	_ = conn.SetReadDeadline(began.Add(limit))
	if _, err = io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, fmt.Errorf("a connection that says nothing is still open after %s", limit)
	}
	return time.Since(began), nil
}
