package controlplane

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Binaries holds the paths of the control plane's programs.
type Binaries struct {
	APIServer, Etcd string
}

// Build builds the programs, or finds those of an earlier run. It keeps them in the user's cache folder by version, because a
// build takes minutes.
func Build(ctx context.Context, v Versions) (Binaries, error) {
	dir, err := v.folder()
	b := Binaries{APIServer: filepath.Join(dir, "kube-apiserver"), Etcd: filepath.Join(dir, "etcd")}
	if err != nil {
		return b, err
	}
	if err := buildOnce(ctx, v.module, b.APIServer, v.stamp(), "k8s.io/kubernetes/cmd/kube-apiserver"); err != nil {
		return b, err
	}
	return b, buildOnce(ctx, v.module, b.Etcd, "-s -w", "go.etcd.io/etcd/server/v3")
}

// BuildKubelet builds the kubelet of the same version in the same way, and returns its path.
func BuildKubelet(ctx context.Context, v Versions) (string, error) {
	dir, err := v.folder()
	if err != nil {
		return "", err
	}
	kubelet := filepath.Join(dir, "kubelet")
	return kubelet, buildOnce(ctx, v.module, kubelet, v.stamp(), "k8s.io/kubernetes/cmd/kubelet")
}

// folder makes the folder that keeps the programs.
func (v Versions) folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = filepath.Join(os.TempDir(), fmt.Sprintf("gocosi-e2e-%d", os.Getuid()))
	}
	dir := filepath.Join(cache, "gocosi-e2e", strings.Join([]string{v.Kubernetes, v.Etcd, runtime.Version(), runtime.GOARCH}, "_"))
	return dir, os.MkdirAll(dir, 0o700)
}

// stamp returns the linker's flags that tell a program of Kubernetes its version.
func (v Versions) stamp() string {
	minor := strings.Split(strings.TrimPrefix(v.Kubernetes, "v"), ".")
	const version = " -X k8s.io/component-base/version."
	return "-s -w" + version + "gitVersion=" + v.Kubernetes + version + "gitMajor=" + minor[0] + version + "gitMinor=" + minor[1]
}

// buildOnce builds a program under another name and renames it, so that an interrupted build never leaves a program.
func buildOnce(ctx context.Context, module, target, ldflags, pkg string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	temporary := fmt.Sprintf("%s.%d", target, os.Getpid())
	defer os.Remove(temporary)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", ldflags, "-o", temporary, pkg)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return os.Rename(temporary, target)
}
