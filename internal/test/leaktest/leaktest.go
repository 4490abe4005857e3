// Package leaktest fails a test binary when its tests leave goroutines or open files behind.
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

// settle limits how long a stopped test may take to close its files.
const settle = 5 * time.Second

// Main runs the tests and exits. It fails when the tests leave goroutines or descriptors behind.
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

// warm uses the network once, so that the runtime opens the descriptors that it keeps.
func warm() {
	if lis, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		lis.Close()
	}
}

// openFiles lists the process's descriptors with their files. The list is empty on systems without /proc.
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

// leftFiles waits until all descriptors opened since before are closed, and returns those that stay open.
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
