//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// manifestsAreAccepted applies what Kustomize makes of deploy/, and makes the API server check it with every choice of components, and
// each pod template as a pod.
func manifestsAreAccepted(s *story) {
	built := s.kustomize(s.scaffold)
	for _, document := range built {
		must(s.T, s.apply.document(s.Context(), document))
	}
	pod := s.admitted(built)
	bad := bytes.Replace(deploymentIn(s.T, built), []byte("replicas: 1"), []byte("replicaz: 1"), 1)
	if err := s.apply.document(s.Context(), bad, metav1.DryRunAll); err == nil {
		s.Error("the API server accepted a misspelt field, want strict validation")
	}
	pod.Spec.HostNetwork = true
	if s.create(pod) == nil {
		s.Error("the API server accepted a pod on the host's network, want a restricted namespace")
	}
	checked, unknown := s.componentsAreAccepted()
	s.figure(fmt.Sprintf("%d documents, and the pod under the restricted profile", len(built)))
	s.figure(fmt.Sprintf("%d documents of every choice of components, without the Prometheus operator's %d", checked, unknown))
}

// many is the number of claims behind the figures.
const many = 20

// scaffoldLife takes the scaffold's own samples through their life, and then more claims for the figures.
func scaffoldLife(s *story) {
	s.namespace, s.class = "default", "cosi-osp"
	driver := s.start(s.T, process.Command{
		Name: "driver-scaffold", Path: filepath.Join(s.programs, "scaffold"), Env: []string{"COSI_ENDPOINT=" + s.endpoint()},
	})
	s.listens(driver)
	sidecar := s.sidecar()
	s.lease("cosi-osp.example.com")
	stuck := s.samples(driver)
	before := s.logged(driver)
	var ready, secret []time.Duration
	for i := range many {
		r, c, n := s.timed(fmt.Sprintf("figures-%d", i))
		stuck += n
		ready, secret = append(ready, r), append(secret, c)
	}
	calls := s.logged(driver) - before
	memory, err := driver.Memory()
	must(s.T, err)
	must(s.T, sidecar.Stop())
	must(s.T, driver.Stop())
	if _, err := os.Stat(s.socket()); !os.IsNotExist(err) {
		s.Errorf("the drained driver left its socket, want it removed: %v", err)
	}
	s.figure(fmt.Sprintf("claim→ready %s", spread(ready)))
	s.figure(fmt.Sprintf("claim→secret %s", spread(secret)))
	s.figure(fmt.Sprintf("%.1f calls per claim", float64(calls)/float64(many+stuck)))
	s.figure(fmt.Sprintf("driver's memory %s", memory))
	s.figure(fmt.Sprintf("%d of %d claims stuck by the controller's race, made anew", stuck, many+1+stuck))
}

// samples applies the scaffold's samples, follows them to the Secret and back, and returns the number of stuck claims. The driver
// waits until the access was seen without its bucket: a fast one could be ready before.
func (s *story) samples(driver *process.Process) int {
	for stuck := 0; ; stuck++ {
		driver.Pause()
		_, err := s.apply.file(s.Context(), filepath.Join(s.scaffold, "deploy", "sample.yaml"))
		must(s.T, err)
		claim, err := s.claims().Get(s.Context(), "sample", metav1.GetOptions{})
		must(s.T, err)
		access, err := s.accesses().Get(s.Context(), "sample", metav1.GetOptions{})
		must(s.T, err)
		s.waitEvent(access.UID, v1alpha1.WaitingForBucket, "not in Ready state")
		driver.Resume()
		m := s.follow(claim, "sample")
		if !m.stuck {
			if info := s.secret("sample-credentials"); info.Spec.BucketName != bucketName(claim) {
				s.Errorf("the secret names bucket %q, want %q", info.Spec.BucketName, bucketName(claim))
			}
		}
		must(s.T, s.accesses().Delete(s.Context(), "sample", metav1.DeleteOptions{}))
		s.waitAccessGone("sample")
		eventually(s.T, "the sample's secret is gone", func() bool {
			_, err := s.kube.CoreV1().Secrets("default").Get(s.Context(), "sample-credentials", metav1.GetOptions{})
			return kubeerrors.IsNotFound(err)
		})
		if !m.stuck {
			s.deleteClaim(claim)
			return stuck
		}
		s.deleteStuck(claim)
	}
}

// timed takes a claim and an access through their life, and measures how long both take to become ready. The times do
// not include claims that the controller left stuck.
func (s *story) timed(name string) (ready, secret time.Duration, stuck int) {
	for ; ; stuck++ {
		began := time.Now()
		claim := s.claim(name)
		s.access(name)
		m := s.follow(claim, name)
		s.deleteAccess(name) // first, because the sidecar cannot revoke an access without its claim
		if !m.stuck {
			s.deleteClaim(claim)
			return m.ready.Sub(began), m.granted.Sub(began), stuck
		}
		s.deleteStuck(claim)
	}
}

// lease checks that a sidecar holds the lease of a driver.
func (s *story) lease(driver string) {
	s.Helper()
	eventually(s.T, "a sidecar holds the lease of "+driver, func() bool { return s.election(driver).leader != "" })
}

// logged counts the calls in a driver's log.
func (s *story) logged(driver *process.Process) int {
	text, err := os.ReadFile(driver.Log)
	must(s.T, err)
	return bytes.Count(text, []byte(`"msg":"call done"`)) + bytes.Count(text, []byte(`"msg":"call failed"`))
}
