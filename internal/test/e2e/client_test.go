//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// clientInCluster runs the recipe of docs/operations.md on the scaffold's pod, and then, as the users of both containers, the programs
// that a kubelet would run.
func clientInCluster(s *story) {
	run(s.T, ".", "go", "build", "-o", s.programs, "./kubectl")
	pod := s.scaffoldPod()
	recipe := s.recipe()
	for _, without := range []string{" --profile=restricted", " --profile=restricted --custom=client.json"} {
		if said, err := s.shell(strings.Replace(recipe, without, "", 1)); err == nil || !strings.Contains(said, `violates PodSecurity "restricted`) {
			s.Errorf("without%s: %v, %s; want a refusal by the restricted profile", without, err, said)
		}
	}
	if said, err := s.shell(strings.NewReplacer(" --custom=client.json", "", "client-1", "client-0").Replace(recipe)); err != nil {
		s.Errorf("without --custom: %v\n%s", err, said)
	}
	if said, err := s.shell(recipe); err != nil {
		s.Fatalf("%v\n%s", err, said)
	}
	current, err := s.kube.CoreV1().Pods(pod.Namespace).Get(s.Context(), pod.Name, metav1.GetOptions{})
	must(s.T, err)
	added := current.Spec.EphemeralContainers
	if len(added) != 2 || added[0].Name != "client-0" || added[1].Name != "client-1" {
		s.Fatalf("the pod has ephemeral containers %+v, want client-0 and client-1", added)
	}
	if len(added[0].VolumeMounts) != 0 {
		s.Errorf("without --custom, the client mounts %+v, want nothing", added[0].VolumeMounts)
	}
	s.checkClient(pod.Spec.Containers[0], added[1])
	s.speak(added[1])
}

// scaffoldPod creates the pod of the scaffold's Deployment, since there is no controller of Deployments. Nobody schedules it.
func (s *story) scaffoldPod() *corev1.Pod {
	s.Helper()
	_, err := s.apply.file(s.Context(), filepath.Join(s.scaffold, "deploy", "rbac.yaml"))
	must(s.T, err)
	text, err := os.ReadFile(filepath.Join(s.scaffold, "deploy", "driver.yaml"))
	must(s.T, err)
	pod := podOf(s.T, text, "client")
	pods := s.kube.CoreV1().Pods(pod.Namespace)
	pod, err = pods.Create(s.Context(), pod, metav1.CreateOptions{})
	must(s.T, err)
	s.Cleanup(func() { must(s.T, pods.Delete(context.WithoutCancel(s.Context()), pod.Name, metav1.DeleteOptions{})) })
	return pod
}

// recipe returns the document's block that begins with the client's file, without its indentation.
func (s *story) recipe() string {
	s.Helper()
	text, err := os.ReadFile("../../../docs/operations.md")
	must(s.T, err)
	_, rest, _ := strings.Cut(string(text), "\n    cat >client.json")
	block, _, _ := strings.Cut("    cat >client.json"+rest, "\n\n")
	recipe := strings.TrimPrefix(strings.ReplaceAll("\n"+block, "\n    ", "\n"), "\n") + "\n"
	if !strings.Contains(recipe, " --profile=restricted --custom=client.json -c client-1 ") {
		s.Fatalf("docs/operations.md has the recipe %q, want kubectl debug with --profile, --custom and -c client-1", recipe)
	}
	return recipe
}

// shell runs a text as somebody does who pastes it.
func (s *story) shell(text string) (string, error) {
	s.Helper()
	cmd := exec.CommandContext(s.Context(), "sh", "-e", "-c", text)
	cmd.Dir = s.folder
	cmd.Env = []string{"PATH=" + s.programs + ":" + os.Getenv("PATH"), "HOME=" + s.folder, "KUBECONFIG=" + s.plane.Kubeconfig}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// checkClient expects a container that reaches the driver's socket, and can do nothing that the driver cannot.
func (s *story) checkClient(driver corev1.Container, client corev1.EphemeralContainer) {
	s.Helper()
	mounts := slices.DeleteFunc(slices.Clone(driver.VolumeMounts), func(m corev1.VolumeMount) bool { return m.Name != "socket" })
	if len(client.VolumeMounts) != 1 || len(mounts) != 1 || client.VolumeMounts[0].MountPath != mounts[0].MountPath || client.VolumeMounts[0].Name != "socket" {
		s.Errorf("the client mounts %+v, want the driver's socket as in %+v", client.VolumeMounts, mounts)
	}
	c := client.SecurityContext
	if c == nil || c.RunAsUser == nil || *c.RunAsUser != 65532 || c.RunAsGroup == nil || *c.RunAsGroup != 65532 ||
		c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem {
		s.Fatalf("the client runs as %+v, want the driver's user and group 65532, and a read-only root", c)
	}
	if client.Image != "registry.example.com/cosictl:v0.4.0" || !slices.Equal(client.Command, []string{"/cosictl", "health"}) {
		s.Errorf("the client runs %q in %s, want cosictl health in cosictl's image", client.Command, client.Image)
	}
}

// speak runs the driver and the client as a kubelet would: as their users, with the socket in a folder as fsGroup makes it.
func (s *story) speak(client corev1.EphemeralContainer) {
	if os.Getuid() != 0 {
		s.figure("not run as other users: that takes root")
		return
	}
	user := uint32(*client.SecurityContext.RunAsUser) // compared with 65532 above
	socket := filepath.Join(s.folder, "volume", "cosi.sock")
	must(s.T, os.Chmod(s.folder, 0o711)) // other users pass
	must(s.T, os.Mkdir(filepath.Dir(socket), 0o700))
	must(s.T, os.Chown(filepath.Dir(socket), 0, int(user)))
	must(s.T, os.Chmod(filepath.Dir(socket), 0o777|os.ModeSetgid)) // as kubelet does
	run(s.T, s.scaffold, "go", "build", "-o", filepath.Join(s.folder, "driver"), ".")
	run(s.T, "../../..", "go", "build", "-o", filepath.Join(s.folder, "cosictl"), "./cmd/cosictl")
	var log bytes.Buffer
	driver := s.as(user, socket, "driver")
	driver.Stderr = &log
	must(s.T, driver.Start())
	s.Cleanup(func() { _ = driver.Process.Kill(); _ = driver.Wait() })
	eventually(s.T, "the driver listens", func() bool { _, err := os.Stat(socket); return err == nil })
	if out, err := s.as(user, socket, "cosictl", client.Command[1:]...).CombinedOutput(); err != nil || string(out) != "status: SERVING\n" {
		s.Errorf("the client as the driver's user says %q (%v), want SERVING", out, err)
	}
	out, err := s.as(user+1, socket, "cosictl", client.Command[1:]...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "permission denied") {
		s.Errorf("the client as another user says %q (%v), want permission denied", out, err)
	}
	s.figure("SERVING for the driver's user, permission denied for another")
}

// as makes a program of the story's folder run as a user.
func (s *story) as(user uint32, socket, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(s.Context(), filepath.Join(s.folder, program), args...)
	cmd.Env = []string{"COSI_ENDPOINT=unix://" + socket}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	return cmd
}
