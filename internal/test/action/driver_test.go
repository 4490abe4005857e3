package action_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

func TestConforming(t *testing.T) {
	t.Parallel()
	s := step(t, "start", "env >environment; echo '::error::of the driver'; "+memory(t), "working-directory", "sub folder", "report", "my reports",
		"args", "-skip=^LOAD\r\n\n-bad-name\nUpper Case")
	sub := filepath.Join(s.Folder, "sub folder")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	r := s.Run(t)
	expect(t, r, "0", "no fault found in what was checked: ")
	if want := filepath.Join(sub, "my reports"); r.Outputs["report"] != want {
		t.Errorf("the reports are in %q, want %q", r.Outputs["report"], want)
	}
	text := file(t, r.Outputs["report"], "report.txt")
	if strings.Contains(text, "LOAD-1") {
		t.Errorf("the check has LOAD-1, want it left out as the arguments say\n%s", text)
	}
	for _, want := range []string{"passed          GEN-11 log ", r.Outputs["verdict"]} {
		if !strings.Contains(text, want) || !strings.Contains(r.Log, want) {
			t.Errorf("the text and the log lack %q\n%s", want, text)
		}
	}
	for name, want := range map[string]string{"report.xml": "<testsuite", "report.html": "</html>", "report.json": `"verdict": "`, "driver.log": "::error::of the driver"} {
		if got := file(t, r.Outputs["report"], name); got == "" || !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, want := range []string{"```text\n" + r.Outputs["verdict"] + "\n```", "\nnot configured  CREATE-4 "} {
		if !strings.Contains(r.Summary, want) {
			t.Errorf("the summary lacks %q\n%s", want, r.Summary)
		}
	}
	environment := file(t, sub, "environment")
	if strings.Contains(environment, "CONFORMANCE_") || !strings.Contains(environment, "COSI_ENDPOINT="+s.With["endpoint"]+"\n") {
		t.Errorf("the driver has the environment %s, want COSI_ENDPOINT, and no input of the step", environment)
	}
}

func file(t *testing.T, folder, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestStrict(t *testing.T) {
	t.Parallel()
	r := step(t, "start", memory(t), "strict", "true", "args", "-run=^INFO").Run(t)
	expect(t, r, "1", "6 of ")
	if want := "; -strict: of what the specification demands"; !strings.Contains(r.Outputs["verdict"], want) || !strings.Contains(r.Summary, want) {
		t.Errorf("%q, want %q there and in the summary\n%s", r.Outputs["verdict"], want, r.Summary)
	}
}

// TestSilent has a driver that says why it does not serve, and does not end. It makes no folder for its socket.
func TestSilent(t *testing.T) {
	t.Parallel()
	r := step(t, "start", "cd \"$(dirname \"${COSI_ENDPOINT#unix://}\")\"; echo 'the store is not there'; sleep 1000", "wait", "1s").Run(t)
	expect(t, r, "3", "no driver answered at unix://")
	if !strings.Contains(r.Log, "\n| the store is not there\n") || !strings.Contains(r.Summary, "\nthe store is not there\n") {
		t.Errorf("want what the driver said in the log and the summary\n%s\n%s", r.Log, r.Summary)
	}
	for name, want := range map[string]string{"report.xml": `name="connect"`, "report.html": "cannot be told: no connection to "} {
		if text := file(t, r.Outputs["report"], name); !strings.Contains(text, want) {
			t.Errorf("%s is %s, want %q", name, text, want)
		}
	}
}

// TestConfig has the flags in a file. Those of the arguments win.
func TestConfig(t *testing.T) {
	t.Parallel()
	s := step(t, "start", memory(t), "config", "conformance.json", "args", "-repeat=4")
	content := `{"run": "^GRANT-5$", "skip": {"GRANT-5 accounts": "no hook"}, "repeat": 2, "bad-name": "Bad"}`
	if err := os.WriteFile(filepath.Join(s.Folder, "conformance.json"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.Run(t)
	expect(t, r, "0", "no fault found in what was checked: 1 of ")
	text := file(t, r.Outputs["report"], "report.txt")
	for _, want := range []string{"Config.BadBucketName (-bad-name): Bad", "Config.Repeat (-repeat): 4", "-config: conformance.json"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q\n%s", want, text)
		}
	}
}

// TestAbsent has no command that starts the driver.
func TestAbsent(t *testing.T) {
	t.Parallel()
	r := step(t, "wait", "0s").Run(t)
	expect(t, r, "3", " within 0s")
	if _, err := os.Stat(filepath.Join(r.Outputs["report"], "driver.log")); !os.IsNotExist(err) {
		t.Errorf("%v, want no output of a driver that was not started", err)
	}
}

// TestLeftToOthers has a command that ends well while the driver goes on. The driver belongs to its group all the same.
func TestLeftToOthers(t *testing.T) {
	t.Parallel()
	r := step(t, "start", "("+memory(t)+") &", "args", "-run=^INFO").Run(t)
	expect(t, r, "0", "no fault found")
}

// TestStubborn has a process that does not end by SIGTERM.
func TestStubborn(t *testing.T) {
	t.Parallel()
	r := step(t, "start", "(trap '' TERM; exec sleep 1000) & "+memory(t), "args", "-run=^INFO").Run(t)
	expect(t, r, "0", "no fault found")
}

// TestInterrupted ends a check as a runner does whose job is cancelled.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := step(t, "start", memory(t), "args", "-run=^GRANT-5 accounts\n-count-command=touch counting; sleep 1; echo '{\"accounts\":0}'")
	s.During = func(running *os.Process) {
		harness.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(s.Folder, "counting"))
			return err == nil
		}, "the check has not begun")
		if err := running.Signal(syscall.SIGINT); err != nil {
			t.Error(err)
		}
	}
	expect(t, s.Run(t), "1", "interrupted")
}

// TestQuiet has a driver that logs nothing: its log is not there to be searched, and that is no fault.
func TestQuiet(t *testing.T) {
	t.Parallel()
	r := step(t, "start", memory(t)+" >/dev/null 2>&1", "args", "-run=^GEN-11").Run(t)
	expect(t, r, "0", "no fault found in what was checked: ")
	if text := file(t, r.Outputs["report"], "report.txt"); !strings.Contains(text, "GEN-11 log") || !strings.Contains(text, "not configured") {
		t.Errorf("the log is not what was missing\n%s", text)
	}
}

// TestOneHugeLine has a driver that ends after a line of 100 MB.
func TestOneHugeLine(t *testing.T) {
	t.Parallel()
	r := step(t, "start", `head -c 100000000 /dev/zero | tr '\0' A; exit 9`, "wait", "60s").Run(t)
	expect(t, r, "3", "the start command ended with exit code 9")
	if len(r.Log) > 100_000 || !strings.Contains(r.Log, "\n| AAAA") {
		t.Errorf("the log has %d bytes", len(r.Log))
	}
}
