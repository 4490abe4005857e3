package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// peak reads the most that a process had in memory until it ends, in KiB. The figure that the system gives for an ended
// process includes what the process had that started it.
func peak(pid int, ended <-chan struct{}) int64 {
	most := int64(0)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if _, line, ok := strings.Cut(string(text), "VmHWM:"); ok {
			var now int64
			if _, err := fmt.Sscan(line, &now); err == nil {
				most = max(most, now)
			}
		}
		select {
		case <-ended:
			return most
		case <-tick.C:
		}
	}
}
