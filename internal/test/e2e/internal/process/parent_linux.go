package process

import "syscall"

// endWithParent makes the kernel kill the program when this process dies for any reason.
func endWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
