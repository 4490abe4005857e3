package docs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// The full names of methods, as metrics tell them.
const (
	create = "cosi.v1alpha1.Provisioner/DriverCreateBucket"
	remove = "cosi.v1alpha1.Provisioner/DriverDeleteBucket"
)

// troubled answers as the name of the bucket says.
type troubled struct {
	harness.Handlers

	release chan struct{} // ends what ignores its context
}

func (s *troubled) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	switch r.GetName() {
	case "panic":
		panic("boo")
	case "nothing":
		return nil, nil
	case "nameless":
		return &cosi.DriverCreateBucketResponse{}, nil
	case "obedient":
		<-ctx.Done()
		return nil, ctx.Err()
	case "deaf":
		<-s.release
	}
	return s.Handlers.DriverCreateBucket(ctx, r)
}

// watched is a driver whose metrics a test reads.
type watched struct {
	*harness.Running

	reader *sdkmetric.ManualReader
}

// collect reads the metrics, by their names.
func (w watched) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	all := map[string]metricdata.Metrics{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

// create asks for a bucket and compares the code of the answer.
func (w watched) create(ctx context.Context, t *testing.T, name string, want codes.Code) {
	t.Helper()
	_, err := cosi.NewProvisionerClient(w.Conn).DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name})
	if status.Code(err) != want {
		t.Errorf("bucket %q: got %v, want %s", name, err, want)
	}
}

// TestMetrics provokes every metric from the outside, and compares what a reader gets with the table in docs/operations.md.
func TestMetrics(t *testing.T) {
	t.Parallel()
	documented := documentedMetrics(t)
	synctest.Test(t, func(t *testing.T) {
		var unready atomic.Bool
		server := &troubled{release: make(chan struct{})}
		server.Delete = func(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
			return nil, status.Error(codes.NotFound, "gone")
		}
		reader := sdkmetric.NewManualReader()
		w := watched{reader: reader, Running: harness.Serve(t, server,
			gocosi.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))),
			gocosi.WithReady(func(context.Context) error {
				if unready.Load() {
					return errors.New("the store is away")
				}
				return nil
			}))}
		compareValues(t, "at the start", w.collect(t), fromTheStart())

		want := fromTheStart()
		w.provoke(t, server, want)
		compareValues(t, "after trouble", w.collect(t), want)
		for name, got := range w.collect(t) {
			compareText(t, name, described(got), documented[name])
			delete(documented, name)
		}
		if len(documented) > 0 {
			t.Errorf("the table has %q, want only metrics that a driver has", slices.Collect(maps.Keys(documented)))
		}

		w.checkReady(t, 1)
		unready.Store(true)
		w.checkReady(t, 0)
		unready.Store(false)
		w.checkReady(t, 1)
		if err := w.Wait(t); err != nil {
			t.Error(err)
		}
		// The provider lives on.
		for _, name := range []string{"gocosi.rpc.active_calls", "gocosi.driver.ready", "gocosi.build.info"} {
			if m, ok := w.collect(t)[name]; ok && len(values(m)) > 0 {
				t.Errorf("%s is %v after the end, want none", name, values(m))
			}
		}
	})
}

// fromTheStart returns what every counter is when nothing has happened: a series for each method and each rule.
func fromTheStart() map[string]int64 {
	want := map[string]int64{"gocosi.driver.ready": 0, "gocosi.rpc.unserved_calls": 0, "gocosi.build.info gocosi.generation=v1alpha1": 1}
	rules := map[string][2]string{ // of requests, and of answers
		"Identity/DriverGetInfo":               {"", "INFO-2 INFO-3 GEN-16"},
		"Provisioner/DriverCreateBucket":       {"CREATE-2 GEN-9", "CREATE-5 GEN-9 GEN-16"},
		"Provisioner/DriverDeleteBucket":       {"DELETE-1 GEN-9", "GEN-16"},
		"Provisioner/DriverGrantBucketAccess":  {"GRANT-1 GRANT-2 GRANT-3 GEN-9", "GRANT-6 GRANT-7 GRANT-8 GRANT-9 GRANT-10 GEN-9 GEN-16"},
		"Provisioner/DriverRevokeBucketAccess": {"REVOKE-1 REVOKE-2 GEN-9", "GEN-16"},
	}
	translated := map[string]string{"DriverDeleteBucket": "DELETE-2", "DriverGrantBucketAccess": "GRANT-11", "DriverRevokeBucketAccess": "REVOKE-4"}
	for name, by := range rules {
		method := "rpc.method=cosi.v1alpha1." + name
		for _, metric := range []string{"gocosi.rpc.active_calls", "gocosi.rpc.panics", "gocosi.rpc.missed_deadlines"} {
			want[metric+" "+method] = 0
		}
		if service, short, _ := strings.Cut(name, "/"); service == "Provisioner" {
			want["gocosi.bucket.refusals "+method] = 0
			if rule, ok := translated[short]; ok {
				want["gocosi.rpc.translations gocosi.rule="+rule+" "+method] = 0
			}
		}
		for rule := range strings.FieldsSeq(by[0]) {
			want["gocosi.rpc.request.refusals gocosi.rule="+rule+" "+method] = 0
		}
		for rule := range strings.FieldsSeq(by[1]) {
			want["gocosi.rpc.response.refusals gocosi.rule="+rule+" "+method] = 0
		}
	}
	for _, method := range []string{"Check", "List"} {
		want["gocosi.rpc.panics rpc.method=grpc.health.v1.Health/"+method] = 0
		want["gocosi.rpc.missed_deadlines rpc.method=grpc.health.v1.Health/"+method] = 0
	}
	want["gocosi.rpc.panics rpc.method=grpc.health.v1.Health/Watch"] = 0
	return want
}

// provoke makes trouble of every kind and adds it to what the metrics are to tell.
func (w watched) provoke(t *testing.T, server *troubled, want map[string]int64) {
	t.Helper()
	const deadline = 2 * time.Minute // the default
	ctx := t.Context()
	w.create(ctx, t, "panic", codes.Internal)
	want["gocosi.rpc.panics rpc.method="+create]++
	w.create(ctx, t, "", codes.InvalidArgument)
	want["gocosi.rpc.request.refusals gocosi.rule=CREATE-2 rpc.method="+create]++
	w.create(ctx, t, "nothing", codes.Internal)
	want["gocosi.rpc.response.refusals gocosi.rule=GEN-16 rpc.method="+create]++
	w.create(ctx, t, "nameless", codes.Internal)
	want["gocosi.rpc.response.refusals gocosi.rule=CREATE-5 rpc.method="+create]++
	if _, err := cosi.NewProvisionerClient(w.Conn).DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: "b"}); err != nil {
		t.Error(err)
	}
	want["gocosi.rpc.translations gocosi.rule=DELETE-2 rpc.method="+remove]++
	if err := w.Conn.Invoke(ctx, "/cosi.v1alpha2.Provisioner/DriverCreateBucket", &emptypb.Empty{}, &emptypb.Empty{}); status.Code(err) != codes.Unimplemented {
		t.Errorf("a method that is not served: %v", err)
	}
	want["gocosi.rpc.unserved_calls"]++
	w.create(ctx, t, "obedient", codes.DeadlineExceeded)
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	w.create(short, t, "obedient", codes.DeadlineExceeded)
	want["gocosi.rpc.missed_deadlines rpc.method="+create] += 2

	// A call ignores its deadline. Another one waits for its bucket in vain, and a third one until it is free.
	answered := make(chan struct{}, 2)
	go func() { w.create(ctx, t, "deaf", codes.OK); answered <- struct{}{} }()
	synctest.Wait()
	w.create(ctx, t, "deaf", codes.Aborted)
	want["gocosi.bucket.refusals rpc.method="+create]++
	time.Sleep(time.Second)
	want["gocosi.rpc.missed_deadlines rpc.method="+create]++
	go func() { w.create(ctx, t, "deaf", codes.OK); answered <- struct{}{} }()
	synctest.Wait()
	during := maps.Clone(want)
	during["gocosi.rpc.active_calls rpc.method="+create] = 2
	compareValues(t, "during two calls", w.collect(t), during)
	time.Sleep(time.Second)
	close(server.release)
	<-answered
	<-answered
	synctest.Wait()
	waits, ok := w.collect(t)["gocosi.bucket.wait_time"].Data.(metricdata.Histogram[float64])
	if !ok || len(waits.DataPoints) != 1 || waits.DataPoints[0].Count != 2 || waits.DataPoints[0].Sum != (deadline+time.Second).Seconds() {
		t.Errorf("the waits are %+v, want one of %s and one of a second", waits.DataPoints, deadline)
	}
	if bounds := waits.DataPoints[0].Bounds; !slices.Contains(bounds, deadline.Seconds()) || bounds[len(bounds)-1] <= deadline.Seconds() {
		t.Errorf("the boundaries are %v, want some up to %s and beyond", bounds, deadline)
	}
}

// checkReady asks for the driver's health, and compares it with the metric.
func (w watched) checkReady(t *testing.T, want int64) {
	t.Helper()
	answer, err := w.Health(t, "")
	if err != nil || (answer == healthpb.HealthCheckResponse_SERVING) != (want == 1) {
		t.Errorf("health is %v, %v", answer, err)
	}
	if got := values(w.collect(t)["gocosi.driver.ready"])["gocosi.driver.ready"]; got != want {
		t.Errorf("the driver's readiness is %d, want %d", got, want)
	}
}

// compareValues compares the library's sums with the ones that are wanted, series by series.
func compareValues(t *testing.T, when string, all map[string]metricdata.Metrics, want map[string]int64) {
	t.Helper()
	got := map[string]int64{}
	for _, m := range all {
		maps.Copy(got, values(m))
	}
	for series, value := range got {
		if wanted, ok := want[series]; !ok || value != wanted {
			t.Errorf("%s: %s is %d, want %d (of a series that is wanted: %t)", when, series, value, wanted, ok)
		}
	}
	for series := range want {
		if _, ok := got[series]; !ok {
			t.Errorf("%s: no series %s", when, series)
		}
	}
}

// values returns the series of a sum by its name and attributes, but without versions.
func values(m metricdata.Metrics) map[string]int64 {
	all := map[string]int64{}
	sum, _ := m.Data.(metricdata.Sum[int64])
	for _, point := range sum.DataPoints {
		series := []string{m.Name}
		for _, a := range point.Attributes.ToSlice() {
			if !strings.HasSuffix(string(a.Key), ".version") {
				series = append(series, string(a.Key)+"="+a.Value.AsString())
			}
		}
		all[strings.Join(series, " ")] += point.Value
	}
	return all
}

// described words a metric as the document does: type, unit, and the attributes of all series.
func described(m metricdata.Metrics) string {
	var kind string
	keys := map[string]bool{}
	add := func(set attribute.Set) {
		for _, a := range set.ToSlice() {
			keys[string(a.Key)] = true
		}
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		if kind = "up-down counter"; data.IsMonotonic {
			kind = "counter"
		}
		for _, point := range data.DataPoints {
			add(point.Attributes)
		}
	case metricdata.Histogram[float64]:
		kind = "histogram"
		for _, point := range data.DataPoints {
			add(point.Attributes)
		}
	default:
		kind = fmt.Sprintf("%T", data)
	}
	return words(kind, m.Unit, slices.Collect(maps.Keys(keys)))
}

func words(kind, unit string, attributes []string) string {
	slices.Sort(attributes)
	return fmt.Sprintf("%s, %s, %v", kind, unit, attributes)
}

func compareText(t *testing.T, name, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %q, and docs/operations.md says %q", name, got, want)
	}
}

// documentedMetrics reads the table in docs/operations.md.
func documentedMetrics(t *testing.T) map[string]string {
	t.Helper()
	_, section, _ := strings.Cut(readFile(t, "docs/operations.md"), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n##")
	all := map[string]string{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.ReplaceAll(line, "`", ""), "|")
		if !strings.HasPrefix(line, "| `") || len(cells) != 8 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if all[cells[1]] = words(cells[2], cells[3], strings.Fields(cells[4])); cells[5] == "" || cells[6] == "" {
			t.Errorf("%s: want what it tells and what to do", cells[1])
		}
	}
	return all
}
