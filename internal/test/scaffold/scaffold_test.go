// Package scaffold_test runs cmd/bootstrap as a user does, and checks what it writes.
package scaffold_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
	"mvdan.cc/gofumpt/format"

	"github.com/doomshrine/gocosi/internal/sockdir"
)

// Values that TestMain sets once for all tests.
var (
	root      string // the checkout of the library
	bootstrap string // the built command
	kustomize string // the built command, of the version in go.mod
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scaffold")
	if err == nil {
		root, err = filepath.Abs("../../..")
	}
	bootstrap, kustomize = filepath.Join(dir, "bootstrap"), filepath.Join(dir, "kustomize")
	if err == nil {
		err = goCommand(root, "build", "-o", bootstrap, "./cmd/bootstrap")
	}
	if err == nil {
		err = goCommand(".", "build", "-o", kustomize, "sigs.k8s.io/kustomize/kustomize/v5")
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	os.RemoveAll(dir)
	os.Exit(code)
}

func goCommand(dir string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			sockets, err := sockdir.Make()
			if err != nil {
				return err
			}
			e.Defer(func() { os.RemoveAll(sockets) })
			e.Setenv("SOCKETS", sockets) // $WORK is too long for a socket's path
			e.Setenv("ROOT", root)
			e.Setenv("BOOTSTRAP", bootstrap)
			tool, err := exec.LookPath("go")
			if err != nil {
				return err
			}
			e.Setenv("REALGO", tool)
			e.Setenv("PATH", filepath.Dir(bootstrap)+string(os.PathListSeparator)+os.Getenv("PATH"))
			for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GOFLAGS", "GOTOOLCHAIN"} {
				out, err := exec.Command("go", "env", name).Output()
				if err != nil {
					return err
				}
				e.Setenv(name, strings.TrimSpace(string(out)))
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "root" {
				return false, fmt.Errorf("unknown condition %q", name)
			}
			return os.Getuid() == 0, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fileproxy": fileproxy,
			"gofumpt":   gofumpt,
			"waitfor":   waitfor,
			"empty":     empty,
		},
	})
}

// fileproxy creates a file-system module proxy that serves the library's working tree as a version: fileproxy DIR
// VERSION.
func fileproxy(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(serveLibrary(ts.MkAbs(args[0]), args[1]))
}

// serveLibrary puts the library's working tree into a file-system module proxy.
func serveLibrary(proxy, version string) error {
	files, err := moduleFiles()
	if err != nil {
		return err
	}
	library := module.Version{Path: "github.com/doomshrine/gocosi", Version: version}
	return serveModule(proxy, library, root, func(archive io.Writer) error { return zip.Create(archive, library, files) })
}

// serveModule puts the module in a folder into a file-system module proxy.
func serveModule(proxy string, served module.Version, folder string, pack func(io.Writer) error) error {
	dir := filepath.Join(proxy, filepath.FromSlash(served.Path), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var archive bytes.Buffer
	if err := pack(&archive); err != nil {
		return err
	}
	gomod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		served.Version + ".zip":  archive.Bytes(),
		served.Version + ".mod":  gomod,
		served.Version + ".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, served.Version),
		"list":                   []byte(served.Version + "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// moduleFiles lists the files of the library's own module, without ignored files and nested modules.
func moduleFiles() ([]zip.File, error) {
	cmd := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files: %w", err)
	}
	var files []zip.File
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		if _, err := os.Lstat(filepath.Join(root, name)); err == nil && !inNestedModule(name) {
			files = append(files, moduleFile(name))
		}
	}
	return files, nil
}

func inNestedModule(name string) bool {
	for dir := filepath.Dir(name); dir != "."; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(root, dir, "go.mod")); err == nil {
			return true
		}
	}
	return false
}

// moduleFile describes a file of the library by its path in the module.
type moduleFile string

func (f moduleFile) Path() string                 { return filepath.ToSlash(string(f)) }
func (f moduleFile) Lstat() (fs.FileInfo, error)  { return os.Lstat(filepath.Join(root, string(f))) }
func (f moduleFile) Open() (io.ReadCloser, error) { return os.Open(filepath.Join(root, string(f))) }

// gofumpt checks that gofumpt would not change any Go file below a folder.
func gofumpt(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		want, err := format.Source(text, format.Options{LangVersion: "go1.26", ExtraRules: true})
		if err == nil && !bytes.Equal(text, want) {
			err = fmt.Errorf("%s has another format, want gofumpt's", path)
		}
		return err
	}))
}

// waitfor waits until a file exists.
func waitfor(ts *testscript.TestScript, _ bool, args []string) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s is missing, want it to appear", args[0])
		}
	}
}

// empty checks that a folder holds nothing, including files that begin with a dot.
func empty(ts *testscript.TestScript, _ bool, args []string) {
	entries, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(entries) > 0 {
		ts.Fatalf("%s holds %v, want nothing", args[0], entries)
	}
}
