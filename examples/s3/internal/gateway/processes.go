package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// Processes is a store whose two services are processes of their own.
type Processes struct {
	Store
	sockets  string // the folder of the socket between the two services
	commands []*exec.Cmd
}

// Spawn runs the versitygw program twice, with the data below an existing folder, and waits until both answer.
func Spawn(ctx context.Context, program, folder string, output io.Writer) (*Processes, error) {
	data := filepath.Join(folder, "data")
	iam := filepath.Join(folder, "iam")
	if err := errors.Join(os.Mkdir(data, 0o700), os.Mkdir(iam, 0o700)); err != nil {
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
	p := &Processes{Store: store, sockets: sockets}
	socket := filepath.Join(sockets, "iam.sock")
	err = p.spawn(ctx, output, program, p.IAMEndpoint, "-p", address(p.IAMEndpoint), "iam", "--dir", iam, "--private-ports", socket)
	if err == nil {
		err = p.spawn(ctx, output, program, p.Endpoint, "-p", address(p.Endpoint), "--iam-standalone-endpoint", socket, "posix", data)
	}
	if err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// spawn starts a service and waits for its health. The keys go by the environment, which only the same user can read.
func (p *Processes) spawn(ctx context.Context, output io.Writer, program, endpoint string, args ...string) error {
	command := exec.CommandContext(context.WithoutCancel(ctx), program, append([]string{"--health", health, "--quiet"}, args...)...)
	command.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+p.AccessKey, "ROOT_SECRET_KEY="+p.SecretKey)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		return err
	}
	p.commands = append(p.commands, command)
	if err := await(ctx, context.Background(), endpoint); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}

// PIDs returns the numbers of both processes.
func (p *Processes) PIDs() []int {
	var all []int
	for _, command := range p.commands {
		all = append(all, command.Process.Pid)
	}
	return all
}

// Stop ends both processes.
func (p *Processes) Stop() {
	for _, command := range p.commands {
		_ = command.Process.Kill() // one that has ended by itself is fine
		_ = command.Wait()
	}
	_ = os.RemoveAll(p.sockets)
}
