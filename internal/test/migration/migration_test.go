package migration_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/test/migration/store"
)

// programs names the folder of the two drivers' programs.
var programs string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	folder, err := os.MkdirTemp("", "migration")
	if err == nil {
		defer os.RemoveAll(folder)
		err = build(folder)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	programs = folder
	return m.Run()
}

func build(folder string) error {
	out, err := exec.Command("go", "build", "-o", folder+string(filepath.Separator), "./before", "./after").CombinedOutput()
	if err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// TestVerdicts checks the table and the lists of docs/migrating.md against the kit's verdicts and the sources.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../../docs/migrating.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(raw)
	for _, stage := range []struct {
		name             string
		plumbing, within string // folders of sources
		start            func(*testing.T, place) (log *buffer)
	}{
		{"before", "before", "before/provisioner", func(t *testing.T, p place) *buffer {
			return launch(t, filepath.Join(programs, "before"), p).log
		}},
		{"new main, old handlers", "after", "before/provisioner", oldHandlers},
		{"after", "after", "after/provisioner", func(t *testing.T, p place) *buffer {
			return launch(t, filepath.Join(programs, "after"), p).log
		}},
	} {
		t.Run(stage.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			log := stage.start(t, p)
			report := judge(t, p.dial(t), p, log)
			for _, r := range report.Results {
				if len(r.LeftOver) > 0 && stage.name == "after" {
					t.Errorf("%s leaves %s", r.Name, r.LeftOver)
				}
			}
			for _, line := range []string{
				fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %d |", stage.name, lines(t, stage.plumbing), lines(t, stage.within),
					report.Count(cositest.Passed), report.Count(cositest.Warned), report.Count(cositest.Failed),
					report.Count(cositest.NotReached), report.Count(cositest.NotApplicable)+report.Count(cositest.NotConfigured)),
				"- " + stage.name + ", failed: " + names(report, cositest.Failed),
				"- " + stage.name + ", warned: " + names(report, cositest.Warned),
			} {
				if !strings.Contains(flat(doc), flat(line)) {
					t.Errorf("docs/migrating.md lacks a line, want:\n%s", line)
				}
			}
			if t.Failed() {
				for _, r := range report.Results {
					t.Logf("%-12s %s: %s", r.Outcome, r.Name, r.Reason)
				}
			}
		})
	}
}

// flat returns text without line breaks.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") + " " }

func names(report *cositest.Report, o cositest.Outcome) string {
	var all []string
	for _, r := range report.Results {
		if r.Outcome == o {
			all = append(all, r.Name)
		}
	}
	if len(all) == 0 {
		return "none."
	}
	return strings.Join(all, ", ") + "."
}

// lines counts the lines of a package that are neither blank nor comments.
func lines(t *testing.T, folder string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatal(folder, err)
	}
	n := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
				n++
			}
		}
	}
	return n
}

// judge runs the kit with its hooks, but for those that take the store away and restart the driver.
func judge(t *testing.T, conn grpc.ClientConnInterface, p place, log *buffer) *cositest.Report {
	t.Helper()
	backend, err := store.New(p.store)
	if err != nil {
		t.Fatal(err)
	}
	return cositest.Check(t.Context(), conn, cositest.Config{
		BucketParameters:             map[string]string{"region": "here"},
		IncompatibleBucketParameters: map[string]string{"region": "elsewhere"},
		AccessParameters:             map[string]string{"access": "readwrite"},
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
		BadBucketName:                "Not A Bucket",
		SocketFolder:                 p.socket,
		Log:                          log.String,
		UnprovisionableParameters:    map[string]string{}, // there are none
		Destructive:                  true,
		Access: func(_ context.Context, use cositest.Use) (bool, error) {
			return (putAndGet(backend, use) == nil) == (use.Expect == cositest.Granted), nil
		},
		MakeForeignBucket: func(context.Context) (cositest.Foreign, error) { return makeForeign(backend) },
		CountAccounts:     func(context.Context) (int, error) { return backend.Users() },
	})
}

func putAndGet(s *store.Store, use cositest.Use) error {
	secrets := use.Credentials["s3"].GetSecrets()
	key := store.Key{ID: secrets["accessKeyID"], Secret: secrets["accessSecretKey"]}
	if err := s.Put(key, use.BucketName, "kit", "content"); err != nil {
		return err
	}
	if content, err := s.Get(key, use.BucketName, "kit"); err != nil || content != "content" {
		return errors.Join(err, fmt.Errorf("got %q", content))
	}
	if use.Keep {
		return nil
	}
	return s.Remove(key, use.BucketName, "kit")
}

func makeForeign(s *store.Store) (cositest.Foreign, error) {
	const name = "somebody-elses"
	return cositest.Foreign{
		Name: name, ID: name,
		Remove: func(context.Context) error {
			if err := s.DeleteBucket(name); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return nil
		},
		Exists: func(context.Context) (bool, error) {
			_, err := s.Tags(name)
			if errors.Is(err, store.ErrNotFound) {
				return false, nil
			}
			return true, err
		},
	}, s.CreateBucket(name, map[string]string{"owner": "somebody"})
}
