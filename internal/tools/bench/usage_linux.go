package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownCPU returns the processor time that this process has used.
func ownCPU() (time.Duration, error) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), nil
}

// tick is the unit of time in /proc/PID/stat. Linux uses no other unit on any machine that Go supports.
const tick = 10 * time.Millisecond

// cpuOf returns the processor time that another process has used.
func cpuOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, after, _ := strings.Cut(string(data), ") ") // the process's name comes before and may hold anything
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: got %q, want at least 13 fields after the name", pid, data)
	}
	user, err := strconv.Atoi(fields[11])
	if err != nil {
		return 0, err
	}
	system, err := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, err
}

// memoryOf returns the memory that another process uses.
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

// readMachine describes this computer.
func readMachine() machine {
	m := newMachine()
	m.CPU = between("/proc/cpuinfo", "model name\t: ")
	m.Kernel = "Linux " + majorMinor(between("/proc/sys/kernel/osrelease", ""))
	m.Load = strings.Join(strings.Fields(between("/proc/loadavg", ""))[:1], " ")
	return m
}

// between returns the text of a file between the first occurrence of the word and the end of its line.
func between(file, word string) string {
	data, _ := os.ReadFile(file)
	_, after, _ := strings.Cut(string(data), word)
	line, _, _ := strings.Cut(after, "\n")
	return line
}
