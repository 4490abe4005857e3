package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"google.golang.org/grpc"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// checked is what cosictl found out.
type checked struct {
	code   int
	stderr string
	report struct {
		Verdict string            `json:"verdict"`
		Results []cositest.Result `json:"results"`
	}
}

// check runs cosictl with the ready-made hooks, which use nothing but curl.
func (w *world) check(socket string, args ...string) checked {
	w.t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		w.t.Skip("the hooks need curl: ", err)
	}
	hooks, err := filepath.Abs("../../cositest/hooks")
	must(w.t, err)
	cmd := exec.CommandContext(w.t.Context(), buildAt(w.t, "../../cmd/cosictl"), append([]string{
		"check", "-o", "json", "-endpoint", socket, "-auth", "key", "-parallel", "3",
		"-access-command", hooks + "/azure-access.sh", "-foreign-command", hooks + "/azure-foreign.sh",
	}, args...)...)
	cmd.Env = append(os.Environ(), envEndpoint+"="+w.url, "AZURE_ADMIN_SAS="+w.accountSignature(),
		`HOOK_DELETE_CONTEXT={"`+deleteUnowned+`":"true"}`, "HOOK_WAIT=2")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if _, isExit := errors.AsType[*exec.ExitError](cmd.Run()); !isExit && cmd.ProcessState == nil {
		w.t.Fatal("cosictl cannot be run")
	}
	c := checked{code: cmd.ProcessState.ExitCode(), stderr: stderr.String()}
	if err := json.Unmarshal(stdout.Bytes(), &c.report); err != nil {
		w.t.Fatalf("%v: stdout %s, stderr %s", err, stdout.Bytes(), stderr.Bytes())
	}
	return c
}

// accountSignature is what an administrator gives the hook for foreign containers.
func (w *world) accountSignature() string {
	w.t.Helper()
	url, err := w.admin.GetSASURL(sas.AccountResourceTypes{Container: true},
		sas.AccountPermissions{Read: true, Create: true, Delete: true, List: true}, time.Now().Add(time.Hour), nil)
	must(w.t, err)
	_, signature, _ := strings.Cut(url, "?")
	return signature
}

// buildAt builds a program, and returns its path.
func buildAt(t *testing.T, folder string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	cmd.Dir = folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// process runs the driver as it is deployed, and returns its socket and the file that holds its log.
func (w *world) process() (socket, log string) {
	w.t.Helper()
	runtime.LockOSThread() // for endWithParent
	folder, err := sockdir.Make()
	must(w.t, err)
	w.t.Cleanup(func() { os.RemoveAll(folder) })
	socket, log = filepath.Join(folder, "cosi.sock"), filepath.Join(w.t.TempDir(), "log")
	file, err := os.Create(log)
	must(w.t, err)
	w.t.Cleanup(func() { file.Close() })
	cmd := exec.Command(buildAt(w.t, "."))
	cmd.Env = append(os.Environ(), gocosi.EnvCOSIEndpoint+"="+socket)
	for name, value := range w.environment(w.url) {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stderr, cmd.SysProcAttr = file, endWithParent()
	must(w.t, cmd.Start())
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	awaitSocket(w.t, socket)
	return socket, log
}

// awaitSocket waits until somebody listens there.
func awaitSocket(t *testing.T, socket string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		conn, err := net.Dial("unix", socket)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// others are the results of cases that were not passed, a line for each.
func (c checked) others() string {
	var lines []string
	for _, one := range c.report.Results {
		if one.Outcome != cositest.Passed {
			lines = append(lines, fmt.Sprintf("%s %s: %s\n", one.Name, one.Outcome, one.Reason))
		}
		if len(one.LeftOver) > 0 {
			lines = append(lines, fmt.Sprintf("%s left over: %s", one.Name, one.LeftOver)+"\n")
		}
	}
	return strings.Join(lines, "")
}

// TestCurlHooks checks the driver's process by cosictl and curl.
func TestCurlHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	socket, log := w.process()
	parameters := func(text string) string {
		path := filepath.Join(t.TempDir(), "parameters.json")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	c := w.check(socket, "-log", log, "-destructive", "-bad-name", "two--hyphens", "-unprovisionable-parameters", parameters(`{}`),
		"-incompatible-parameters", parameters(`{"`+emptyOnDelete+`":"true"}`), "-access-parameters", parameters(`{"`+lifetime+`":"1h"}`),
		"-incompatible-access-parameters", parameters(`{"`+lifetime+`":"1h","`+accessMode+`":"readonly"}`))
	if c.code != 0 || c.stderr != "" || !strings.HasPrefix(c.report.Verdict, "no fault found") {
		t.Errorf("exit code %d, stderr %q, verdict %q", c.code, c.stderr, c.report.Verdict)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "hooks.txt"))
	must(t, err)
	if got := c.others(); got != string(want) {
		t.Errorf("not passed:\n%swant, by testdata/hooks.txt:\n%s", got, want)
	}
	if left, err := w.containers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the store holds containers at the end: %q, %v", left, err)
	}
}

// TestCurlHooksOfFaultyDriver looks that a driver which revokes nothing is found out.
func TestCurlHooksOfFaultyDriver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log logged
	conn := w.serve(t, w.provisioner(), &log, gocosi.WithInterceptors(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if _, ok := request.(*cosi.DriverRevokeBucketAccessRequest); ok {
				return &cosi.DriverRevokeBucketAccessResponse{}, nil
			}
			return next(ctx, request)
		}))
	c := w.check(conn.Target(), "-run", "^(CREATE-11|REVOKE-3|DELETE-6)$")
	if c.code != 1 || len(c.report.Results) != 3 {
		t.Errorf("exit code %d, stderr %q, %d results", c.code, c.stderr, len(c.report.Results))
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
}
