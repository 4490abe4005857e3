// Package buildinfo reads the versions that the Go toolchain recorded in the running program.
package buildinfo

import (
	"cmp"
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
)

// ModulePath names this library's module.
const ModulePath = "github.com/doomshrine/gocosi"

// unknown stands for a version that was not recorded.
const unknown = "unknown"

// Program returns the version of the program.
func Program() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return cmp.Or(info.Main.Version, unknown)
}

// Library returns the version of this module in the program.
func Library() string { return cmp.Or(required(ModulePath), Program()) }

// Module returns the version of a module that the program requires.
func Module(path string) string { return cmp.Or(required(path), unknown) }

// required returns the version of a module that the program requires; "" when it requires none of that path.
func required(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return ""
}

// Versions returns a line with the program's name and version, and the versions of this module and of Go. "" stands for the recorded
// version.
func Versions(version string) string {
	name := unknown
	if info, ok := debug.ReadBuildInfo(); ok {
		name = cmp.Or(ProgramName(info.Main.Path), unknown)
	}
	return fmt.Sprintf("%s %s, gocosi %s, %s", name, cmp.Or(version, Program()), Library(), runtime.Version())
}

// ProgramName returns the name that "go build" gives the program of a module: the last element of its path that is no major version.
func ProgramName(modulePath string) string {
	parent, last := path.Split(modulePath)
	if number, ok := strings.CutPrefix(last, "v"); ok && parent != "" && number != "" && strings.Trim(number, "0123456789") == "" {
		return path.Base(parent)
	}
	return last
}

// Release returns the version of this module from which the program was built out of the module cache; "" when it was
// built otherwise. Only a downloaded module has a sum: a checkout with tags has a version too, which a proxy may not have.
func Release() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Path != ModulePath || info.Main.Sum == "" {
		return ""
	}
	return info.Main.Version
}
