package otlp_test

import (
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.uber.org/goleak"

	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// The exporters obey their variables over both protocols, including those that this package reads for them.
func TestExportsAsTheEnvironmentSays(t *testing.T) {
	for _, protocol := range protocols() {
		plain, secure := otlptest.Start(t, protocol), otlptest.StartTLS(t, protocol)
		for _, test := range []struct {
			name     string
			receiver *otlptest.Receiver
			env      map[string]string
		}{
			{name: "plain", receiver: plain},
			{name: "gzip", receiver: plain, env: map[string]string{"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}},
			{name: "TLS for all signals", receiver: secure, env: map[string]string{
				"OTEL_EXPORTER_OTLP_CERTIFICATE":        secure.Certificate,
				"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": secure.Certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY": secure.Key,
			}},
			{name: "TLS for each signal", receiver: secure, env: map[string]string{
				"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE":         secure.Certificate,
				"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE":  secure.Certificate,
				"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY":          secure.Key,
				"OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE":        secure.Certificate,
				"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE": secure.Certificate,
				"OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY":         secure.Key,
			}},
		} {
			t.Run(protocol+"/"+test.name, func(t *testing.T) {
				setEnv(t, map[string]string{
					"OTEL_EXPORTER_OTLP_ENDPOINT": test.receiver.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
					"OTEL_EXPORTER_OTLP_HEADERS": otlptest.Header + "=" + strings.ReplaceAll(t.Name(), " ", "%20"),
				})
				setEnv(t, test.env)
				before := goleak.IgnoreCurrent()
				l := &harness.Logs{}
				e := start(t, l)
				spans := len(test.receiver.Spans())
				e.call(t)
				method := attribute.String("method", t.Name())
				e.count(t, panics, method)
				e.count(t, translations, method, attribute.String("rule", "RULE-1"))
				e.Flush()

				if got := len(test.receiver.Spans()) - spans; got != 1 {
					t.Errorf("got %d spans; want 1", got)
				}
				if got := test.receiver.Counter(panics)[t.Name()]; got != 1 {
					t.Errorf("%d panics were counted; want 1", got)
				}
				if got := test.receiver.Counter(translations)[t.Name()+",RULE-1"]; got != 1 {
					t.Errorf("%d translations were counted; want 1", got)
				}
				sent := 0
				for _, header := range test.receiver.Headers() {
					if header == t.Name() {
						sent++
					}
				}
				if sent != 2 {
					t.Errorf("the header came with %d exports; want 2", sent)
				}
				if lines := l.Lines(); len(lines) != 0 {
					t.Errorf("got lines %q; want none", lines)
				}
				// The receiver still runs, so connections to it would still be open.
				if err := goleak.Find(before); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestSignalsMayGoDifferentWays(t *testing.T) {
	byGRPC, byHTTP := otlptest.Start(t, "grpc"), otlptest.Start(t, "http/protobuf")
	setEnv(t, map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT":         byGRPC.URL,
		"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": byHTTP.URL + "/v1/metrics",
		"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf",
	})
	e := start(t, &harness.Logs{})
	e.call(t)
	e.Flush()
	if len(byGRPC.Spans()) != 1 || len(byHTTP.Spans()) != 0 {
		t.Errorf("got %d spans by gRPC and %d by HTTP; want 1 and none", len(byGRPC.Spans()), len(byHTTP.Spans()))
	}
	if grpc, http := byGRPC.Observations(duration, ""), byHTTP.Observations(duration, ""); len(grpc) != 0 || len(http) != 1 {
		t.Errorf("got %v by gRPC and %v by HTTP; want the metric by HTTP only", grpc, http)
	}
}

func TestNamesTheService(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		want string
	}{
		{name: "after the driver", want: "driver.example.com"},
		{name: "as OTEL_SERVICE_NAME says", env: map[string]string{"OTEL_SERVICE_NAME": "mine"}, want: "mine"},
		{name: "as OTEL_RESOURCE_ATTRIBUTES says", env: map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=ours"}, want: "ours"},
	} {
		t.Run(test.name, func(t *testing.T) {
			receiver := otlptest.Start(t, "grpc")
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
			setEnv(t, test.env)
			e := start(t, &harness.Logs{})
			e.call(t)
			e.Flush()
			if got := receiver.Resource("service.name"); len(got) != 1 || got[0] != test.want {
				t.Errorf("service.name is %q; want %q", got, test.want)
			}
			if got := receiver.Resource("service.version"); len(got) != 1 || got[0] != "v1" {
				t.Errorf("service.version is %q; want v1", got)
			}
		})
	}
}

// often makes the exports of a running driver frequent.
func often() map[string]string {
	return map[string]string{"OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_METRIC_EXPORT_INTERVAL": "50"}
}

const (
	failed    = "telemetry cannot be exported"
	recovered = "telemetry is exported again"
	lost      = "telemetry was lost"
)

func TestLogsTheFirstFailureAndTheRecovery(t *testing.T) {
	for _, protocol := range protocols() {
		t.Run(protocol, func(t *testing.T) {
			receiver := otlptest.Start(t, protocol)
			setEnv(t, often())
			setEnv(t, map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
				"OTEL_BSP_EXPORT_TIMEOUT": "100", "OTEL_METRICS_EXPORTER": "none",
			})
			l := &harness.Logs{}
			e := start(t, l)
			for round := 1; round <= 2; round++ {
				receiver.Refuse("via https://user:canary-1@proxy" + strings.Repeat("x", 1<<12))
				attempts := receiver.Exports()
				harness.Eventually(t, func() bool { e.call(t); return receiver.Exports() >= attempts+3 }, "want three attempts")
				harness.Eventually(t, func() bool { return len(l.Lines(failed)) == round }, "want a line about each failure")
				receiver.Accept()
				harness.Eventually(t, func() bool { e.call(t); return len(l.Lines(recovered)) == round }, "want a line about each recovery")
			}
			e.Flush()

			first := l.Lines(failed)[0]
			if !strings.Contains(first, "via https://user:[redacted]@proxy") || strings.Contains(first, "canary") ||
				!strings.Contains(first, `"signal"="traces"`) {
				t.Errorf("the failure is logged as %q", first)
			}
			if len(first) > 2<<10 {
				t.Errorf("the line has %d bytes; want at most %d", len(first), 2<<10)
			}
			if again := l.Lines(recovered)[0]; !strings.Contains(again, `"failed_exports"=`) || strings.Contains(again, `"failed_exports"=0`) {
				t.Errorf("the recovery is logged as %q", again)
			}
			if all := l.Lines(); len(all) != 4 {
				t.Errorf("got %d lines; want 4: %q", len(all), all)
			}
		})
	}
}

// While a driver runs, it repeats a failed export after some seconds.
func TestRetriesWhileTheDriverRuns(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	t.Setenv("OTEL_METRICS_EXPORTER", "none")
	l := &harness.Logs{}
	var receivers []*otlptest.Receiver
	for _, protocol := range protocols() {
		receiver := otlptest.Start(t, protocol)
		receiver.Refuse("busy")
		receivers = append(receivers, receiver)
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		e := start(t, l)
		defer e.Flush()
		e.call(t)
	}
	for _, receiver := range receivers { // in parallel, because each takes some time
		harness.Eventually(t, func() bool { return receiver.Exports() == 1 }, "want an attempt")
		receiver.Accept()
	}
	for _, receiver := range receivers {
		harness.Eventually(t, func() bool { return len(receiver.Spans()) == 1 }, "want a second attempt")
	}
	if lines := l.Lines(); len(lines) != 0 {
		t.Errorf("got lines %q; want none", lines)
	}
}

// A collector that refuses exports or is missing does not delay an exit: neither an export that begins with the flush,
// nor an export that waits for its next attempt when the flush begins.
func TestFlushDoesNotWaitForACollectorThatFails(t *testing.T) {
	for _, protocol := range protocols() {
		for _, test := range []struct {
			name    string
			down    bool
			late    bool
			waiting bool
			env     map[string]string
		}{
			{name: "is down", down: true},
			{name: "refuses"},
			{name: "refused before", waiting: true, env: often()},
			{name: "is late", late: true, env: map[string]string{"OTEL_EXPORTER_OTLP_TIMEOUT": "100"}},
			{name: "is late for each signal", late: true, env: map[string]string{
				"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "100", "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "100",
				"OTEL_EXPORTER_OTLP_TIMEOUT": "60000",
			}},
		} {
			t.Run(protocol+"/"+test.name, func(t *testing.T) {
				receiver := otlptest.Start(t, protocol)
				receiver.Refuse("busy")
				url := receiver.URL
				if test.down {
					url = otlptest.Down(t)
				}
				if test.late {
					receiver.Stall()
				}
				setEnv(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol})
				setEnv(t, test.env)
				before := goleak.IgnoreCurrent()
				l := &harness.Logs{}
				e := start(t, l)
				e.call(t)
				if test.waiting {
					harness.Eventually(t, func() bool { return receiver.Exports() == 2 }, "want an attempt of each signal")
				}
				if took := e.timedFlush(); took > bound/2 {
					t.Errorf("took %s; want at most %s", took, bound/2)
				}
				for _, text := range []string{failed, lost} {
					if lines := l.Lines(text); len(lines) != 2 {
						t.Errorf("got %d lines; want one for each signal: %q", len(lines), lines)
					}
				}
				if all := l.Lines(); len(all) != 4 {
					t.Errorf("got %d lines; want 4: %q", len(all), all)
				}
				if err := goleak.Find(before); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A collector that never answers delays an exit by at most the bound, and leaves no goroutine behind.
func TestFlushIsBoundedAndTakesEverythingWithIt(t *testing.T) {
	type driver struct {
		name, protocol, url string
		exports             *exports
		logs                harness.Logs
	}
	var drivers []*driver
	for _, protocol := range protocols() {
		receiver := otlptest.Start(t, protocol)
		receiver.Stall()
		drivers = append(drivers,
			&driver{name: "reads and does not answer", protocol: protocol, url: receiver.URL},
			&driver{name: "accepts connections", protocol: protocol, url: otlptest.Mute(t, "http")},
			&driver{name: "does not shake hands", protocol: protocol, url: otlptest.Mute(t, "https")})
	}
	before := goleak.IgnoreCurrent()
	for _, d := range drivers {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", d.url)
		t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", d.protocol)
		d.exports = start(t, &d.logs)
		d.exports.call(t)
	}
	var flushed sync.WaitGroup
	for _, d := range drivers { // in parallel, because each takes some time
		flushed.Go(func() {
			if took := d.exports.timedFlush(); took > bound+slack {
				t.Errorf("%s, %s: took %s; want at most %s", d.protocol, d.name, took, bound+slack)
			}
			if len(d.logs.Lines(failed)) != 2 || len(d.logs.Lines(lost)) != 2 || len(d.logs.Lines()) != 4 {
				t.Errorf("%s, %s: got lines %q; want a failure and a loss of each signal", d.protocol, d.name, d.logs.Lines())
			}
		})
	}
	flushed.Wait()
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}
