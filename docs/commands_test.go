package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// runner names the file that CI executes and the text in it that runs a command of the documentation.
type runner struct{ file, text string }

// runners lists the commands that are neither CI targets nor cosictl commands. A command includes the "cd X" before it.
var runners = map[string]runner{
	"go run ./cmd/bootstrap -module example.com/your/cosi-osp -dir ../cosi-osp": {
		".ci/unprivileged", "go run ./cmd/bootstrap -module example.com/your/cosi-osp -dir ../cosi-osp",
	},
	"go run ./cmd/bootstrap -module example.com/your/cosi-osp -dir ../cosi-osp -with ha": {
		"internal/test/e2e/road_test.go", `"./cmd/bootstrap", "-module", "example.com/your/cosi-osp", "-dir", folder, "-with", "ha"`,
	},
	"cd ../cosi-osp; make test": {".ci/unprivileged", "\nmake test\n"},
	"cd ../cosi-osp; make run":  {".ci/unprivileged", "make run"},
}

// notRun lists the commands that nothing runs, with the reasons.
var notRun = map[string]string{
	"cosictl check -endpoint unix:///run/cosi/cosi.sock -log driver.log -destructive -incompatible-parameters other-class.json " +
		"-unprovisionable-parameters wrong-class.json -access-command cositest/hooks/s3-access.sh " +
		"-foreign-command cositest/hooks/s3-foreign.sh -count-command cositest/hooks/iam-count.sh " +
		"-outage-command 'case $(cat) in *begin*) docker pause store;; *) docker unpause store;; esac' -strict": //
	"the store's container is the reader's; examples/s3 runs the same without the outage",
	"make bench":                                      "takes long, and its figures are worth nothing on a busy machine",
	"make test-ceph-full":                             "takes long; CI makes test-ceph",
	"make release-dry-run VERSION=v0.4.0":             "make test-release makes it of a copy of the tree, which has no tags",
	"git tag -a v0.4.0 -m v0.4.0":                     "releases; internal/tools/release is tested with tags in a copy",
	"git push origin v0.4.0":                          "the same",
	"make bench-s3":                                   "the same; the tests of examples/s3 run the benchmark over a few lives",
	`go build -C kit -o "$PWD/cosictl" ./cmd/cosictl`: "TestScriptOfCI runs it",
	"mkdir -p reports":                                "TestScriptOfCI runs it in a folder of its own",
	"node main.js --proto cosi.proto >reports/driver.log 2>&1 &":                                                     "TestScriptOfCI starts examples/memory instead; the tests in JavaScript start this driver",
	"kill -0 $driver && sleep 1 || break":                                                                            "TestScriptOfCI runs it",
	"./cosictl info -timeout 1s 2>reports/wait.log && break":                                                         "TestScriptOfCI runs it",
	"./cosictl check -config check.json -log reports/driver.log -junit reports/report.xml -html reports/report.html": "TestScriptOfCI runs it",
	"make image-cosictl VERSION=v0.4.0 IMAGE=registry.example.com/cosictl:v0.4.0"://
	"CI has no container engine; internal/test/scaffold runs it with a stand-in, and makes the image as the Dockerfile says",
	"docker push registry.example.com/cosictl:v0.4.0": "the registry is the reader's",
	`kubectl debug -n cosi-osp "$pod" --image=registry.example.com/cosictl:v0.4.0 --profile=restricted --custom=client.json -c client-1 -- /cosictl health`://
	"e2e runs this text",
	`kubectl logs -n cosi-osp "$pod" -c client-1`:                                                                                  "make e2e-kubelet reads the log where the kubelet keeps it",
	"kubectl apply -f deploy/sample.yaml":                                                                                          "e2e applies this file by the API's client",
	"cd ../cosi-osp; kubectl apply -f deploy/sample.yaml":                                                                          "the same",
	"cd ../cosi-osp; make install-cosi":                                                                                            "needs a cluster; e2e installs the definitions by the API's client",
	"cd ../cosi-osp; make deploy IMAGE=registry.example.com/cosi-osp:v1.0.0":                                                       "needs a cluster; e2e applies the same files by the API's client",
	"make deploy IMAGE=registry.example.com/cosi-osp:v1.1.0":                                                                       "the same; e2e replaces the processes",
	"kubectl -n cosi-osp get lease cosi-osp-example-com-cosi -o yaml":                                                              "e2e reads the lease by the API's client",
	"kubectl -n cosi-osp rollout status deployment/cosi-osp":                                                                       "needs a cluster with nodes",
	"kubectl wait --for=condition=Established crd/bucketclasses.objectstorage.k8s.io crd/bucketaccessclasses.objectstorage.k8s.io": "needs a cluster; e2e waits by the API's client",
	"kubectl -n container-object-storage-system rollout status deployment/container-object-storage-controller":                     "needs a cluster with nodes",
	"make image-push VERSION=v1.2.3 IMAGE=registry.example.com/acme/cosi-osp:v1.2.3":                                               "the registry is the reader's",
	"cd ../cosi-osp; make image-push VERSION=v1.0.0 IMAGE=registry.example.com/cosi-osp:v1.0.0":                                    "the same",
	"make image-push VERSION=v1.1.0 IMAGE=registry.example.com/cosi-osp:v1.1.0":                                                    "the same",
	"kubectl -n default get bucketclaim,bucketaccess,secret/sample-credentials":                                                    "e2e reads them by the API's client",
	"kubectl -n cosi-osp create secret generic cosi-osp-keys --from-file=FILE":                                                     "the keys are the reader's",
	"kubectl -n cosi-osp rollout restart deployment/cosi-osp":                                                                      "needs a cluster with nodes",
	"kubectl -n default delete bucketaccess/sample":                                                                                "e2e deletes by the API's client, in this order",
	"kubectl -n default delete bucketclaim/sample":                                                                                 "the same",
	`kubectl -n NAMESPACE patch bucketaccess NAME --type=merge -p '{"metadata":{"finalizers":null}}'`:                              "NAME is the reader's; e2e does it by the API's client",
	`kubectl patch bucket NAME --type=merge -p '{"metadata":{"finalizers":null}}'`:                                                 "the same",
	`kubectl -n NAMESPACE delete secret NAME --wait=false`:                                                                         "the same",
	`kubectl -n NAMESPACE patch secret NAME --type=merge -p '{"metadata":{"finalizers":null}}'`:                                    "the same",
	"kubectl apply -k deploy": "e2e applies what Kustomize makes of the folder by the API's client",
	"make install-cosi":       "a scaffold's; its tests run it with a stand-in for kubectl",
	"make deploy IMAGE=registry.example.com/acme/cosi-osp:v1.2.3": "the same",
	`kubectl patch bucketclaim NAME --type=merge -p '{"metadata":{"finalizers":["cosi.objectstorage.k8s.io/bucketclaim-protection"]}}'`://
	"NAME is the reader's",
	"kubectl delete --wait=false bucketclaim/NAME bucket/bucket-UID-OF-THE-CLAIM": "NAME is the reader's",
}

// TestCommandsOfDocs checks that CI runs each command in the documentation, or that notRun says why not.
func TestCommandsOfDocs(t *testing.T) {
	t.Parallel()
	needsClone(t)
	targets := targetsOfCI(t)
	seen := map[string]bool{}
	for _, d := range readDocs(t) {
		for _, command := range d.commands() {
			seen[command] = true
			if !isRun(t, targets, command) {
				t.Errorf("%s: nothing runs %q, want a runner or a reason", d.path, command)
			}
		}
	}
	for command := range runners {
		if !seen[command] {
			t.Errorf("no document has %q", command)
		}
	}
	for command := range notRun {
		if !seen[command] {
			t.Errorf("no document has %q", command)
		}
	}
}

func isRun(t *testing.T, targets map[string]bool, command string) bool {
	t.Helper()
	if target, ok := strings.CutPrefix(command, "make "); ok {
		return targets[strings.Fields(target)[0]] || notRun[command] != ""
	}
	if by, ok := runners[command]; ok {
		return strings.Contains(readFile(t, by.file), by.text)
	}
	return notRun[command] != "" || strings.HasPrefix(command, cosictl) // see TestCosictlOfDocs
}

// targetsOfCI returns the targets that CI makes, and their prerequisites.
func targetsOfCI(t *testing.T) map[string]bool {
	t.Helper()
	needs := map[string][]string{}
	for _, found := range regexp.MustCompile(`(?m)^([a-z0-9-]+):([^=#\n]*)`).FindAllStringSubmatch(readFile(t, "Makefile"), -1) {
		needs[found[1]] = append(needs[found[1]], strings.Fields(found[2])...)
	}
	made := map[string]bool{}
	var mark func(string)
	mark = func(target string) {
		if _, ok := needs[target]; !ok {
			t.Errorf("CI makes %s, want a target of the Makefile", target)
		}
		made[target] = true
		for _, need := range needs[target] {
			if _, ok := needs[need]; ok && !made[need] {
				mark(need)
			}
		}
	}
	for _, found := range regexp.MustCompile(`(?m)^part make ([a-z0-9-]+)`).FindAllStringSubmatch(readFile(t, ".ci/run"), -1) {
		mark(found[1])
	}
	return made
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(at(path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// programs lists the words that begin a command in an unmarked code block. In a shell block, every line is a command.
var (
	programs = []string{
		"make", "go", "git", "cd", "kubectl", "helm", "docker", "podman", "npm", "npx", "node", "curl", "openssl", "head",
		"cosictl", "sudo", "systemctl", "kill", "mkdir", "chmod", "export", "env",
	}
	shells     = []string{"sh", "bash", "shell", "console"}
	assignment = regexp.MustCompile(`^[A-Z_0-9]+=\S* +`)
	comment    = regexp.MustCompile(`\s+# .*$|^#.*$`)
)

// commands returns the shell commands of a document's code blocks without comments. Each command begins with the folder
// that its block has changed to.
func (d *document) commands() []string {
	var all []string
	for _, b := range d.blocks {
		folder := ""
		for line := range strings.SplitSeq(strings.ReplaceAll(strings.Join(b.lines, "\n"), "\\\n", " "), "\n") {
			line = strings.Join(strings.Fields(comment.ReplaceAllString(strings.TrimPrefix(line, "$ "), "")), " ")
			if !b.isCommand(line) {
				continue
			}
			switch word, _, _ := strings.Cut(line, " "); word {
			case "cd":
				folder = line + "; "
			case "export":
				// sets the stage for commands that are looked at
			default:
				all = append(all, folder+line)
			}
		}
	}
	return all
}

func (b block) isCommand(line string) bool {
	if line == "" {
		return false
	}
	if slices.Contains(shells, b.language) {
		return true
	}
	word, rest, _ := strings.Cut(assignment.ReplaceAllString(line, ""), " ")
	if word == "go" && strings.HasPrefix(rest, "func") {
		return false // a Go statement
	}
	return b.language == "" && (strings.HasPrefix(word, "./") || slices.Contains(programs, word))
}

// cosictl is the prefix of the commands that TestCosictlOfDocs runs.
const cosictl = "go run ./cmd/cosictl "

// TestCosictlOfDocs runs each cosictl command against examples/memory, and changes only the path of the socket.
func TestCosictlOfDocs(t *testing.T) {
	t.Parallel()
	dir, socket := harness.ShortDir(t), filepath.Join(harness.ShortDir(t), "cosi.sock")
	if out, err := exec.CommandContext(t.Context(), "go", "-C", top, "build", "-o", dir, "./cmd/cosictl", "./examples/memory").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	serveMemory(t, filepath.Join(dir, "memory"), socket)
	ran := 0
	for _, d := range readDocs(t) {
		for _, command := range d.commands() {
			args, ok := strings.CutPrefix(command, cosictl)
			if !ok {
				continue
			}
			ran++
			args = strings.ReplaceAll(args, "/var/lib/cosi/cosi.sock", socket)
			cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "cosictl"), strings.Fields(args)...)
			cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+socket)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", d.path, command, err, out)
			}
		}
	}
	if ran == 0 {
		t.Error("found no command, want some")
	}
}

// serveMemory runs examples/memory until the test ends.
func serveMemory(t *testing.T, binary, socket string) {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	harness.Eventually(t, func() bool {
		return gocosi.Probe(harness.Timeout(t), gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(socket)) == nil
	}, "%s does not serve", binary)
}

// measures finds a test that measures what the race detector would change.
var measures = regexp.MustCompile(`\braced\.On\b|\bAllocsPerRun\(|\bTotalAlloc\b`)

// TestFiguresOfCI checks that CI runs every package whose tests measure memory or allocations without the race detector too.
func TestFiguresOfCI(t *testing.T) {
	t.Parallel()
	needsClone(t)
	if !targetsOfCI(t)["test-figures"] {
		t.Error("CI does not make test-figures")
	}
	listed := strings.Fields(regexp.MustCompile(`(?m)^FIGURES := (.*)$`).FindStringSubmatch(readFile(t, "Makefile"))[1])
	_, recipe, _ := strings.Cut(readFile(t, "Makefile"), "\ntest-figures:")
	recipe, _, _ = strings.Cut(recipe, "\n\n")
	for _, nested := range regexp.MustCompile(`(?m)^\tgo test -C (\S+) `).FindAllStringSubmatch(recipe, -1) {
		listed = append(listed, "./"+nested[1])
	}
	err := filepath.WalkDir(at("."), func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.HasPrefix(path, at("docs")) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(at("."), filepath.Dir(path))
		if name := "./" + filepath.ToSlash(relative); measures.Match(text) && !slices.Contains(listed, strings.TrimSuffix(name, "/.")) {
			t.Errorf("%s measures, and FIGURES in the Makefile lacks %s", path, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
