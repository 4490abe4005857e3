//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/container-object-storage-interface/client/clientset/versioned"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// world holds what all stories share: an API server, the controller, the programs, and the scaffold.
type world struct {
	plane    *controlplane.Plane
	kube     kubernetes.Interface
	cosi     versioned.Interface
	dynamic  dynamic.Interface
	apply    *applier
	programs string // folder of the built programs
	scaffold string // folder of the scaffolded driver
	logs     string // kept when a story fails
}

// newWorld starts everything, and stops it when the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	began := time.Now()
	w := &world{programs: t.TempDir(), logs: keptWhenFailed(t)}
	w.scaffold = filepath.Join(t.TempDir(), "cosi-osp")
	versions, err := controlplane.ReadVersions("binaries", os.Getenv(controlplane.EnvKubernetes))
	must(t, err)
	binaries, err := controlplane.Build(t.Context(), versions)
	must(t, err)
	built := time.Now()
	run(t, "../../..", "go", "run", "./cmd/bootstrap", "-module", "example.com/your/cosi-osp", "-dir", w.scaffold)
	run(t, w.scaffold, "go", "build", "-o", filepath.Join(w.programs, "scaffold"), ".")
	run(t, s3Folder, "go", "build", "-o", w.programs, "./cmd/dev")
	run(t, ".", "go", "build", "-o", w.programs, "./sidecar", "./controller", "./faultdriver")
	ready := time.Now()
	w.plane, err = controlplane.Start(t.Context(), binaries, t.TempDir(), w.logs)
	must(t, err)
	t.Cleanup(w.plane.Stop)
	w.clients(t)
	if found, err := w.kube.Discovery().ServerVersion(); err != nil || found.GitVersion != versions.Kubernetes {
		t.Fatalf("the API server says that it is %v (%v), want %s", found, err, versions.Kubernetes)
	}
	w.installCRDs(t)
	say("control plane %s, etcd %s: binaries after %.1fs, programs after %.1fs, up after %.1fs", versions.Kubernetes,
		versions.Etcd, built.Sub(began).Seconds(), ready.Sub(built).Seconds(), time.Since(ready).Seconds())
	w.start(t, process.Command{Name: "controller", Path: filepath.Join(w.programs, "controller"), Args: []string{"-kubeconfig=" + w.plane.Kubeconfig, "-v=3"}})
	return w
}

func (w *world) clients(t *testing.T) {
	t.Helper()
	var err error
	w.kube, err = kubernetes.NewForConfig(w.plane.Config)
	must(t, err)
	w.cosi, err = versioned.NewForConfig(w.plane.Config)
	must(t, err)
	w.dynamic, err = dynamic.NewForConfig(w.plane.Config)
	must(t, err)
	w.apply = &applier{discovery: w.kube.Discovery(), dynamic: w.dynamic}
}

// start starts a program and ends it with the test.
func (w *world) start(t *testing.T, c process.Command) *process.Process {
	t.Helper()
	c.Log = filepath.Join(w.logs, c.Name+".log")
	p, err := process.Start(c)
	must(t, err)
	t.Cleanup(p.Kill)
	return p
}

// keptWhenFailed creates a folder. After the test, it removes the folder, or prints its name when the test failed.
func keptWhenFailed(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gocosi-e2e-logs-")
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			say("the logs of every part are in %s", dir)
			return
		}
		must(t, os.RemoveAll(dir))
	})
	return dir
}
