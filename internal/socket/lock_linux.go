package socket

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lockHolder names the process that holds the lock of a folder, if the system's list of locks tells. A process of another
// namespace is not on it.
func lockHolder(folder *os.File) string {
	info, err := folder.Stat()
	if err != nil {
		return ""
	}
	list, err := os.Open("/proc/locks")
	if err != nil {
		return ""
	}
	defer list.Close()
	device := uint64(stat(info).Dev) //nolint:unconvert // it has 32 bits on some architectures
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(device), unix.Minor(device), stat(info).Ino)
	for lines := bufio.NewScanner(list); lines.Scan(); { // such as: 1: FLOCK  ADVISORY  WRITE 4711 08:01:4242 0 EOF
		if f := strings.Fields(lines.Text()); len(f) > 5 && f[1] == "FLOCK" && f[5] == file {
			return describe(f[4])
		}
	}
	return ""
}

// describe adds what a process calls itself.
func describe(pid string) string {
	name, err := os.ReadFile("/proc/" + pid + "/comm")
	if err != nil {
		return fmt.Sprintf(" (%s)", pid)
	}
	return fmt.Sprintf(" (%s, %q)", pid, strings.TrimSpace(string(name)))
}
