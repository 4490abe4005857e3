//go:build e2e

package e2e_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// kustomize returns the documents that "kubectl apply -k" applies of a scaffold. The module of the scaffold's tests has the version.
func (s *story) kustomize(scaffold string) [][]byte {
	s.Helper()
	program := filepath.Join(s.programs, "kustomize")
	run(s.T, "../scaffold", "go", "build", "-o", program, "sigs.k8s.io/kustomize/kustomize/v5")
	out, err := exec.CommandContext(s.Context(), program, "build", filepath.Join(scaffold, "deploy")).Output()
	must(s.T, err)
	var documents [][]byte
	for reader := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(out))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents
		}
		must(s.T, err)
		documents = append(documents, document)
	}
}

// componentsAreAccepted makes the API server check a scaffold with each choice of components, without changing anything. It does not know
// the kinds of the Prometheus operator: those are counted alone.
func (s *story) componentsAreAccepted() (checked, unknown int) {
	s.Helper()
	for _, chosen := range []string{
		"ha", "networkpolicy", "monitoring", "ha,networkpolicy", "ha,monitoring", "networkpolicy,monitoring", "ha,networkpolicy,monitoring",
	} {
		folder := filepath.Join(s.TempDir(), "cosi-osp")
		run(s.T, "../../..", "go", "run", "./cmd/bootstrap", "-module", "example.com/your/cosi-osp", "-dir", folder, "-with", chosen, "-build=false")
		built := s.kustomize(folder)
		for _, document := range built {
			if bytes.Contains(document, []byte("apiVersion: monitoring.coreos.com/v1\n")) {
				unknown++
				continue
			}
			if err := s.apply.document(s.Context(), document, metav1.DryRunAll); err != nil {
				s.Errorf("with %s, the API server refuses a document: %v\n%s", chosen, err, document)
			}
			checked++
		}
		s.admitted(built)
	}
	return checked, unknown
}

// admitted makes the API server check the pod template of the Deployment as a pod, which it returns.
func (s *story) admitted(documents [][]byte) *corev1.Pod {
	s.Helper()
	pod := podOf(s.T, deploymentIn(s.T, documents), "dry-run")
	must(s.T, s.create(pod))
	return pod
}

// podOf returns the pod that the controller of Deployments would make of one.
func podOf(t *testing.T, manifest []byte, name string) *corev1.Pod {
	t.Helper()
	var deployment appsv1.Deployment
	must(t, yaml.UnmarshalStrict(manifest, &deployment))
	pod := &corev1.Pod{Spec: deployment.Spec.Template.Spec, ObjectMeta: deployment.Spec.Template.ObjectMeta}
	pod.Name, pod.Namespace = name, deployment.Namespace
	return pod
}

// create tries to create a pod, strictly.
func (s *story) create(pod *corev1.Pod) error {
	_, err := s.kube.CoreV1().Pods(pod.Namespace).Create(s.Context(), pod,
		metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	return err
}

// deploymentIn returns the only Deployment of a driver.
func deploymentIn(t *testing.T, documents [][]byte) []byte {
	t.Helper()
	for _, document := range documents {
		if strings.Contains("\n"+string(document), "\nkind: Deployment\n") {
			return document
		}
	}
	t.Fatal("there is no Deployment, want one")
	return nil
}
