// Package leaktest lets a test binary fail when its tests leave goroutines or open files behind.
package leaktest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// settle is how long what a test stopped may take to be gone.
const settle = 5 * time.Second

// Main runs the tests and exits, with a failure when more goroutines or descriptors are left than there were before.
func Main(m *testing.M) {
	warm()
	goroutines := goleak.IgnoreCurrent()
	before := openFiles()
	code := m.Run()
	if err := goleak.Find(goroutines); err != nil {
		fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
		code = 1
	}
	if left := leftFiles(before); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "files left open:", strings.Join(left, ", "))
		code = 1
	}
	os.Exit(code)
}

// warm opens what the runtime keeps open once the network was used.
func warm() {
	if lis, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		lis.Close()
	}
}

// openFiles lists the process's descriptors with what they are; nil where the system does not tell.
func openFiles() map[string]string {
	links, _ := filepath.Glob("/proc/self/fd/*")
	files := map[string]string{}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && !strings.HasPrefix(target, "/proc/") {
			files[link] = target
		}
	}
	return files
}

// leftFiles waits until no descriptor is open that was not open before, and returns those that stay.
func leftFiles(before map[string]string) []string {
	for end := time.Now().Add(settle); ; time.Sleep(10 * time.Millisecond) {
		if opened := filesSince(before); len(opened) == 0 || time.Now().After(end) {
			return opened
		}
	}
}

func filesSince(before map[string]string) (opened []string) {
	for link, target := range openFiles() {
		if before[link] != target {
			opened = append(opened, link+" -> "+target)
		}
	}
	return opened
}
