//go:build unix

package hook_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/hook"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Exit code 0 is yes and 1 is no. Whatever else happens tells nothing, and the error says what it was.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name, line string
		yes        bool
		words      []string // of the error; nil: none
	}{
		{"yes", "exit 0", true, nil},
		{"no", "exit 1", false, nil},
		{"no, with an explanation", "echo refused >&2; exit 1", false, nil},
		{"other code", "echo first >&2; echo the store is down >&2; exit 2", false, []string{"exit status 2", "first\nthe store is down"}},
		{"largest code", "exit 255", false, []string{"exit status 255"}},
		{"killed", "kill -9 $$", false, []string{"signal: killed"}},
		{"killed itself gently", "kill -TERM $$", false, []string{"signal: terminated"}},
		{"unknown program", "/nowhere/program", false, []string{"exit status 127", "/nowhere/program"}},
		{"cannot be executed", "/", false, []string{"exit status 126"}},
		{"no shell's language", "if", false, []string{"exit status "}},
		{"reads nothing, writes much", "i=0; while [ $i -lt 65000 ]; do printf 0123456789; i=$((i + 10)); done", true, nil},
		{"long line of errors", "i=0; while [ $i -lt 300 ]; do printf 0123456789 >&2; i=$((i + 1)); done; exit 3", false, []string{"exit status 3; want exit code 0 or 1"}},
		{"leaves a process with its output", "sleep 100 & exit 0", false, []string{"redirect"}},
		{"leaves a process without its output", "sleep 1 >/dev/null 2>&1 & exit 0", true, nil},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			yes, err := configured(hook.Commands{Access: one.line}).Access(t.Context(), cositest.Use{})
			if yes != one.yes {
				t.Errorf("told %t", yes)
			}
			if one.words != nil {
				complains(t, err, one.words...)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// What a command writes to standard error is bounded, begins with a line, and is masked.
func TestErrorsAreMaskedAndBounded(t *testing.T) {
	t.Parallel()
	mask := func(text string) string { return strings.ReplaceAll(text, "canary", "[redacted]") }
	line := "echo canary-in-the-cut >&2; i=0; while [ $i -lt 100 ]; do echo line-$i canary >&2; i=$((i + 1)); done; exit 7"
	_, err := configured(hook.Commands{Access: line, Mask: mask}).Access(t.Context(), cositest.Use{})
	complains(t, err, "line-99 [redacted]")
	text := err.Error()
	if strings.Contains(text, "canary") || strings.Contains(text, "line-1 ") || len(text) > 2<<10 {
		t.Errorf("error is %q", text)
	}
	_, rest, _ := strings.Cut(text, "0 or 1: ")
	if !strings.HasPrefix(rest, "line-") {
		t.Errorf("the first line is cut: %q", rest)
	}
}

// A command that writes without end is ended at once.
func TestTooMuchOutput(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	_, err := configured(hook.Commands{Access: "while :; do echo 0123456789012345678901234567890123456789; done"}).Access(t.Context(), cositest.Use{})
	complains(t, err, "was killed", "more than 64 KiB")
	if took := time.Since(begin); took > limit/2 {
		t.Errorf("it took %s", took)
	}
}

// pids reads the numbers that a command wrote into a file, once there are as many.
func pids(t *testing.T, path string, count int) []int {
	t.Helper()
	var all []int
	eventually(t, "the command has told its processes", func() bool {
		text, _ := os.ReadFile(path)
		if !strings.HasSuffix(string(text), "\n") {
			return false
		}
		all = nil
		for word := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, pid)
		}
		return len(all) == count
	})
	return all
}

// The end of the time, or of the run, ends a command with all that it started.
func TestHangingCommand(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name      string
		limit     time.Duration
		interrupt bool
		word      string
	}{
		{"late", time.Second, false, "it had not ended in time"},
		{"interrupted", limit, true, "context canceled"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			path := pathOf(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			begin := time.Now()
			go func() {
				line := "trap '' TERM INT HUP; sleep 1000 & echo $$ $! > " + path + "; wait"
				_, err := configured(hook.Commands{Access: line, Limit: one.limit}).Access(ctx, cositest.Use{})
				ended <- err
			}()
			processes := pids(t, path, 2)
			if one.interrupt {
				cancel()
			}
			complains(t, <-ended, "was killed", one.word)
			if took := time.Since(begin); took > limit/2 {
				t.Errorf("it took %s", took)
			}
			for _, pid := range processes {
				eventually(t, "the command's processes are gone", func() bool { return gone(t, pid) })
			}
		})
	}
}

// Nothing is run for a run that was given up before.
func TestGivenUpBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := pathOf(t)
	_, err := configured(hook.Commands{Access: "touch " + path}).Access(ctx, cositest.Use{})
	complains(t, err, "context canceled")
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it was run all the same (%v)", err)
	}
}

// Secrets are in the input, and neither in the arguments nor in the variables of any process.
func TestSecretsAreNotSeen(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		t.Skip("needs /proc: ", err)
	}
	const secret = "canary-4f1d0c"
	path, input := pathOf(t), pathOf(t)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		line := "cat > " + input + "; sleep 1000 & echo $$ $! > " + path + "; wait"
		_, err := configured(hook.Commands{Access: line}).Access(ctx, useOf(secret))
		ended <- err
	}()
	for _, pid := range pids(t, path, 2) {
		for _, file := range []string{"cmdline", "environ"} {
			var seen string
			eventually(t, "the process has begun", func() bool { // it has none of the two at the moment of its exec
				seen = readText(t, filepath.Join("/proc", itoa(pid), file))
				return seen != ""
			})
			if strings.Contains(seen, secret) {
				t.Errorf("%s of a process holds %q", file, seen)
			}
		}
	}
	cancel()
	<-ended
	if text := readText(t, input); !strings.Contains(text, secret) {
		t.Errorf("the input lacks the secret: %s", text)
	}
}

// The environment is this process's.
func TestEnvironmentIsInherited(t *testing.T) {
	t.Setenv("HOOK_TEST_VALUE", "inherited")
	yes, err := configured(hook.Commands{Access: `test "$HOOK_TEST_VALUE" = inherited`}).Access(t.Context(), cositest.Use{})
	if err != nil || !yes {
		t.Errorf("told %t, %v", yes, err)
	}
}

// A command is in a process group of its own, which a terminal's interrupt does not reach.
func TestOwnGroup(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("needs /proc: ", err)
	}
	yes, err := configured(hook.Commands{Access: `set -- $(cat /proc/$$/stat); test $5 = $$`}).Access(t.Context(), cositest.Use{})
	if err != nil || !yes {
		t.Errorf("told %t, %v", yes, err)
	}
}

// Without commands there are no hooks.
func TestNone(t *testing.T) {
	t.Parallel()
	cfg := configured(hook.Commands{})
	if cfg.Access != nil || cfg.MakeForeignBucket != nil || cfg.CountAccounts != nil || cfg.Outage != nil || cfg.Restart != nil {
		t.Errorf("config is %+v", cfg)
	}
}
