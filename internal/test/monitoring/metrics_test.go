package monitoring_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// TestMetricsThatCannotBeServed ends the start, with a line for each problem.
func TestMetricsThatCannotBeServed(t *testing.T) {
	t.Parallel()
	program := compile(t, scaffold(t, app, name), "v9.8.7")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	_, port, _ := strings.Cut(taken.Addr().String(), ":")
	for what, test := range map[string]struct {
		env  []string
		says []string
	}{
		"a name":             {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=http"}, []string{`OTEL_EXPORTER_PROMETHEUS_PORT: \"http\" is no port; want a number up to 65535`}},
		"negative":           {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=-1"}, []string{`\"-1\" is no port`}},
		"too large":          {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=65536"}, []string{`\"65536\" is no port`}},
		"two ports":          {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=9464 9465"}, []string{`\"9464 9465\" is no port`}},
		"a whole line":       {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=" + strings.Repeat("9", 4096)}, []string{`\"9999999999999999999999999999999999999999\" is no port`}},
		"taken":              {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=" + port}, []string{"address already in use; want a name or an IP address of this machine"}},
		"elsewhere":          {[]string{"OTEL_EXPORTER_PROMETHEUS_HOST=192.0.2.1"}, []string{"OTEL_EXPORTER_PROMETHEUS_HOST and _PORT: listen tcp 192.0.2.1:9464"}},
		"a host with a port": {[]string{"OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.1:9464"}, []string{"OTEL_EXPORTER_PROMETHEUS_HOST and _PORT: listen tcp: lookup 127.0.0.1:9464"}},
		"a list":             {[]string{"OTEL_METRICS_EXPORTER=prometheus,otlp"}, []string{`OTEL_METRICS_EXPORTER: \"prometheus,otlp\"; want prometheus alone`}},
		"other case":         {[]string{"OTEL_METRICS_EXPORTER=Prometheus"}, []string{`OTEL_METRICS_EXPORTER: \"Prometheus\"; want prometheus alone, in lower case`}},
		"two problems":       {[]string{"OTEL_EXPORTER_PROMETHEUS_PORT=x", "COSI_ENDPOINT=ftp://x"}, []string{"OTEL_EXPORTER_PROMETHEUS_PORT", "COSI_ENDPOINT"}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(harness.Timeout(t), program)
			endpoint := "COSI_ENDPOINT=unix://" + filepath.Join(t.TempDir(), "s")
			cmd.Env = append(append(os.Environ(), endpoint, "OTEL_METRICS_EXPORTER=prometheus"), test.env...)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the driver ended without an error:\n%s", out)
			}
			var failed []string
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, `"msg":"failed"`) {
					failed = append(failed, line)
				}
			}
			if len(failed) != len(test.says) {
				t.Errorf("%d lines tell of problems, want %d:\n%s", len(failed), len(test.says), out)
			}
			for i, says := range test.says {
				if i < len(failed) && !strings.Contains(failed[i], says) {
					t.Errorf("got %swant %q", failed[i], says)
				}
			}
		})
	}
}

// TestMetricsBesideOthers starts drivers whose variables say more than one thing.
func TestMetricsBesideOthers(t *testing.T) {
	t.Parallel()
	program := compile(t, scaffold(t, app, name), "v9.8.7")
	const served = `"msg":"metrics are served"`
	for what, test := range map[string]struct {
		env          []string
		says, saysNo string
	}{
		"traces go to a collector": {[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + freeAddress(t)}, `"traces":"on: OTEL_EXPORTER_OTLP_ENDPOINT is set","metrics":"on: a reader is given"`, "failed"},
		"brackets":                 {[]string{"OTEL_EXPORTER_PROMETHEUS_HOST=[::1]"}, `"url":"http://[::1]:`, "failed"},
		"white space":              {[]string{"OTEL_METRICS_EXPORTER= prometheus "}, served, "failed"},
		"all is off":               {[]string{"OTEL_SDK_DISABLED=TRUE"}, `"metrics":"off: OTEL_SDK_DISABLED is true"`, served},
		"nobody asks":              {[]string{"OTEL_METRICS_EXPORTER="}, `"metrics":"off: neither an exporter nor`, served},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			folder, err := sockdir.Make()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { os.RemoveAll(folder) })
			env := append([]string{
				"COSI_ENDPOINT=unix://" + filepath.Join(folder, "s"), "OTEL_METRICS_EXPORTER=prometheus", "OTEL_EXPORTER_PROMETHEUS_PORT=0",
			}, test.env...)
			log := &bytes.Buffer{}
			cmd := exec.Command(program)
			cmd.Stderr = log
			process := harness.StartChild(t, cmd, env...)
			d := &driver{program: program, env: env}
			harness.Eventually(t, func() bool { return d.probe(context.Background()) == nil }, "the driver is not ready")
			if err := process.Cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := process.Cmd.Wait(); err != nil {
				t.Errorf("the driver ended with %v", err)
			}
			if !strings.Contains(log.String(), test.says) || strings.Contains(log.String(), test.saysNo) {
				t.Errorf("the log has\n%s\nwant %q and not %q", log, test.says, test.saysNo)
			}
		})
	}
}

// TestScrapesThatHang opens connections that say nothing or ask and never read. The driver and other scrapes go on.
func TestScrapesThatHang(t *testing.T) {
	t.Parallel()
	d := watch(t, app, compile(t, scaffold(t, app, name), "v9.8.7"))
	for i := range 200 {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", d.metrics)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i%2 == 0 {
			if _, err := conn.Write([]byte("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHo")); err != nil {
				t.Error(err)
			}
		}
	}
	harness.Eventually(t, func() bool { return strings.Contains(d.scrape(t), "gocosi_driver_ready 1") }, "no scrape is answered")
	if err := d.probe(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestScrapesBeforeTheStart scrape while nothing is measured yet. What that is worth a line of is a line of the log.
func TestScrapesBeforeTheStart(t *testing.T) {
	t.Parallel()
	folder := scaffold(t, app, name)
	slow := bytes.Replace(read(t, folder, "main.go"), []byte("driver.Run(ctx)"), []byte("func() error { <-time.After(3 * time.Second); return driver.Run(ctx) }()"), 1)
	slow = bytes.Replace(slow, []byte(`"syscall"`), []byte("\"syscall\"\n\t\"time\""), 1)
	if err := os.WriteFile(filepath.Join(folder, "main.go"), slow, 0o600); err != nil {
		t.Fatal(err)
	}
	program := compile(t, folder, "v9.8.7")
	sockets, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(sockets) })
	d := &driver{metrics: freeAddress(t)}
	_, port, _ := strings.Cut(d.metrics, ":")
	log := &bytes.Buffer{}
	cmd := exec.Command(program)
	cmd.Stderr = log
	process := harness.StartChild(t, cmd, "COSI_ENDPOINT=unix://"+filepath.Join(sockets, "s"), "OTEL_METRICS_EXPORTER=prometheus",
		"OTEL_EXPORTER_PROMETHEUS_HOST=127.0.0.1", "OTEL_EXPORTER_PROMETHEUS_PORT="+port)
	harness.Eventually(t, func() bool {
		response, err := http.Get("http://" + d.metrics + "/metrics")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && strings.Contains(string(text), "gocosi_driver_ready 1")
	}, "no scrape has the driver")
	process.Kill()
	for line := range strings.Lines(log.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("the log has a line that is no JSON: %s", line)
		}
	}
	if !strings.Contains(log.String(), "reader is not registered") {
		t.Errorf("the log tells nothing of the scrapes that came too early:\n%s", log)
	}
}
