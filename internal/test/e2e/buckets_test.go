//go:build e2e

package e2e_test

import (
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// retained checks that a bucket outlives its claim when its class retains buckets.
func retained(s *story) {
	classes := s.cosi.ObjectstorageV1alpha1().BucketClasses()
	class, err := classes.Get(s.Context(), s.class, metav1.GetOptions{})
	must(s.T, err)
	class.DeletionPolicy = v1alpha1.DeletionPolicyRetain
	_, err = classes.Update(s.Context(), class, metav1.UpdateOptions{})
	must(s.T, err)
	s.driver()
	s.sidecar()
	claim, _ := s.life("life")
	s.deleteAccess("life")
	s.deleteClaim(claim)
	if _, ok := s.stored()[bucketName(claim)]; !ok {
		s.Error("the bucket is gone from the store, want it kept")
	}
	if n := s.calls()[remove]; n != 0 {
		s.Errorf("%d calls of DriverDeleteBucket, want none", n)
	}
}

// brownfield gives an existing bucket to a claim.
func brownfield(s *story) {
	must(s.T, s.store().Change(func(b fault.Buckets) { b["legacy"] = map[string]string{} }))
	s.driver()
	s.sidecar()
	s.brownBucket("brown", "legacy")
	claim, err := s.claims().Create(s.Context(), &v1alpha1.BucketClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "life"},
		Spec:       v1alpha1.BucketClaimSpec{ExistingBucketName: "brown", Protocols: []v1alpha1.Protocol{v1alpha1.ProtocolS3}},
	}, metav1.CreateOptions{})
	must(s.T, err)
	s.waitReady("life")
	access := s.access("life")
	if info := s.waitGranted("life"); info.Spec.BucketName != "brown" {
		s.Errorf("the secret names bucket %q", info.Spec.BucketName)
	}
	if s.stored()["legacy"][accountName(access)] == "" {
		s.Error("the account has no access to the bucket")
	}
	s.deleteAccess("life")
	must(s.T, s.claims().Delete(s.Context(), claim.Name, metav1.DeleteOptions{}))
	eventually(s.T, "the claim and the bucket are gone", func() bool {
		_, err := s.claims().Get(s.Context(), "life", metav1.GetOptions{})
		_, bucketErr := s.buckets().Get(s.Context(), "brown", metav1.GetOptions{})
		return kubeerrors.IsNotFound(err) && kubeerrors.IsNotFound(bucketErr)
	})
	if _, ok := s.stored()["legacy"]; ok {
		s.Error("deletionPolicy Delete left the bucket in the store")
	}
	if n := s.calls()[create]; n != 0 {
		s.Errorf("%d calls of DriverCreateBucket, want none", n)
	}
}

// brownBucket creates the resource for a bucket that the store already has.
func (s *story) brownBucket(name, id string) {
	s.Helper()
	_, err := s.buckets().Create(s.Context(), &v1alpha1.Bucket{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.BucketSpec{
			DriverName: s.driverName(), BucketClassName: s.class, ExistingBucketID: id, BucketClaim: &corev1.ObjectReference{},
			DeletionPolicy: v1alpha1.DeletionPolicyDelete, Protocols: []v1alpha1.Protocol{v1alpha1.ProtocolS3},
		},
	}, metav1.CreateOptions{})
	must(s.T, err)
}

// twoDrivers runs two drivers, each with a sidecar, in one cluster. Each sidecar sends every revoke to its own driver.
func twoDrivers(s *story) {
	other := s.second("second")
	for _, one := range []*story{s, other} {
		one.driver()
		one.sidecar()
	}
	mine, _ := s.life("life")
	theirs, account := other.life("life")
	for _, one := range []*story{s, other} {
		if stored := one.stored(); len(stored) != 1 {
			s.Errorf("%s holds %d buckets", one.name, len(stored))
		}
		one.lease(one.driverName())
	}
	s.deleteAccess("life")
	eventually(s.T, "the account is revoked by its own driver", func() bool { return len(s.stored()[bucketName(mine)]) == 0 })
	if other.stored()[bucketName(theirs)][accountName(account)] == "" {
		s.Error("a revoke of one driver reached the account of the other")
	}
	foreign := other.calls()[revoke]
	other.deleteAccess("life")
	s.deleteClaim(mine)
	other.deleteClaim(theirs)
	s.figure(fmt.Sprintf("%d revokes reached the other driver, and were answered OK without effect", foreign))
}

// second creates another driver, classes and a namespace, next to the story's own.
func (s *story) second(name string) *story {
	s.Helper()
	other := &story{T: s.T, world: s.world, name: name, namespace: name, class: name, account: s.account, folder: s.folder + "/" + name}
	must(s.T, os.Mkdir(other.folder, 0o700))
	s.Cleanup(other.clean)
	other.prepare()
	return other
}

// orphaned shows how the released sidecar handles the absence of one of two drivers: the other driver's sidecar ends
// the access.
func orphaned(s *story) {
	other := s.second("bystander")
	driver := s.driver()
	s.sidecar()
	other.driver()
	other.sidecar()
	claim, access := s.life("life")
	driver.Kill()
	must(s.T, s.accesses().Delete(s.Context(), "life", metav1.DeleteOptions{}))
	if within(s.T, limit/3, func() bool {
		_, err := s.accesses().Get(s.Context(), "life", metav1.GetOptions{})
		return kubeerrors.IsNotFound(err)
	}) {
		s.figure("the other sidecar ended the access")
	} else {
		s.figure("the access waited for its driver")
	}
	if s.stored()[bucketName(claim)][accountName(access)] == "" {
		s.Error("the account is gone, though its driver was away")
	} else {
		s.figure("its account was not revoked: not the driver's doing, see docs/operations.md")
	}
}
