package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownCPU is the processor time that this process has used.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// tick is the unit of /proc/PID/stat; Linux has no other on any machine that Go runs on.
const tick = 10 * time.Millisecond

// cpuOf is the processor time that another process has used.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(data), ") ") // the name before it may hold anything
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q is too short", pid, data)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}

// memoryOf is what another process has in memory.
func memoryOf(pid int) (m memory, err error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return m, err
	}
	var total, resident, shared int
	if _, err := fmt.Sscan(string(data), &total, &resident, &shared); err != nil {
		return m, fmt.Errorf("/proc/%d/statm: %w", pid, err)
	}
	page := float64(os.Getpagesize())
	return memory{resident: float64(resident) * page, private: float64(resident-shared) * page}, nil
}

// readMachine tells what the figures were taken on.
func readMachine() machine {
	m := newMachine()
	m.CPU = between("/proc/cpuinfo", "model name\t: ")
	m.Kernel = "Linux " + majorMinor(between("/proc/sys/kernel/osrelease", ""))
	m.Load = strings.Join(strings.Fields(between("/proc/loadavg", ""))[:1], " ")
	return m
}

// between is what stands in a file between the word and the end of the line.
func between(file, word string) string {
	data, _ := os.ReadFile(file)
	_, after, _ := strings.Cut(string(data), word)
	line, _, _ := strings.Cut(after, "\n")
	return line
}
