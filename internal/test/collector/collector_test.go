//go:build unix

package collector_test

import (
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// envCollector names the collector's binary; make test-collector sets it.
const envCollector = "COLLECTOR"

// exportTimeout is when an export fails while the collector is away. It leaves a busy machine the time for one that succeeds.
const exportTimeout = 3 * time.Second

// configuration has room for what newCollector puts in. The collector's own metrics are off: their port would be a fixed one.
const configuration = `
extensions:
  bearertokenauth: {token: %[1]q}
receivers:
  otlp:
    protocols:
      %[2]s:
        endpoint: 127.0.0.1:%[3]d
        tls: {cert_file: %[4]q, key_file: %[5]q, client_ca_file: %[6]q}
        auth: {authenticator: bearertokenauth}
exporters:
  debug: {verbosity: detailed, use_internal_logger: false}
  prometheus: {endpoint: "127.0.0.1:%[7]d"}
service:
  extensions: [bearertokenauth]
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [prometheus]}
  telemetry: {metrics: {level: none}}
`

// collector is one that can be stopped and started again, in a folder of its own. It wants a client certificate and a token.
type collector struct {
	binary, folder string
	protocol       string // as OTEL_EXPORTER_OTLP_PROTOCOL names it
	port, scraped  int
	authority      *authority
	client         pair
	token          string

	starts  int
	command *exec.Cmd
	ended   chan struct{} // closed at the end of the command
	end     error         // its result, afterwards
}

// newCollector configures a collector, and starts it.
func newCollector(t *testing.T, binary, protocol string) *collector {
	t.Helper()
	c := &collector{binary: binary, folder: t.TempDir(), protocol: protocol, token: rand.Text()}
	c.authority = newAuthority(t)
	c.client = c.authority.issue(t, x509.ExtKeyUsageClientAuth)
	own := c.authority.issue(t, x509.ExtKeyUsageServerAuth)
	section, _, _ := strings.Cut(protocol, "/")
	c.port, c.scraped = freePort(t), freePort(t)
	text := fmt.Sprintf(configuration, c.token, section, c.port, own.certificate, own.key, c.authority.path, c.scraped)
	if err := os.WriteFile(c.config(), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.start(t)
	return c
}

func (c *collector) config() string { return filepath.Join(c.folder, "config.yaml") }

// freePort finds a port for a server that comes back to it: no system hands out one below 32768 meanwhile.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15000 + mathrand.IntN(15000)
		lis, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			lis.Close()
			return port
		}
	}
	t.Fatal("none of 100 ports is free")
	return 0
}

// start starts the collector, and waits until it receives.
func (c *collector) start(t *testing.T) {
	t.Helper()
	c.starts++
	command := exec.Command(c.binary, "--config", c.config())
	command.SysProcAttr = endWithParent()
	stdout, stderr := c.create(t, "stdout"), c.create(t, "stderr")
	defer stdout.Close()
	defer stderr.Close()
	command.Stdout, command.Stderr = stdout, stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { c.end = command.Wait(); close(ended) }()
	c.command, c.ended = command, ended
	t.Cleanup(func() {
		_ = command.Process.Kill()
		<-ended
		if t.Failed() && c.ended == ended { // of the last start only
			t.Logf("the collector said:\n%s", c.read("stderr"))
		}
	})
	harness.Eventually(t, func() bool { return c.isOver() || strings.Contains(c.read("stderr"), "Everything is ready") },
		"the collector is not ready")
	if c.isOver() {
		t.Fatalf("the collector ended with %v:\n%s", c.end, c.read("stderr"))
	}
}

func (c *collector) isOver() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// stop ends the collector by a signal.
func (c *collector) stop(t *testing.T, by syscall.Signal) {
	t.Helper()
	if err := c.command.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, c.isOver, "the collector does not end by %s", by)
	if c.end != nil && by != syscall.SIGKILL {
		t.Errorf("the collector ended with %v, want a success:\n%s", c.end, c.read("stderr"))
	}
}

// create makes a file for what this start of the collector prints.
func (c *collector) create(t *testing.T, stream string) *os.File {
	t.Helper()
	file, err := os.OpenFile(c.printed(stream, c.starts), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (c *collector) printed(stream string, start int) string {
	return filepath.Join(c.folder, fmt.Sprintf("%s.%d", stream, start))
}

// read returns what the collector has printed since its last start.
func (c *collector) read(stream string) string {
	text, _ := os.ReadFile(c.printed(stream, c.starts))
	return string(text)
}

// span is one that the collector printed.
type span struct{ instance, service, name, parent string }

var (
	spanID     = regexp.MustCompile(`(?m)^ *Parent ID +: (\w*)$`)
	spanName   = regexp.MustCompile(`(?m)^ *Name +: (.*)$`)
	instanceID = regexp.MustCompile(`(?m)^ *-> service\.instance\.id: Str\((.*)\)$`)
	service    = regexp.MustCompile(`(?m)^ *-> service\.name: Str\((.*)\)$`)
)

// span waits until the collector prints the span of a trace.
func (c *collector) span(t *testing.T, trace string) (found span) {
	t.Helper()
	harness.Eventually(t, func() bool {
		for of := range strings.SplitSeq(c.read("stdout"), "ResourceSpans #") {
			if _, rest, ok := strings.Cut(of, ": "+trace+"\n"); ok && strings.Contains(rest, "Kind ") {
				found = span{one(instanceID, of), one(service, of), one(spanName, rest), one(spanID, rest)}
				return true
			}
		}
		return false
	}, "the collector prints no span of the trace %s", trace)
	return found
}

// one returns what the first match holds.
func one(pattern *regexp.Regexp, text string) string {
	if parts := pattern.FindStringSubmatch(text); parts != nil {
		return parts[1]
	}
	return ""
}

// variables returns what lets a driver export to the collector, with further variables.
func (c *collector) variables(more map[string]string) map[string]string {
	all := map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":           fmt.Sprintf("https://127.0.0.1:%d", c.port),
		"OTEL_EXPORTER_OTLP_PROTOCOL":           c.protocol,
		"OTEL_EXPORTER_OTLP_CERTIFICATE":        c.authority.path,
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": c.client.certificate,
		"OTEL_EXPORTER_OTLP_CLIENT_KEY":         c.client.key,
		"OTEL_EXPORTER_OTLP_HEADERS":            "authorization=Bearer%20" + c.token,
		"OTEL_EXPORTER_OTLP_TIMEOUT":            strconv.FormatInt(exportTimeout.Milliseconds(), 10),
		"OTEL_BSP_SCHEDULE_DELAY":               "50",
		"OTEL_METRIC_EXPORT_INTERVAL":           "100",
	}
	maps.Copy(all, more)
	return all
}
