//go:build !linux

package collector_test

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
