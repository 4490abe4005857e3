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
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "scaffold")
	if err == nil {
		root, err = filepath.Abs("../../..")
	}
	bootstrap = filepath.Join(dir, "bootstrap")
	if err == nil {
		err = goCommand(root, "build", "-o", bootstrap, "./cmd/bootstrap")
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
	version := module.Version{Path: "github.com/doomshrine/gocosi", Version: args[1]}
	dir := filepath.Join(ts.MkAbs(args[0]), "github.com", "doomshrine", "gocosi", "@v")
	ts.Check(os.MkdirAll(dir, 0o755))
	files, err := moduleFiles()
	ts.Check(err)
	var archive bytes.Buffer
	ts.Check(zip.Create(&archive, version, files))
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	ts.Check(err)
	for ending, text := range map[string][]byte{
		".zip":  archive.Bytes(),
		".mod":  gomod,
		".info": fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-01T00:00:00Z"}`, args[1]),
	} {
		ts.Check(os.WriteFile(filepath.Join(dir, args[1]+ending), text, 0o600))
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "list"), []byte(args[1]+"\n"), 0o600))
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
