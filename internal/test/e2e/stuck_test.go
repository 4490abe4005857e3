//go:build e2e

package e2e_test

import (
	"time"

	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/consts"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

const (
	// patience limits how long a claim may be unready with a ready bucket before it counts as stuck.
	patience = 1500 * time.Millisecond
	// settled sets how long a claim must stay ready, because the controller's race can make it unready again.
	settled = 300 * time.Millisecond
)

// deleteStuck deletes a claim that the released controller's race left unready, without the name of its bucket or
// without its finalizer. It adds the finalizer first: without it, the claim would leave its bucket behind indefinitely.
func (s *story) deleteStuck(claim *v1alpha1.BucketClaim) {
	s.Helper()
	protect := []byte(`{"metadata":{"finalizers":["` + consts.BCFinalizer + `"]}}`)
	_, err := s.claims().Patch(s.Context(), claim.Name, types.MergePatchType, protect, metav1.PatchOptions{})
	must(s.T, err)
	must(s.T, s.claims().Delete(s.Context(), claim.Name, metav1.DeleteOptions{}))
	if err := s.buckets().Delete(s.Context(), bucketName(claim), metav1.DeleteOptions{}); !kubeerrors.IsNotFound(err) {
		must(s.T, err)
	}
	s.waitClaimGone(claim)
}

// moments holds when a claim became ready for good and when its access was granted, or that the claim is stuck.
type moments struct {
	ready, granted time.Time
	stuck          bool
}

// follow watches a claim, and an access if it has a name, until both are ready or the claim is stuck.
func (s *story) follow(claim *v1alpha1.BucketClaim, access string) moments {
	s.Helper()
	var m moments
	var unready time.Time // while the bucket is ready
	eventually(s.T, "claim "+claim.Name+" is ready, or stuck", func() bool {
		m.ready = since(m.ready, s.ready(claim.Name))
		m.granted = since(m.granted, access == "" || s.granted(access))
		unready = since(unready, m.ready.IsZero() && s.bucketReady(claim))
		m.stuck = older(unready, patience)
		return m.stuck || older(m.ready, settled) && !m.granted.IsZero()
	})
	return m
}

func (s *story) bucketReady(claim *v1alpha1.BucketClaim) bool {
	bucket, err := s.buckets().Get(s.Context(), bucketName(claim), metav1.GetOptions{})
	return err == nil && bucket.Status.BucketReady
}

// since returns when a condition began to hold, or zero while it does not hold.
func since(began time.Time, holds bool) time.Time {
	switch {
	case !holds:
		return time.Time{}
	case began.IsZero():
		return time.Now()
	}
	return began
}

func older(began time.Time, age time.Duration) bool {
	return !began.IsZero() && time.Since(began) >= age
}
