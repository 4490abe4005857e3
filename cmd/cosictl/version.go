package main

import (
	"cmp"
	"context"
	"runtime"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/buildinfo"
	"github.com/doomshrine/gocosi/internal/rules"
)

// specification is the module from which the interface's types come.
const specification = "sigs.k8s.io/container-object-storage-interface-spec"

// version is set by the linker when an image is built; go build and go install record one by themselves.
var version string

// version prints which program this is, without connecting.
func (v *invocation) version(context.Context, []string) error {
	generation := new(cosi.DriverGetInfoRequest).ProtoReflect().Descriptor().FullName().Parent() // the name of the package
	return v.print(result{
		"version":       cmp.Or(version, buildinfo.Program()),
		"go":            runtime.Version(),
		"generation":    string(generation.Name()),
		"specification": buildinfo.Module(specification),
		"rules":         rules.Revision(),
	})
}
