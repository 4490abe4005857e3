package scaffold_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cosiv1alpha1 "sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

// deployed describes a driver with manifests, and how they may differ from those of other drivers.
type deployed struct {
	app       string // name of its objects
	name      string // name of the driver
	folder    string
	protocol  cosiv1alpha1.Protocol
	env       []string // names of its variables
	asksStore bool     // its readiness depends on the store
}

// drivers lists a new scaffold and the examples, which began as scaffolds.
func drivers(t *testing.T) []deployed {
	t.Helper()
	return []deployed{{
		app: "cosi-osp", name: "cosi-osp.example.com", folder: scaffold(t, "cosi-osp"), protocol: cosiv1alpha1.ProtocolS3,
	}, {
		app: "cosi-s3", name: "s3.gocosi.example.com", folder: filepath.Join(root, "examples", "s3"), protocol: cosiv1alpha1.ProtocolS3,
		env: []string{
			"S3_STORE", "S3_ENDPOINT", "S3_IAM_ENDPOINT", "S3_CLIENT_ENDPOINT", "S3_REGION", "S3_ACCESS_KEY_FILE", "S3_SECRET_KEY_FILE", "S3_SEAL_KEY_FILE",
		},
		asksStore: true,
	}, {
		app: "cosi-azure", name: "azure.example.com", folder: filepath.Join(root, "examples", "azure"), protocol: cosiv1alpha1.ProtocolAzure,
		env: []string{"AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY_FILE"}, asksStore: true,
	}}
}

// forEach runs a check for every driver.
func forEach(t *testing.T, check func(t *testing.T, d deployed)) {
	t.Helper()
	for _, d := range drivers(t) {
		t.Run(d.app, func(t *testing.T) {
			t.Parallel()
			check(t, d)
		})
	}
}

// scaffold writes a module with extras and returns its folder.
func scaffold(t *testing.T, app string, extras ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	cmd := exec.CommandContext(t.Context(), bootstrap, "-module", "example.com/acme/"+app, "-dir", dir, "-gocosi", root, "-build=false")
	if len(extras) > 0 {
		cmd.Args = append(cmd.Args, "-with", strings.Join(extras, ","))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// TestExamplesAreScaffolds compares the shared files of the examples with the scaffold's.
func TestExamplesAreScaffolds(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, d deployed) {
		original := scaffold(t, d.app)
		for _, name := range []string{"Dockerfile", ".dockerignore", "logging.go", "metrics.go", "deploy/kustomization.yaml", "deploy/rbac.yaml"} {
			want, got := read(t, original, name), read(t, d.folder, name)
			if !bytes.Equal(got, want) {
				t.Errorf("%s differs, want the scaffold's file", name)
			}
		}
	})
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}
