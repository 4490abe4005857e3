//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// wholeRoad goes the way of an operator: a scaffold whose author has put a store in, its manifests for two replicas, its sample, claims under
// load, a rolling upgrade beside the standby, and a leader that is killed. The pods are processes, for nothing here runs containers.
func wholeRoad(s *story) {
	s.namespace, s.class, s.called = "default", "cosi-osp", "cosi-osp.example.com"
	folder := s.sharedScaffold()
	built := s.kustomize(folder)
	for _, document := range built {
		must(s.T, s.apply.document(s.Context(), document))
	}
	s.figure(fmt.Sprintf("%d documents applied", len(built)))
	first, second := s.version(folder, "v1.0.0"), s.version(folder, "v1.1.0")
	pods := []*pod{first(1)}
	eventually(s.T, "the first pod leads", pods[0].leads)
	pods = append(pods, first(2))
	stuck := s.samples(pods[0].driver.current.Load())

	l := s.load(40, arrival)
	l.stuck = stuck
	l.until("an eighth is served", func() bool { return l.has() >= l.size/8 })
	pods = l.roll(pods, second)
	l.until("half is served", func() bool { return l.has() >= l.size/2 })
	leader, standby := pods[0], pods[1]
	if standby.leads() {
		leader, standby = standby, leader
	}
	if !leader.leads() {
		s.Fatal("nobody leads after the upgrade")
	}
	l.takenOver(leader.name+" killed", leader.kill(), standby)
	l.settle()
	l.callFigures()
	l.reckon()
}

// sharedScaffold scaffolds a driver and puts a store into it that several processes may use, as its author would. It returns its folder.
func (s *story) sharedScaffold() string {
	s.Helper()
	folder := filepath.Join(s.TempDir(), "cosi-osp")
	run(s.T, "../../..", "go", "run", "./cmd/bootstrap", "-module", "example.com/your/cosi-osp", "-dir", folder, "-with", "ha")
	backend, err := os.ReadFile(filepath.Join("testdata", "shared", "shared.go"))
	must(s.T, err)
	must(s.T, os.WriteFile(filepath.Join(folder, "servers", "provisioner", "shared.go"), backend, 0o600))
	path := filepath.Join(folder, "main.go")
	text, err := os.ReadFile(path)
	must(s.T, err)
	changed := bytes.Replace(text, []byte("provisioner.NewMemory()"), []byte("provisioner.NewShared()"), 1)
	if bytes.Equal(changed, text) {
		s.Fatalf("%s has no provisioner.NewMemory() to replace, want the scaffold's store there", path)
	}
	must(s.T, os.WriteFile(path, changed, 0o600))
	return folder
}

// version builds a version of a scaffold, and returns what starts a pod with it.
func (s *story) version(folder, version string) func(n int) *pod {
	s.Helper()
	binary := filepath.Join(folder, version)
	run(s.T, folder, "go", "build", "-ldflags=-X main.version="+version, "-o", binary, ".")
	return func(n int) *pod {
		s.Helper()
		p := s.pod(fmt.Sprintf("cosi-osp-%d", n), process.Command{
			Path: binary, Env: []string{fault.EnvStore + "=" + s.store().Path, fault.EnvCalls + "=" + s.driverCalls()},
		})
		s.saysVersion(p, version)
		return p
	}
}

// saysVersion checks that a pod's driver says its version.
func (s *story) saysVersion(p *pod, version string) {
	s.Helper()
	text, err := os.ReadFile(p.driver.current.Load().Log)
	must(s.T, err)
	listening := slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return strings.Contains(line, `"msg":"driver listening"`) && strings.Contains(line, `"version":"`+version+`"`)
	})
	if !listening {
		s.Errorf("%s does not say that it listens in version %s", p.name, version)
	}
}
