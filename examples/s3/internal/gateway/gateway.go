// Package gateway runs a store in this process: versitygw, with S3 on one port of the loopback interface and IAM on
// another. It is for trying and for tests: users and keys lie in plain files.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"github.com/doomshrine/gocosi/examples/s3/internal/loopback"
)

// Store says where a store is, and who may do everything there.
type Store struct {
	Endpoint    string // URL of S3
	IAMEndpoint string // URL of IAM
	Region      string
	AccessKey   string
	SecretKey   string
}

// newStore finds free addresses for a store, and makes a key.
func newStore(ctx context.Context) (Store, error) {
	addresses, err := loopback.FreeAddresses(ctx, 2)
	if err != nil {
		return Store{}, err
	}
	return Store{
		Endpoint: scheme + addresses[0], IAMEndpoint: scheme + addresses[1], Region: region,
		AccessKey: administrator, SecretKey: rand.Text(),
	}, nil
}

// address returns the host and port of an endpoint.
func address(endpoint string) string { return strings.TrimPrefix(endpoint, scheme) }

const (
	region        = "us-east-1"
	scheme        = "http://"
	administrator = "root" // owns the buckets, from one start to the next
)

// health is a path that both services answer on without a key.
const health = "/healthz"

// connections is how many each service takes.
const connections = 4096

// Embedded is a store that runs in this process, which has room for one.
type Embedded struct {
	Store
	sockets string // the folder of the socket between the two services
	stop    context.CancelCauseFunc
	running sync.WaitGroup
}

// Start runs a store that keeps its data below an existing folder, and waits until it answers. The folder of the data
// becomes the working directory of the process: the store's backend wants it so.
func Start(ctx context.Context, folder string) (*Embedded, error) {
	folder, err := filepath.Abs(folder) // once and for all: the working directory changes
	if err != nil {
		return nil, err
	}
	data, err := openData(folder)
	if err != nil {
		return nil, err
	}
	store, err := newStore(ctx)
	if err != nil {
		return nil, err
	}
	sockets, err := socketFolder()
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancelCause(context.Background())
	e := &Embedded{Store: store, sockets: sockets, stop: stop}
	if err := e.start(ctx, running, folder, data); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// start runs both services, IAM first: S3 asks it who may do what.
func (e *Embedded) start(ctx, running context.Context, folder string, data *posix.Posix) error {
	err := e.run(ctx, running, e.IAMEndpoint, func() error { return embedgw.RunIAMAPI(running, e.iamConfig(folder)) })
	if err != nil {
		return err
	}
	return e.run(ctx, running, e.Endpoint, func() error { return embedgw.RunVersityGW(running, data, e.s3Config()) })
}

// errStopped is why a service ends that was asked to.
var errStopped = errors.New("stopped")

// run starts a service and waits until it answers; if it ends by itself, the other one ends as well.
func (e *Embedded) run(ctx, running context.Context, endpoint string, service func() error) error {
	e.running.Go(func() {
		e.stop(fmt.Errorf("the store ended: %w", errors.Join(service(), errStopped)))
	})
	return await(ctx, running, endpoint)
}

// Stop ends the store and waits until it is down. Its data stays.
func (e *Embedded) Stop() error {
	e.stop(errStopped)
	e.running.Wait()
	return os.RemoveAll(e.sockets)
}

// socketFolder makes a folder for a socket, whose path has 103 bytes at most on every Unix: in /tmp when the usual place is
// too long.
func socketFolder() (string, error) {
	parent := os.TempDir()
	if len(parent) > 70 {
		parent = "/tmp"
	}
	return os.MkdirTemp(parent, "s3")
}

func makeFolders(parent string, names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(parent, name), 0o700); err != nil {
			return err
		}
	}
	return nil
}

func openData(folder string) (*posix.Posix, error) {
	if err := makeFolders(folder, "data", "meta", "versions", "iam"); err != nil {
		return nil, err
	}
	attributes, err := meta.NewSideCar(filepath.Join(folder, "meta"))
	if err != nil {
		return nil, err
	}
	return posix.New(filepath.Join(folder, "data"), attributes, posix.PosixOpts{
		SideCarDir: filepath.Join(folder, "meta"), VersioningDir: filepath.Join(folder, "versions"),
	})
}

// socket is the path on which IAM answers S3.
func (e *Embedded) socket() string { return filepath.Join(e.sockets, "iam.sock") }

func (e *Embedded) iamConfig(folder string) *embedgw.IAMConfig {
	return &embedgw.IAMConfig{
		RootUserAccess: e.AccessKey, RootUserSecret: e.SecretKey,
		Ports: []string{address(e.IAMEndpoint)}, PrivatePorts: []string{e.socket()}, PrivateSocketPerm: "0600",
		IAMDir: filepath.Join(folder, "iam"), HealthPath: health, Quiet: true,
		MaxConnections: connections, MaxRequests: connections,
	}
}

func (e *Embedded) s3Config() *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess: e.AccessKey, RootUserSecret: e.SecretKey, Region: region,
		Ports: []string{address(e.Endpoint)}, StandaloneIAMEndpoint: e.socket(),
		HealthPath: health, Quiet: true,
		MaxConnections: connections, MaxRequests: connections, MultipartMaxParts: 10_000,
	}
}
