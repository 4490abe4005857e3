package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/address"
)

// life holds the costs of a process from its start to its end.
type life struct {
	start  float64 // milliseconds until the first answer
	memory memory  // when idle
	cpu    float64 // microseconds per call, in the server alone
}

// memory holds the memory of a process in bytes.
type memory struct {
	resident float64
	private  float64 // without pages of files, such as the program, that the system may drop
}

const (
	idle        = 500 * time.Millisecond // time between the first answer and the reading of the memory
	dialPoll    = 200 * time.Microsecond // time between attempts to dial a starting server
	lifeLimit   = time.Minute            // longest life of a process
	lifeCallers = 16
)

// live runs each program in turn, as often as the effort says, and returns the lives of each program in order.
func live(ctx context.Context, dir string, programs []program, e effort) (map[string][]life, error) {
	lives := map[string][]life{}
	for range e.starts {
		for _, p := range programs {
			l, err := p.live(ctx, dir, e.load)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			lives[p.name] = append(lives[p.name], l)
		}
	}
	return lives, nil
}

// live runs the program once.
func (p program) live(ctx context.Context, dir string, calls int) (l life, err error) {
	ctx, cancel := context.WithTimeout(ctx, lifeLimit)
	defer cancel()
	folder, err := os.MkdirTemp(dir, "life")
	if err != nil {
		return l, err
	}
	defer os.RemoveAll(folder)
	log, err := os.Create(filepath.Join(dir, "log")) // a file, because a pipe would cost this process time
	if err != nil {
		return l, err
	}
	defer log.Close()
	socket := address.Socket(filepath.Join(folder, "cosi.sock"))
	conn, err := socket.Dial(grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return dial(ctx, socket) }))
	if err != nil {
		return l, err
	}
	defer conn.Close()
	cmd := exec.CommandContext(ctx, p.binary)
	cmd.Env, cmd.Stderr = append(os.Environ(), "COSI_ENDPOINT="+socket.String()), log
	if l, err = observe(ctx, cmd, conn, calls); err != nil {
		text, _ := os.ReadFile(log.Name())
		err = fmt.Errorf("%w; its log:\n%s", err, text)
	}
	return l, err
}

// observe starts a process, makes one call, lets the process rest, makes many calls, and stops it.
func observe(ctx context.Context, cmd *exec.Cmd, conn *grpc.ClientConn, calls int) (l life, err error) {
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, end(cmd)) }()
	if _, err := cosi.NewIdentityClient(conn).DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{}); err != nil {
		return l, err
	}
	l.start = micro(time.Since(began)) / 1000
	time.Sleep(idle) // an idle process must have nothing left to do
	if l.memory, err = memoryOf(cmd.Process.Pid); err != nil {
		return l, err
	}
	l.cpu, err = serverCPU(ctx, cmd.Process.Pid, cosi.NewProvisionerClient(conn), calls)
	return l, err
}

// end stops a process as Kubernetes does.
func end(cmd *exec.Cmd) error {
	err := cmd.Process.Signal(syscall.SIGTERM)
	return errors.Join(err, cmd.Wait())
}

// dial dials a socket until a server answers.
func dial(ctx context.Context, socket address.Endpoint) (net.Conn, error) {
	tick := time.NewTicker(dialPoll)
	defer tick.Stop()
	for {
		conn, err := socket.DialContext(ctx)
		if err == nil || ctx.Err() != nil {
			return conn, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// serverCPU makes calls and returns the processor time that the process used for each of them.
func serverCPU(ctx context.Context, pid int, client cosi.ProvisionerClient, calls int) (float64, error) {
	before, err := cpuOf(pid)
	if err != nil {
		return 0, err
	}
	failures := make([]error, lifeCallers)
	each := (calls + lifeCallers - 1) / lifeCallers
	var calling sync.WaitGroup
	for i := range failures {
		calling.Go(func() {
			name := fmt.Sprintf("bucket-%029d", i)
			for n := 0; n < each && failures[i] == nil; n++ {
				response, err := client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name})
				failures[i] = answered(name, response.GetBucketId(), err)
			}
		})
	}
	calling.Wait()
	if err := errors.Join(failures...); err != nil {
		return 0, err
	}
	after, err := cpuOf(pid)
	return micro(after-before) / float64(each*lifeCallers), err
}
