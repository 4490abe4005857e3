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
	"sync"

	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"
)

// Store says where a store is, and who may do everything there.
type Store struct {
	Endpoint    string // URL of S3
	IAMEndpoint string // URL of IAM
	Region      string
	AccessKey   string
	SecretKey   string
}

const (
	region        = "us-east-1"
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
	addresses, err := freeAddresses(ctx, 2)
	if err != nil {
		return nil, err
	}
	sockets, err := os.MkdirTemp("", "s3") // its path is short, as that of a socket must be
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancelCause(context.Background())
	e := &Embedded{
		Store: Store{
			Endpoint: "http://" + addresses[0], IAMEndpoint: "http://" + addresses[1], Region: region,
			AccessKey: administrator, SecretKey: rand.Text(),
		},
		sockets: sockets, stop: stop,
	}
	socket := filepath.Join(sockets, "iam.sock")
	e.run(stop, func() error { return embedgw.RunIAMAPI(running, e.iamConfig(addresses[1], socket, folder)) })
	if err := await(ctx, running, e.IAMEndpoint); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	e.run(stop, func() error { return embedgw.RunVersityGW(running, data, e.s3Config(addresses[0], socket)) })
	if err := await(ctx, running, e.Endpoint); err != nil {
		return nil, errors.Join(err, e.Stop())
	}
	return e, nil
}

// errStopped is why a service ends that was asked to.
var errStopped = errors.New("stopped")

// run starts a service; if it ends by itself, the other one ends as well.
func (e *Embedded) run(stop context.CancelCauseFunc, service func() error) {
	e.running.Go(func() {
		stop(fmt.Errorf("the store ended: %w", errors.Join(service(), errStopped)))
	})
}

// Stop ends the store and waits until it is down. Its data stays.
func (e *Embedded) Stop() error {
	e.stop(errStopped)
	e.running.Wait()
	return os.RemoveAll(e.sockets)
}

func openData(folder string) (*posix.Posix, error) {
	for _, name := range []string{"data", "meta", "versions", "iam"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			return nil, err
		}
	}
	attributes, err := meta.NewSideCar(filepath.Join(folder, "meta"))
	if err != nil {
		return nil, err
	}
	return posix.New(filepath.Join(folder, "data"), attributes, posix.PosixOpts{
		SideCarDir: filepath.Join(folder, "meta"), VersioningDir: filepath.Join(folder, "versions"),
	})
}

func (e *Embedded) iamConfig(address, socket, folder string) *embedgw.IAMConfig {
	return &embedgw.IAMConfig{
		RootUserAccess: e.AccessKey, RootUserSecret: e.SecretKey,
		Ports: []string{address}, PrivatePorts: []string{socket}, PrivateSocketPerm: "0600",
		IAMDir: filepath.Join(folder, "iam"), HealthPath: health, Quiet: true,
		MaxConnections: connections, MaxRequests: connections,
	}
}

func (e *Embedded) s3Config(address, socket string) *embedgw.Config {
	return &embedgw.Config{
		RootUserAccess: e.AccessKey, RootUserSecret: e.SecretKey, Region: region,
		Ports: []string{address}, StandaloneIAMEndpoint: socket,
		HealthPath: health, Quiet: true,
		MaxConnections: connections, MaxRequests: connections, MultipartMaxParts: 10_000,
	}
}
