package collector_test

import "syscall"

// endWithParent lets the kernel kill a child when this process dies, however it dies.
func endWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
