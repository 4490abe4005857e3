package workflow

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// limit bounds how long a process of the step may take to end. The package imports no other: a module without gRPC uses it.
const limit = time.Minute

// Step is the step of a job. Its folder is the workspace.
type Step struct {
	Folder string
	With   map[string]string
	Env    []string               // of the job, in addition to the test's own
	During func(step *os.Process) // runs while the step does; nil: nothing
}

// Result holds what a step leaves.
type Result struct {
	Code     int
	Log      string
	Commands []string          // lines of the log that the runner obeys
	Outputs  map[string]string // by name
	Summary  string
}

// Run runs the step, and fails the test when a process of the step outlives it.
func (s Step) Run(t testing.TB) Result {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skipf("%v, want the shell of the action's step", err)
	}
	d, files := ReadDefinition(t), t.TempDir()
	File(t, "check.sh") // the go command repeats a test whose files have changed
	action, err := filepath.Abs(folder)
	if err != nil {
		t.Fatal(err)
	}
	output, summary := filepath.Join(files, "output"), filepath.Join(files, "summary")
	cmd := exec.CommandContext(t.Context(), "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", d.Run)
	cmd.Dir = s.Folder
	cmd.Env = append(os.Environ(), d.environment(t, s.With)...)
	cmd.Env = append(cmd.Env, "GITHUB_ACTION_PATH="+action, "GITHUB_OUTPUT="+output, "GITHUB_STEP_SUMMARY="+summary, "RUNNER_TEMP="+files)
	cmd.Env = append(cmd.Env, s.Env...)
	log := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, time.Second
	err = alone(t, cmd, s.During)
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || !exit.Exited()) {
		t.Fatalf("%v\n%s", err, log)
	}
	if left, err := filepath.Glob(filepath.Join(files, "conformance.*")); err != nil || len(left) > 0 {
		t.Errorf("the step leaves %q (%v), want no file behind", left, err)
	}
	return Result{
		Code: cmd.ProcessState.ExitCode(), Log: log.String(), Commands: obeyed(log.String()), Outputs: outputs(t, read(t, output)),
		Summary: read(t, summary),
	}
}

// alone runs a command, and expects that all processes that it has started have ended: each of them inherits a pipe.
func alone(t testing.TB, cmd *exec.Cmd, during func(*os.Process)) error {
	t.Helper()
	held, holder, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	cmd.ExtraFiles = []*os.File{holder}
	err = cmd.Start()
	holder.Close()
	if err != nil {
		return err
	}
	if during != nil {
		during(cmd.Process)
	}
	err = cmd.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { held.Close() })
	defer stop()
	if n, failed := held.Read(make([]byte, 1)); n > 0 || ctx.Err() != nil {
		t.Errorf("a process of the step is still there (%v), want none", failed)
	}
	return err
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// outputs reads the file of outputs, in which each has one line.
func outputs(t testing.TB, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if _, again := all[name]; !ok || again {
			t.Errorf("an output is %q, want one line for each output", line)
		}
		all[name] = value
	}
	return all
}

// obeyed returns the lines that a runner takes for commands. It ends a line at a carriage return too.
func obeyed(log string) (commands []string) {
	token := ""
	for line := range strings.SplitSeq(strings.ReplaceAll(log, "\r", "\n"), "\n") {
		line = strings.TrimLeft(line, " \t")
		stop, stops := strings.CutPrefix(line, "::stop-commands::")
		switch {
		case token != "" && line == "::"+token+"::":
			token = ""
		case token != "":
		case stops:
			token = stop
		case strings.HasPrefix(line, "::"), strings.Contains(line, "##["):
			commands = append(commands, line)
		}
	}
	if token != "" {
		commands = append(commands, "the commands stay off")
	}
	return commands
}
