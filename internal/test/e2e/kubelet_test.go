//go:build e2e && linux

package e2e_test

import (
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/controlplane"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/node"
)

const (
	envPackages = "CONTAINERD"   // folder of containerd, runc and the network plugins
	envIsolated = "E2E_ISOLATED" // folder that TestKubelet prepared for TestIsolated
)

var runs = flag.Int("runs", 1, "how often TestKubelet tells the story, each time in new namespaces")

// TestKubelet builds everything that the story of a node needs, runs TestIsolated in namespaces of its own, and expects to find
// the machine as it was.
func TestKubelet(t *testing.T) {
	if os.Getenv(envPackages) == "" {
		t.Skipf("%s names no folder with containerd and runc: want make e2e-kubelet", envPackages)
	}
	if err := node.Supported(t.Context()); err != nil {
		t.Skipf("no kubelet can run on this machine: %v", err)
	}
	began := time.Now()
	folder := keptWhenFailed(t)
	buildNode(t, folder)
	self, err := os.Executable()
	must(t, err)
	say("built in %.1fs", time.Since(began).Seconds())
	before := machine(t)
	for i := range *runs {
		began := time.Now()
		err := node.Isolate(t.Context(), folder, []string{envIsolated + "=" + folder}, self, "-test.run=^TestIsolated$", "-test.v", "-test.timeout=10m")
		if err != nil {
			t.Fatal(err)
		}
		unchanged(t, before, machine(t))
		say("run %d of %d took %.1fs, and left the machine as it was", i+1, *runs, time.Since(began).Seconds())
	}
}

// unchanged compares two states of the machine.
func unchanged(t *testing.T, before, after map[string]string) {
	t.Helper()
	for _, what := range slices.Sorted(maps.Keys(before)) {
		if before[what] != after[what] {
			t.Fatalf("%s: it was %q before, and is %q now, want no change", what, before[what], after[what])
		}
	}
}

// buildNode builds the scaffold and all programs, and leaves the kubelet and the control plane where TestIsolated finds them.
func buildNode(t *testing.T, folder string) {
	t.Helper()
	versions, err := controlplane.ReadVersions("binaries", os.Getenv(controlplane.EnvKubernetes))
	must(t, err)
	_, err = controlplane.Build(t.Context(), versions)
	must(t, err)
	_, err = controlplane.BuildKubelet(t.Context(), versions)
	must(t, err)
	scaffold := filepath.Join(folder, "cosi-osp")
	run(t, "../../..", "go", "run", "./cmd/bootstrap", "-module", "example.com/your/cosi-osp", "-dir", scaffold)
	scaffoldImage(t, scaffold).build(t, filepath.Join(folder, "driver"))
	clientImage(t).build(t, filepath.Join(folder, "cosictl"))
	run(t, ".", "env", "CGO_ENABLED=0", "go", "build", "-ldflags", "-s -w", "-o", folder, "./sidecar", "./controller", "./kubectl", "./pause")
}

// machine reads what a kubelet or containerd could change, by name.
func machine(t *testing.T) map[string]string {
	t.Helper()
	state := map[string]string{}
	host, err := os.Hostname()
	must(t, err)
	state["the host's name"] = host
	interfaces, err := net.Interfaces()
	must(t, err)
	for _, i := range interfaces {
		state["network interfaces"] += i.Name + " "
	}
	for _, folder := range []string{
		"/etc/cni", "/opt/cni", "/run/containerd", "/run/netns", "/run/runc", "/usr/libexec/kubernetes", "/var/lib/cni", "/var/lib/containerd",
		"/var/lib/kubelet", "/var/log/containers", "/var/log/pods",
	} {
		_, err := os.Stat(folder)
		state[folder+" exists"] = fmt.Sprint(err == nil)
	}
	for _, file := range []string{
		"/proc/self/mountinfo", "/proc/net/route", "/proc/self/cgroup", "/proc/sys/kernel/keys/root_maxbytes", "/proc/sys/kernel/keys/root_maxkeys", "/proc/sys/kernel/panic",
		"/proc/sys/kernel/panic_on_oops", "/proc/sys/net/ipv4/conf/all/forwarding", "/proc/sys/net/ipv4/ip_forward",
		"/proc/sys/vm/overcommit_memory", "/proc/sys/vm/panic_on_oom",
	} {
		text, err := os.ReadFile(file)
		must(t, err)
		state[file] = string(text)
	}
	for _, below := range []string{"kubepods", "k8s.io", "system.slice"} {
		groups, err := filepath.Glob("/sys/fs/cgroup/*/" + below)
		must(t, err)
		state["control groups "+below] = strings.Join(groups, " ")
	}
	return state
}
