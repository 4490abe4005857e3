//go:build linux

package process_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestNoFilesLeft takes every file that a driver may open. The operator has to learn of that, once, and of its end.
func TestNoFilesLeft(t *testing.T) {
	t.Parallel()
	file := filepath.Join(harness.ShortDir(t), "log")
	log, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	lines := func(word string) int {
		text, _ := os.ReadFile(file)
		return strings.Count(string(text), fmt.Sprintf("%q", word))
	}
	p, path := serve(t, driverServer, log, filesVariable+"=32")
	conn := harness.Dial(t, path)
	harness.NameOf(t, conn)
	var taken []net.Conn
	defer func() {
		for _, c := range taken {
			c.Close()
		}
	}()
	harness.Eventually(t, func() bool {
		if len(taken) < 128 {
			if c, err := net.Dial("unix", path); err == nil {
				taken = append(taken, c)
			}
		}
		return lines("connections cannot be accepted") > 0
	}, "no line says that there are no files left")
	harness.NameOf(t, conn) // who is connected is served
	for _, c := range taken {
		c.Close()
	}
	harness.Eventually(t, func() bool {
		harness.NameAt(t, path)
		return lines("connections are accepted again") > 0
	}, "no line says that it is over")
	if ended, _ := p.terminate(t); ended != "<nil>" {
		t.Errorf("Run returned %q", ended)
	}
	trouble := lines("connections cannot be accepted")
	t.Logf("%d line of trouble", trouble)
	if trouble != 1 {
		t.Error("want one line")
	}
}
