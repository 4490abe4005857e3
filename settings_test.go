//go:build unix

package gocosi_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/otlp"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// settingCanary is a secret that was put into the wrong variable.
const settingCanary = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

// misplaced lists texts that hold the canary.
func misplaced() map[string]string {
	return map[string]string{
		"alone":               settingCanary,
		"without a slash":     strings.ReplaceAll(settingCanary, "/", ""),
		"with a new line":     settingCanary + "\n",
		"two lines":           "user\n" + settingCanary,
		"quoted":              `"` + settingCanary + `"`,
		"an assignment":       "password=" + settingCanary,
		"a pair in a list":    "a=b," + settingCanary,
		"a header, malformed": "authorization=Bearer " + settingCanary + "%zz",
		"a URL":               "https://user:" + settingCanary + "@host:99999/",
		"a user alone":        "https://" + settingCanary + "@host/",
		"an address":          "tcp://user:" + settingCanary + "@host:99999",
		"a user and a port":   "tcp://" + strings.ReplaceAll(settingCanary, "/", "") + "@127.0.0.1:0",
		"a query":             "unix:///run/cosi.sock?sig=" + settingCanary,
		"a file that is none": "file:///" + settingCanary,
		"a port":              "tcp://127.0.0.1:" + settingCanary,
		"bytes":               "\xff" + settingCanary,
		"a JSON":              `{"password":"` + settingCanary + `"}`,
		"very long":           strings.Repeat(settingCanary, 1<<20/len(settingCanary)),
		"in base64":           base64.StdEncoding.EncodeToString([]byte(strings.Repeat(settingCanary, 2))),
	}
}

// shows reports whether a text tells a part of the canary.
func shows(text string) bool {
	encoded := base64.StdEncoding.EncodeToString([]byte(settingCanary))
	for _, part := range []string{settingCanary[:8], settingCanary[12:20], settingCanary[len(settingCanary)-8:], encoded[:8]} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

func TestMisplacedSecretsInVariables(t *testing.T) {
	t.Parallel()
	for _, variable := range []string{
		gocosi.EnvCOSIEndpoint, gocosi.EnvCOSIEndpointPerms, gocosi.EnvCOSIEndpointUser, gocosi.EnvCOSIEndpointGroup, gocosi.EnvCOSIEndpointInsecure,
		gocosi.EnvCOSIDriverName, gocosi.EnvCOSIShutdownTimeout, gocosi.EnvCOSIRPCTimeout, gocosi.EnvCOSIRequestRules, gocosi.EnvCOSIResponseRules,
	} {
		for name, text := range misplaced() {
			if variable == gocosi.EnvCOSIDriverName && name == "without a slash" {
				text = strings.ReplaceAll(text, "+", "_") // else it is a name, and told to every caller
			}
			env := harness.Env(map[string]string{variable: text})
			checkMisplaced(t, variable+", "+name, newWith(t, env))
			checkMisplaced(t, variable+", "+name+", by Probe", gocosi.Probe(harness.Timeout(t), env))
		}
	}
	for name, text := range misplaced() {
		checkMisplaced(t, name, newWith(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(text)))
		checkMisplaced(t, name, newWith(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultSocketUser(text)))
		checkMisplaced(t, name, newWith(t, gocosi.WithEnvironment(nil), gocosi.WithDefaultSocketGroup(text)))
	}
}

// checkMisplaced checks that an error of the start says that something is wrong, but shows no secret, and is short.
func checkMisplaced(t *testing.T, name string, err error) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", name)
	case shows(err.Error()):
		t.Errorf("%s: the error shows the secret: %.300s", name, err)
	case len(err.Error()) > 1<<10 || strings.Count(err.Error(), "\n") > 1:
		t.Errorf("%s: got %d bytes; want a short error: %.300s", name, len(err.Error()), err)
	}
}

// TestMisplacedSecretsInTelemetry sets the process's variables. Some texts are right for some of them; what is told at start
// shows none of them.
func TestMisplacedSecretsInTelemetry(t *testing.T) {
	for _, row := range otlp.Variables() {
		for _, v := range row.All() {
			for name, text := range misplaced() {
				if len(text) > 100<<10 {
					text = text[:100<<10] // the longest that a process can be started with
				}
				t.Run(v.Name+", "+name, func(t *testing.T) {
					t.Setenv(v.Name, text)
					if _, err := otelDriver(); err != nil {
						checkMisplaced(t, v.Name, err)
					}
				})
			}
		}
	}
}

func TestMisplacedSecretsInTheLineAtStart(t *testing.T) {
	t.Setenv("X_COSI_TOKEN", settingCanary)
	t.Setenv("X_COSI_RPC_TIMOUT", settingCanary)
	var log harness.Logs
	dir := harness.ShortDir(t)
	t.Setenv(gocosi.EnvCOSIEndpoint, dir+"/cosi.sock\n")
	t.Setenv("OTEL_SERVICE_NAME", settingCanary)
	t.Setenv(gocosi.EnvCOSIEndpointPerms, strings.Repeat("0", 4096)+"755")
	driver := goodDriver(t, gocosi.WithLogger(log.Logger()))
	stop := runInBackground(t, driver)
	line := log.Wait(t, "driver listening", dir+"/cosi.sock")
	if len(line) > 2<<10 {
		t.Errorf("the line has %d bytes; want what is long cut", len(line))
	}
	log.Wait(t, `"msg"="variable is not known" "variable"="X_COSI_RPC_TIMOUT" "nearest"="X_COSI_RPC_TIMEOUT"`)
	if line := log.Wait(t, `"variable"="X_COSI_TOKEN"`); strings.Contains(line, "nearest") {
		t.Errorf("got %s; want no nearest name", line)
	}
	stop()
	for _, line := range log.Lines() {
		if shows(line) {
			t.Errorf("the log shows the secret: %.300s", line)
		}
	}
}

// runInBackground runs a driver, and returns a function that stops it and waits for its end.
func runInBackground(t *testing.T, driver *gocosi.Driver) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- driver.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestALookupCannotBeListed(t *testing.T) {
	t.Setenv("X_COSI_RPC_TIMOUT", "2s")
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()))
	log.Wait(t, "driver listening")
	d.Stop()
	if found := log.Lines("variable is not known"); len(found) > 0 {
		t.Errorf("got %q; want no warning about the process's variables, which were not read", found)
	}
}

// A problem of the start is a line, and an error of its own.
func TestProblemsAreALineEach(t *testing.T) {
	t.Parallel()
	env := harness.Env(map[string]string{
		gocosi.EnvCOSIEndpoint: "cosi.sock", gocosi.EnvCOSIEndpointPerms: "rw\nro", gocosi.EnvCOSIEndpointUser: "-1", gocosi.EnvCOSIEndpointGroup: "-1",
		gocosi.EnvCOSIEndpointInsecure: "yes", gocosi.EnvCOSIDriverName: "a b", gocosi.EnvCOSIShutdownTimeout: "1", gocosi.EnvCOSIRPCTimeout: "1",
		gocosi.EnvCOSIRequestRules: "no",
	})
	for name, err := range map[string]error{"New": newWith(t, env), "Probe": gocosi.Probe(harness.Timeout(t), env)} {
		joined, ok := err.(interface{ Unwrap() []error })
		if !ok || len(joined.Unwrap()) != 9 {
			t.Fatalf("%s: got %v; want nine errors in one", name, err)
		}
		lines := strings.Split(err.Error(), "\n")
		for i, problem := range joined.Unwrap() {
			if len(lines) != 9 || problem.Error() != lines[i] || !strings.HasPrefix(lines[i], "gocosi: ") {
				t.Errorf("%s: got %q; want each problem on a line of its own", name, err)
			}
		}
	}
	if errors.Unwrap(newWith(t, env)) != nil {
		t.Error("the error has one cause, want many")
	}
}
