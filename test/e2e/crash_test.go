//go:build e2e

package e2e_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/test/e2e/internal/process"
)

// killedInEveryRPC has the driver killed in each method, before its work and after it, and everything arrives all the same.
func killedInEveryRPC(s *story) {
	methods := []string{getInfo, create, grant, revoke, remove}
	for _, moment := range []string{fault.Before, fault.After} {
		script := fault.Script{}
		for _, method := range methods {
			script[method] = fault.Behaviour{Once: filepath.Join(s.folder, method+moment), Kill: moment}
		}
		script[create] = fault.Behaviour{Once: script[create].Once, Kill: moment, Delay: slow}
		s.script(script)
		s.Run(moment, func(t *testing.T) {
			part := *s
			part.T = t
			part.killedOnce(moment, len(methods))
		})
	}
	s.figure("5 methods, killed before and after the work")
}

func (s *story) killedOnce(name string, kills int) {
	driver := s.keep(s.driverCommand())
	sidecar := s.keep(s.sidecarCommand(briskly))
	claim, access := s.life(name)
	accounts := s.stored()[bucketName(claim)]
	if len(accounts) != 1 || accounts[accountName(access)] != s.secret(name).Spec.S3.AccessSecretKey {
		s.Errorf("the store has %d accounts, and the secret not the one's key", len(accounts))
	}
	s.deleteAccess(name)
	s.deleteClaim(claim)
	if n := int(driver.ends.Load()); n != kills {
		s.Errorf("the driver was killed %d times instead of %d", n, kills)
	}
	if sidecar.ends.Load() == 0 {
		s.Error("the sidecar did not end when DriverGetInfo failed")
	}
	if left := s.stored(); len(left) != 0 {
		s.Errorf("left in the store: %v", left)
	}
}

// comesAndGoes has no driver at first, restarts it half-way, and replaces it while it drains.
func comesAndGoes(s *story) {
	sidecar := s.sidecar()
	claim := s.claim("life")
	time.Sleep(2 * time.Second) // nothing can be waited for: nothing may happen
	if sidecar.Err() != nil {
		s.Fatalf("the sidecar did not wait for its driver: %v", sidecar.Err())
	}
	driver := s.driver()
	s.waitReady("life")
	must(s.T, driver.Stop())
	driver = s.driver()
	s.access("life")
	s.waitGranted("life")

	s.script(fault.Script{create: {Delay: 3 * time.Second}})
	second := s.claim("second")
	eventually(s.T, "the second create is under way", func() bool { return s.calls()[create] == 2 })
	driver.Ask()
	eventually(s.T, "the old driver drains", func() bool { return !exists(s.socket()) })
	replacement := s.driver()
	if driver.Err() != nil {
		s.Error("the old driver ended before its call")
	}
	s.access("second")
	s.waitReady("second")
	s.waitGranted("second")
	<-driver.Done()
	s.afterReplacement(driver, replacement)
	for _, c := range []string{"life", "second"} {
		s.deleteAccess(c)
	}
	s.deleteClaim(claim)
	s.deleteClaim(second)
	if left := s.stored(); len(left) != 0 {
		s.Errorf("left in the store: %v", left)
	}
}

func (s *story) afterReplacement(old, replacement *process.Process) {
	s.Helper()
	if err := old.Err(); err != nil {
		s.Errorf("the old driver did not drain: %v", err)
	}
	if n := s.calls()[create]; n != 2 {
		s.Errorf("%d creates: the call under way was not answered", n)
	}
	log := fault.CallLog{Path: filepath.Join(s.folder, "calls")}
	calls, err := log.Calls()
	must(s.T, err)
	if last := calls[len(calls)-1]; last.PID != replacement.PID() || last.Method != grant {
		s.Errorf("the last call was %+v, not a grant by the new process %d", last, replacement.PID())
	}
	if !exists(s.socket()) {
		s.Error("the old driver removed the new one's socket")
	}
	s.figure(fmt.Sprintf("%d calls, none lost", len(calls)))
}

func exists(path string) bool { return syscall.Access(path, 0) == nil }
