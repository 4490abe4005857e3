// Package hooks_test lets cosictl check the driver with the ready-made hooks, which use nothing but curl.
package hooks_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/examples/s3/driver"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// needsCurl skips a test where the hooks cannot work.
func needsCurl(t *testing.T) {
	t.Helper()
	help, err := exec.CommandContext(t.Context(), "curl", "--help", "all").Output()
	if err != nil || !bytes.Contains(help, []byte("--aws-sigv4")) {
		t.Skipf("needs a curl that signs requests for S3: %v", err)
	}
}

// build builds a program of this repository, and returns its path.
func build(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(packageDir, folder)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// folderOfSocket is a folder of its own for the driver's socket.
func folderOfSocket(t *testing.T) string {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// startProcess starts the driver as it is deployed, and returns its socket and the file that holds its log.
func startProcess(t *testing.T) (socket, log string) {
	t.Helper()
	folder := t.TempDir()
	socket, log = filepath.Join(folderOfSocket(t), "cosi.sock"), filepath.Join(folder, "log")
	cmd := exec.Command(build(t, "../.."))
	cmd.Env = append(os.Environ(), "COSI_ENDPOINT="+socket, "S3_ENDPOINT="+embedded.Endpoint, "S3_IAM_ENDPOINT="+embedded.IAMEndpoint)
	for name, content := range map[string]string{
		"S3_ACCESS_KEY_FILE": embedded.AccessKey, "S3_SECRET_KEY_FILE": embedded.SecretKey, "S3_SEAL_KEY_FILE": sealKey(),
	} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd.Env = append(cmd.Env, name+"="+path)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(io.TeeReader(stderr, file))
	listening := listens(lines)
	read := make(chan struct{})
	go func() { defer close(read); _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-read // before Wait, which closes the pipe
		_ = cmd.Wait()
		file.Close()
	})
	if listening != nil {
		t.Fatal(listening)
	}
	return socket, log
}

// listens reads the driver's log until it says so.
func listens(log *bufio.Reader) error {
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			return fmt.Errorf("the driver ended before it listened: %w", err)
		}
		if strings.Contains(line, "driver listening") {
			return nil
		}
	}
}

func sealKey() string {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// checked is what cosictl found out.
type checked struct {
	code   int
	stderr string
	report struct {
		OK        bool              `json:"ok"`
		Verdict   string            `json:"verdict"`
		Unchecked []string          `json:"unchecked"`
		Results   []cositest.Result `json:"results"`
	}
}

// check runs cosictl with the hooks.
func check(t *testing.T, socket string, args ...string) checked {
	t.Helper()
	hooks := filepath.Join(packageDir, "../../../../cositest/hooks")
	cmd := exec.CommandContext(t.Context(), build(t, "../../../../cmd/cosictl"), append([]string{
		"check", "-o", "json", "-endpoint", socket, "-auth", "key",
		"-access-command", hooks + "/s3-access.sh", "-foreign-command", hooks + "/s3-foreign.sh", "-count-command", hooks + "/iam-count.sh",
	}, args...)...)
	cmd.Env = append(os.Environ(), "S3_ADMIN_ENDPOINT="+embedded.Endpoint, "S3_ADMIN_IAM_ENDPOINT="+embedded.IAMEndpoint, "S3_ADMIN_REGION="+embedded.Region,
		"S3_ADMIN_ACCESS_KEY="+embedded.AccessKey, "S3_ADMIN_SECRET_KEY="+embedded.SecretKey,
		`HOOK_DELETE_CONTEXT={"deleteUnowned":"true"}`, "HOOK_WAIT=2")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	c := checked{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	if err := json.Unmarshal(stdout.Bytes(), &c.report); err != nil {
		t.Fatalf("%v: stdout %s, stderr %s", err, stdout.Bytes(), stderr.Bytes())
	}
	return c
}

// others are the results of cases that were not passed, a line for each.
func (c checked) others() string {
	var lines []string
	for _, one := range c.report.Results {
		if one.Outcome != cositest.Passed {
			lines = append(lines, fmt.Sprintf("%s %s: %s", one.Name, one.Outcome, one.Reason))
		}
		if len(one.LeftOver) > 0 {
			lines = append(lines, fmt.Sprintf("%s left over: %s", one.Name, one.LeftOver))
		}
	}
	return strings.Join(lines, "\n")
}

// parameters writes parameters into a file, and returns its path.
func parameters(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parameters.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// expectedOthers lists the cases that this driver does not pass with these flags, with the reasons.
//
//go:embed testdata/others.txt
var expectedOthers string

// The driver's process passes all that its hooks let apply.
func TestDriverWithHooks(t *testing.T) { //nolint:paralleltest // the tests share a store, and look at all of it
	needsCurl(t)
	socket, log := startProcess(t)
	c := check(t, socket, "-log", log, "-destructive", "-strict", "-parallel", "20", "-bad-name", "Not A Bucket",
		"-parameters", parameters(t, `{"versioning":"false"}`), "-incompatible-parameters", parameters(t, `{"emptyOnDelete":"true"}`),
		"-access-parameters", parameters(t, `{"access":"readwrite"}`), "-incompatible-access-parameters", parameters(t, `{"access":"readonly"}`),
		"-unprovisionable-parameters", parameters(t, `{}`))
	if c.code != 0 || !c.report.OK || c.stderr != "" {
		t.Errorf("exit code %d, stderr %q, verdict %q", c.code, c.stderr, c.report.Verdict)
	}
	if got := c.others(); got != strings.TrimSpace(expectedOthers) {
		t.Errorf("not passed were\n%s\nand testdata/others.txt has\n%s", got, expectedOthers)
	}
	if !strings.HasPrefix(c.report.Verdict, "conforms: ") || len(c.report.Unchecked) > 0 {
		t.Errorf("verdict %q, unchecked %q", c.report.Verdict, c.report.Unchecked)
	}
}

// A driver that revokes nothing is found out, by the store alone.
func TestDriverThatRevokesNothing(t *testing.T) { //nolint:paralleltest // see above
	needsCurl(t)
	socket := startFaulty(t)
	c := check(t, socket, "-run", "^(CREATE-11|REVOKE-3|DELETE-6)$")
	if c.code != 1 {
		t.Errorf("exit code %d, stderr %q", c.code, c.stderr)
	}
	for _, one := range c.report.Results {
		want := cositest.Passed
		if one.Name == "REVOKE-3" {
			want = cositest.Failed
		}
		if one.Outcome != want {
			t.Errorf("%s is %s: %s", one.Name, one.Outcome, one.Reason)
		}
	}
	if len(c.report.Results) != 3 {
		t.Errorf("there are %d results", len(c.report.Results))
	}
}

// startFaulty serves the driver with a revoke that does nothing, and returns its socket.
func startFaulty(t *testing.T) string {
	t.Helper()
	socket := filepath.Join(folderOfSocket(t), "cosi.sock")
	sealer, err := driver.NewSealer(sealKey())
	if err != nil {
		t.Fatal(err)
	}
	d, err := driver.New(driver.Settings{
		Endpoint: embedded.Endpoint, IAMEndpoint: embedded.IAMEndpoint, ClientEndpoint: embedded.Endpoint, Region: embedded.Region,
		AccessKey: embedded.AccessKey, SecretKey: embedded.SecretKey, Owner: driver.Name, Sealer: sealer,
	}, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(), gocosi.WithDefaultEndpoint(socket), gocosi.WithInterceptors(revokeNothing))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if _, err := d.Addr(t.Context()); err != nil {
		t.Fatal(err)
	}
	return socket
}

// revokeNothing answers revokes with success.
func revokeNothing(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, ok := request.(*cosi.DriverRevokeBucketAccessRequest); ok {
		return &cosi.DriverRevokeBucketAccessResponse{}, nil
	}
	return next(ctx, request)
}
