package scaffold_test

import (
	"bytes"
	"context"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// oddName describes a module's path, or a driver's name, that YAML, Go, make or Kubernetes could read as something else.
type oddName struct {
	module, name string // name is the flag; "" leaves it out
	refused      string // what the error says; "" when the module is written
	driver, app  string // the names in what is written
	built        bool   // whether it is built and tested too
}

const (
	hundred = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	own     = "example.com/acme/osp"
)

func oddNames() []oddName {
	names := []oddName{
		// What YAML reads as another type, or as no string.
		{module: "example.com/on", driver: "on.example.com", app: "on", built: true},
		{module: "example.com/off", driver: "off.example.com", app: "off"},
		{module: "example.com/yes", driver: "yes.example.com", app: "yes"},
		{module: "example.com/no", driver: "no.example.com", app: "no"},
		{module: "example.com/y", driver: "y.example.com", app: "y"},
		{module: "example.com/n", driver: "n.example.com", app: "n"},
		{module: "example.com/null", driver: "null.example.com", app: "null"},
		{module: "example.com/TRUE", driver: "true.example.com", app: "true"},
		{module: "example.com/False", driver: "false.example.com", app: "false"},
		{module: "example.com/1e3", driver: "cosi-1e3.example.com", app: "cosi-1e3"},
		{module: "example.com/0x10", driver: "cosi-0x10.example.com", app: "cosi-0x10"},
		{module: "example.com/0o7", driver: "cosi-0o7.example.com", app: "cosi-0o7"},
		{module: "example.com/1_000", driver: "cosi-1-000.example.com", app: "cosi-1-000"},
		{module: "example.com/2026-11-27", driver: "cosi-2026-11-27.example.com", app: "cosi-2026-11-27"},
		{module: "example.com/.inf", driver: "inf.example.com", app: "inf"},
		{module: "example.com/NaN", driver: "nan.example.com", app: "nan"},
		{module: "example.com/~", refused: "wants a letter, a digit"},
		{module: "example.com/1:30", refused: "malformed import path"},
		{module: "example.com/=", refused: "malformed import path"},
		{module: "example.com/<<", refused: "malformed import path"},
		{module: "1.5/x", driver: "x.1.5", app: "x"},

		// What the go command reads otherwise.
		{module: "example.com/vendor/x", refused: `has an element "vendor"`},
		{module: "example.com/vendor", refused: `has an element "vendor"`},
		{module: "example.com/internal", driver: "internal.example.com", app: "internal"},
		{module: "example.com/testdata", driver: "testdata.example.com", app: "testdata", built: true},
		{module: "example.com/_x", driver: "x.example.com", app: "x"},
		{module: "example.com/.x/y", driver: "y.example.com", app: "y"},
		{module: "example.com/x/v1", refused: "a version that a module path cannot have"},
		{module: "example.com/x/v02", refused: "a version that a module path cannot have"},
		{module: "example.com/v2", driver: "example-com.example.com", app: "example-com"},
		{module: "gopkg.in/x.v1", driver: "x.gopkg.in", app: "x"},
		{module: "gopkg.in/x", refused: "does not end in a version such as .v1"},
		{module: "main", refused: "the standard library's"},
		{module: "std", refused: "the standard library's"},
		{module: "cmd/go", refused: "the standard library's"},
		{module: "all", refused: "the standard library's"},
		{module: "example.com/main", driver: "main.example.com", app: "main"},
		{module: "example.com/...", refused: "malformed import path"},
		{module: "example.com/a...b", driver: "a-b.example.com", app: "a-b", built: true},
		{module: "golang.org/x/net", refused: "belongs to golang.org/x/net"},
		{module: "google.golang.org/grpc/codes", refused: "belongs to google.golang.org/grpc"},
		{module: "golang.org/x/osp", driver: "osp.golang.org", app: "osp"},
		{module: "github.com/doomshrine/gocosi/v2", refused: "belongs to the library"},
		{module: "example.com/gocosi", driver: "gocosi.example.com", app: "gocosi"},
		{module: "example.com/func", driver: "func.example.com", app: "func"},
		{module: "example.com/go", driver: "go.example.com", app: "go"},
		{module: "example.com/type/v3", driver: "type.example.com", app: "type"},
		{module: "example.com/x_test", driver: "x-test.example.com", app: "x-test"},
		{module: "example.com/x.test", driver: "x-test.example.com", app: "x-test", built: true},
		{module: "example.com/-x", refused: "wants a letter, a digit"},
		{module: "example.com/con", refused: "on Windows"},
		{module: "example.com/aux.x/y", refused: "on Windows"},
		{module: "example.com/x.", refused: "trailing dot"},
		{module: "example.com/x-", driver: "x.example.com", app: "x"},
		{module: "example.com/ösp", refused: "malformed import path"},
		{module: "example.com/a b", refused: "malformed import path"},
		{module: "example.com/100%", refused: "malformed import path"},
		{module: "example.com/x+", driver: "x.example.com", app: "x"},
		{module: `example.com\x`, refused: "malformed import path"},
		{module: "example.com/\x1b[31m", refused: `\x1b[31m`},
		{module: "example.com/" + hundred + hundred, driver: strings.Repeat("x", 40) + ".example.com", app: strings.Repeat("x", 40), built: true},
		{module: "example.com/" + hundred + hundred + "x", refused: "201 characters, and at most 200"},
		{module: "example.com" + strings.Repeat("/"+hundred, 11), refused: "characters, and at most 1024"},

		// What would stand in the new folder, or in the cluster, where something else stands.
		{module: "example.com/servers", refused: "has another use for that name"},
		{module: "example.com/Deploy/v2", refused: "has another use for that name"},
		{module: "example.com/makefile", refused: "has another use for that name"},
		{module: "example.com/go.mod", refused: "has another use for that name"},
		{module: "example.com/go.work", refused: "has another use for that name"},
		{module: "example.com/x.go", refused: "takes for source code"},
		{module: "example.com/x.S", refused: "takes for source code"},
		{module: "example.com/default", driver: "cosi-default.example.com", app: "cosi-default"},
		{module: "example.com/kube-system", driver: "cosi-kube-system.example.com", app: "cosi-kube-system"},
		{module: "example.com/cluster-admin", driver: "cosi-cluster-admin.example.com", app: "cosi-cluster-admin"},
		{module: "example.com/View", driver: "cosi-view.example.com", app: "cosi-view"},

		// Hosts that make no driver's name.
		{module: "my_host.example/x", refused: "-name sets another name"},
		{module: "example-.com/x", refused: "-name sets another name"},
		{module: "a..com/x", refused: "-name sets another name"},
		{module: "my_host.example/x", name: "x.example", driver: "x.example", app: "x"},
	}
	for _, n := range []oddName{ // drivers' names
		{name: "on"},
		{name: "null"},
		{name: "true"},
		{name: "1e3"},
		{name: "0x10"},
		{name: "1.5"},
		{name: "2026-11-27"},
		{name: "nan"},
		{name: strings.Repeat("x", 63)},
		{name: strings.Repeat("x", 64), refused: "INFO-3"},
		{name: strings.Repeat("x", 253), refused: "INFO-3"},
		{name: strings.Repeat("x", 254), refused: "INFO-3"},
		{name: "~", refused: "INFO-3"},
		{name: ".inf", refused: "INFO-3"},
		{name: "=", refused: "INFO-3"},
		{name: "<<", refused: "INFO-3"},
		{name: "1:30", refused: "INFO-3"},
		{name: "1_000", refused: "INFO-3"},
		{name: "x.", refused: "INFO-3"},
		{name: "x-", refused: "INFO-3"},
		{name: "ö.example.com", refused: "INFO-3"},
		{name: "x/y", refused: "INFO-3"},
		{name: "x\ny: z", refused: "INFO-3"},
		{name: "S3.example.com", refused: "Lease"},
		{name: "NaN", refused: "Lease"},
		{name: "a..b", refused: "Lease"},
		{name: "a-.b", refused: "Lease"},
	} {
		n.module, n.driver, n.app = own, n.name, "osp"
		names = append(names, n)
	}
	return names
}

// TestOddNames expects each name to be refused before anything is written, or to stand in what is written as it is.
func TestOddNames(t *testing.T) {
	t.Parallel()
	for _, n := range oddNames() {
		t.Run(n.module+" "+n.name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			out, err := n.bootstrap(t.Context(), filepath.Join(parent, "new"))
			if n.refused != "" {
				n.checkRefusal(t, parent, out, err)
				return
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			n.checkManifests(t, filepath.Join(parent, "new"))
			n.checkGo(t, filepath.Join(parent, "new"))
		})
	}
}

func (n oddName) bootstrap(ctx context.Context, dir string) (string, error) {
	args := []string{"-module", n.module, "-dir", dir, "-gocosi", root, "-with", strings.Join(allExtras, ",")}
	if n.name != "" {
		args = append(args, "-name", n.name)
	}
	if !n.built {
		args = append(args, "-build=false")
	}
	out, err := exec.CommandContext(ctx, bootstrap, args...).CombinedOutput()
	return string(out), err
}

// checkRefusal expects one line that says what was refused and what is wanted, and nothing in the folder.
func (n oddName) checkRefusal(t *testing.T, parent, out string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(out, n.refused) || !strings.Contains(out, "want") || strings.Count(out, "\n") != 1 || len(out) > 600 {
		t.Errorf("%v, want one line with %q and what is wanted, got:\n%s", err, n.refused, out)
	}
	if strings.ContainsRune(out, '\x1b') {
		t.Errorf("%q has a control character", out)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("the parent holds %v, %v; want nothing", entries, err)
	}
}

// checkManifests expects the names wherever a manifest has them, each read as a string.
func (n oddName) checkManifests(t *testing.T, folder string) {
	t.Helper()
	m := readManifests(t, folder)
	n.checkBuilt(t, folder)
	pod := m.deployment.Spec.Template
	for what, got := range map[string]string{
		"namespace": m.namespace.Name, "account": m.account.Name, "account's namespace": m.account.Namespace,
		"cluster role": m.clusterRole.Name, "cluster role's binding": m.clusterBind.Name, "bound cluster role": m.clusterBind.RoleRef.Name,
		"role": m.role.Name, "role's binding": m.bind.Name, "bound role": m.bind.RoleRef.Name,
		"subject": m.bind.Subjects[0].Name, "subject's namespace": m.clusterBind.Subjects[0].Namespace,
		"deployment": m.deployment.Name, "deployment's namespace": m.deployment.Namespace,
		"label": pod.Labels["app.kubernetes.io/name"], "selector": m.deployment.Spec.Selector.MatchLabels["app.kubernetes.io/name"],
		"pod's account": pod.Spec.ServiceAccountName, "image": strings.TrimSuffix(pod.Spec.Containers[0].Image, ":dev"),
		"secret": strings.TrimSuffix(volume(t, pod.Spec, "keys").Secret.SecretName, "-keys"),
		"mount":  filepath.Base(filepath.Dir(mountOf(pod.Spec.Containers[0], "keys"))),
		"class":  m.bucketClass.Name, "access class": m.accessClass.Name, "claimed class": m.bucketClaim.Spec.BucketClassName,
		"class of the access": m.bucketAccess.Spec.BucketAccessClassName,
	} {
		if got != n.app {
			t.Errorf("%s is %q, want %q", what, got, n.app)
		}
	}
	if m.bucketClass.DriverName != n.driver || m.accessClass.DriverName != n.driver {
		t.Errorf("the classes are of %q and %q, want %q", m.bucketClass.DriverName, m.accessClass.DriverName, n.driver)
	}
}

// checkBuilt expects the names in what Kustomize makes of the components.
func (n oddName) checkBuilt(t *testing.T, folder string) {
	t.Helper()
	m := buildManifests(t, folder, components...)
	metadata := func(object map[string]any) map[string]any {
		meta, _ := object["metadata"].(map[string]any)
		return meta
	}
	const key = "app.kubernetes.io/name"
	for what, got := range map[string]any{
		"deployment": m.deployment.Name, "selector": m.deployment.Spec.Selector.MatchLabels[key], "label": m.deployment.Spec.Template.Labels[key],
		"spread":    m.deployment.Spec.Template.Spec.TopologySpreadConstraints[0].LabelSelector.MatchLabels[key],
		"namespace": m.namespace.Name, "budget": m.budget.Name, "budget's namespace": m.budget.Namespace,
		"budget's selector": m.budget.Spec.Selector.MatchLabels[key],
		"policy":            m.networkPolicy.Name, "policy's namespace": m.networkPolicy.Namespace,
		"policy's selector": m.networkPolicy.Spec.PodSelector.MatchLabels[key],
		"monitor":           metadata(m.monitor)["name"], "monitor's namespace": metadata(m.monitor)["namespace"],
		"rule": metadata(m.rule)["name"], "rule's namespace": metadata(m.rule)["namespace"],
	} {
		if got != n.app {
			t.Errorf("%s is %q, want %q", what, got, n.app)
		}
	}
}

// checkGo parses what is written; a module of which that is asked is tested too, after "go build" left its program there.
func (n oddName) checkGo(t *testing.T, folder string) {
	t.Helper()
	text := files(t, folder)
	file, err := modfile.Parse("go.mod", []byte(text["go.mod"]), nil)
	if err != nil || file.Module.Mod.Path != n.module {
		t.Fatalf("go.mod is of %+v, %v; want %s", file, err, n.module)
	}
	for name := range text {
		if filepath.Ext(name) == ".go" {
			if _, err := parser.ParseFile(token.NewFileSet(), name, text[name], parser.AllErrors); err != nil {
				t.Error(err)
			}
		}
	}
	if want := "Name = \"" + n.driver + "\"\n"; !strings.Contains(text["servers/identity/identity.go"], want) {
		t.Errorf("identity.go has no %q", want)
	}
	if !n.built {
		return
	}
	for _, command := range []string{"build", "test"} {
		if err := goCommand(folder, command, "."); err != nil {
			t.Error(err)
		}
	}
	for name := range files(t, folder) {
		if _, old := text[name]; !old && !bytes.Contains(read(t, folder, ".gitignore"), []byte("/"+name+"\n")) {
			t.Errorf(".gitignore has no %s, which go build writes", name)
		}
	}
}

// TestModulesOfOthers refuses the path of every module that a scaffold requires: it could not be built.
func TestModulesOfOthers(t *testing.T) {
	t.Parallel()
	file, err := modfile.ParseLax("go.mod", read(t, scaffold(t, "cosi-osp"), "go.mod"), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, required := range file.Require {
		cmd := exec.CommandContext(t.Context(), bootstrap, "-module", required.Mod.Path, "-dir", filepath.Join(t.TempDir(), "new"), "-gocosi", root)
		if out, err := cmd.CombinedOutput(); err == nil || !bytes.Contains(out, []byte("belongs to ")) {
			t.Errorf("-module %s: %v, %s", required.Mod.Path, err, out)
		}
	}
	if len(file.Require) < 20 {
		t.Errorf("a scaffold requires %d modules, want all of them in its go.mod", len(file.Require))
	}
}
