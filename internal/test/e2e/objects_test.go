//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	cosiapi "sigs.k8s.io/container-object-storage-interface/client/apis"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/consts"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
	typed "sigs.k8s.io/container-object-storage-interface/client/clientset/versioned/typed/objectstorage/v1alpha1"
)

func (s *story) claims() typed.BucketClaimInterface {
	return s.cosi.ObjectstorageV1alpha1().BucketClaims(s.namespace)
}

func (s *story) accesses() typed.BucketAccessInterface {
	return s.cosi.ObjectstorageV1alpha1().BucketAccesses(s.namespace)
}

func (s *story) buckets() typed.BucketInterface { return s.cosi.ObjectstorageV1alpha1().Buckets() }

// claim creates a claim.
func (s *story) claim(name string) *v1alpha1.BucketClaim {
	s.Helper()
	claim, err := s.claims().Create(s.Context(), &v1alpha1.BucketClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1alpha1.BucketClaimSpec{BucketClassName: s.class, Protocols: []v1alpha1.Protocol{v1alpha1.ProtocolS3}},
	}, metav1.CreateOptions{})
	must(s.T, err)
	return claim
}

// access creates an access to the bucket of a claim. The access and its Secret have the same name.
func (s *story) access(name string) *v1alpha1.BucketAccess {
	s.Helper()
	access, err := s.accesses().Create(s.Context(), &v1alpha1.BucketAccess{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: v1alpha1.BucketAccessSpec{
			BucketClaimName: name, BucketAccessClassName: s.class, CredentialsSecretName: name, Protocol: v1alpha1.ProtocolS3,
		},
	}, metav1.CreateOptions{})
	must(s.T, err)
	return access
}

// bucketName returns the name that the controller gives the bucket of a claim.
func bucketName(claim *v1alpha1.BucketClaim) string { return "bucket-" + string(claim.UID) }

// accountName returns the name that the sidecar gives the account of an access.
func accountName(access *v1alpha1.BucketAccess) string { return "ba-" + string(access.UID) }

func (s *story) ready(name string) bool {
	claim, err := s.claims().Get(s.Context(), name, metav1.GetOptions{})
	return err == nil && usable(claim)
}

// usable reports whether the controller finished a claim. Its race may leave a claim that stays unready indefinitely, a
// claim that is ready without the name of its bucket, or a claim without the finalizer that deletes its bucket with it.
func usable(claim *v1alpha1.BucketClaim) bool {
	return claim.Status.BucketReady && claim.Status.BucketName != "" && slices.Contains(claim.Finalizers, consts.BCFinalizer)
}

func (s *story) granted(name string) bool {
	access, err := s.accesses().Get(s.Context(), name, metav1.GetOptions{})
	return err == nil && access.Status.AccessGranted
}

// waitReady waits until the claim is ready and has the name of its bucket.
func (s *story) waitReady(name string) {
	s.Helper()
	eventually(s.T, "claim "+name+" is ready", func() bool { return s.ready(name) })
	claim, err := s.claims().Get(s.Context(), name, metav1.GetOptions{})
	must(s.T, err)
	eventually(s.T, "the bucket of claim "+name+" is recorded", func() bool {
		bucket, err := s.buckets().Get(s.Context(), claim.Status.BucketName, metav1.GetOptions{})
		return err == nil && bucket.Status.BucketReady && bucket.Status.BucketID != ""
	})
}

// waitGranted waits for the access and returns the content of its Secret.
func (s *story) waitGranted(name string) cosiapi.BucketInfo {
	s.Helper()
	eventually(s.T, "access "+name+" is granted", func() bool { return s.granted(name) })
	return s.secret(name)
}

func (s *story) secret(name string) cosiapi.BucketInfo {
	s.Helper()
	secret, err := s.kube.CoreV1().Secrets(s.namespace).Get(s.Context(), name, metav1.GetOptions{})
	must(s.T, err)
	var info cosiapi.BucketInfo
	must(s.T, json.Unmarshal(secret.Data["BucketInfo"], &info))
	if info.Spec.S3 == nil || info.Spec.S3.AccessKeyID == "" || info.Spec.S3.AccessSecretKey == "" || info.Spec.S3.Endpoint == "" {
		s.Errorf("secret %s is incomplete, want all fields", name)
	}
	return info
}

// life creates a claim and an access, and waits for both.
func (s *story) life(name string) (*v1alpha1.BucketClaim, *v1alpha1.BucketAccess) {
	s.Helper()
	claim := s.claim(name)
	s.waitReady(name)
	access := s.access(name)
	info := s.waitGranted(name)
	if info.Spec.BucketName != bucketName(claim) {
		s.Errorf("the secret names bucket %q, want %q", info.Spec.BucketName, bucketName(claim))
	}
	return claim, access
}

// deleteAccess deletes an access, and waits until it and its Secret are gone.
func (s *story) deleteAccess(name string) {
	s.Helper()
	must(s.T, s.accesses().Delete(s.Context(), name, metav1.DeleteOptions{}))
	s.waitAccessGone(name)
}

func (s *story) waitAccessGone(name string) {
	s.Helper()
	eventually(s.T, "access "+name+" is gone, with its secret", func() bool {
		_, err := s.accesses().Get(s.Context(), name, metav1.GetOptions{})
		_, secretErr := s.kube.CoreV1().Secrets(s.namespace).Get(s.Context(), name, metav1.GetOptions{})
		return kubeerrors.IsNotFound(err) && kubeerrors.IsNotFound(secretErr)
	})
}

// deleteClaim deletes a claim, and waits until it and its bucket are gone.
func (s *story) deleteClaim(claim *v1alpha1.BucketClaim) {
	s.Helper()
	must(s.T, s.claims().Delete(s.Context(), claim.Name, metav1.DeleteOptions{}))
	s.waitClaimGone(claim)
}

func (s *story) waitClaimGone(claim *v1alpha1.BucketClaim) {
	s.Helper()
	eventually(s.T, "claim "+claim.Name+" is gone, with its bucket", func() bool {
		_, err := s.claims().Get(s.Context(), claim.Name, metav1.GetOptions{})
		_, bucketErr := s.buckets().Get(s.Context(), bucketName(claim), metav1.GetOptions{})
		return kubeerrors.IsNotFound(err) && kubeerrors.IsNotFound(bucketErr)
	})
}

// events returns the events about an object.
func (s *story) events(uid types.UID) []corev1.Event {
	s.Helper()
	list, err := s.kube.CoreV1().Events("").List(s.Context(), metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(uid)})
	must(s.T, err)
	return list.Items
}

// waitEvent waits for an event with a reason and a text about an object, and returns the event.
func (s *story) waitEvent(uid types.UID, reason, text string) corev1.Event {
	s.Helper()
	var found corev1.Event
	eventually(s.T, "event "+reason+" with "+text, func() bool {
		for _, e := range s.events(uid) {
			if e.Reason == reason && strings.Contains(e.Message, text) {
				found = e
				return true
			}
		}
		return false
	})
	return found
}

// clean removes all objects of the story in any state, because the next story's sidecar must not find them.
func (s *story) clean() {
	none := []byte(`{"metadata":{"finalizers":null}}`)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.Context()), 2*limit)
	defer cancel()
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		left := 0
		accesses, _ := s.accesses().List(ctx, metav1.ListOptions{})
		for _, a := range accesses.Items {
			left++
			_, _ = s.accesses().Patch(ctx, a.Name, types.MergePatchType, none, metav1.PatchOptions{})
			_ = s.accesses().Delete(ctx, a.Name, metav1.DeleteOptions{})
		}
		claims, _ := s.claims().List(ctx, metav1.ListOptions{})
		for _, c := range claims.Items {
			left++
			_ = s.claims().Delete(ctx, c.Name, metav1.DeleteOptions{})
			_, _ = s.claims().Patch(ctx, c.Name, types.MergePatchType, none, metav1.PatchOptions{})
		}
		buckets, _ := s.buckets().List(ctx, metav1.ListOptions{})
		for _, b := range buckets.Items {
			left++
			_ = s.buckets().Delete(ctx, b.Name, metav1.DeleteOptions{})
			_, _ = s.buckets().Patch(ctx, b.Name, types.MergePatchType, none, metav1.PatchOptions{})
		}
		secrets, _ := s.kube.CoreV1().Secrets(s.namespace).List(ctx, metav1.ListOptions{})
		for _, c := range secrets.Items {
			left++
			_ = s.kube.CoreV1().Secrets(s.namespace).Delete(ctx, c.Name, metav1.DeleteOptions{})
			_, _ = s.kube.CoreV1().Secrets(s.namespace).Patch(ctx, c.Name, types.MergePatchType, none, metav1.PatchOptions{})
		}
		if left == 0 {
			return
		}
	}
	s.Error("some objects of the story are left, want all removed")
}
