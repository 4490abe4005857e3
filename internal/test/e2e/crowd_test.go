//go:build e2e

package e2e_test

import (
	"fmt"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

const (
	crowd      = 200
	crowdLimit = 4 * time.Minute
)

// crowded creates many claims and accesses at once. All must become ready, and none may be left after the deletion.
func crowded(s *story) {
	driver := s.driver()
	s.sidecar()
	began := time.Now()
	claims := map[string]*v1alpha1.BucketClaim{}
	var mu sync.Mutex
	sideBySide(func(name string) {
		claim := s.claim(name)
		s.access(name)
		mu.Lock()
		defer mu.Unlock()
		claims[name] = claim
	})
	ready, secret, stuck := s.arrivals(claims, began)
	memory, err := driver.Memory()
	must(s.T, err)
	if stored := s.stored(); len(stored) != crowd {
		s.Errorf("%d buckets in the store", len(stored))
	}
	sideBySide(func(name string) { _ = s.accesses().Delete(s.Context(), name, metav1.DeleteOptions{}) })
	s.none("accesses", func() int { return len(s.listAccesses()) })
	sideBySide(func(name string) { _ = s.claims().Delete(s.Context(), name, metav1.DeleteOptions{}) })
	s.none("claims", func() int { return len(s.listClaims()) })
	s.none("buckets", func() int { return len(s.stored()) })
	secrets, err := s.kube.CoreV1().Secrets(s.namespace).List(s.Context(), metav1.ListOptions{})
	must(s.T, err)
	if len(secrets.Items) != 0 {
		s.Errorf("%d secrets are left", len(secrets.Items))
	}
	calls := 0
	for _, n := range s.calls() {
		calls += n
	}
	s.figure(fmt.Sprintf("claim→ready %s", spread(ready)))
	s.figure(fmt.Sprintf("claim→secret %s", spread(secret)))
	s.figure(fmt.Sprintf("%.1f calls per claim", float64(calls)/float64(crowd+stuck)))
	s.figure(fmt.Sprintf("driver's memory %s", memory))
	s.figure(fmt.Sprintf("%d stuck by the controller's race, made anew", stuck))
}

// sideBySide calls a function for each name, a few at a time.
func sideBySide(do func(name string)) {
	names := make(chan string)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for name := range names {
				do(name)
			}
		})
	}
	for i := range crowd {
		names <- fmt.Sprintf("crowd-%d", i)
	}
	close(names)
	group.Wait()
}

// arrivals waits until every claim is ready and every access granted. It counts stuck claims and creates them again.
func (s *story) arrivals(claims map[string]*v1alpha1.BucketClaim, began time.Time) (ready, secret []time.Duration, stuck int) {
	s.Helper()
	readyAt, grantedAt, unready := map[string]time.Time{}, map[string]time.Time{}, map[string]time.Time{}
	arrived := within(s.T, crowdLimit, func() bool {
		buckets := s.readyBuckets()
		for name, claim := range s.listClaims() {
			readyAt[name] = since(readyAt[name], usable(&claim))
			unready[name] = since(unready[name], !usable(&claim) && buckets[bucketName(&claim)])
		}
		for name, access := range s.listAccesses() {
			grantedAt[name] = since(grantedAt[name], access.Status.AccessGranted)
		}
		left := 0
		for name := range claims {
			if older(unready[name], 4*patience) { // the API server is busier than in other stories
				stuck++
				s.deleteAccess(name)
				s.deleteStuck(claims[name])
				claims[name] = s.claim(name)
				s.access(name)
				readyAt[name], grantedAt[name], unready[name] = time.Time{}, time.Time{}, time.Time{}
			}
			if readyAt[name].IsZero() || grantedAt[name].IsZero() {
				left++
			}
		}
		return left == 0
	})
	if !arrived {
		s.Fatalf("not all of %d claims and accesses arrived", crowd)
	}
	for name := range claims {
		ready, secret = append(ready, readyAt[name].Sub(began)), append(secret, grantedAt[name].Sub(began))
	}
	return ready, secret, stuck
}

func (s *story) readyBuckets() map[string]bool {
	s.Helper()
	list, err := s.buckets().List(s.Context(), metav1.ListOptions{})
	must(s.T, err)
	ready := map[string]bool{}
	for _, b := range list.Items {
		ready[b.Name] = b.Status.BucketReady
	}
	return ready
}

func (s *story) listClaims() map[string]v1alpha1.BucketClaim {
	s.Helper()
	list, err := s.claims().List(s.Context(), metav1.ListOptions{})
	must(s.T, err)
	named := map[string]v1alpha1.BucketClaim{}
	for _, c := range list.Items {
		named[c.Name] = c
	}
	return named
}

func (s *story) listAccesses() map[string]v1alpha1.BucketAccess {
	s.Helper()
	list, err := s.accesses().List(s.Context(), metav1.ListOptions{})
	must(s.T, err)
	named := map[string]v1alpha1.BucketAccess{}
	for _, a := range list.Items {
		named[a.Name] = a
	}
	return named
}

// none waits until no object of a kind is left.
func (s *story) none(what string, count func() int) {
	s.Helper()
	if !within(s.T, crowdLimit, func() bool { return count() == 0 }) {
		s.Errorf("%d %s are left, want none", count(), what)
	}
}
