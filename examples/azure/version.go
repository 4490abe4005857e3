package main

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"runtime/debug"
)

// version is the driver's. The build sets it, as the Dockerfile does: -ldflags="-X main.version=v1.2.3". Without that, the one
// counts that the go command recorded.
var version string

// showVersions prints the versions of the driver, of gocosi and of Go, and ends the process.
func showVersions(string) error {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	library := "unknown"
	for _, dep := range info.Deps {
		if dep.Path == "github.com/doomshrine/gocosi" {
			library = dep.Version
		}
	}
	fmt.Fprintf(os.Stdout, "%s %s, gocosi %s, %s\n", path.Base(info.Main.Path), cmp.Or(version, info.Main.Version, "unknown"), library, info.GoVersion)
	os.Exit(0)
	return nil
}
