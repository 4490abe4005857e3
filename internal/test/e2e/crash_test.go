//go:build e2e

package e2e_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// killedInEveryRPC kills the driver in each method, before and after its work, and checks that the story still
// completes.
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
	sidecar := s.keep(s.sidecarCommand())
	claim, access := s.life(name)
	accounts := s.stored()[bucketName(claim)]
	if len(accounts) != 1 || accounts[accountName(access)] != s.secret(name).Spec.S3.AccessSecretKey {
		s.Errorf("the store has %d accounts, want one, with the key in the secret", len(accounts))
	}
	s.deleteAccess(name)
	s.deleteClaim(claim)
	if n := int(driver.ends.Load()); n != kills {
		s.Errorf("the driver was killed %d times, want %d", n, kills)
	}
	if sidecar.ends.Load() == 0 {
		s.Error("the sidecar did not end when DriverGetInfo failed")
	}
	if left := s.stored(); len(left) != 0 {
		s.Errorf("left in the store: %v, want nothing", left)
	}
}

// comesAndGoes starts without a driver, restarts the driver halfway, and replaces it while it drains.
func comesAndGoes(s *story) {
	sidecar := s.sidecar()
	claim := s.claim("life")
	time.Sleep(2 * time.Second) // no condition to wait for: nothing may happen
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
	eventually(s.T, "the second create is under way", func() bool { return len(s.callers(create, second)) == 1 })
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
	s.afterReplacement(second, driver, replacement)
	for _, c := range []string{"life", "second"} {
		s.deleteAccess(c)
	}
	s.deleteClaim(claim)
	s.deleteClaim(second)
	if left := s.stored(); len(left) != 0 {
		s.Errorf("left in the store: %v, want nothing", left)
	}
}

// callers returns the processes that received calls for a claim's bucket, in order. The released sidecar repeats calls
// when its own writes conflict with the controller's, so the list may have more calls than necessary.
func (s *story) callers(method string, claim *v1alpha1.BucketClaim) []int {
	s.Helper()
	log := fault.CallLog{Path: s.driverCalls()}
	calls, err := log.Calls()
	must(s.T, err)
	var processes []int
	for _, c := range calls {
		if c.Method == method && c.Bucket == bucketName(claim) {
			processes = append(processes, c.PID)
		}
	}
	return processes
}

func (s *story) afterReplacement(claim *v1alpha1.BucketClaim, old, replacement *process.Process) {
	s.Helper()
	if err := old.Err(); err != nil {
		s.Errorf("the old driver did not drain: %v", err)
	}
	if creates := s.callers(create, claim); creates[0] != old.PID() {
		s.Errorf("the create under way was in process %d, want the old process %d", creates[0], old.PID())
	}
	grants := s.callers(grant, claim)
	if slices.Contains(grants, old.PID()) || !slices.Contains(grants, replacement.PID()) {
		s.Errorf("the grants were in processes %v, want the new process %d", grants, replacement.PID())
	}
	text, err := os.ReadFile(old.Log)
	must(s.T, err)
	if failed := bytes.Count(text, []byte(`"msg":"call failed"`)); failed != 0 {
		s.Errorf("%d calls failed, want none", failed)
	}
	if !exists(s.socket()) {
		s.Error("the old driver removed the new one's socket")
	}
	s.figure("no call failed, the one under way was answered by the old process")
}

func exists(path string) bool { return syscall.Access(path, 0) == nil }
