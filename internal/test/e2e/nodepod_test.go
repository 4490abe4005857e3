//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/node"
)

// sidecarImage is the image of the released sidecar's logic, which stands for the released image.
const sidecarImage = "e2e.example.com/sidecar:1"

// nodePod is a pod of the scaffold that a kubelet runs.
type nodePod struct {
	*story
	name string
}

// deploy applies the scaffold's manifests, creates the Deployment's pod as its controller would, and waits until the kubelet says
// that it is ready. Of the pod's template, only the sidecar's image changes. The test binds the pod, for want of a scheduler, and
// publishes the certificate of the API server, for want of the controller that does.
func (s *story) deploy() *nodePod {
	s.Helper()
	for _, name := range []string{"rbac.yaml", "classes.yaml"} {
		_, err := s.apply.file(s.Context(), filepath.Join(s.scaffold, "deploy", name))
		must(s.T, err)
	}
	text, err := os.ReadFile(filepath.Join(s.scaffold, "deploy", "driver.yaml"))
	must(s.T, err)
	pod := podOf(s.T, text, "cosi-osp-0")
	pod.Spec.NodeName = node.Name
	_, err = s.kube.CoreV1().ConfigMaps(pod.Namespace).Create(s.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-root-ca.crt"}, Data: map[string]string{"ca.crt": string(s.plane.Config.CAData)},
	}, metav1.CreateOptions{})
	must(s.T, err)
	for i := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[i]; c.Name == "sidecar" {
			c.Image = sidecarImage
		}
	}
	began := time.Now()
	_, err = s.kube.CoreV1().Pods(pod.Namespace).Create(s.Context(), pod, metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict})
	must(s.T, err)
	p := &nodePod{story: s, name: pod.Name}
	p.waitReady()
	s.figure(fmt.Sprintf("pod ready after %.1fs", time.Since(began).Seconds()))
	return p
}

func (p *nodePod) get() *corev1.Pod {
	p.Helper()
	pod, err := p.kube.CoreV1().Pods("cosi-osp").Get(p.Context(), p.name, metav1.GetOptions{})
	must(p.T, err)
	return pod
}

// waitReady waits until the kubelet says so, which it does when the exec probes have succeeded.
func (p *nodePod) waitReady() {
	p.Helper()
	eventually(p.T, "the pod is ready", func() bool {
		for _, c := range p.get().Status.Conditions {
			if c.Type == corev1.PodReady {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	})
}

// container returns what the kubelet says about a container.
func (p *nodePod) container(name string) corev1.ContainerStatus {
	p.Helper()
	for _, c := range p.get().Status.ContainerStatuses {
		if c.Name == name {
			return c
		}
	}
	p.Fatalf("the pod has no status of a container %q, want one", name)
	return corev1.ContainerStatus{}
}

// volume returns the folder of a volume on the node.
func (p *nodePod) volume(kind, name string) string {
	p.Helper()
	return filepath.Join("/var/lib/kubelet/pods", string(p.get().UID), "volumes", "kubernetes.io~"+kind, name)
}

// pid returns the ID that the first process of a container has on the node.
func (p *nodePod) pid(container string) int {
	p.Helper()
	_, id, _ := strings.Cut(p.container(container).ContainerID, "://")
	folders, err := filepath.Glob("/proc/[0-9]*")
	must(p.T, err)
	for _, folder := range folders {
		groups, _ := os.ReadFile(filepath.Join(folder, "cgroup"))
		if id == "" || !strings.Contains(string(groups), id) {
			continue
		}
		inside := strings.Fields(procStatus(folder)["NSpid"])
		if len(inside) > 0 && inside[len(inside)-1] == "1" {
			pid, err := strconv.Atoi(filepath.Base(folder))
			must(p.T, err)
			return pid
		}
	}
	p.Fatalf("found no first process of container %q (%s), want one", container, id)
	return 0
}

// procStatus reads the status of a process, which is empty once the process has ended.
func procStatus(folder string) map[string]string {
	text, _ := os.ReadFile(filepath.Join(folder, "status"))
	status := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		status[name] = strings.TrimSpace(value)
	}
	return status
}
