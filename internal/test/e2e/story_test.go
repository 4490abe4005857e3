//go:build e2e

package e2e_test

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// account is the ServiceAccount that the scaffold's manifests give the sidecar.
const account = "cosi-osp/cosi-osp"

// story holds one test against the world, with a namespace and a driver name of its own.
type story struct {
	*testing.T
	*world

	name      string // of the driver, without its domain
	called    string // whole name of the driver, if it is not made from name
	namespace string // of claims and accesses
	class     string // of claims and accesses
	folder    string // of the socket and of what the fault driver reads and writes
	account   string // that the sidecar runs as
	figures   []string
}

// tell runs a story and prints its line. The stories run one after another, because every sidecar in a cluster handles
// every deleted access.
func (w *world) tell(t *testing.T, title, name string, body func(s *story)) {
	t.Helper()
	t.Run(title, func(t *testing.T) {
		s := &story{T: t, world: w, name: name, namespace: name, class: name, account: account}
		folder, err := sockdir.Make()
		must(t, err)
		s.folder = folder
		t.Cleanup(func() { must(t, os.RemoveAll(folder)) })
		t.Cleanup(s.clean)
		began := time.Now()
		t.Cleanup(func() { s.line(title, time.Since(began)) })
		s.prepare()
		body(s)
	})
}

func (s *story) line(title string, took time.Duration) {
	result := "ok  "
	switch {
	case s.Failed():
		result = "FAIL"
	case s.Skipped():
		result = "skip"
	}
	say("story %s %6.1fs  %s%s", result, took.Seconds(), title, strings.Join(append([]string{""}, s.figures...), " · "))
}

func (s *story) figure(text string) { s.figures = append(s.figures, text) }

// prepare creates the namespace and the classes.
func (s *story) prepare() {
	s.Helper()
	ctx, api := s.Context(), s.cosi.ObjectstorageV1alpha1()
	meta := metav1.ObjectMeta{Name: s.name}
	_, err := s.kube.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: meta}, metav1.CreateOptions{})
	must(s.T, err)
	_, err = api.BucketClasses().Create(ctx, &v1alpha1.BucketClass{
		ObjectMeta: meta, DriverName: s.driverName(), DeletionPolicy: v1alpha1.DeletionPolicyDelete,
	}, metav1.CreateOptions{})
	must(s.T, err)
	_, err = api.BucketAccessClasses().Create(ctx, &v1alpha1.BucketAccessClass{
		ObjectMeta: meta, DriverName: s.driverName(), AuthenticationType: v1alpha1.AuthenticationTypeKey,
	}, metav1.CreateOptions{})
	must(s.T, err)
}

func (s *story) driverName() string { return cmp.Or(s.called, s.name+".example.com") }
func (s *story) socket() string     { return filepath.Join(s.folder, "cosi.sock") }
func (s *story) endpoint() string   { return "unix://" + s.socket() }
func (s *story) store() fault.Store { return fault.Store{Path: filepath.Join(s.folder, "store")} }

// script sets the behaviour of the fault driver from now on. Create stays slow unless the script has an entry for it.
func (s *story) script(script fault.Script) {
	s.Helper()
	whole := fault.Script{create: {Delay: slow}}
	maps.Copy(whole, script)
	must(s.T, fault.Write(filepath.Join(s.folder, "faults"), whole))
}

// driver starts the fault driver and waits until it listens.
func (s *story) driver(env ...string) *process.Process {
	s.Helper()
	p := s.start(s.T, s.driverCommand(env...))
	s.listens(p)
	return p
}

func (s *story) driverCommand(env ...string) process.Command {
	s.Helper()
	if _, err := os.Stat(filepath.Join(s.folder, "faults")); err != nil {
		s.script(nil)
	}
	return process.Command{Name: "driver-" + s.name, Path: filepath.Join(s.programs, "faultdriver"), Env: append([]string{
		"COSI_ENDPOINT=" + s.endpoint(), "X_COSI_DRIVER_NAME=" + s.driverName(),
		fault.EnvFaults + "=" + filepath.Join(s.folder, "faults"), fault.EnvStore + "=" + s.store().Path,
		fault.EnvCalls + "=" + s.driverCalls(),
	}, env...)}
}

func (s *story) listens(p *process.Process) {
	s.Helper()
	eventually(s.T, p.Name+" listens", func() bool {
		if p.Err() != nil {
			s.Fatalf("%s ended: %v; see %s", p.Name, p.Err(), p.Log)
		}
		_, err := os.Stat(s.socket())
		return err == nil
	})
}

// sidecar starts the released sidecar's logic.
func (s *story) sidecar(flags ...string) *process.Process {
	s.Helper()
	return s.start(s.T, s.sidecarCommand(flags...))
}

func (s *story) sidecarCommand(flags ...string) process.Command {
	namespace, _, _ := strings.Cut(s.account, "/")
	return process.Command{
		Name: "sidecar-" + s.name, Path: filepath.Join(s.programs, "sidecar"), Env: []string{"POD_NAMESPACE=" + namespace},
		Args: append([]string{
			"-driver-addr=" + s.endpoint(), "-kubeconfig=" + s.plane.Kubeconfig, "-as=" + s.account, "-calls=" + s.apiCalls(), "-v=3",
			fmt.Sprintf("-scale=%d", scale),
		}, flags...),
	}
}

// scale divides the times of the elections: a lease lasts 3 s instead of 150 s.
const scale = 50

func (s *story) driverCalls() string { return filepath.Join(s.folder, "calls") }

func (s *story) apiCalls() string { return filepath.Join(s.folder, "apicalls") }

// calls counts the driver's calls by method.
func (s *story) calls() map[string]int {
	s.Helper()
	log := fault.CallLog{Path: s.driverCalls()}
	calls, err := log.Calls()
	must(s.T, err)
	count := map[string]int{}
	for _, c := range calls {
		count[c.Method]++
	}
	return count
}

// stored returns the buckets in the fault driver's store.
func (s *story) stored() fault.Buckets {
	s.Helper()
	buckets, err := s.store().Look()
	must(s.T, err)
	return buckets
}
