package e2e_test

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/consts"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
	typed "sigs.k8s.io/container-object-storage-interface/client/clientset/versioned/typed/objectstorage/v1alpha1"
)

// single names every object, and the namespace, of a test with fake clientsets.
const single = "life"

func (f *fast) claims() typed.BucketClaimInterface {
	return f.cosi.ObjectstorageV1alpha1().BucketClaims(single)
}

func (f *fast) accesses() typed.BucketAccessInterface {
	return f.cosi.ObjectstorageV1alpha1().BucketAccesses(single)
}

func (f *fast) buckets() typed.BucketInterface { return f.cosi.ObjectstorageV1alpha1().Buckets() }

// makeClaim creates a claim and its bucket, as the controller leaves them.
func (f *fast) makeClaim() {
	f.Helper()
	_, err := f.claims().Create(f.Context(), &v1alpha1.BucketClaim{
		ObjectMeta: metav1.ObjectMeta{Name: single, Namespace: single, UID: "claim", Finalizers: []string{consts.BCFinalizer}},
		Spec:       v1alpha1.BucketClaimSpec{BucketClassName: single},
		Status:     v1alpha1.BucketClaimStatus{BucketName: single},
	}, metav1.CreateOptions{})
	must(f.T, err)
	_, err = f.buckets().Create(f.Context(), &v1alpha1.Bucket{
		ObjectMeta: metav1.ObjectMeta{Name: single, UID: "bucket"},
		Spec: v1alpha1.BucketSpec{
			DriverName: driverName, BucketClassName: single, DeletionPolicy: v1alpha1.DeletionPolicyDelete,
			BucketClaim: &corev1.ObjectReference{Name: single, Namespace: single, UID: types.UID("claim")},
		},
	}, metav1.CreateOptions{})
	must(f.T, err)
}

// makeAccess creates an access and its class.
func (f *fast) makeAccess() {
	f.Helper()
	_, err := f.cosi.ObjectstorageV1alpha1().BucketAccessClasses().Create(f.Context(), &v1alpha1.BucketAccessClass{
		ObjectMeta: metav1.ObjectMeta{Name: single}, DriverName: driverName, AuthenticationType: v1alpha1.AuthenticationTypeKey,
	}, metav1.CreateOptions{})
	must(f.T, err)
	_, err = f.accesses().Create(f.Context(), &v1alpha1.BucketAccess{
		ObjectMeta: metav1.ObjectMeta{Name: single, Namespace: single, UID: "access"},
		Spec:       v1alpha1.BucketAccessSpec{BucketClaimName: single, BucketAccessClassName: single, CredentialsSecretName: single},
	}, metav1.CreateOptions{})
	must(f.T, err)
}

func (f *fast) claim() *v1alpha1.BucketClaim   { return found(f, single, f.claims().Get) }
func (f *fast) bucket() *v1alpha1.Bucket       { return found(f, single, f.buckets().Get) }
func (f *fast) access() *v1alpha1.BucketAccess { return found(f, single, f.accesses().Get) }

// found returns an object, or nil when no object has that name.
func found[T any](f *fast, name string, get func(context.Context, string, metav1.GetOptions) (*T, error)) *T {
	f.Helper()
	object, err := get(f.Context(), name, metav1.GetOptions{})
	if kubeerrors.IsNotFound(err) {
		return nil
	}
	must(f.T, err)
	return object
}
