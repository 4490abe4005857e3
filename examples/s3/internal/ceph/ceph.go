// Package ceph runs a store for tests: Ceph's RADOS Gateway, with the monitor and the one OSD that it needs. The OSD keeps
// objects in memory, and all three listen on free ports of the loopback interface. The programs are those of Debian's
// packages, which make test-ceph fetches and unpacks; nothing needs to be installed, and no user but the caller's own.
package ceph

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/doomshrine/gocosi/examples/s3/internal/loopback"
)

// Cluster is a store that runs. It is safe for concurrent use, but for Stop.
type Cluster struct {
	Endpoint      string // URL of S3, of IAM and of the admin API
	Region        string
	Driver        Account // may make users and give them policies, and owns the buckets that it makes
	Administrator Account // may do everything

	programs  programs
	folder    string
	children  *children
	processes []*process
	running   context.Context //nolint:containedctx // ends when a process does, with the reason
	end       context.CancelCauseFunc
}

// Account holds the key of a user of RGW.
type Account struct{ AccessKey, SecretKey string }

// patience is how long a cluster may take to start. Idle machines need little more than a second.
const patience = 2 * time.Minute

// errStopped is why a process ends that was asked to.
var errStopped = errors.New("stopped")

// Start runs a cluster with the programs below root, a folder into which Ceph's packages were unpacked, and with data, logs
// and keys below an existing folder. It returns once RGW answers and both accounts are there. The cluster runs until Stop,
// and ends with this process where the system can do that.
func Start(ctx context.Context, root, folder string) (*Cluster, error) {
	programs, err := findPrograms(root)
	if err != nil {
		return nil, err
	}
	folder, err = filepath.Abs(filepath.Join(folder, "ceph"))
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(folder, 0o700); err != nil { // the keys are nobody else's business
		return nil, err
	}
	c := &Cluster{Region: "us-east-1", programs: programs, folder: folder, children: newChildren()}
	c.running, c.end = context.WithCancelCause(context.WithoutCancel(ctx))
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start Ceph: %w", err), c.Stop())
	}
	return c, nil
}

func (c *Cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer context.AfterFunc(c.running, cancel)() // no step goes on without a process that it needs
	err := c.startProcesses(ctx)
	if err == nil {
		err = c.createAccounts(ctx)
	}
	if ended := context.Cause(c.running); ended != nil {
		return ended
	}
	return err
}

func (c *Cluster) startProcesses(ctx context.Context) error {
	addresses, err := loopback.FreeAddresses(ctx, 3)
	if err != nil {
		return err
	}
	n := network{monitorV2: addresses[0], monitorV1: addresses[1], gateway: addresses[2]}
	c.Endpoint = "http://" + n.gateway
	if err := c.prepare(ctx, n); err != nil {
		return err
	}
	for _, p := range [][]string{{"ceph-mon", "-i", monitor}, {"ceph-osd", "-i", osd}, {"radosgw", "-n", gateway}} {
		if err := c.spawn(p[0], append(p[1:], "-f", "--no-mon-config")...); err != nil {
			return err
		}
	}
	return loopback.Await(ctx, c.running, c.Endpoint)
}

// Done returns a channel that closes when the cluster ends: by Stop, or since one of its processes ended by itself.
func (c *Cluster) Done() <-chan struct{} { return c.running.Done() }

// Stop ends all processes and waits until they are gone. It returns why one ended before, if one did. The files stay, and
// another Stop does nothing.
func (c *Cluster) Stop() error {
	c.end(errStopped)
	for _, p := range c.processes {
		p.kill()
	}
	c.children.close()
	if ended := context.Cause(c.running); !errors.Is(ended, errStopped) {
		return ended
	}
	return nil
}
