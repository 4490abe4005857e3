//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/node"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// TestIsolated tells the story of the scaffold's pod on a node. TestKubelet runs it.
func TestIsolated(t *testing.T) {
	folder := os.Getenv(envIsolated)
	if folder == "" {
		t.Skipf("%s is not set: TestKubelet runs this test", envIsolated)
	}
	began := time.Now()
	w := startNode(t, folder)
	s := &story{T: t, world: w, name: "kubelet", namespace: "default", class: "cosi-osp", account: account}
	short, err := sockdir.Make()
	must(t, err)
	s.folder = short
	t.Cleanup(func() { must(t, os.RemoveAll(short)) })
	s.figure(fmt.Sprintf("node ready after %.1fs", time.Since(began).Seconds()))
	pod := s.deploy()
	for _, check := range []struct {
		what  string
		holds func(*testing.T, *nodePod)
	}{
		{"the driver's files and processes are locked", locked},
		{"the token is the pod's", tokenIsThePods},
		{"a claim becomes a Secret, and all of it goes", lifeOnNode},
		{"a client asks the driver", clientOnNode},
		{"a killed driver comes back", killedOnNode},
		{"a call under way is answered during the grace period", drainedOnNode},
	} {
		t.Run(check.what, func(t *testing.T) {
			part := *s
			part.T = t
			check.holds(t, &nodePod{story: &part, name: pod.name})
			s.figures = part.figures
		})
	}
	s.line("the scaffold's pod on a node", time.Since(began))
}

// startNode starts the control plane, the controller, and a node with the images, and waits until the node is ready.
func startNode(t *testing.T, folder string) *world {
	t.Helper()
	w := &world{programs: folder, scaffold: filepath.Join(folder, "cosi-osp"), logs: folder}
	versions, err := controlplane.ReadVersions("binaries", os.Getenv(controlplane.EnvKubernetes))
	must(t, err)
	binaries, err := controlplane.Build(t.Context(), versions)
	must(t, err)
	kubelet, err := controlplane.BuildKubelet(t.Context(), versions)
	must(t, err)
	w.plane, err = controlplane.Start(t.Context(), binaries, t.TempDir(), w.logs)
	must(t, err)
	t.Cleanup(w.plane.Stop)
	w.clients(t)
	w.installCRDs(t)
	w.start(t, process.Command{Name: "controller", Path: filepath.Join(folder, "controller"), Args: []string{"-kubeconfig=" + w.plane.Kubeconfig}})
	must(t, node.Start(t.Context(), node.Config{
		Packages: os.Getenv(envPackages), Kubelet: kubelet, Kubeconfig: w.plane.Kubeconfig, APIServer: w.plane.Config.Host,
		Pause: filepath.Join(folder, "pause"), Folder: t.TempDir(), Logs: w.logs,
		Images: []node.Image{
			scaffoldImage(t, w.scaffold).image("docker.io/library/cosi-osp:dev", filepath.Join(folder, "driver")), // the manifest's name, in full
			clientImage(t).image("registry.example.com/cosictl:v0.4.0", filepath.Join(folder, "cosictl")),         // the document's name
			{Name: sidecarImage, Program: filepath.Join(folder, "sidecar"), Entrypoint: "/sidecar", User: "65532:65532"},
		},
	}))
	eventually(t, "the node is ready", func() bool {
		found, err := w.kube.CoreV1().Nodes().Get(t.Context(), node.Name, metav1.GetOptions{})
		if err != nil {
			return false
		}
		for _, c := range found.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue {
				return true
			}
		}
		return false
	})
	return w
}
