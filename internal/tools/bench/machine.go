package main

import (
	"cmp"
	"regexp"
	"runtime"
)

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

// majorMinor is the part of a kernel's release that figures depend on: the rest names a build.
func majorMinor(release string) string {
	return cmp.Or(regexp.MustCompile(`^\d+\.\d+`).FindString(release), "unknown")
}
