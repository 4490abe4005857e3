// Package node runs a kubelet with containerd and runc, isolated from the machine that it runs on.
package node

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// Name is the name of the node.
const Name = "e2e"

// startLimit bounds the start of containerd.
const startLimit = 30 * time.Second

// Config says what a node is made of.
type Config struct {
	Packages   string // folder of containerd, runc and the network plugins
	Kubelet    string // program
	Kubeconfig string // of the kubelet
	APIServer  string // URL
	Pause      string // program that does nothing until SIGTERM
	Images     []Image
	Folder     string // for configuration
	Logs       string
}

// Start runs containerd with the images, and then the kubelet. Both end with this process, or as Isolate ends. It must
// run inside of Isolate.
func Start(ctx context.Context, c Config) error {
	api, err := url.Parse(c.APIServer)
	if err != nil {
		return err
	}
	if err := forward(ctx, api.Host); err != nil {
		return err
	}
	if err := c.configure(); err != nil {
		return err
	}
	if err := c.containerd(ctx); err != nil {
		return err
	}
	_, err = c.process("kubelet", c.Kubelet, "--config="+c.file("kubelet.yaml"), "--kubeconfig="+c.Kubeconfig,
		"--hostname-override="+Name, "--node-ip="+controlplane.ServiceAddress, "--v=2")
	return err
}

func (c Config) file(name string) string { return filepath.Join(c.Folder, name) }

// bin returns the path of a program in the packages.
func (c Config) bin(name string) string { return filepath.Join(c.Packages, "usr", "bin", name) }

// configure writes the files that containerd and the kubelet read.
func (c Config) configure() error {
	network := c.file("network")
	if err := os.Mkdir(network, 0o700); err != nil {
		return err
	}
	for file, text := range map[string]string{
		filepath.Join(network, "10-e2e.conflist"): networkConfig,
		c.file("containerd.toml"):                 fmt.Sprintf(containerdConfig, filepath.Join(c.Packages, "usr", "lib", "cni"), network),
		c.file("kubelet.yaml"):                    kubeletConfig,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) process(name, path string, args ...string) (*process.Process, error) {
	programs := filepath.Join(c.Packages, "usr", "bin") + ":" + filepath.Join(c.Packages, "usr", "sbin") + ":" + os.Getenv("PATH")
	return process.Start(process.Command{Name: name, Path: path, Args: args, Env: []string{"PATH=" + programs}, Log: filepath.Join(c.Logs, name+".log")})
}

// containerd starts containerd, waits until it answers, and imports the images.
func (c Config) containerd(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	started, err := c.process("containerd", c.bin("containerd"), "--config="+c.file("containerd.toml"))
	if err != nil {
		return err
	}
	for exec.CommandContext(ctx, c.bin("ctr"), "version").Run() != nil {
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd does not answer after %v: see %s", startLimit, started.Log)
		case <-started.Done():
			return fmt.Errorf("containerd ended: %w; see %s", started.Err(), started.Log)
		case <-time.After(50 * time.Millisecond):
		}
	}
	pause := Image{Name: pauseImage, Program: c.Pause, Entrypoint: "/pause", User: "65535:65535"}
	for i, image := range append([]Image{pause}, c.Images...) {
		file := c.file(fmt.Sprintf("image-%d.tar", i))
		if err := image.write(file, runtime.GOARCH); err != nil {
			return fmt.Errorf("%s: %w", image.Name, err)
		}
		if out, err := exec.CommandContext(ctx, c.bin("ctr"), "--namespace=k8s.io", "images", "import", file).CombinedOutput(); err != nil {
			return fmt.Errorf("import %s: %w\n%s", image.Name, err, out)
		}
	}
	return nil
}
