package controlplane_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
)

// TestVersions reads the modules of this repository.
func TestVersions(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "v1.37.2", "v1.34.2"} {
		v, err := controlplane.ReadVersions("../../binaries", name)
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if want := name; v.Kubernetes != want && name != "" || v.Etcd == "" {
			t.Errorf("%q: got Kubernetes %q with etcd %q", name, v.Kubernetes, v.Etcd)
		}
	}
}

// TestVersionsAreChecked gives what no run may build, or what would run under another version's name.
func TestVersionsAreChecked(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"v1.2.3": "require (\n\tk8s.io/kubernetes v1.2.4\n\tgo.etcd.io/etcd/server/v3 v3.6.4\n)\n",
		"v1.2.4": "require k8s.io/kubernetes v1.2.4\n", // in the short form, which is not read
		"v1.2.5": "require (\n\tk8s.io/kubernetes v1.2.5\n)\n",
	} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name, "go.mod"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"v1.2.3":    "want v1.2.3",
		"v1.2.4":    "want v1.2.4",
		"v1.2.5":    "no go.etcd.io/etcd/server/v3",
		"1.2.3":     "want one of: v1.2.3, v1.2.4, v1.2.5",
		"../v1.2.3": "want one of: v1.2.3, v1.2.4, v1.2.5",
	} {
		if _, err := controlplane.ReadVersions(folder, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, want)
		}
	}
}
