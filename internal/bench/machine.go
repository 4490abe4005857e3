package main

import "runtime"

// machine is what the figures were taken on.
type machine struct {
	CPU    string
	Cores  int
	Kernel string
	Go     string
	Load   string // the load average before the run
}

func newMachine() machine {
	return machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), Kernel: runtime.GOOS, Go: runtime.Version(), Load: "unknown"}
}
