package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/cositest"
)

// suite is what a reader of JUnit's XML looks for.
type suite struct {
	XMLName  xml.Name `xml:"testsuite"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Skipped  int      `xml:"skipped,attr"`
	Cases    []struct {
		Class     string   `xml:"classname,attr"`
		Name      string   `xml:"name,attr"`
		Failure   *element `xml:"failure"`
		Error     *element `xml:"error"`
		Skipped   *element `xml:"skipped"`
		SystemOut string   `xml:"system-out"`
	} `xml:"testcase"`
}

type element struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// readSuite reads a JUnit file, and looks whether its sums are right.
func readSuite(t *testing.T, path string) suite {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(content, []byte("</testsuite>\n")) {
		t.Errorf("the file goes on behind its end")
	}
	var s suite
	if err := xml.Unmarshal(content, &s); err != nil {
		t.Fatal(err)
	}
	var failures, errs, skipped int
	for _, k := range s.Cases {
		for _, one := range []struct {
			element *element
			count   *int
		}{{k.Failure, &failures}, {k.Error, &errs}, {k.Skipped, &skipped}} {
			if one.element != nil {
				*one.count++
			}
		}
	}
	if s.Tests != len(s.Cases) || s.Failures != failures || s.Errors != errs || s.Skipped != skipped {
		t.Errorf("the sums say %d %d %d %d, the cases %d %d %d %d",
			s.Tests, s.Failures, s.Errors, s.Skipped, len(s.Cases), failures, errs, skipped)
	}
	return s
}

// told is what check prints as JSON.
type told struct {
	OK        bool                     `json:"ok"`
	Verdict   string                   `json:"verdict"`
	Counts    map[cositest.Outcome]int `json:"counts"`
	LeftOut   int                      `json:"left_out"`
	Unchecked []string                 `json:"unchecked"`
	cositest.Report
}

// readReport reads what check prints as JSON.
func readReport(t *testing.T, text string) told {
	t.Helper()
	var r told
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&r); err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	if decoder.More() {
		t.Error("more follows the report")
	}
	return r
}

// of returns the result with the name.
func (r *told) of(t *testing.T, name string) cositest.Result {
	t.Helper()
	for _, one := range r.Results {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("there is no result of %s", name)
	return cositest.Result{}
}

// line returns the line of a case.
func line(t *testing.T, text, name string) string {
	t.Helper()
	for l := range strings.Lines(text) {
		if _, rest, ok := strings.Cut(l, "  "); ok && strings.HasPrefix(strings.TrimLeft(rest, " "), name+" ") {
			return strings.TrimSuffix(l, "\n")
		}
	}
	t.Fatalf("no line is about %s:\n%s", name, text)
	return ""
}

func TestCheckPasses(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	begin := time.Now()
	junit := filepath.Join(t.TempDir(), "junit.xml")
	text := must(t, "", path, "check", "-junit", junit, "-bad-name", "xx",
		"-parameters", write(t, `{"region": "here"}`), "-incompatible-parameters", write(t, `{"region": "there"}`),
		"-access-parameters", write(t, `{"token": "one"}`), "-incompatible-access-parameters", write(t, `{"token": "two"}`))
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	for _, name := range []string{"INFO-1", "CREATE-4", "CREATE-6", "GRANT-11", "GEN-12"} {
		if l := line(t, text, name); !strings.HasPrefix(l, "passed ") {
			t.Error(l)
		}
	}
	if want := "not configured  CREATE-7           MUST      needs Config.UnprovisionableParameters (-unprovisionable-parameters)"; line(t, text, "CREATE-7") != want {
		t.Errorf("%q, want %q", line(t, text, "CREATE-7"), want)
	}
	for _, words := range []string{
		"passed          warned  not applicable  not configured\n", "\nDriverGrantBucketAccess ", "\nevery call ", "\nMUST ", "\nSHOULD ", "\nall ",
		"\ntest.example.com at " + path + ": no fault found in what was checked: ",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("the summary lacks %q:\n%s", words, text)
		}
	}
	for l := range strings.Lines(text) {
		if l != strings.TrimRight(l, " \n")+"\n" {
			t.Errorf("white space at the end of %q", l)
		}
	}
	s := readSuite(t, junit)
	if s.Tests != len(cositest.Cases()) || s.Failures != 0 || s.Errors != 0 || s.Skipped == 0 {
		t.Errorf("junit has %d tests, %d failures, %d errors, %d skipped", s.Tests, s.Failures, s.Errors, s.Skipped)
	}
}

func TestCheckAsJSON(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	r := readReport(t, must(t, "", path, "check", "-o", "json"))
	if !r.OK || r.Endpoint != path || r.Driver != "test.example.com" || r.LeftOut != 0 || !strings.HasPrefix(r.Verdict, "no fault found") {
		t.Errorf("report is %+v", r)
	}
	kit := &r.Report
	for _, outcome := range cositest.Outcomes() {
		if r.Counts[outcome] != kit.Count(outcome) {
			t.Errorf("%s: counted %d, there are %d", outcome, r.Counts[outcome], kit.Count(outcome))
		}
	}
	if len(r.Results) != len(cositest.Cases()) || r.Verdict != kit.Verdict() {
		t.Errorf("%d results, %q", len(r.Results), r.Verdict)
	}
}

// What the flags say reaches the kit.
func TestCheckIsConfigured(t *testing.T) {
	t.Parallel()
	args := []string{
		"-p", "region=a", "-parameters", write(t, `{"token": "b"}`), "-access-parameters", write(t, `{"c": "d"}`),
		"-incompatible-parameters", write(t, `{"e": "f"}`), "-incompatible-access-parameters", write(t, `{}`),
		"-unprovisionable-parameters", write(t, `{"g": "h"}`), "-bad-name", "bad", "-auth", "iam", "-parallel", "4", "-repeat", "5",
	}
	path := socket(t)
	v := &invocation{options: defaults(os.Getenv)}
	set := newFlagSet("check")
	v.commonFlags(set)
	v.checkFlags(set)
	if _, err := parse(set, append(args, "-endpoint", path, "-timeout", "7s")); err != nil {
		t.Fatal(err)
	}
	got, err := v.config()
	if err != nil {
		t.Fatal(err)
	}
	want := cositest.Config{
		BucketParameters: map[string]string{"region": "a", "token": "b"}, AccessParameters: map[string]string{"c": "d"},
		IncompatibleBucketParameters: map[string]string{"e": "f"}, IncompatibleAccessParameters: map[string]string{},
		UnprovisionableParameters: map[string]string{"g": "h"}, BadBucketName: "bad",
		AuthenticationTypes: []cosi.AuthenticationType{cosi.AuthenticationType_IAM}, Parallel: 4, Repeat: 5, Timeout: 7 * time.Second,
		SocketFolder: filepath.Dir(path), Secrets: []string{"a", "b", "d", "f", "h"},
	}
	slices.Sort(got.Secrets)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config is\n%+v\nwant\n%+v", got, want)
	}
}

// Faults, advice, what they keep from being looked at and what is left over are told in each format.
func TestCheckOfFaultyDriver(t *testing.T) {
	t.Parallel()
	s := &store{name: "nodots", grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
		if r.GetParameters() == nil {
			return status.Error(codes.Internal, "no\nparameters")
		}
		return nil
	}}
	_, path := bare(t, s)
	junit := filepath.Join(t.TempDir(), "junit.xml")
	o := cosictl(t, "", path, "check", "-junit", junit)
	if o.code != exitFailed || o.stderr != "" {
		t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
	}
	for name, want := range map[string]string{
		"INFO-4":  "warned          INFO-4             SHOULD    ",
		"GRANT-4": "failed          GRANT-4            MUST      ",
		"GRANT-6": "not reached     GRANT-6            MUST      access cannot be granted: ",
	} {
		if got := line(t, o.stdout, name); !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if !strings.Contains(line(t, o.stdout, "GRANT-4"), `no\nparameters`) || !strings.Contains(o.stdout, "\nnodots at "+path+": does not conform: ") {
		t.Errorf("output is\n%s", o.stdout)
	}
	suite := readSuite(t, junit)
	for _, k := range suite.Cases {
		switch k.Name {
		case "INFO-1":
			if k.Failure != nil || k.Error != nil || k.Skipped != nil || k.Class != "cosi.v1alpha1.DriverGetInfo" {
				t.Errorf("passed: %+v", k)
			}
		case "INFO-4":
			if k.Failure != nil || !strings.Contains(k.SystemOut, "advice: ") {
				t.Errorf("warned: %+v", k)
			}
		case "GRANT-4":
			if k.Failure == nil || !strings.Contains(k.Failure.Message, `no\nparameters`) || !strings.HasPrefix(k.Failure.Text, "MUST GRANT-4: ") {
				t.Errorf("failed: %+v", k.Failure)
			}
		case "GRANT-6":
			if k.Error == nil || !strings.HasPrefix(k.Error.Message, "access cannot be granted: ") {
				t.Errorf("not reached: %+v", k)
			}
		case "CREATE-7":
			if k.Skipped == nil || k.Skipped.Message == "" {
				t.Errorf("skipped: %+v", k)
			}
		}
	}
	if suite.Failures == 0 || suite.Errors == 0 {
		t.Errorf("%d failures, %d errors", suite.Failures, suite.Errors)
	}
}

func TestCheckTellsWhatIsLeftOver(t *testing.T) {
	t.Parallel()
	_, path := serve(t, func(server *grpc.Server) {
		s := &store{}
		cosi.RegisterIdentityServer(server, s)
		cosi.RegisterProvisionerServer(server, keeper{s})
	})
	junit := filepath.Join(t.TempDir(), "junit.xml")
	o := cosictl(t, "", path, "check", "-run", "^CREATE-10$", "-junit", junit)
	for _, want := range []string{" [left over: 1]\n", "\nLeft over in the store\n", "\n  INTERNAL: kept\n    bucket bucket-"} {
		if !strings.Contains(o.stdout, want) {
			t.Errorf("output lacks %q:\n%s", want, o.stdout)
		}
	}
	if s := readSuite(t, junit); len(s.Cases) != 1 || !strings.HasPrefix(s.Cases[0].SystemOut, "left over in the store: bucket bucket-") {
		t.Errorf("junit has %+v", s.Cases)
	}
}

// keeper deletes nothing.
type keeper struct{ *store }

func (keeper) DriverDeleteBucket(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	return nil, status.Error(codes.Internal, "kept")
}

func TestCheckLooksAtWhatIsChosen(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	all := len(cositest.Cases())
	for _, one := range []struct {
		name string
		args []string
		want []string // cases
	}{
		{"run", []string{"-run", "^INFO-[12]$"}, []string{"INFO-1", "INFO-2"}},
		{"run and skip", []string{"-run", "^INFO", "-skip", "[2-6]"}, []string{"INFO-1"}},
		{"name with a word", []string{"-run", "^GRANT-13", "-skip", "^GRANT-13$"}, []string{"GRANT-13 unknown"}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			r := readReport(t, must(t, "", path, append([]string{"check", "-o", "json"}, one.args...)...))
			var got []string
			for _, result := range r.Results {
				got = append(got, result.Name)
			}
			if !reflect.DeepEqual(got, one.want) || r.LeftOut != all-len(one.want) {
				t.Errorf("looked at %v, left out %d", got, r.LeftOut)
			}
			if strings.Contains(r.Verdict, "conforms") { // by a part of the cases
				t.Errorf("verdict is %q", r.Verdict)
			}
			var listed []cositest.Case
			text := must(t, "", "/nowhere/c.sock", append([]string{"check", "-list", "-o", "json"}, one.args...)...)
			if err := json.Unmarshal([]byte(text), &listed); err != nil || len(listed) != len(one.want) || listed[0].Name != one.want[0] {
				t.Errorf("listed are %v (%v)", listed, err)
			}
		})
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	text := must(t, "", "/nowhere/c.sock", "check", "-list")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	cases := cositest.Cases()
	if len(lines) != len(cases)+1 {
		t.Fatalf("%d lines for %d cases", len(lines), len(cases))
	}
	for i, k := range cases {
		for _, part := range []string{k.Name, k.Level, k.RPC, k.Text} {
			if !strings.Contains(lines[i+1], part) {
				t.Errorf("%q lacks %q", lines[i+1], part)
			}
		}
	}
}

// Files beside the socket are the driver's fault, unless the folder is everybody's.
func TestCheckLooksBesideTheSocket(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name    string
		prepare func(folder string) error
		want    cositest.Outcome
		reason  string
	}{
		{"nothing", func(string) error { return nil }, cositest.Passed, ""},
		{"a file", func(folder string) error { return os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600) }, cositest.Failed, "lock"},
		{"shared", func(folder string) error {
			return errors.Join(os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600), os.Chmod(folder, 0o777|os.ModeSticky))
		}, cositest.NotConfigured, "the driver's own"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := bare(t, &store{})
			if err := one.prepare(filepath.Dir(path)); err != nil {
				t.Fatal(err)
			}
			o := cosictl(t, "", path, "check", "-o", "json", "-run", "^GEN-12$")
			r := readReport(t, o.stdout)
			if got := r.of(t, "GEN-12"); got.Outcome != one.want || !strings.Contains(got.Reason, one.reason) {
				t.Errorf("%s: %s", got.Outcome, got.Reason)
			}
		})
	}
}

// -socket-folder names another folder than the endpoint's, or says that there is none.
func TestSocketFolder(t *testing.T) {
	t.Parallel()
	littered := t.TempDir()
	if err := os.WriteFile(filepath.Join(littered, "lock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, one := range []struct {
		name, folder string
		want         cositest.Outcome
		reason       string
	}{
		{"another", littered, cositest.Failed, "lock"},
		{"clean", t.TempDir(), cositest.Passed, ""},
		{"none", "-", cositest.NotApplicable, "not on a Unix socket"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := bare(t, &store{})
			config := write(t, `{"socket-folder": "`+one.folder+`"}`)
			for _, args := range [][]string{{"-socket-folder", one.folder}, {"-config", config}} {
				o := cosictl(t, "", path, append([]string{"check", "-o", "json", "-run", "^GEN-12$"}, args...)...)
				r := readReport(t, o.stdout)
				if got := r.of(t, "GEN-12"); got.Outcome != one.want || !strings.Contains(got.Reason, one.reason) {
					t.Errorf("%s: %s: %s", args, got.Outcome, got.Reason)
				}
			}
		})
	}
	for _, folder := range []string{"", filepath.Join(littered, "none"), filepath.Join(littered, "lock")} {
		o := cosictl(t, "", "/nowhere/c.sock", "check", "-socket-folder", folder)
		o.oneErrorLine(t, "-socket-folder")
		if o.code != exitUsage {
			t.Errorf("%q: exit code %d", folder, o.code)
		}
	}
}

func TestCheckOverTCP(t *testing.T) {
	t.Parallel()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, ended := grpc.NewServer(), make(chan struct{})
	s := &store{}
	cosi.RegisterIdentityServer(server, s)
	cosi.RegisterProvisionerServer(server, s)
	go func() { defer close(ended); _ = server.Serve(lis) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	o := cosictl(t, "", "tcp://"+lis.Addr().String(), "check", "-o", "json")
	r := readReport(t, o.stdout)
	if got := r.of(t, "GEN-12"); got.Outcome != cositest.NotApplicable || !strings.Contains(got.Reason, "not on a Unix socket") {
		t.Errorf("GEN-12 is %s: %s", got.Outcome, got.Reason)
	}
	if got := r.of(t, "CREATE-3"); got.Outcome != cositest.Passed {
		t.Errorf("CREATE-3 is %s: %s", got.Outcome, got.Reason)
	}
}

// A driver that dies, or hangs, in the midst of a check ends it soon, with a report.
func TestCheckOfDriverThatGoes(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		name  string
		goes  func(ctx context.Context, stop func()) error
		cases string
	}{
		{"dies", func(_ context.Context, stop func()) error {
			go stop()
			return status.Error(codes.Internal, "dying")
		}, "."},
		{"hangs", func(ctx context.Context, _ func()) error { // a second for each case
			<-ctx.Done()
			return ctx.Err()
		}, "^(INFO-1|CREATE-1|CREATE-10|CREATE-5|GRANT-6)$"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			stop := make(chan func(), 1)
			var stopOnce func()
			s := &store{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) error {
				switch n := calls.Add(1); {
				case n < 5:
					return nil
				case n == 5:
					stopOnce = <-stop
				}
				return one.goes(ctx, stopOnce)
			}}
			server, path := bare(t, s)
			stop <- server.Stop
			junit := filepath.Join(t.TempDir(), "junit.xml")
			o := cosictl(t, "", path, "check", "-o", "json", "-timeout", "1s", "-junit", junit, "-run", one.cases)
			r := readReport(t, o.stdout)
			if o.code != exitFailed || o.stderr != "" || r.OK {
				t.Errorf("exit code %d, stderr %q, verdict %q", o.code, o.stderr, r.Verdict)
			}
			if r.of(t, "CREATE-1").Outcome != cositest.Passed || r.of(t, "GRANT-6").Outcome != cositest.NotReached {
				t.Errorf("counts are %v", r.Counts)
			}
			if s := readSuite(t, junit); s.Errors == 0 {
				t.Error("junit has no errors")
			}
		})
	}
}

// A signal ends the check with a report of what was reached.
func TestCheckIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			path := drive(t, &store{grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) error {
				cancel()
				return nil
			}})
			o := cosictlUntil(ctx, "", "check", "-endpoint", path, "-o", format)
			want := "cosictl: check: interrupted\n"
			if format == "json" {
				want = `{"error":{"command":"check","kind":"interrupted","message":"interrupted","exit_code":1}}` + "\n"
			}
			if o.code != exitFailed || o.stderr != want {
				t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
			}
			if format == "json" {
				r := readReport(t, o.stdout)
				if r.Counts[cositest.Passed] == 0 || r.Counts[cositest.NotReached] == 0 || len(r.Results) != len(cositest.Cases()) {
					t.Errorf("counts are %v", r.Counts)
				}
				return
			}
			line(t, o.stdout, "CREATE-3")
			if strings.Contains(o.stdout, "\nnot reached ") || !strings.Contains(o.stdout, "cannot be told: ") {
				t.Errorf("output is\n%s", o.stdout)
			}
		})
	}
}

// The program itself ends so at a signal.
func TestSignal(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{}, 1)
	_, path := bare(t, &store{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) error {
		select {
		case reached <- struct{}{}:
		default:
		}
		<-ctx.Done()
		return ctx.Err()
	}})
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, self, "check", "-timeout", "1m")
	cmd.Env = append(os.Environ(), asProgram+"=1", "COSI_ENDPOINT="+path)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-ctx.Done():
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed || stderr.String() != "cosictl: check: interrupted\n" {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
	if !strings.Contains(stdout.String(), "cannot be told: ") {
		t.Errorf("stdout is\n%s", stdout.String())
	}
}

// Where there is no connection, the JUnit file says so, and nothing of an earlier run is left in it.
func TestJUnitWithoutConnection(t *testing.T) {
	t.Parallel()
	junit := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(junit, []byte(strings.Repeat("old", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := cosictl(t, "", "/nowhere/c.sock", "check", "-junit", junit); o.code != exitNoConnection {
		t.Errorf("exit code %d", o.code)
	}
	s := readSuite(t, junit)
	if len(s.Cases) != 1 || s.Cases[0].Name != "connect" || s.Cases[0].Error == nil || !strings.Contains(s.Cases[0].Error.Message, "no such file") {
		t.Errorf("junit has %+v", s)
	}
}
