//go:build unix

package gocosi_test

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// probeAt probes the driver at an endpoint.
func probeAt(ctx context.Context, endpoint string, options ...gocosi.Option) error {
	return gocosi.Probe(ctx, append([]gocosi.Option{harness.Env(map[string]string{gocosi.EnvCOSIEndpoint: endpoint})}, options...)...)
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		ready func(context.Context) error
		says  string // "" for a driver that serves
	}{
		"serving":   {nil, ""},
		"ready":     {func(context.Context) error { return nil }, ""},
		"not ready": {func(context.Context) error { return errors.New("no database") }, "NOT_SERVING"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithReady(row.ready))
			err := probeAt(harness.Timeout(t), "unix://"+d.Path)
			switch {
			case row.says == "" && err != nil:
				t.Error(err)
			case row.says != "":
				checkError(t, err, "gocosi: ", "unix://"+d.Path, row.says)
			}
		})
	}
}

func TestProbeFollowsReadiness(t *testing.T) {
	t.Parallel()
	ready := make(chan error, 1)
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithReady(func(context.Context) error { return <-ready }))
	for _, answer := range []error{errors.New("not yet"), nil, errors.New("no more"), nil} {
		ready <- answer
		if err := probeAt(harness.Timeout(t), d.Path); (err != nil) != (answer != nil) {
			t.Errorf("ready says %v, Probe says %v", answer, err)
		}
	}
}

func TestProbeWhereNothingListens(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(harness.ShortDir(t), "cosi.sock")
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lis.Close()
	for _, endpoint := range []string{"unix://" + missing, "tcp://" + lis.Addr().String()} {
		t.Run(endpoint, func(t *testing.T) {
			t.Parallel()
			checkError(t, probeAt(harness.Timeout(t), endpoint), "gocosi: probe of "+endpoint)
		})
	}
}

func TestProbeOfAStoppedDriver(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, &harness.Handlers{})
	if err := d.Wait(t); err != nil {
		t.Fatal(err)
	}
	checkError(t, probeAt(harness.Timeout(t), d.Path), "gocosi: probe of unix://"+d.Path)
}

// TestProbeOfADrainingDriver checks that a draining driver removes its socket before it waits for calls.
func TestProbeOfADrainingDriver(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	d := harness.Start(t, &harness.Handlers{Delete: func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
		close(entered)
		<-release
		return &cosi.DriverDeleteBucketResponse{}, nil
	}})
	done := make(chan error, 1)
	go func() {
		_, err := cosi.NewProvisionerClient(d.Conn).DriverDeleteBucket(harness.Timeout(t), &cosi.DriverDeleteBucketRequest{BucketId: "b"})
		done <- err
	}()
	<-entered
	d.Stop()
	harness.Eventually(t, func() bool { return probeAt(harness.Timeout(t), d.Path) != nil }, "a driver that drains is still serving")
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestProbeRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		endpoint string
		says     []string
	}{
		"a wrong endpoint":   {"cosi.sock", []string{`COSI_ENDPOINT="cosi.sock"`}},
		"off loopback":       {"tcp://192.0.2.1:9000", []string{`COSI_ENDPOINT="tcp://192.0.2.1:9000"`, offLoopback}},
		"any free port":      {"tcp://127.0.0.1:0", []string{"tcp://127.0.0.1:0", "names the port"}},
		"any free IPv6 port": {"tcp://[::1]:0", []string{"tcp://[::1]:0", "names the port"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := probeAt(harness.Timeout(t), row.endpoint)
			checkError(t, err, append(row.says, "gocosi: ")...)
			if err != nil && strings.Contains(err.Error(), "dial") {
				t.Errorf("got %v, want an error before any dial", err)
			}
		})
	}
}

func TestProbeWithTLS(t *testing.T) {
	t.Parallel()
	certs := newCertificates(t)
	endpoint := "tcp://" + runTCP(t, gocosi.WithTransportCredentials(certs.server()))
	for name, row := range map[string]struct {
		options []gocosi.Option
		refused bool
	}{
		"client certificate":    {[]gocosi.Option{gocosi.WithTransportCredentials(certs.client())}, false},
		"no client certificate": {[]gocosi.Option{gocosi.WithTransportCredentials(certs.anonymous())}, true},
		"another authority":     {[]gocosi.Option{gocosi.WithTransportCredentials(newCertificates(t).client())}, true},
		"no TLS":                {nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := probeAt(harness.Timeout(t), endpoint, row.options...)
			if row.refused {
				checkError(t, err, "gocosi: probe of "+endpoint)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// silentListener accepts connections and never answers.
func silentListener(t *testing.T) string {
	t.Helper()
	path := filepath.Join(harness.ShortDir(t), "cosi.sock")
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
		}
	}()
	t.Cleanup(func() { lis.Close(); <-done })
	return path
}

func TestProbeHeedsItsContext(t *testing.T) {
	t.Parallel()
	path := silentListener(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	checkError(t, probeAt(ctx, path), "gocosi: probe of unix://"+path)
	if took := time.Since(begin); took > 4*time.Second { // without the context, it takes 5 s
		t.Errorf("it took %s", took)
	}
}

func TestProbeHasALimitOfItsOwn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes the 5 s of the limit, skipped with -short")
	}
	begin := time.Now()
	checkError(t, probeAt(t.Context(), silentListener(t)), "gocosi: probe of unix://")
	if took := time.Since(begin); took > 15*time.Second { // an attempt to connect may take 20
		t.Errorf("it took %s", took)
	}
}
