//go:build unix

package hook

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// Supported says whether commands can be run here: they are lines for /bin/sh, and are killed as a group.
const Supported = true

// inGroup gives a command a process group of its own, which ends with it when it is killed. A terminal's interrupt does
// not reach that group, so the command that puts things back is not hit by it.
func inGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd) }
}

func killGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
