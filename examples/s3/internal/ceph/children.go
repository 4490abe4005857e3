package ceph

import (
	"os/exec"
	"runtime"
	"sync"
)

// children starts processes from one thread, which lives until close: a system that ends a process with its parent means
// the thread that started it, and Go's others come and go.
type children struct {
	starts chan func()
	close  func()
}

func newChildren() *children {
	c := &children{starts: make(chan func())}
	c.close = sync.OnceFunc(func() { close(c.starts) })
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends here
		for start := range c.starts {
			start()
		}
	}()
	return c
}

func (c *children) start(command *exec.Cmd) error {
	result := make(chan error)
	c.starts <- func() { result <- command.Start() }
	return <-result
}
