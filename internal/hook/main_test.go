//go:build unix

package hook_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/hook"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// configured is a configuration with the commands.
func configured(c hook.Commands) cositest.Config {
	if c.Limit == 0 {
		c.Limit = limit
	}
	var cfg cositest.Config
	c.Into(&cfg)
	return cfg
}

// pathOf is a path for a file in a folder of its own.
func pathOf(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "file")
}

// readText returns what a file holds.
func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// complains expects an error that holds all words.
func complains(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error, want one with %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q lacks %q", err, word)
		}
	}
}

// eventually waits for what needs a moment.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within %s it is not so that %s", limit, what)
		}
	}
}

// gone says whether a process has ended. One that was killed may wait for its parent a while.
func gone(t *testing.T, pid int) bool {
	t.Helper()
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	status, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "status"))
	return err == nil && strings.Contains(string(status), "State:\tZ")
}
