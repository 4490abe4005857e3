//go:build unix

package collector_test

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// parent is the span of a caller.
const parent = "00f067aa0ba902b7"

// outage is how long calls go on without a collector: several exports fail meanwhile, one after the other.
const outage = 5 * exportTimeout / 2

// each runs a test for both protocols, with a collector of its own. Without the collector's binary, it skips the test.
func each(t *testing.T, test func(t *testing.T, c *collector)) {
	t.Helper()
	binary := os.Getenv(envCollector)
	if binary == "" {
		t.Skipf("needs the OpenTelemetry Collector, the binary of which %s names: make test-collector builds it and runs this", envCollector)
	}
	for _, protocol := range []string{"grpc", "http/protobuf"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			test(t, newCollector(t, binary, protocol))
		})
	}
}

func newTrace() string {
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	return hex.EncodeToString(id)
}

// TestTwoReplicas lets two drivers that are alike export to a collector that is up, terminated, up, killed and up again.
func TestTwoReplicas(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *collector) {
		replicas := []*driver{startDriver(t, c.variables(nil)), startDriver(t, c.variables(nil))}
		rows := documented(t)
		c.await(t, func(s samples) error { return fresh(s, rows) })
		for i, d := range replicas {
			d.trace(t, c)
			for range i + 1 { // each another number
				d.work(t)
			}
		}
		if replicas[0].instance == replicas[1].instance {
			t.Fatalf("both replicas are the instance %q, want two", replicas[0].instance)
		}
		replicas[0].wait(t, c)
		complete(t, c.await(t, func(s samples) error { return counted(s, replicas) }), rows)

		for i, by := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			c.stop(t, by)
			workWithout(t, replicas, i+1)
			c.start(t)
			workUntilBack(t, replicas, i+1)
			for _, d := range replicas {
				d.trace(t, c)
			}
			complete(t, c.await(t, func(s samples) error { return counted(s, replicas) }), rows)
		}
		for _, d := range replicas {
			d.stop(t)
			if lost := d.lines("telemetry was lost"); len(lost) > 0 {
				t.Errorf("the driver lost telemetry at its end: %q", lost)
			}
		}
	})
}

// fresh reports what is wrong before the first call of two replicas: each has a series of every metric that is not a histogram.
func fresh(s samples, rows []row) error {
	instances := s.instances("target_info")
	if len(instances) != 2 || slices.Contains(instances, "") {
		return fmt.Errorf("the instances of target_info are %q, want two", instances)
	}
	var problems []error
	for _, instance := range instances {
		problems = append(problems, s.equals(1, "target_info", "instance", instance, "job", driverName, "service_version", driverVersion))
		for _, r := range rows {
			found := s.named(r.name, "instance", instance, "job", driverName)
			if r.kind == "histogram" {
				continue
			}
			if len(found) == 0 {
				problems = append(problems, fmt.Errorf("%s of %s is missing", r.name, instance))
			}
			want := 0.
			if r.name == "gocosi_build_info" || r.name == "gocosi_driver_ready" {
				want = 1
			}
			for _, one := range found {
				if one.value != want {
					problems = append(problems, fmt.Errorf("%v, want %g", one, want))
				}
			}
		}
	}
	return errors.Join(problems...)
}

// trace makes a call within a trace, and learns from its first span which instance the driver is.
func (d *driver) trace(t *testing.T, c *collector) {
	t.Helper()
	trace := newTrace()
	d.create(t, "traced", trace)
	got := c.span(t, trace)
	if d.instance == "" {
		d.instance = got.instance
	}
	if want := (span{d.instance, driverName, creation, parent}); got != want || d.instance == "" {
		t.Errorf("got the span %+v, want %+v with an instance", got, want)
	}
}

// wait makes two calls for one bucket at once, of which one waits for its turn, and sees them under way.
func (d *driver) wait(t *testing.T, c *collector) {
	t.Helper()
	labels := []string{"rpc_method", creation, "instance", d.instance}
	var calls sync.WaitGroup
	for range 2 {
		calls.Go(func() {
			if _, err := d.client.DriverCreateBucket(harness.Timeout(t), &cosi.DriverCreateBucketRequest{Name: holding}); err != nil {
				t.Errorf("a call that waited is answered %v, want OK", err)
			}
		})
	}
	c.await(t, func(s samples) error { return s.equals(2, "gocosi_rpc_active_calls", labels...) })
	for range 2 {
		d.remove(t, releasing)
	}
	calls.Wait()
	d.created += 2
	c.await(t, func(s samples) error {
		return errors.Join(s.equals(0, "gocosi_rpc_active_calls", labels...), s.equals(1, "gocosi_bucket_wait_time_seconds_count", labels...))
	})
}

func counted(s samples, drivers []*driver) (err error) {
	for _, d := range drivers {
		err = errors.Join(err, d.counted(s))
	}
	return err
}

// complete compares the metrics of a scrape with those that are documented, and looks for the last boundary of histograms.
func complete(t *testing.T, s samples, rows []row) {
	t.Helper()
	for _, r := range rows {
		if !slices.ContainsFunc(s, func(one sample) bool { return one.metric() == r.name }) {
			t.Errorf("%s is missing, and docs/operations.md has it", r.name)
		}
		if r.kind == "histogram" && len(s.named(r.name+"_bucket", "le", "240")) == 0 {
			t.Errorf("%s has no boundary at 240 s", r.name)
		}
	}
	for _, one := range s {
		known := slices.ContainsFunc(rows, func(r row) bool { return r.name == one.metric() })
		if !known && one.name != "target_info" {
			t.Errorf("docs/operations.md lacks %s", one.name)
		}
	}
}

// exported are the signals, as the log names them.
func exported() []string { return []string{"traces", "metrics"} }

// workWithout goes on with calls while the collector is away.
func workWithout(t *testing.T, drivers []*driver, outages int) {
	t.Helper()
	end := time.Now().Add(outage)
	workUntil(t, drivers, func() bool {
		return time.Now().After(end) && allTold(drivers, "telemetry cannot be exported", outages)
	}, "not every driver says that the collector is away")
}

// workUntilBack goes on with calls until both signals are exported again. Nothing more is said of an outage.
func workUntilBack(t *testing.T, drivers []*driver, outages int) {
	t.Helper()
	workUntil(t, drivers, func() bool { return allTold(drivers, "telemetry is exported again", outages) },
		"not every driver says that the collector is back")
	for _, d := range drivers {
		for _, signal := range exported() {
			for _, message := range []string{"telemetry cannot be exported", "telemetry is exported again"} {
				if n := d.told(signal, message); n != outages {
					t.Errorf("%d lines %q of %s after %d outages, want one for each", n, message, signal, outages)
				}
			}
		}
		for _, line := range d.lines("telemetry is exported again") {
			if severalFailed.FindString(line) == "" {
				t.Errorf("%q follows one failure, want several in an outage", line)
			}
		}
	}
}

// workUntil makes the drivers work, but not more than they can log and the test can read.
func workUntil(t *testing.T, drivers []*driver, done func() bool, never string) {
	t.Helper()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	harness.Eventually(t, func() bool {
		<-pace.C
		for _, d := range drivers {
			d.work(t)
		}
		return done()
	}, "%s", never)
}

var severalFailed = regexp.MustCompile(`"failed_exports"=([2-9]|\d\d+)\b`)

// allTold reports whether every driver has said so of both signals, at least so many times.
func allTold(drivers []*driver, message string, times int) bool {
	for _, d := range drivers {
		for _, signal := range exported() {
			if d.told(signal, message) < times {
				return false
			}
		}
	}
	return true
}

// unauthenticated finds the answer to a wrong header, by gRPC or by HTTP.
var unauthenticated = regexp.MustCompile(`code = Unauthenticated|401 Unauthorized`)

// TestRefused lets drivers export without what the collector asks for. It has nothing of them, and of the one that has it all.
func TestRefused(t *testing.T) {
	t.Parallel()
	const prefix = "OTEL_EXPORTER_OTLP_"
	each(t, func(t *testing.T, c *collector) {
		const soon = "500" // for what is tried again until it takes too long
		wrong := map[string]map[string]string{
			"no-header":         {prefix + "HEADERS": ""},
			"another-header":    {prefix + "HEADERS": "x-authorization=Bearer%20" + c.token},
			"wrong-token":       {prefix + "HEADERS": "authorization=Bearer%20" + rand.Text()},
			"no-certificate":    {prefix + "CLIENT_CERTIFICATE": "", prefix + "CLIENT_KEY": "", prefix + "TIMEOUT": soon},
			"unknown-collector": {prefix + "CERTIFICATE": newAuthority(t).path, prefix + "TIMEOUT": soon},
			"in-the-clear": {
				prefix + "ENDPOINT": fmt.Sprintf("http://127.0.0.1:%d", c.port), prefix + "CERTIFICATE": "",
				prefix + "CLIENT_CERTIFICATE": "", prefix + "CLIENT_KEY": "", prefix + "TIMEOUT": soon,
			},
		}
		for name, variables := range wrong {
			variables["OTEL_SERVICE_NAME"] = name
			d := startDriver(t, c.variables(variables))
			d.work(t)
			harness.Eventually(t, func() bool { return allTold([]*driver{d}, "telemetry cannot be exported", 1) },
				"%s: the driver does not say that nothing is exported", name)
			d.stop(t)
			_, byHeader := variables[prefix+"HEADERS"]
			for _, line := range d.lines("telemetry cannot be exported") {
				if byHeader && !unauthenticated.MatchString(line) {
					t.Errorf("%s: the driver says %q, want the code of the collector's answer", name, line)
				}
			}
			if said := strings.Join(d.lines(), ""); strings.Contains(said, "Bearer") || strings.Contains(said, c.token) {
				t.Errorf("%s: the log has the header:\n%s", name, said)
			}
		}
		right := startDriver(t, c.variables(nil))
		right.trace(t, c)
		right.work(t)
		all := c.await(t, right.counted)
		for _, one := range all {
			if job := one.labels["job"]; job != driverName {
				t.Errorf("the collector has %s of %q, want nothing that it refused", one.name, job)
			}
		}
		for name := range wrong {
			if strings.Contains(c.read("stdout"), name) {
				t.Errorf("the collector has spans of %s, want nothing that it refused", name)
			}
		}
		if said := right.lines("telemetry cannot be exported"); len(said) > 0 {
			t.Errorf("the driver with the right token says %q", said)
		}
	})
}

// TestEnd stops a driver right after its calls, long before it would export anything.
func TestEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, c *collector) {
		const never = "600000"
		d := startDriver(t, c.variables(map[string]string{
			"OTEL_BSP_SCHEDULE_DELAY": never, "OTEL_METRIC_EXPORT_INTERVAL": never, "OTEL_EXPORTER_OTLP_TIMEOUT": "",
			"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
		}))
		for range 3 {
			d.work(t)
		}
		trace := newTrace()
		d.create(t, "last", trace)
		if all := c.scrape(t); len(all) > 0 || strings.Contains(c.read("stdout"), "Trace ID") {
			t.Fatalf("the driver exported before its end: %v", all)
		}
		d.stop(t)
		d.instance = c.span(t, trace).instance
		c.await(t, func(s samples) error {
			return errors.Join(d.counted(s), s.equals(0, "gocosi_driver_ready", "instance", d.instance))
		})
	})
}
