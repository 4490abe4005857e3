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
	ends    atomic.Int32 // number of times it ended by itself
	current atomic.Pointer[process.Process]
	first   sync.Once
	last    chan func(*process.Process) // how it ends for good
	done    chan struct{}
}

// keep keeps a program running until the test ends, or until it is finished.
func (s *story) keep(c process.Command) *kept {
	s.Helper()
	c.Log = filepath.Join(s.logs, c.Name+".log")
	k := &kept{last: make(chan func(*process.Process), 1), done: make(chan struct{})}
	go func() {
		defer close(k.done)
		for k.once(c) {
			k.ends.Add(1)
		}
	}()
	s.Cleanup(func() { k.finish((*process.Process).Kill) })
	return k
}

// once runs the program until it ends, and reports whether it ended by itself.
func (k *kept) once(c process.Command) bool {
	p, err := process.Start(c)
	if err != nil {
		return false
	}
	k.current.Store(p)
	select {
	case end := <-k.last:
		end(p)
		<-p.Done()
		return false
	case <-p.Done():
	}
	select {
	case <-k.last:
		return false
	case <-time.After(200 * time.Millisecond): // pauses between two starts, as a kubelet does
		return true
	}
}

// finish ends the program in a way and does not start it again. It waits until the program has ended. Only the first way counts.
func (k *kept) finish(end func(*process.Process)) {
	k.first.Do(func() { k.last <- end })
	<-k.done
}

// signal does something to the running program.
func (k *kept) signal(do func(*process.Process)) {
	if p := k.current.Load(); p != nil {
		do(p)
	}
}
