//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// applier applies manifests with server-side apply and strict validation of fields.
type applier struct {
	discovery discovery.DiscoveryInterface
	dynamic   dynamic.Interface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

// file applies a file unchanged, document by document, and returns the number of documents.
func (a *applier) file(ctx context.Context, path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for n := 0; ; n++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err == nil {
			err = a.document(ctx, document)
		}
		if err != nil {
			return n, fmt.Errorf("%s, document %d: %w", path, n+1, err)
		}
	}
}

func (a *applier) document(ctx context.Context, text []byte, dryRun ...string) error {
	object := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(text, &object.Object); err != nil {
		return err
	}
	if a.mapper == nil {
		a.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(a.discovery))
	}
	kind := object.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return err
	}
	resource := dynamic.ResourceInterface(a.dynamic.Resource(mapping.Resource))
	if object.GetNamespace() != "" {
		resource = a.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	force := true
	_, err = resource.Patch(ctx, object.GetName(), types.ApplyYAMLPatchType, text, metav1.PatchOptions{
		FieldManager: "e2e", Force: &force, FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun,
	})
	return err
}

// installCRDs installs the released definitions, and waits until the API server serves them.
func (w *world) installCRDs(t *testing.T) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/container-object-storage-interface/client").Output()
	must(t, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "*.yaml"))
	must(t, err)
	if len(files) != 5 {
		t.Fatalf("found %d definitions, want 5", len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		var crd unstructured.Unstructured
		must(t, yaml.Unmarshal(text, &crd.Object))
		annotations := crd.GetAnnotations()
		annotations["api-approved.kubernetes.io"] = "https://github.com/kubernetes-sigs/container-object-storage-interface"
		crd.SetAnnotations(annotations)
		text, err = yaml.Marshal(crd.Object)
		must(t, err)
		must(t, w.apply.document(t.Context(), text))
	}
	eventually(t, "the API server serves the definitions", func() bool {
		_, err := w.cosi.ObjectstorageV1alpha1().BucketAccesses("").List(t.Context(), metav1.ListOptions{})
		list, err2 := w.kube.Discovery().ServerResourcesForGroupVersion("objectstorage.k8s.io/v1alpha1")
		return err == nil && err2 == nil && len(list.APIResources) >= 8
	})
	w.apply.mapper.Reset()
}
