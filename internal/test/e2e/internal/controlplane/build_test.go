package controlplane_test

import (
	"os"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
)

// TestVersions compares the versions that name the cached programs with the versions that Build builds.
func TestVersions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../binaries/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"k8s.io/kubernetes " + controlplane.KubernetesVersion, "go.etcd.io/etcd/server/v3 " + controlplane.EtcdVersion} {
		if !strings.Contains(string(text), "\t"+want+"\n") {
			t.Errorf("binaries/go.mod does not require the version of the cached programs, want %s", want)
		}
	}
}
