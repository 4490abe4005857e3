package node

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

//go:embed isolate.sh
var isolate []byte

// Isolate runs a command in namespaces and control groups of its own, and waits until everything in them has ended. The
// folder holds the script that does it.
func Isolate(ctx context.Context, folder string, env []string, command ...string) error {
	script := filepath.Join(folder, "isolate.sh")
	if err := os.WriteFile(script, isolate, 0o600); err != nil {
		return err
	}
	group := fmt.Sprintf("gocosi-e2e-%d", os.Getpid())
	cmd := exec.CommandContext(ctx, "sh", append([]string{script, group}, command...)...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL} // whatever ends this process
	runtime.LockOSThread()                                                            // the kernel treats the end of this thread as that of the parent
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	return errors.Join(err, removeGroups(group))
}

// Supported returns what this machine lacks for Isolate, or nil.
func Supported(ctx context.Context) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("the user ID is %d, want root, who may create namespaces", os.Getuid())
	}
	for _, program := range []string{"unshare", "mount", "ip", "hostname"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%w, want what isolate.sh runs", err)
		}
	}
	const hierarchy, mayWrite = "/sys/fs/cgroup/memory", 2
	if _, err := os.Stat(filepath.Join(hierarchy, "cgroup.procs")); err != nil {
		return fmt.Errorf("want cgroup v1, the only one that this was tried on: %w", err)
	}
	if err := syscall.Access(hierarchy, mayWrite); err != nil {
		return fmt.Errorf("%s: %w, want control groups that root may create", hierarchy, err)
	}
	mount := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", // as isolate.sh does
		"mount", "-t", "tmpfs", "tmpfs", "/mnt")
	if out, err := mount.CombinedOutput(); err != nil {
		return fmt.Errorf("unshare: %w: %s, want namespaces that root may create, and mount in", err, bytes.TrimSpace(out))
	}
	return nil
}

// removeGroups removes a control group and those below it from each hierarchy of cgroup v1. That fails while a process is in one:
// none may be left.
func removeGroups(group string) error {
	roots, err := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", group))
	for _, root := range roots {
		err = errors.Join(err, removeGroup(root))
	}
	return err
}

func removeGroup(path string) error {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeGroup(filepath.Join(path, e.Name())))
		}
	}
	return errors.Join(err, syscall.Rmdir(path)) // os.Remove would try to remove the files in it
}
