package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// describe writes an SBOM of each program, in CycloneDX's format, from what the go command recorded in it.
func (r *release) describe(ctx context.Context, scratch, folder string) error {
	for _, program := range programs() {
		first := platforms()[0].file(scratch, program)
		if err := sameModules(scratch, program); err != nil {
			return err
		}
		file := filepath.Join(folder, fmt.Sprintf("%s_%s.cdx.json", program, r.version))
		// Without serial number and time, one commit has one SBOM. The tool asks the go command, and no network.
		cmd := exec.CommandContext(ctx, "go", "tool", "cyclonedx-gomod", "bin", "-json", "-noserial", "-notimestamp", "-std",
			"-version", r.version, "-output", file, first)
		cmd.Dir = filepath.Join(r.root, "internal", "tools", "release")
		if text, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("writing the SBOM of %s: %w\n%s", program, err, text)
		}
	}
	return nil
}

// sameModules expects that a program links the same modules on every platform: it has one SBOM.
func sameModules(scratch, program string) error {
	var first []string
	for _, p := range platforms() {
		info, err := buildinfo.ReadFile(p.file(scratch, program))
		if err != nil {
			return err
		}
		var modules []string
		for _, m := range info.Deps {
			modules = append(modules, m.Path+"@"+m.Version+" "+m.Sum)
		}
		if first == nil {
			first = modules
		} else if !slices.Equal(first, modules) {
			return fmt.Errorf("%s for %s/%s links\n%s\nand elsewhere\n%s\nwant an SBOM of each: extend describe", program, p.system, p.arch,
				strings.Join(modules, "\n"), strings.Join(first, "\n"))
		}
	}
	return nil
}
