// Command controller runs the logic of the released COSI controller, which creates a bucket for each claim.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"

	corev1api "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

func main() {
	kubeconfig := flag.String("kubeconfig", "", "`file` that says where the API server is")
	klog.InitFlags(nil)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *kubeconfig)
	stop()
	if err != nil {
		klog.ErrorS(err, "failed")
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig string) error {
	r, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	r.QPS, r.Burst = 100, 200
	kube, err := kubernetes.NewForConfig(r)
	if err != nil {
		return err
	}
	cosi, err := versioned.NewForConfig(r)
	if err != nil {
		return err
	}
	scheme, err := sidecar.Scheme()
	if err != nil {
		return err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&corev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme, corev1api.EventSource{Component: "container-object-storage-controller"})
	return sidecar.RunController(ctx, sidecar.Clients{Kube: kube, COSI: cosi, Recorder: recorder})
}
