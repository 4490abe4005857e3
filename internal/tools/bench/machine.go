package main

import (
	"cmp"
	"regexp"
	"runtime"
)

// machine describes the computer that took the figures.
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

// majorMinor returns the first two numbers of a kernel's release. The rest names a build, which no figure depends on.
func majorMinor(release string) string {
	return cmp.Or(regexp.MustCompile(`^\d+\.\d+`).FindString(release), "unknown")
}
