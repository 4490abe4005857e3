//go:build e2e

package e2e_test

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

// patience is how long a claim may be unready beside a ready bucket before it is taken for stuck.
const patience = 1500 * time.Millisecond

// readyOrRecreated waits until a claim is ready. A claim that the released controller left stuck is deleted and made anew;
// it returns the claim that became ready, and how many were stuck before it.
func (s *story) readyOrRecreated(claim *v1alpha1.BucketClaim) (*v1alpha1.BucketClaim, int) {
	s.Helper()
	for stuck := 0; ; stuck++ {
		if stuck > 10 {
			s.Fatalf("claim %s was stuck %d times", claim.Name, stuck)
		}
		if s.readyUnlessStuck(claim) {
			return claim, stuck
		}
		s.deleteClaim(claim)
		claim = s.claim(claim.Name)
	}
}

// readyUnlessStuck waits until a claim is ready, or its bucket has been for longer than the controller needs to say so.
func (s *story) readyUnlessStuck(claim *v1alpha1.BucketClaim) bool {
	s.Helper()
	var since time.Time
	eventually(s.T, "claim "+claim.Name+" is ready, or stuck", func() bool {
		bucket, err := s.buckets().Get(s.Context(), bucketName(claim), metav1.GetOptions{})
		switch {
		case err != nil || !bucket.Status.BucketReady:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		}
		return s.ready(claim.Name) || !since.IsZero() && time.Since(since) > patience
	})
	return s.ready(claim.Name)
}
