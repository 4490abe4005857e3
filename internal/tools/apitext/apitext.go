// Command apitext prints the public API of packages. It prints a sorted line for each exported name: functions and
// methods with their signatures, fields with their types, constants with their values.
//
//	apitext package...
package main

import (
	"bytes"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	text, err := describe(os.Args[1:]...)
	if err != nil {
		fmt.Fprintln(os.Stderr, "apitext:", err)
		os.Exit(1)
	}
	fmt.Fprint(os.Stdout, text)
}

// describe returns the API of the packages that match the go command's patterns.
func describe(patterns ...string) (string, error) {
	paths, files, err := export(patterns)
	if err != nil {
		return "", err
	}
	imports := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
	var lines []string
	for _, path := range paths {
		pkg, err := imports.Import(path)
		if err != nil {
			return "", fmt.Errorf("reading the types of %s: %w", path, err)
		}
		lines = append(lines, (&printer{pkg: pkg}).all()...)
	}
	slices.Sort(lines)
	lines = slices.Compact(lines)
	return strings.Join(lines, "\n") + "\n", nil
}

// export compiles the packages and their imports. It returns the paths of the packages, and the export files of all.
func export(patterns []string) (paths []string, files map[string]string, err error) {
	args := append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.DepOnly}} {{.Export}}"}, patterns...)
	var failure bytes.Buffer
	cmd := exec.Command("go", args...) //nolint:gosec,noctx // the caller names the packages and waits
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		return nil, nil, fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, failure.Bytes())
	}
	files = map[string]string{}
	for line := range strings.Lines(string(out)) {
		words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 3)
		files[words[0]] = words[2]
		if words[1] == "false" {
			paths = append(paths, words[0])
		}
	}
	return paths, files, nil
}

// printer describes one package.
type printer struct {
	pkg   *types.Package
	lines []string
}

// all describes every exported name.
func (p *printer) all() []string {
	for _, name := range p.pkg.Scope().Names() {
		if object := p.pkg.Scope().Lookup(name); object.Exported() {
			p.object(object)
		}
	}
	return p.lines
}

func (p *printer) add(format string, args ...any) {
	p.lines = append(p.lines, p.pkg.Name()+": "+fmt.Sprintf(format, args...))
}

// object describes a name of the package's scope and, for a type, its fields and methods.
func (p *printer) object(object types.Object) {
	switch o := object.(type) {
	case *types.Const:
		p.add("%s = %s", types.ObjectString(o, p.qualify), o.Val().ExactString())
	case *types.TypeName:
		p.declared(o)
	default:
		p.add("%s", types.ObjectString(object, p.qualify))
	}
}

func (p *printer) declared(name *types.TypeName) {
	if name.IsAlias() {
		p.add("%s", types.ObjectString(name, p.qualify))
		return
	}
	of := p.text(name.Type())
	switch t := name.Type().Underlying().(type) {
	case *types.Struct:
		p.add("type %s struct", of)
		p.fields(of, t)
	case *types.Interface:
		p.add("type %s interface", of)
	default:
		p.add("%s", types.ObjectString(name, p.qualify))
	}
	p.methods(name.Type())
}

// fields describes the exported fields, including those that an unexported embedded type promotes.
func (p *printer) fields(of string, t *types.Struct) {
	for f := range t.Fields() {
		inner, isStruct := f.Type().Underlying().(*types.Struct)
		switch {
		case f.Exported() && f.Embedded():
			p.add("type %s struct, embeds %s", of, p.text(f.Type()))
		case f.Exported():
			p.add("type %s struct, %s %s", of, f.Name(), p.text(f.Type()))
		case f.Embedded() && isStruct:
			p.fields(of, inner)
		}
	}
}

// methods describes the methods of a type and of pointers to it, including those of embedded fields. It marks an
// interface that other packages cannot implement.
func (p *printer) methods(value types.Type) {
	most := value
	if !types.IsInterface(value) {
		most = types.NewPointer(value)
	}
	values := types.NewMethodSet(value)
	for m := range types.NewMethodSet(most).Methods() {
		receiver := most
		if values.Lookup(m.Obj().Pkg(), m.Obj().Name()) != nil {
			receiver = value
		}
		switch {
		case m.Obj().Exported():
			p.add("method (%s) %s%s", p.text(receiver), m.Obj().Name(), strings.TrimPrefix(p.text(m.Type()), "func"))
		case types.IsInterface(value):
			p.add("type %s interface, sealed", p.text(value))
		}
	}
}

func (p *printer) text(t types.Type) string { return types.TypeString(t, p.qualify) }

// qualify names other packages by their unique paths.
func (p *printer) qualify(other *types.Package) string {
	if other == p.pkg {
		return ""
	}
	return other.Path()
}
