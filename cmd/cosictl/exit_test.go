package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Wrong usage is exit code 2 and one line, which never holds the value of a parameter. Nothing is dialled.
func TestUsageErrors(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for _, one := range []struct {
		name  string
		args  []string
		stdin string
		words []string // on stderr
	}{
		{"nothing", nil, "", []string{"no command"}},
		{"unknown command", []string{"list"}, "", []string{`"list"`, "cosictl -h"}},
		{"unknown flag", []string{"info", "-x"}, "", []string{"info: ", "-x", "cosictl info -h"}},
		{"unknown flag before", []string{"-x", "info"}, "", []string{"-x"}},
		{"flag of another command", []string{"info", "-p", "a=b"}, "", []string{"-p"}},
		{"no argument", []string{"create"}, "", []string{"create: ", "NAME", "0 are given"}},
		{"one argument of two", []string{"grant", "one"}, "", []string{"BUCKET_ID NAME", "1 are given"}},
		{"too many arguments", []string{"info", "-o", "json", "more"}, "", []string{"1 are given"}},
		{"too many after --", []string{"delete", "--", "a", "-b"}, "", []string{"2 are given"}},
		{"not UTF-8", []string{"create", "a\xff"}, "", []string{"UTF-8"}},
		{"format", []string{"info", "-o", "yaml"}, "", []string{`"yaml"`, "json"}},
		{"no timeout", []string{"info", "-timeout", "0"}, "", []string{"-timeout"}},
		{"negative timeout", []string{"info", "-timeout", "-1s"}, "", []string{"-timeout"}},
		{"timeout without unit", []string{"info", "-timeout", "5"}, "", []string{"-timeout"}},
		{"type", []string{"grant", "b", "a", "-auth", "both"}, "", []string{`"both"`, "iam"}},
		{"no type", []string{"grant", "b", "a", "-auth", ""}, "", []string{"-auth"}},
		{"endpoint relative", []string{"info", "-endpoint", "c.sock"}, "", []string{`"c.sock"`, "not absolute"}},
		{"endpoint empty", []string{"info", "-endpoint", ""}, "", []string{"not absolute"}},
		{"endpoint scheme", []string{"health", "-endpoint", "http://x"}, "", []string{`"http://x"`, "the scheme is not supported"}},
		{"endpoint with a secret", []string{"health", "-endpoint", "tcp://u:secret@h:1"}, "", []string{"endpoint (18 bytes, not shown)"}},
		{"endpoint port 0", []string{"info", "-endpoint", "tcp://127.0.0.1:0"}, "", []string{"port 0"}},
		{"endpoint of check", []string{"check", "-endpoint", "x"}, "", []string{"check: ", "not absolute"}},
		{"pair", []string{"create", "one", "-p", canary}, "", []string{"-p number 1"}},
		{"second pair without key", []string{"create", "one", "-p", "a=b", "-p", "=" + canary}, "", []string{"-p number 2"}},
		{"pair twice", []string{"create", "one", "-p", "a=" + canary, "-p", "a=x"}, "", []string{`"a"`, "twice"}},
		{"pair and file", []string{"create", "one", "-p", "a=x", "-parameters", "-"}, `{"a":"` + canary + `"}`, []string{`"a"`, "twice"}},
		{"no file", []string{"create", "one", "-parameters", "/nowhere/f"}, "", []string{"-parameters: ", "/nowhere/f"}},
		{"file without name", []string{"create", "one", "-parameters", ""}, "", []string{"-parameters: "}},
		{"file is a folder", []string{"delete", "one", "-parameters", folder}, "", []string{"-parameters: "}},
		{"empty", []string{"create", "one", "-parameters", "-"}, "", []string{"not a JSON object of strings"}},
		{"array", []string{"create", "one", "-parameters", "-"}, `["` + canary + `"]`, []string{"not a JSON object of strings"}},
		{"null", []string{"create", "one", "-parameters", "-"}, `null`, []string{"not a JSON object of strings"}},
		{"number", []string{"create", "one", "-parameters", "-"}, `{"a": 1}`, []string{`"a" has no string`}},
		{"nested", []string{"create", "one", "-parameters", "-"}, `{"a": {"b": "` + canary + `"}}`, []string{`"a" has no string`}},
		{"key twice", []string{"create", "one", "-parameters", "-"}, `{"a": "` + canary + `", "a": "x"}`, []string{`"a" is there twice`}},
		{"not closed", []string{"create", "one", "-parameters", "-"}, `{"a": "` + canary + `"`, []string{"not a JSON object of strings"}},
		{"broken", []string{"create", "one", "-parameters", "-"}, `{"a": "` + canary, []string{"not a JSON object of strings"}},
		{"key without quotes", []string{"create", "one", "-parameters", "-"}, `{` + canary + `: "x"}`, []string{"not a JSON object of strings"}},
		{"more", []string{"create", "one", "-parameters", "-"}, `{"a": "x"} ` + canary, []string{"more follows"}},
		{"run", []string{"check", "-run", "("}, "", []string{"-run: "}},
		{"skip", []string{"check", "-skip", "("}, "", []string{"-skip: "}},
		{"run of a list", []string{"check", "-list", "-run", "("}, "", []string{"-run: "}},
		{"no case", []string{"check", "-run", "NONE"}, "", []string{`"NONE"`, "-list"}},
		{"no case left", []string{"check", "-run", "INFO", "-skip", "INFO"}, "", []string{"leave no case"}},
		{"parallel", []string{"check", "-parallel", "-1"}, "", []string{"-parallel"}},
		{"repeat", []string{"check", "-repeat", "x"}, "", []string{"-repeat"}},
		{"type of check", []string{"check", "-auth", "none"}, "", []string{`"none"`}},
		{"stdin twice", []string{"check", "-parameters", "-", "-access-parameters", "-"}, `{}`, []string{"-access-parameters: ", "read already"}},
		{"junit", []string{"check", "-junit", "/nowhere/junit.xml"}, "", []string{"-junit: "}},
		{"junit without name", []string{"check", "-junit", ""}, "", []string{"-junit: "}},
		{"file of check", []string{"check", "-unprovisionable-parameters", "/nowhere/f"}, "", []string{"-unprovisionable-parameters: "}},
		{"help on nothing", []string{"help", "list"}, "", []string{`"list"`}},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), one.stdin, append([]string{"-endpoint", "/nowhere/c.sock"}, one.args...)...)
			if o.code != exitUsage || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
			o.oneErrorLine(t, one.words...)
			hides(t, "stderr", o.stderr)
		})
	}
}

// dead is a socket on which nobody listens any more.
func dead(t *testing.T) string {
	t.Helper()
	path := socket(t)
	lis, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	lis.SetUnlinkOnClose(false)
	lis.Close()
	return path
}

// web is a web server that speaks HTTP/2, as gRPC does.
func web(handle http.HandlerFunc) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		lis, path := listen(t)
		server := &http.Server{Handler: handle, Protocols: new(http.Protocols)}
		server.Protocols.SetUnencryptedHTTP2(true)
		ended := make(chan struct{})
		go func() { defer close(ended); _ = server.Serve(lis) }()
		t.Cleanup(func() { server.Close(); <-ended })
		return path
	}
}

// freed is a TCP endpoint on which nobody listens any more.
func freed(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return "tcp://" + lis.Addr().String()
}

// Without a connection every command says what was dialled and why that failed, in time, with exit code 3.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	const hang = 300 * time.Millisecond // how long one that says nothing is waited for
	says := func(text string) func(*testing.T) string {
		return func(t *testing.T) string {
			t.Helper()
			return raw(t, func(conn net.Conn) { _, _ = conn.Write([]byte(text)) })
		}
	}
	for _, one := range []struct {
		name    string
		path    func(*testing.T) string
		timeout time.Duration
		word    string
	}{
		{"missing socket", socket, limit, "dial unix "},
		{"dead socket", dead, limit, "dial unix "},
		{"missing folder", func(*testing.T) string { return "/nowhere/c.sock" }, limit, "dial unix /nowhere/c.sock: connect: no such file"},
		{"closed port", freed, limit, "dial tcp "},
		{"garbage", says(strings.Repeat("hello\r\n", 100)), limit, "it does not answer as a gRPC server does"},
		{"few bytes", says("hi"), hang, "it accepts the connection, and does not answer as a gRPC server does within 300ms"},
		{"web server", says("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), limit, "it does not answer as a gRPC server does"},
		{"web server of HTTP/2", web(http.NotFound), limit, "it does not answer as a gRPC server does: "},
		{"web page", web(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }), limit, "it does not answer as a gRPC server does: "},
		{"web page of no type", web(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
		}), limit, "it does not answer as a gRPC server does: "},
		{"closes", func(t *testing.T) string {
			t.Helper()
			return raw(t, func(conn net.Conn) { conn.Close() })
		}, limit, "it does not answer as a gRPC server does"},
		{"silent", func(t *testing.T) string {
			t.Helper()
			return raw(t, func(net.Conn) {})
		}, hang, "it accepts the connection, and does not answer as a gRPC server does within 300ms"},
		{"never accepts", func(t *testing.T) string {
			t.Helper()
			_, path := listen(t)
			return path
		}, hang, "it accepts the connection, and does not answer as a gRPC server does within 300ms"},
	} {
		commands := [][]string{
			{"info"},
			{"check"},
			{"check", "-o", "json"},
			{"health", "-o", "json"},
			{"create", "one"},
			{"delete", "one"},
			{"grant", "one", "a"},
			{"revoke", "one", "a"},
		}
		if one.timeout == hang { // each takes that long
			commands = commands[:2]
		}
		for _, args := range commands {
			t.Run(one.name+" "+fmt.Sprint(args), func(t *testing.T) {
				t.Parallel()
				path := one.path(t)
				begin := time.Now()
				o := cosictlUntil(t.Context(), "", append([]string{"-endpoint", path, "-timeout", one.timeout.String()}, args...)...)
				if took := time.Since(begin); took > limit/2 {
					t.Errorf("it took %s", took)
				}
				if o.code != exitNoConnection || o.stdout != "" {
					t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
				}
				o.oneErrorLine(t, "cosictl: "+args[0]+": no connection to ", path+": "+one.word)
				if strings.Contains(o.stderr, "have the service") { // which is what a gRPC server can lack
					t.Errorf("stderr %q", o.stderr)
				}
			})
		}
	}
}

// The file of a socket outlives the driver, so the system's words alone puzzle whoever sees it.
func TestDeadSocketIsExplained(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		endpoint  func(*testing.T) string
		explained bool
	}{"dead socket": {dead, true}, "closed port": {freed, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), "", "-endpoint", one.endpoint(t), "info")
			if explained := strings.Contains(o.stderr, "nobody listens on this file"); explained != one.explained {
				t.Errorf("stderr %q, explained: %t, want %t", o.stderr, explained, one.explained)
			}
		})
	}
}

// What fails on a connection that lives is exit code 1, with the code's name.
func TestFailures(t *testing.T) {
	t.Parallel()
	hanging := func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) error {
		<-ctx.Done()
		return ctx.Err()
	}
	refusing := func(err error) func(context.Context, *cosi.DriverCreateBucketRequest) error {
		return func(context.Context, *cosi.DriverCreateBucketRequest) error { return err }
	}
	for _, one := range []struct {
		name   string
		create func(context.Context, *cosi.DriverCreateBucketRequest) error
		flags  []string
		want   string
	}{
		{"refused", refusing(status.Error(codes.InvalidArgument, "no")), nil, "cosictl: create: INVALID_ARGUMENT: no"},
		{"bare error", refusing(errors.New("oops")), nil, "cosictl: create: UNKNOWN: oops"},
		{"no message", refusing(status.Error(codes.Internal, "")), nil, "cosictl: create: INTERNAL: (without a message)"},
		{"own code", refusing(status.Error(42, "x")), nil, "cosictl: create: CODE(42): x"},
		{"unavailable", refusing(status.Error(codes.Unavailable, "later")), nil, "cosictl: create: UNAVAILABLE: later"},
		{"as json", refusing(status.Error(codes.Aborted, "busy")), []string{"-o", "json"}, `{"error":{"command":"create","kind":"refused","code":"ABORTED","message":"busy","exit_code":1}}`},
		{"hangs", hanging, []string{"-timeout", "200ms"}, "cosictl: create: DEADLINE_EXCEEDED: "}, // client and server end the call at the same moment
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := bare(t, &store{create: one.create})
			o := cosictl(t, "", path, append([]string{"create", "one"}, one.flags...)...)
			told := strings.TrimSuffix(o.stderr, "\n")
			if strings.HasSuffix(one.want, ": ") { // the words differ from call to call
				told = told[:min(len(told), len(one.want))]
			}
			if o.code != exitFailed || o.stdout != "" || told != one.want {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %q", o.code, o.stdout, o.stderr, one.want)
			}
		})
	}
}

// A gRPC server without COSI's services is a connection all the same.
func TestNoServices(t *testing.T) {
	t.Parallel()
	_, path := serve(t, func(*grpc.Server) {})
	for _, args := range [][]string{{"info"}, {"create", "one"}, {"delete", "one"}, {"grant", "one", "a"}, {"revoke", "one", "a"}, {"health"}} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			o := cosictl(t, "", path, args...)
			o.oneErrorLine(t, "cosictl: "+args[0]+": UNIMPLEMENTED: ", "unknown service")
			if o.code != exitFailed || o.stdout != "" {
				t.Errorf("exit code %d, stdout %q", o.code, o.stdout)
			}
		})
	}
	t.Run("check", func(t *testing.T) {
		t.Parallel()
		o := cosictl(t, "", path, "check")
		if o.code != exitFailed || o.stderr != "" || !strings.Contains(o.stdout, "\nthe driver at "+path+": does not conform: ") {
			t.Errorf("exit code %d, stderr %q, stdout\n%s", o.code, o.stderr, o.stdout)
		}
	})
}

// A signal ends what waits, be it for a connection or for an answer.
func TestInterruptedCall(t *testing.T) {
	t.Parallel()
	t.Run("connecting", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		path := raw(t, func(net.Conn) { cancel() })
		junit := filepath.Join(t.TempDir(), "junit.xml")
		o := cosictlUntil(ctx, "", "check", "-endpoint", path, "-junit", junit)
		if o.code != exitFailed || o.stderr != "cosictl: check: interrupted\n" {
			t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
		}
		if xml, err := os.ReadFile(junit); err != nil || !bytes.Contains(xml, []byte(`<error message="interrupted">`)) {
			t.Errorf("junit: %v\n%s", err, xml)
		}
	})
	t.Run("calling", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		_, path := bare(t, &store{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		}})
		o := cosictlUntil(ctx, "", "create", "one", "-endpoint", path)
		if o.code != exitFailed || o.stderr != "cosictl: create: interrupted\n" {
			t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
		}
	})
}
