// Command sidecar runs the logic of the released COSI sidecar. It calls a driver on its socket and the API server as a
// ServiceAccount, elects a leader, and records events.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned"
	proto "sigs.k8s.io/container-object-storage-interface/proto"
	"sigs.k8s.io/container-object-storage-interface/sidecar/pkg/provisioner"

	corev1api "k8s.io/api/core/v1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/apicalls"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

// config holds the values of the command line.
type config struct {
	driver, kubeconfig, account, calls, hostname string
	qps, scale                                   float64
}

func main() {
	var c config
	flag.StringVar(&c.driver, "driver-addr", "unix:///var/lib/cosi/cosi.sock", "`endpoint` of the driver")
	flag.StringVar(&c.kubeconfig, "kubeconfig", "", "`file` that says where the API server is")
	flag.StringVar(&c.account, "as", "", "service account to act as: `NAMESPACE/NAME`")
	flag.StringVar(&c.calls, "calls", "", "`file` to note each request to the API server in")
	flag.Float64Var(&c.qps, "qps", 100, "requests to the API server in a second")
	flag.StringVar(&c.hostname, "hostname", hostname(), "`name` in the election, which in a pod is that of the pod")
	flag.Float64Var(&c.scale, "scale", 1, "`factor` that divides the times of the election")
	klog.InitFlags(nil)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, c)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		klog.ErrorS(err, "failed")
		os.Exit(1)
	}
}

func run(ctx context.Context, c config) error {
	driver, err := provisioner.NewDefaultCOSIProvisionerClient(ctx, c.driver, false)
	if err != nil {
		return err
	}
	info, err := driver.DriverGetInfo(ctx, &proto.DriverGetInfoRequest{})
	if err != nil {
		return fmt.Errorf("DriverGetInfo: %w", err)
	}
	klog.InfoS("connected", "driver", info.GetName())
	rest, err := c.rest()
	if err != nil {
		return err
	}
	clients, err := newClients(ctx, rest, info.GetName())
	if err != nil {
		return err
	}
	return c.lead(ctx, clients, info.GetName(), func(ctx context.Context) {
		if err := sidecar.Run(ctx, clients, info.GetName(), driver); err != nil {
			klog.ErrorS(err, "failed")
		}
	})
}

// rest returns a configuration that uses the API server as the ServiceAccount.
func (c config) rest() (*rest.Config, error) {
	r, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return nil, err
	}
	r.QPS, r.Burst = float32(c.qps), int(2*c.qps)
	if namespace, name, ok := strings.Cut(c.account, "/"); ok {
		r.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:" + namespace + ":" + name,
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
		}
	}
	if c.calls == "" {
		return r, nil
	}
	calls, err := os.OpenFile(c.calls, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	r.Wrap(func(next http.RoundTripper) http.RoundTripper { return apicalls.Record(next, calls) })
	return r, err
}

// newClients creates the clients, and a recorder that writes events into the namespaces of their objects.
func newClients(ctx context.Context, r *rest.Config, driverName string) (sidecar.Clients, error) {
	kube, err := kubernetes.NewForConfig(r)
	if err != nil {
		return sidecar.Clients{}, err
	}
	cosi, err := versioned.NewForConfig(r)
	if err != nil {
		return sidecar.Clients{}, err
	}
	scheme, err := sidecar.Scheme()
	if err != nil {
		return sidecar.Clients{}, err
	}
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	broadcaster.StartRecordingToSink(&corev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme, corev1api.EventSource{Component: driverName})
	return sidecar.Clients{Kube: kube, COSI: cosi, Recorder: recorder}, nil
}

// hostname returns "" when the system does not tell, which no election accepts.
func hostname() string {
	name, _ := os.Hostname()
	return name
}

// lead works while it holds the lease, and returns when it has lost or released the lease. The process then ends, like the released
// one, without waiting for work under way. What is known of that: its election (internal/runtime, which no registry serves) was read
// in public copies of its repository, and its main in the module at v0.2.2.
func (c config) lead(ctx context.Context, clients sidecar.Clients, driverName string, work func(context.Context)) error {
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, os.Getenv("POD_NAMESPACE"), sidecar.LeaseName(driverName),
		clients.Kube.CoreV1(), clients.Kube.CoordinationV1(),
		resourcelock.ResourceLockConfig{Identity: sidecar.Identity(c.hostname), EventRecorder: clients.Recorder})
	if err != nil {
		return err
	}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, ReleaseOnCancel: true, Name: driverName,
		LeaseDuration: c.scaled(sidecar.LeaseDuration), RenewDeadline: c.scaled(sidecar.RenewDeadline), RetryPeriod: c.scaled(sidecar.RetryPeriod),
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: work,
			OnStoppedLeading: func() { klog.InfoS("the lease is gone") },
		},
	})
	if err != nil {
		return err
	}
	elector.Run(ctx)
	return ctx.Err()
}

func (c config) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) / c.scale) }
