//go:build e2e && linux

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// clientOnNode runs the recipe of docs/operations.md, and expects the answers that the document tells.
func clientOnNode(t *testing.T, p *nodePod) {
	recipe := p.recipe()
	if said, err := p.shell(recipe); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if ended, log := p.ended("client-1"); ended.ExitCode != 0 || !strings.Contains(log, "stdout F status: SERVING\n") {
		t.Errorf("the client ended with code %d and the log %q, want 0 and SERVING", ended.ExitCode, log)
	}
	blind := strings.NewReplacer(" --custom=client.json", "", "client-1", "client-2").Replace(recipe)
	if said, err := p.shell(blind); err != nil {
		t.Fatalf("without --custom: %v\n%s", err, said)
	}
	if ended, log := p.ended("client-2"); ended.ExitCode == 0 || !strings.Contains(log, "no such file") {
		t.Errorf("without --custom, the client ended with code %d and the log %q, want a failure: no such file", ended.ExitCode, log)
	}
	p.figure("cosictl by kubectl debug: SERVING")
}

// ended waits until a container that was added has ended, and returns how, with its log as the kubelet keeps it.
func (p *nodePod) ended(name string) (corev1.ContainerStateTerminated, string) {
	p.Helper()
	var end corev1.ContainerStateTerminated
	eventually(p.T, name+" has ended", func() bool {
		for _, c := range p.get().Status.EphemeralContainerStatuses {
			if c.Name == name && c.State.Terminated != nil {
				end = *c.State.Terminated
				return true
			}
		}
		return false
	})
	pod := fmt.Sprintf("cosi-osp_%s_%s", p.name, p.get().UID)
	log, err := os.ReadFile(filepath.Join("/var/log/pods", pod, name, "0.log"))
	must(p.T, err)
	return end, string(log)
}
