package controlplane

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// KubernetesVersion is the version that the stories run with when EnvKubernetes names no other.
const KubernetesVersion = "v1.37.2"

// EnvKubernetes names the variable with the version of Kubernetes to run, one that has a folder in binaries.
const EnvKubernetes = "KUBERNETES"

// Versions holds the versions of the control plane's programs.
type Versions struct {
	Kubernetes, Etcd string
	module           string // folder of the module that requires them
}

// ReadVersions finds the module in the given folder that requires a version of Kubernetes; "" is KubernetesVersion. The module
// has the name of the version.
func ReadVersions(folder, kubernetes string) (Versions, error) {
	if kubernetes == "" {
		kubernetes = KubernetesVersion
	}
	modules, err := filepath.Glob(filepath.Join(folder, "v*", "go.mod"))
	if err != nil {
		return Versions{}, err
	}
	var known []string
	for _, module := range modules {
		name := filepath.Base(filepath.Dir(module))
		if name == kubernetes {
			return readModule(module, name)
		}
		known = append(known, name)
	}
	return Versions{}, fmt.Errorf("%s: %q is not built here; want one of: %s", EnvKubernetes, kubernetes, strings.Join(known, ", "))
}

// readModule reads the required versions, and checks that of Kubernetes.
func readModule(module, kubernetes string) (Versions, error) {
	text, err := os.ReadFile(module)
	if err != nil {
		return Versions{}, err
	}
	v := Versions{Kubernetes: kubernetes, module: filepath.Dir(module)}
	required := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 {
			required[fields[0]] = fields[1]
		}
	}
	if found := required["k8s.io/kubernetes"]; found != kubernetes {
		return v, fmt.Errorf("%s requires k8s.io/kubernetes %q, want %s", module, found, kubernetes)
	}
	if v.Etcd = required["go.etcd.io/etcd/server/v3"]; v.Etcd == "" {
		return v, fmt.Errorf("%s requires no go.etcd.io/etcd/server/v3, want it", module)
	}
	return v, nil
}
