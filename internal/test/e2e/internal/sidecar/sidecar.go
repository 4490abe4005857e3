// Package sidecar connects the released sidecar's and controller's listeners to the reconciling loop. Its listeners use
// the released bindings, which cannot be linked into one program with gocosi.
package sidecar

import (
	"context"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned"
	"sigs.k8s.io/container-object-storage-interface/controller/pkg/bucketclaim"
	proto "sigs.k8s.io/container-object-storage-interface/proto"
	"sigs.k8s.io/container-object-storage-interface/sidecar/pkg/bucket"
	"sigs.k8s.io/container-object-storage-interface/sidecar/pkg/bucketaccess"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/reconcile"
)

// Clients holds the clients of the API server that a listener uses.
type Clients struct {
	Kube     kubernetes.Interface
	COSI     versioned.Interface
	Recorder record.EventRecorder
}

// Scheme returns a scheme with the kinds that events refer to.
func Scheme() (*runtime.Scheme, error) {
	s := runtime.NewScheme()
	return s, errors.Join(scheme.AddToScheme(s), v1alpha1.AddToScheme(s))
}

// initialized is the common interface of all released listeners.
type initialized interface {
	InitializeKubeClient(k kubernetes.Interface)
	InitializeBucketClient(c versioned.Interface)
	InitializeEventRecorder(r record.EventRecorder)
}

func initialize[L initialized](c Clients, listener L) L {
	listener.InitializeKubeClient(c.Kube)
	listener.InitializeBucketClient(c.COSI)
	listener.InitializeEventRecorder(c.Recorder)
	return listener
}

// Run does the sidecar's work for a driver: it handles buckets and accesses until ctx ends.
func Run(ctx context.Context, c Clients, driverName string, driver proto.ProvisionerClient) error {
	api := c.COSI.ObjectstorageV1alpha1()
	ended := make(chan error, 1)
	go func() {
		ended <- reconcile.Run(ctx, listWatch(api.Buckets().List, api.Buckets().Watch), &v1alpha1.Bucket{},
			initialize(c, bucket.NewBucketListener(driverName, driver)))
	}()
	accesses := api.BucketAccesses(metav1.NamespaceAll)
	err := reconcile.Run(ctx, listWatch(accesses.List, accesses.Watch), &v1alpha1.BucketAccess{},
		initialize(c, bucketaccess.NewBucketAccessListener(driverName, driver)))
	return errors.Join(err, <-ended)
}

// RunController does the controller's work: it creates a bucket for each claim until ctx ends.
func RunController(ctx context.Context, c Clients) error {
	claims := c.COSI.ObjectstorageV1alpha1().BucketClaims(metav1.NamespaceAll)
	return reconcile.Run(ctx, listWatch(claims.List, claims.Watch), &v1alpha1.BucketClaim{},
		initialize(c, bucketclaim.NewBucketClaimListener()))
}

// listWatch returns a source that uses two methods of a client.
func listWatch[L runtime.Object](
	list func(context.Context, metav1.ListOptions) (L, error), watcher func(context.Context, metav1.ListOptions) (watch.Interface, error),
) *cache.ListWatch {
	return &cache.ListWatch{
		ListWithContextFunc:  func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return list(ctx, o) },
		WatchFuncWithContext: watcher,
	}
}
