//go:build e2e

package e2e_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// kept holds a program that keep starts again whenever it ends, as a kubelet does.
type kept struct {
	ends atomic.Int32 // number of times it ended by itself
}

// keep keeps a program running until the test ends.
func (s *story) keep(c process.Command) *kept {
	s.Helper()
	c.Log = filepath.Join(s.logs, c.Name+".log")
	k, stop := &kept{}, make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for k.once(c, stop) {
			k.ends.Add(1)
		}
	})
	s.Cleanup(func() { close(stop); group.Wait() })
	return k
}

// once runs the program until it ends, and reports whether it ended by itself.
func (k *kept) once(c process.Command, stop <-chan struct{}) bool {
	p, err := process.Start(c)
	if err != nil {
		return false
	}
	select {
	case <-stop:
		p.Kill()
		return false
	case <-p.Done():
	}
	select {
	case <-stop:
		return false
	case <-time.After(200 * time.Millisecond): // pauses between two starts, as a kubelet does
		return true
	}
}
