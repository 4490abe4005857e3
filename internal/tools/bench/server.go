package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/address"
	"github.com/doomshrine/gocosi/internal/tools/bench/canned"
)

// server holds a server that runs in this process, and a client that calls it over its socket with one connection.
type server struct {
	name   string
	client cosi.ProvisionerClient
	calls  int // number of measured calls
	stop   func() error
}

// startLimit limits how long a server may take to listen.
const startLimit = 30 * time.Second

// startBare starts a server that uses gRPC alone. It calls ended after the server has stopped.
func startBare(ctx context.Context, dir, name string, ended func(context.Context) error, options ...grpc.ServerOption) (*server, error) {
	path := filepath.Join(dir, name+".sock")
	var config net.ListenConfig
	lis, err := config.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	s := grpc.NewServer(options...)
	cosi.RegisterIdentityServer(s, &canned.Identity{})
	cosi.RegisterProvisionerServer(s, &canned.Provisioner{})
	served := make(chan error, 1)
	go func() { served <- s.Serve(lis) }()
	return connect(name, path, func() error {
		s.GracefulStop()
		return errors.Join(<-served, ended(context.WithoutCancel(ctx)))
	})
}

// logged returns the shortest interceptor that writes the same line for each call as a driver.
func logged(log logr.Logger) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		began := time.Now()
		response, err := handler(ctx, request)
		bucket, _ := request.(*cosi.DriverCreateBucketRequest)
		made, _ := response.(*cosi.DriverCreateBucketResponse)
		log.Info("call done", "method", info.FullMethod, "code", status.Code(err).String(),
			"duration", time.Since(began).String(), "bucket", bucket.GetName(), "bucket_id", made.GetBucketId())
		return response, err
	}
}

// startDriver starts a driver that uses gocosi.
func startDriver(ctx context.Context, dir, name string, options ...gocosi.Option) (*server, error) {
	path := filepath.Join(dir, name+".sock")
	options = append(options, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint("unix://"+path))
	driver, err := gocosi.New(gocosi.NewIdentity(service(name)), &canned.Provisioner{}, options...)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() { served <- driver.Run(running) }()
	end := func() error { stop(); return <-served }
	waiting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if _, err := driver.Addr(waiting); err != nil {
		return nil, errors.Join(err, end())
	}
	return connect(name, path, end)
}

// connect creates the client of a server that listens.
func connect(name, path string, stop func() error) (*server, error) {
	conn, err := address.Socket(path).Dial()
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &server{name: name, client: cosi.NewProvisionerClient(conn), stop: func() error {
		if err := errors.Join(conn.Close(), stop()); err != nil {
			return fmt.Errorf("stopping %s: %w", name, err)
		}
		return nil
	}}, nil
}

// endpointVariable names the variable that gives exporters their collector. Every server reads it when it starts.
const endpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT"

// exporting starts a server whose environment names the collector at url.
func exporting(url string, start func() (*server, error)) (*server, error) {
	if err := os.Setenv(endpointVariable, url); err != nil {
		return nil, err
	}
	s, err := start()
	return s, errors.Join(err, os.Unsetenv(endpointVariable))
}
