package e2e_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	kubefake "k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned/fake"
	proto "sigs.k8s.io/container-object-storage-interface/proto"
	"sigs.k8s.io/container-object-storage-interface/sidecar/pkg/provisioner"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

// failures lists all failures that a driver can return, with the code that its caller sees.
func failures() map[string]fault.Behaviour {
	all := map[string]fault.Behaviour{"panic": {Panic: true}, "nil": {Nil: true}}
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		all[code.String()] = fault.Behaviour{Code: uint32(code)}
	}
	return all
}

// seen returns the code that the sidecar sees when a method fails. It is OK when the library treats the work as done.
func seen(method string, b fault.Behaviour) codes.Code {
	switch code := codes.Code(b.Code); {
	case b.Panic, b.Nil, code == codes.Unknown: // GEN-16, GEN-4
		return codes.Internal
	case method == grant && code == codes.AlreadyExists: // GRANT-11
		return codes.FailedPrecondition
	case (method == revoke || method == remove) && code == codes.NotFound: // REVOKE-4, DELETE-2
		return codes.OK
	default:
		return code
	}
}

// TestFailures makes each method fail in each way behind the released sidecar's listeners, with fake clientsets, and
// checks that everything recovers.
func TestFailures(t *testing.T) {
	t.Parallel()
	program := faultDriver(t)
	for name, behaviour := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFast(t, program)
			f.getInfo(behaviour)
			f.listen()
			f.creates(behaviour)
			f.grants(behaviour)
			f.revokes(behaviour)
			f.removes(behaviour)
		})
	}
}

// faultDriver builds the driver.
func faultDriver(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "faultdriver")
	run(t, ".", "go", "build", "-o", program, "./faultdriver")
	return program
}

// fast holds a driver that runs as a process, and the sidecar's listeners in this process.
type fast struct {
	*testing.T

	folder string
	client *provisioner.COSIProvisionerClient
	cosi   *fake.Clientset
	kube   kubernetes.Interface
	events *record.FakeRecorder
}

const driverName = "fault.example.com"

func newFast(t *testing.T, program string) *fast {
	t.Helper()
	folder, err := sockdir.Make()
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(folder)) })
	f := &fast{T: t, folder: folder, cosi: newFakeCOSI(t), kube: kubefake.NewClientset(), events: record.NewFakeRecorder(1000)}
	endpoint := "unix://" + filepath.Join(folder, "cosi.sock")
	driver, err := process.Start(process.Command{Name: "driver", Path: program, Log: filepath.Join(folder, "log"), Env: []string{
		"COSI_ENDPOINT=" + endpoint, "X_COSI_DRIVER_NAME=" + driverName, fault.EnvFaults + "=" + f.faults(),
		fault.EnvStore + "=" + filepath.Join(folder, "store"), fault.EnvCalls + "=" + filepath.Join(folder, "calls"),
	}})
	must(t, err)
	t.Cleanup(func() {
		if err := driver.Stop(); err != nil {
			t.Errorf("the driver did not drain: %v", err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	f.client, err = provisioner.NewDefaultCOSIProvisionerClient(ctx, endpoint, false)
	must(t, err)
	return f
}

func (f *fast) faults() string { return filepath.Join(f.folder, "faults") }

// listen runs the sidecar's listeners until the test ends.
func (f *fast) listen() {
	f.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(f.Context()))
	var group sync.WaitGroup
	group.Go(func() {
		clients := sidecar.Clients{Kube: f.kube, COSI: f.cosi, Recorder: f.events}
		if err := sidecar.Run(ctx, clients, driverName, f.client); err != nil {
			f.Error(err)
		}
	})
	f.Cleanup(func() { stop(); group.Wait() })
	eventually(f.T, "the sidecar watches", func() bool { return watched(f.cosi, "buckets") && watched(f.cosi, "bucketaccesses") })
}

// fails makes a method fail from now on, and forgets the events so far.
func (f *fast) fails(method string, b fault.Behaviour) {
	f.Helper()
	must(f.T, fault.Write(f.faults(), fault.Script{method: b}))
	for {
		select {
		case <-f.events.Events:
		default:
			return
		}
	}
}

func (f *fast) recovers() {
	f.Helper()
	must(f.T, fault.Write(f.faults(), nil))
}

// event waits for an event.
func (f *fast) event(reason string, code codes.Code) {
	f.Helper()
	deadline := time.After(limit)
	want := []string{"Warning " + reason, "code = " + code.String()}
	for {
		select {
		case e := <-f.events.Events:
			if strings.HasPrefix(e, want[0]) && strings.Contains(e, want[1]) {
				return
			}
		case <-deadline:
			f.Fatalf("got no event, want %q", want)
		}
	}
}

func (f *fast) getInfo(b fault.Behaviour) {
	f.Helper()
	f.fails(getInfo, b)
	_, err := f.client.DriverGetInfo(f.Context(), &proto.DriverGetInfoRequest{})
	if want := seen(getInfo, b); status.Code(err) != want {
		f.Errorf("DriverGetInfo answers %v, want %s", err, want)
	}
	f.recovers()
	info, err := f.client.DriverGetInfo(f.Context(), &proto.DriverGetInfoRequest{})
	if err != nil || info.GetName() != driverName {
		f.Errorf("DriverGetInfo answers %v, %v", info, err)
	}
}

// creates makes a bucket. An ALREADY_EXISTS leaves no event: the sidecar treats it as a success without an answer.
func (f *fast) creates(b fault.Behaviour) {
	f.Helper()
	f.fails(create, b)
	f.makeClaim()
	if code := seen(create, b); code != codes.AlreadyExists {
		f.event("FailedCreateBucket", code)
	} else {
		f.repeated(create)
		if n := len(f.events.Events); n != 0 {
			f.Errorf("ALREADY_EXISTS left %d events, want none", n)
		}
	}
	if bucket := f.bucket(); bucket == nil || bucket.Status.BucketReady {
		f.Errorf("the bucket is %+v", bucket)
	}
	f.recovers()
	eventually(f.T, "the bucket is ready", func() bool { return f.bucket().Status.BucketReady && f.claim().Status.BucketReady })
}

// repeated waits until the sidecar has called a method three times.
func (f *fast) repeated(method string) {
	f.Helper()
	log := fault.CallLog{Path: filepath.Join(f.folder, "calls")}
	eventually(f.T, method+" is repeated", func() bool {
		calls, err := log.Calls()
		must(f.T, err)
		n := 0
		for _, c := range calls {
			if c.Method == method {
				n++
			}
		}
		return n >= 3
	})
}

func (f *fast) grants(b fault.Behaviour) {
	f.Helper()
	f.fails(grant, b)
	f.makeAccess()
	f.event("FailedGrantAccess", seen(grant, b))
	if f.access().Status.AccessGranted || f.hasSecret() {
		f.Error("granted after the failure, want no grant")
	}
	f.recovers()
	eventually(f.T, "the access is granted", func() bool { return f.access().Status.AccessGranted && f.hasSecret() })
}

func (f *fast) revokes(b fault.Behaviour) {
	f.Helper()
	f.fails(revoke, b)
	must(f.T, f.accesses().Delete(f.Context(), single, metav1.DeleteOptions{}))
	if code := seen(revoke, b); code != codes.OK {
		f.event("FailedRevokeAccess", code)
		if f.access() == nil || !f.hasSecret() || f.accounts() != 1 {
			f.Error("revoked after the failure, want the access kept")
		}
		f.recovers()
	}
	eventually(f.T, "the access is gone, with its secret", func() bool { return f.access() == nil && !f.hasSecret() })
}

func (f *fast) removes(b fault.Behaviour) {
	f.Helper()
	f.fails(remove, b)
	must(f.T, f.buckets().Delete(f.Context(), single, metav1.DeleteOptions{}))
	if code := seen(remove, b); code != codes.OK {
		f.event("FailedDeleteBucket", code)
		if f.bucket() == nil {
			f.Error("deleted after the failure, want the bucket kept")
		}
		f.recovers()
	}
	eventually(f.T, "the bucket is gone", func() bool { return f.bucket() == nil })
	if finalizers := f.claim().Finalizers; len(finalizers) != 0 {
		f.Errorf("the claim keeps %v, want no finalizer", finalizers)
	}
}

// accounts counts the accounts in the store.
func (f *fast) accounts() int {
	f.Helper()
	stored, err := fault.Store{Path: filepath.Join(f.folder, "store")}.Look()
	must(f.T, err)
	return len(stored[single])
}

func (f *fast) hasSecret() bool {
	f.Helper()
	_, err := f.kube.CoreV1().Secrets(single).Get(f.Context(), single, metav1.GetOptions{})
	if err != nil && !kubeerrors.IsNotFound(err) {
		f.Fatal(err)
	}
	return err == nil
}
