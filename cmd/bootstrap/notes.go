package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"unicode"

	"github.com/doomshrine/gocosi/internal/bound"
)

// next tells what to do with the new module, and what around it would keep the go command from doing that.
func (p plan) next(ctx context.Context, out io.Writer) {
	for _, note := range []string{p.noteWorkspace(ctx), p.noteFlags(ctx), p.noteExtras(), p.noteBuild()} {
		if note != "" {
			fmt.Fprintf(out, "note     %s\n", note)
		}
	}
	fmt.Fprintf(out, "done     %s\n\nNext:\n  cd %s\n  make test\n  make run\n", p.dir, quoteShell(p.dir))
}

// noteWorkspace tells of a workspace that does not list the module: the go command refuses to build it there.
func (p plan) noteWorkspace(ctx context.Context) string {
	file := p.goEnv(ctx, "GOWORK")
	if file == "" || file == "off" {
		return ""
	}
	list := exec.CommandContext(ctx, "go", "list", "-find", ".")
	list.Dir = p.dir
	if list.Run() == nil {
		return ""
	}
	return fmt.Sprintf(`%s does not list the module: the Makefile leaves that workspace out; the go command does with GOWORK=off, `+
		`or "go work use ." in the module adds it`, bound.Printable(file, bound.Text))
}

// noteFlags tells of flags with which the go command does not read the module's go.mod as it is.
func (p plan) noteFlags(ctx context.Context) string {
	for field := range strings.FieldsSeq(p.goEnv(ctx, "GOFLAGS")) {
		name, value, _ := strings.Cut(strings.TrimLeft(field, "-"), "=")
		switch {
		case name == "mod" && value == "vendor":
			return `GOFLAGS has -mod=vendor: "go mod vendor" makes the folder that it wants, and GOFLAGS=-mod=readonly needs none`
		case name == "modfile" && value != "":
			return "GOFLAGS has -modfile, so the go command reads another file than the module's go.mod; want GOFLAGS without it"
		}
	}
	return ""
}

// noteExtras tells what the extras need.
func (p plan) noteExtras() string {
	var needs []string
	for _, name := range slices.Sorted(maps.Keys(p.with)) {
		needs = append(needs, name+" needs "+extras[name].needs)
	}
	return strings.Join(needs, "; ")
}

// noteBuild says that nothing was built, and why.
func (p plan) noteBuild() string {
	if p.build {
		return ""
	}
	return `not built, as -build=false asks: "make test" does that next`
}

// goEnv returns what the go command takes for a variable's value in the new module; "" when it does not say.
func (p plan) goEnv(ctx context.Context, name string) string {
	cmd := exec.CommandContext(ctx, "go", "env", name)
	cmd.Dir = p.dir
	text, err := cmd.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// quoteShell quotes a path that a shell would read otherwise.
func quoteShell(path string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("/._-+:@", r)
	}
	if !strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
