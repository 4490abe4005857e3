package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/cositest/report"
)

// A folder that is not there is made, and files of an earlier run are replaced.
func TestSave(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b")
	if err := report.Save(folder, sample(strings.Repeat("long", 100))); err != nil {
		t.Fatal(err)
	}
	r := sample("")
	if err := report.Save(folder, r); err != nil {
		t.Fatal(err)
	}
	for name, write := range forms {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || string(got) != written(t, write, r) {
			t.Errorf("%s is not the report (%v)", name, err)
		}
	}
}

func TestSaveWithoutFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := report.Save(file, sample("")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("the error is %v", err)
	}
	if err := report.Save(filepath.Join(file, "in"), sample("")); err == nil {
		t.Error("a file has a folder in it")
	}
}

// Every form says what was run, with what, what was found, what that means and what was not checked.
func TestEveryFormIsWhole(t *testing.T) {
	t.Parallel()
	r := sample("")
	for name, write := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := strings.Join(strings.Fields(written(t, write, r)), " ")
			for _, want := range []string{
				"gocosi v1.2.3", "revision", "s3.example.com", "unix:///run/cosi.sock", "2026-03-04", "-bad-name", "Bad", "-run",
				"does not conform: 1 failed", "because of skipped", "because of not configured", "it stays", "CREATE-4",
			} {
				if !strings.Contains(got, want) {
					t.Errorf("it lacks %q", want)
				}
			}
		})
	}
}

// What follows from a report stands in each form: strictness, another generation, no connection.
func TestReportsOfNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		report  *cositest.Report
		element string // of JUnit, which fails
		want    string
	}{
		{"no connection", &cositest.Report{Problem: "no connection to /c.sock"}, "connect", "no connection to /c.sock"},
		{"another generation", &cositest.Report{Generation: "v1alpha2"}, "generation", "speaks COSI v1alpha2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for name, write := range forms {
				if got := written(t, write, tc.report); !strings.Contains(got, tc.want) || strings.Contains(got, "were not checked") {
					t.Errorf("%s is\n%s", name, got)
				}
			}
			s := fromJUnit(t, written(t, report.JUnit, tc.report))
			if s.Tests != 1 || s.Errors != 1 || len(s.Cases) != 1 || s.Cases[0].Name != tc.element || s.Cases[0].Error == nil {
				t.Errorf("JUnit has %+v", s)
			}
			if r := fromJSON(t, written(t, report.JSON, tc.report)); r.OK() {
				t.Error("it is OK")
			}
		})
	}
}
