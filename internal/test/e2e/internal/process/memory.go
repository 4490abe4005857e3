package process

import (
	"fmt"
	"os"
	"strings"
)

// Memory holds the kernel's figures for a process's memory in KiB.
type Memory struct {
	Now, Peak int
}

// Memory reads the process's memory from /proc.
func (p *Process) Memory() (Memory, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return Memory{}, err
	}
	var m Memory
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "VmRSS: %d", &m.Now)
		_, _ = fmt.Sscanf(line, "VmHWM: %d", &m.Peak)
	}
	return m, nil
}

// String formats both figures in MiB.
func (m Memory) String() string {
	return fmt.Sprintf("%.1f MiB, at most %.1f MiB", float64(m.Now)/1024, float64(m.Peak)/1024)
}
