package ceph

import (
	"fmt"
	"path/filepath"
)

// programs says where Ceph's programs and libraries are.
type programs struct{ bin, lib, systemLib string }

// findPrograms looks for them below root. The folder of libraries is named after the machine's architecture.
func findPrograms(root string) (programs, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return programs{}, err
	}
	found, err := filepath.Glob(filepath.Join(root, "usr", "lib", "*", "rados-classes"))
	if err != nil {
		return programs{}, err
	}
	if len(found) != 1 {
		return programs{}, fmt.Errorf("%s holds %d folders usr/lib/*/rados-classes, want 1: a folder with Ceph's unpacked packages", root, len(found))
	}
	lib := filepath.Dir(found[0])
	return programs{
		bin: filepath.Join(root, "usr", "bin"), lib: lib, systemLib: filepath.Join(root, "lib", filepath.Base(lib)),
	}, nil
}

// environment is all that the programs see of one.
func (p programs) environment(config string) []string {
	return []string{
		"PATH=" + p.bin,
		"LD_LIBRARY_PATH=" + p.lib + ":" + filepath.Join(p.lib, "ceph") + ":" + p.systemLib,
		"CEPH_CONF=" + config,
	}
}
