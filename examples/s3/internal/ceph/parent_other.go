//go:build !linux

package ceph

import "syscall"

func endWithParent() *syscall.SysProcAttr { return nil }
