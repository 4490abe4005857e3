//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

// pod holds a driver and its sidecar, which share a socket of their own and start again when they end.
type pod struct {
	*story

	name            string
	driver, sidecar *kept
}

// pod starts a pod whose driver works on the story's store, and waits until the driver listens and the sidecar is in the election.
func (s *story) pod(name string, driver process.Command) *pod {
	s.Helper()
	p := &pod{story: s, name: name}
	must(s.T, os.Mkdir(p.folder(), 0o700))
	driver.Name = s.name + "-" + name + "-driver"
	driver.Env = append(driver.Env, "COSI_ENDPOINT=unix://"+p.socket(), fault.EnvPod+"="+name)
	sidecar := s.sidecarCommand("-driver-addr=unix://"+p.socket(), "-hostname="+name)
	sidecar.Name = s.name + "-" + name + "-sidecar"
	p.driver, p.sidecar = s.keep(driver), s.keep(sidecar)
	eventually(s.T, name+" serves, and asks for the lease", func() bool {
		text, err := os.ReadFile(filepath.Join(s.logs, sidecar.Name+".log"))
		return err == nil && exists(p.socket()) && strings.Contains(string(text), "attempting to acquire leader lease")
	})
	return p
}

// faultPod starts a pod with the fault driver.
func (s *story) faultPod(name string) *pod {
	s.Helper()
	return s.pod(name, s.driverCommand())
}

func (p *pod) folder() string { return filepath.Join(p.story.folder, p.name) }
func (p *pod) socket() string { return filepath.Join(p.folder(), "cosi.sock") }

// kill ends both containers without notice, as the loss of their node does, and returns when it began.
func (p *pod) kill() time.Time {
	began := time.Now()
	p.both((*process.Process).Kill)
	return began
}

// stop asks both containers to end, as a kubelet does, and returns when it asked. Both must end in time and without an error, and must
// not keep the lease.
func (p *pod) stop() time.Time {
	p.Helper()
	began := time.Now()
	p.both(func(c *process.Process) {
		if err := c.Stop(); err != nil {
			p.Errorf("%s ended with %v after SIGTERM, want no error; see %s", c.Name, err, c.Log)
		}
	})
	if p.leads() {
		p.Errorf("%s ended with the lease, want it released", p.name)
	}
	return began
}

func (p *pod) both(end func(*process.Process)) {
	var group sync.WaitGroup
	for _, container := range []*kept{p.driver, p.sidecar} {
		group.Go(func() { container.finish(end) })
	}
	group.Wait()
}

// pause stops both containers until resume, and returns when. It holds the lock of the file store meanwhile, because a driver that was
// paused with the lock would keep the other one from working. A real store takes nobody's lock along.
func (p *pod) pause() time.Time {
	p.Helper()
	began := time.Now()
	must(p.T, p.store().Change(func(fault.Buckets) {
		for _, container := range []*kept{p.driver, p.sidecar} {
			container.signal((*process.Process).Pause)
			eventually(p.T, p.name+" is paused", func() bool { return paused(container.current.Load().PID()) })
		}
	}))
	return began
}

// resume continues both containers, and returns when.
func (p *pod) resume() time.Time {
	began := time.Now()
	p.driver.signal((*process.Process).Resume)
	p.sidecar.signal((*process.Process).Resume)
	return began
}

// paused reads the state of a process from /proc.
func paused(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, state, found := strings.Cut(string(text), ") ")
	return err == nil && found && strings.HasPrefix(state, "T")
}

// election tells who leads, as the lease of a driver says.
type election struct {
	leader   string // "" for nobody
	acquired time.Time
}

func (s *story) election(driver string) election {
	s.Helper()
	namespace, _, _ := strings.Cut(s.account, "/")
	lease, err := s.kube.CoordinationV1().Leases(namespace).Get(s.Context(), sidecar.LeaseName(driver), metav1.GetOptions{})
	if err != nil || lease.Spec.HolderIdentity == nil || lease.Spec.AcquireTime == nil {
		return election{}
	}
	return election{leader: *lease.Spec.HolderIdentity, acquired: lease.Spec.AcquireTime.Time}
}

// leads reports whether a pod holds the lease.
func (p *pod) leads() bool { return p.election(p.driverName()).leader == p.name }
