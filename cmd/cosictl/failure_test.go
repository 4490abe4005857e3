package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// failure reads the one object that standard error holds.
func (o outcome) failure(t *testing.T) failure {
	t.Helper()
	var read struct {
		Error failure `json:"error"`
	}
	decoder := json.NewDecoder(strings.NewReader(o.stderr))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil || decoder.More() || strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("stderr is not one object on one line (%v): %q", err, o.stderr)
	}
	if read.Error.ExitCode != o.code {
		t.Errorf("the object has exit code %d, the program %d", read.Error.ExitCode, o.code)
	}
	return read.Error
}

// With -o json an error is an object, whatever its kind, and standard output has results alone.
func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	interrupted, interrupt := context.WithCancel(t.Context())
	interrupt()
	_, refusing := bare(t, &store{create: func(context.Context, *cosi.DriverCreateBucketRequest) error {
		return status.Error(codes.InvalidArgument, "a <name>\u009b\n")
	}})
	_, later := serve(t, later)
	for _, one := range []struct {
		name string
		path string
		args []string
		want failure
	}{
		{"refused", refusing, []string{"create", "one"}, failure{"create", kindRefused, "INVALID_ARGUMENT", `a <name>\u009b\n`, exitFailed}},
		{"usage", refusing, []string{"create"}, failure{"create", kindUsage, "", "takes 1 arguments [NAME], and 0 are given; see cosictl create -h", exitUsage}},
		{"endpoint", "tcp://127.0.0.1:0", []string{"info"}, failure{"info", kindUsage, "", "endpoint \"tcp://127.0.0.1:0\": port 0 lets a driver choose one, and does not tell which", exitUsage}},
		{"connection", "/nowhere/c.sock", []string{"info"}, failure{"info", kindConnection, "", "no connection to unix:///nowhere/c.sock: dial unix /nowhere/c.sock: connect: no such file or directory", exitNoConnection}},
		{"interrupted", raw(t, func(net.Conn) {}), []string{"info"}, failure{"info", kindInterrupted, "", "interrupted", exitFailed}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if one.want.Kind == kindInterrupted {
				ctx = interrupted
			}
			o := cosictlUntil(ctx, "", append([]string{"-endpoint", one.path, "-o", "json"}, one.args...)...)
			if got := o.failure(t); got != one.want {
				t.Errorf("failure is\n%+v, want\n%+v", got, one.want)
			}
			if one.want.Code != "" && !strings.Contains(o.stderr, "<name>") {
				t.Errorf("stderr escapes what needs no escape: %q", o.stderr)
			}
			if o.code != one.want.ExitCode || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
		})
	}
	t.Run("another generation", func(t *testing.T) { // check's own report says so
		t.Parallel()
		o := cosictl(t, "", later, "check", "-o", "json")
		if r := readReport(t, o.stdout); o.code != exitGeneration || o.stderr != "" || r.Generation == "" {
			t.Errorf("exit code %d, stderr %q, stdout %s", o.code, o.stderr, o.stdout)
		}
	})
	t.Run("failed", func(t *testing.T) {
		t.Parallel()
		path := drive(t, &store{})
		got := cosictl(t, "", path, "check", "-o", "json", "-strict", "-run", "^INFO-1$").failure(t)
		if got.Command != "check" || got.Kind != kindFailed || got.Code != "" || !strings.HasPrefix(got.Message, "-strict: ") {
			t.Errorf("failure is %+v", got)
		}
	})
}

// The kinds have the exit codes that the documentation gives them.
func TestKindsOfFailures(t *testing.T) {
	t.Parallel()
	oops := fmt.Errorf("oops")
	for _, one := range []struct {
		err  error
		kind string
		code int
	}{
		{oops, "failed", 1},
		{refusedError{"ABORTED", "busy"}, "refused", 1},
		{fmt.Errorf("around: %w", errInterrupted), "interrupted", 1},
		{fmt.Errorf("around: %w", usageError{oops}), "usage", 2},
		{fmt.Errorf("around: %w", connectionError{oops}), "connection", 3},
		{generationError{oops}, "generation", 4},
	} {
		if f := failureOf("info", one.err); f.Kind != one.kind || f.ExitCode != one.code {
			t.Errorf("%v is %+v, want %s and %d", one.err, f, one.kind, one.code)
		}
	}
}

// -o is heeded even when another argument keeps it from being read; it is what the flag package would take for it.
func TestFormatOfUsageErrors(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		args []string
		json bool
	}{
		{[]string{"-o", "json"}, true}, // no command
		{[]string{"-o=json", "lst"}, true},
		{[]string{"lst", "--o", "json"}, true},
		{[]string{"info", "-x", "-o", "json"}, true},
		{[]string{"-x", "info", "-o", "json"}, true},
		{[]string{"info", "-=", "--=x", "-o", "json"}, true},
		{[]string{"create", "-timeout", "5", "one", "-o", "json"}, true},
		{[]string{"check", "-auth", "x", "-access-command", "true", "-o", "json"}, true},
		{[]string{"info", "-o", "json", "-x", "-o", "text"}, false},
		{[]string{"info", "-o", "text", "-x", "-o", "json"}, true},
		{[]string{"create", "-x", "--", "-o", "json"}, false},
		{[]string{"create", "-x", "--", "one", "-o", "json"}, false},
		{[]string{"create", "-x", "-p", "-o", "json"}, false}, // a parameter
		{[]string{"info", "-x", "-o"}, false},
		{[]string{"info", "-o", "yaml"}, false},
		{[]string{"info", "more"}, false},
	} {
		t.Run(fmt.Sprint(one.args), func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), "", append([]string{"-endpoint", "/nowhere/c.sock"}, one.args...)...)
			if is := strings.HasPrefix(o.stderr, `{"error":{`); is != one.json || o.code != exitUsage || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q; want JSON: %t", o.code, o.stdout, o.stderr, one.json)
			}
			o.oneErrorLine(t)
		})
	}
}
