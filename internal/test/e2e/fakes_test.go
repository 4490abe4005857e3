package e2e_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned/fake"
)

// newFakeCOSI returns a fake clientset that obeys finalizers: a delete only marks an object with finalizers, and the
// object goes with the last finalizer.
func newFakeCOSI(t *testing.T) *fake.Clientset {
	t.Helper()
	client := fake.NewSimpleClientset()
	client.PrependReactor("delete", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		a, ok := action.(clienttesting.DeleteAction)
		if !ok {
			return false, nil, nil
		}
		object, err := client.Tracker().Get(a.GetResource(), a.GetNamespace(), a.GetName())
		if err != nil {
			return true, nil, err
		}
		object = object.DeepCopyObject()
		if meta, ok := object.(metav1.Object); !ok || len(meta.GetFinalizers()) == 0 {
			return false, nil, nil
		} else if meta.GetDeletionTimestamp() == nil {
			now := metav1.Now()
			meta.SetDeletionTimestamp(&now)
		}
		return true, object, client.Tracker().Update(a.GetResource(), object, a.GetNamespace())
	})
	client.PrependReactor("update", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
		a, ok := action.(clienttesting.UpdateAction)
		if !ok {
			return false, nil, nil
		}
		meta, ok := a.GetObject().(metav1.Object)
		if !ok || meta.GetDeletionTimestamp() == nil || len(meta.GetFinalizers()) > 0 {
			return false, nil, nil
		}
		return true, a.GetObject(), client.Tracker().Delete(a.GetResource(), a.GetNamespace(), meta.GetName())
	})
	return client
}

// watched reports whether a client watches a resource.
func watched(client *fake.Clientset, resource string) bool {
	for _, action := range client.Actions() {
		if action.Matches("watch", resource) {
			return true
		}
	}
	return false
}
