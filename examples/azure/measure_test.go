package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
)

// gauge reads what a driver measures of its requests.
type gauge struct {
	provider *sdkmetric.MeterProvider
	reader   *sdkmetric.ManualReader
}

func newGauge() gauge {
	reader := sdkmetric.NewManualReader()
	return gauge{sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), reader}
}

// driver is one whose requests are measured.
func (g gauge) driver(t *testing.T, endpoint string, transport http.RoundTripper) *provisioner {
	t.Helper()
	env := map[string]string{envAccount: "acme", envKeyFile: keyFile(t, exampleKey), envEndpoint: endpoint}
	s, err := readSettings(func(name string) string { return env[name] })
	must(t, err)
	s.meter = g.provider
	w := usualWaits()
	w.first, w.most = time.Millisecond, time.Millisecond
	p, err := newProvisionerOver(s, w, transport)
	must(t, err)
	return p
}

// series returns the one metric that there is.
func (g gauge) series(t *testing.T) metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	must(t, g.reader.Collect(context.WithoutCancel(t.Context()), &data))
	if len(data.ScopeMetrics) != 1 || len(data.ScopeMetrics[0].Metrics) != 1 {
		t.Fatalf("the metrics of requests are %v, want one", data.ScopeMetrics)
	}
	return data.ScopeMetrics[0].Metrics[0]
}

func (g gauge) points(t *testing.T) []metricdata.HistogramDataPoint[float64] {
	t.Helper()
	return g.series(t).Data.(metricdata.Histogram[float64]).DataPoints
}

// count counts requests by the values of some attributes.
func (g gauge) count(t *testing.T, keys ...attribute.Key) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, point := range g.points(t) {
		var values []string
		for _, key := range keys {
			if value, ok := point.Attributes.Value(key); ok {
				values = append(values, value.String())
			}
		}
		count[strings.Join(values, " ")] += int(point.Count)
	}
	return count
}

// outcome returns what became of each request, without where it went.
func (g gauge) outcome(t *testing.T) map[string]int {
	t.Helper()
	return g.count(t, "rpc.method", "http.request.method", "http.response.status_code", "error.type")
}

func compareCounts(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: measured are %v, want %v", what, got, want)
	}
}

// healthyStore answers as a store without trouble, and counts by what is on the wire.
type healthyStore struct {
	*fakeClient

	asked map[string]int
}

func (s *healthyStore) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	s.asked[wireNames[r.Method+" "+r.URL.Query().Get("restype")+" "+r.URL.Query().Get("comp")]]++
	s.mu.Unlock()
	if r.URL.Query().Get("restype") == "service" {
		return fakeAnswer(200, http.Header{"X-Ms-Version": {sasVersion}, "Date": {time.Now().UTC().Format(http.TimeFormat)}},
			"<StorageServiceProperties></StorageServiceProperties>"), nil
	}
	q, _ := requestOf(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.do(r, q, strings.TrimPrefix(r.URL.Path, "/acme/"), body), nil
}

// wireNames are Azure's names of requests, by what is on the wire.
var wireNames = map[string]string{
	"PUT container ": "Blob/CreateContainer", "GET container ": "Blob/GetContainerProperties", "GET container list": "Blob/ListBlobs",
	"DELETE container ": "Blob/DeleteContainer", "GET container acl": "Blob/GetContainerACL", "PUT container acl": "Blob/SetContainerACL",
	"PUT container lease": "Blob/RenewContainerLease", "GET service properties": "Blob/GetBlobServiceProperties",
}

// TestMeasuredLife compares what the driver measures with what the store is asked for, by operation: each one there is.
func TestMeasuredLife(t *testing.T) {
	t.Parallel()
	store := &fakeStore{now: map[string]*fakeContainer{}, secret: exampleKey, watch: func() {}}
	transport := &healthyStore{&fakeClient{store, throw(1, "life"), "life"}, map[string]int{}}
	g := newGauge()
	p, ctx := g.driver(t, "https://acme.example.com/acme", currentReads{transport}), t.Context()
	must(t, p.ready(ctx))
	must(t, create(ctx, p, "bucket", nil))
	must(t, create(ctx, p, "bucket", nil))
	access := mustGrant(t, p, "bucket", "ba", nil)
	must(t, revoke(ctx, p, "bucket", access.account))
	must(t, remove(ctx, p, "bucket", nil))
	must(t, remove(ctx, p, "bucket", map[string]string{emptyOnDelete: yes}))
	compareCounts(t, "a life", g.count(t, "rpc.method"), transport.asked)
	for _, each := range requests() {
		if transport.asked[each.operation()] == 0 {
			t.Errorf("the life has no request %s", each.operation())
		}
	}
	g.compareDocument(t)
}

// currentReads keeps the store's reads from being late.
type currentReads struct{ store *healthyStore }

func (c currentReads) RoundTrip(r *http.Request) (*http.Response, error) {
	c.store.mu.Lock()
	c.store.before = nil
	c.store.mu.Unlock()
	return c.store.RoundTrip(r)
}

// tripper answers in the place of a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestMeasuredFaults provokes every value of error.type, and compares them with docs/operations.md.
func TestMeasuredFaults(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	code := func(status int, code string) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, status, code) }
	}
	plain := func(status int) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			_, _ = io.WriteString(rw, "<html>Sign in</html>")
		}
	}
	silent := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }
	failing := func(err error) http.RoundTripper {
		return tripper(func(*http.Request) (*http.Response, error) { return nil, err })
	}
	const request = "Blob/CreateContainer PUT "
	var mu sync.Mutex
	told := map[string]bool{}
	for name, test := range map[string]struct {
		answer    http.HandlerFunc  // nil: nobody listens
		transport http.RoundTripper // nil: the driver's own
		want      map[string]int
	}{
		"key refused":  {answer: code(403, "AuthenticationFailed"), want: map[string]int{request + "403 403": 1}},
		"busy":         {answer: code(503, "ServerBusy"), want: map[string]int{request + "503 503": 3}},
		"bad gateway":  {answer: plain(502), want: map[string]int{request + "502 502": 3}},
		"redirect":     {answer: plain(302), want: map[string]int{request + "302 302": 1}},
		"portal":       {answer: plain(200), want: map[string]int{request + "200 not_the_store": 1}},
		"not found":    {answer: plain(404), want: map[string]int{request + "404 not_the_store": 1}},
		"hangs up":     {answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, want: map[string]int{request + "connection_failed": 3}},
		"refused":      {want: map[string]int{request + "connection_failed": 3}},
		"silent":       {answer: silent, want: map[string]int{request + "timeout": 3}},
		"canceled":     {answer: func(rw http.ResponseWriter, r *http.Request) { cancel(); silent(rw, r) }, want: map[string]int{request + "canceled": 1}},
		"no such name": {transport: failing(&net.DNSError{Err: "no such host", Name: "secret.example.com", IsNotFound: true}), want: map[string]int{request + "name_not_resolved": 3}},
		"certificate":  {transport: http.DefaultTransport, want: map[string]int{request + "server_certificate_invalid": 3}},
		"odd":          {transport: failing(errors.New("secret")), want: map[string]int{request + "_OTHER": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewUnstartedServer(test.answer)
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			if name == "certificate" {
				server.StartTLS()
			} else {
				server.Start()
			}
			t.Cleanup(server.Close)
			g := newGauge()
			transport := test.transport
			switch {
			case transport != nil:
			case name == "silent":
				own := newTransport()
				own.ResponseHeaderTimeout = 50 * time.Millisecond
				transport = own
			default:
				transport = newTransport()
			}
			if test.answer == nil && name != "certificate" {
				server.Close()
			}
			calling := t.Context()
			if name == "canceled" {
				calling = ctx
			}
			if err := create(calling, g.driver(t, server.URL+"/acme", transport), "bucket", nil); err == nil {
				t.Error("no error")
			}
			compareCounts(t, name, g.outcome(t), test.want)
			g.compareDocument(t)
			mu.Lock()
			defer mu.Unlock()
			maps.Copy(told, g.errorTypes(t))
		})
	}
	if got, want := slices.Sorted(maps.Keys(told)), documentedErrors(t); !slices.Equal(got, want) {
		t.Errorf("the values of error.type are %q, and docs/operations.md has %q", got, want)
	}
}

// A try that takes its own time is slow, whatever the transport says of it.
func TestMeasuredTryTimeout(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errTooSlow)
	defer cancel()
	<-ctx.Done()
	if got := errorType(ctx, 0, errTooSlow); got != tookTooLong {
		t.Errorf("error.type is %q, want %q", got, tookTooLong)
	}
}

// TestMeasuredAbsence shows that what is not there is a failure of the request, as the conventions say, and none of the call.
func TestMeasuredAbsence(t *testing.T) {
	t.Parallel()
	g := newGauge()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { refuse(rw, 404, "ContainerNotFound") }))
	t.Cleanup(server.Close)
	must(t, remove(t.Context(), g.driver(t, server.URL+"/acme", newTransport()), "bucket", nil))
	compareCounts(t, "delete of nothing", g.outcome(t), map[string]int{
		"Blob/GetContainerProperties GET 404 404": 1, "Blob/RenewContainerLease PUT 404 404": 1,
	})
}

// TestMeasuredServer shows where a request went, and no container's name in any attribute.
func TestMeasuredServer(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://acme.blob.core.windows.net": "acme.blob.core.windows.net 443",
		"http://localhost:10000/acme":        "localhost 10000",
		"http://[::1]/acme":                  "::1 80",
	} {
		g := newGauge()
		_ = create(t.Context(), g.driver(t, endpoint, tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("away") })), "my-bucket", nil)
		compareCounts(t, endpoint, g.count(t, "server.address", "server.port"), map[string]int{want: 3})
		for _, point := range g.points(t) {
			if text := point.Attributes.Encoded(attribute.DefaultEncoder()); strings.Contains(text, "my-bucket") {
				t.Errorf("%s: the attributes %s have the container's name", endpoint, text)
			}
		}
	}
}

// TestMeasuredUnknown shows that a request which the driver does not know makes no name of its own.
func TestMeasuredUnknown(t *testing.T) {
	t.Parallel()
	g := newGauge()
	p := g.driver(t, "https://acme.example.com/acme", tripper(func(*http.Request) (*http.Response, error) { return fakeAnswer(200, nil, ""), nil }))
	_, _ = p.container("bucket").NewBlobClient("blob").GetProperties(t.Context(), nil)
	compareCounts(t, "another request", g.outcome(t), map[string]int{"_OTHER HEAD 200 not_the_store": 1})
}

// errorTypes returns the words, not the statuses.
func (g gauge) errorTypes(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for word := range g.count(t, "error.type") {
		if word != "" && !regexp.MustCompile(`^[345]\d\d$`).MatchString(word) {
			words[word] = true
		}
	}
	return words
}

// compareDocument compares the metric with its row in docs/operations.md.
func (g gauge) compareDocument(t *testing.T) {
	t.Helper()
	one, row := g.series(t), documentedRow(t)
	if want := []string{"`" + one.Name + "`", "histogram", "`" + one.Unit + "`"}; !slices.Equal(row[:3], want) {
		t.Errorf("docs/operations.md has %q, and the metric is %q", row[:3], want)
	}
	for _, point := range g.points(t) {
		for iter := point.Attributes.Iter(); iter.Next(); {
			if key := string(iter.Attribute().Key); !strings.Contains(row[3], "`"+key+"`") {
				t.Errorf("docs/operations.md lacks the attribute %s", key)
			}
		}
		for key := range strings.FieldsSeq(row[3]) {
			key = strings.Trim(key, "`")
			if optional := key == "error.type" || key == "http.response.status_code"; !optional && !point.Attributes.HasValue(attribute.Key(key)) {
				t.Errorf("a request has no %s: %s", key, point.Attributes.Encoded(attribute.DefaultEncoder()))
			}
		}
		if last := point.Bounds[len(point.Bounds)-1]; last <= tryTimeout.Seconds() {
			t.Errorf("the boundaries end at %v s, want more than the longest request", last)
		}
	}
}

// operationsSection returns the part of docs/operations.md about requests to the store.
func operationsSection(t *testing.T) string {
	t.Helper()
	_, section, ok := strings.Cut(read(t, "../../docs/operations.md"), "\n### Requests to the store\n")
	if !ok {
		t.Fatal("docs/operations.md has no section about requests to the store")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

// documentedRow returns name, type, unit and attributes.
func documentedRow(t *testing.T) []string {
	t.Helper()
	for line := range strings.Lines(operationsSection(t)) {
		if cells := strings.Split(line, "|"); len(cells) > 5 && strings.HasPrefix(strings.TrimSpace(cells[1]), "`http.client") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			return cells[1:5]
		}
	}
	t.Fatal("docs/operations.md has no row of http.client.request.duration")
	return nil
}

// documentedErrors returns the values of error.type that are words, in order.
func documentedErrors(t *testing.T) []string {
	t.Helper()
	var words []string
	for _, found := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\|").FindAllStringSubmatch(operationsSection(t), -1) {
		words = append(words, found[1])
	}
	slices.Sort(words)
	return words
}

// envGlobal tells a child that OpenTelemetry's global provider is its own.
const envGlobal = "TEST_GLOBAL_METER_PROVIDER"

// TestMeasureGlobal shows, in a process of its own, that a request costs nothing more until the driver has a provider, and that
// the requests of a driver that was made before it go there.
func TestMeasureGlobal(t *testing.T) {
	if os.Getenv(envGlobal) != "" {
		measureGlobally(t)
		return
	}
	t.Parallel() // allocations are not counted beside other tests
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMeasureGlobal$", "-test.count=1")
	child.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, envAzurite+"=") }), envGlobal+"=true")
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// constant is a transport that does nothing.
type constant struct{ response *http.Response }

func (c constant) Do(*http.Request) (*http.Response, error) { return c.response, nil }

func measureGlobally(t *testing.T) {
	t.Helper()
	p := against(t, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) })
	m := newMeasured(p.settings, constant{&http.Response{StatusCode: http.StatusOK}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "https://acme.example.com/acme/bucket?restype=container", nil)
	if got := testing.AllocsPerRun(100, func() { _, _ = m.Do(r) }); got != 0 { //nolint:bodyclose // there is none
		t.Errorf("a request costs %v allocations while nobody measures", got)
	}
	reader := sdkmetric.NewManualReader()
	var data metricdata.ResourceMetrics
	runOnce(t, p, func() { must(t, reader.Collect(t.Context(), &data)) }, gocosi.WithMetricReader(reader), gocosi.WithGlobalMeterProvider())
	for _, each := range data.ScopeMetrics {
		if each.Scope.Name == scope {
			return
		}
	}
	t.Errorf("no requests are measured, want those of the health check: %v", data.ScopeMetrics)
}

// runOnce runs a driver, asks for its health, and does something before it ends.
func runOnce(t *testing.T, p *provisioner, then func(), options ...gocosi.Option) {
	t.Helper()
	folder, err := sockdir.Make()
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	endpoint := "unix://" + filepath.Join(folder, "cosi.sock")
	d, err := gocosi.New(gocosi.NewIdentity(driverName), p,
		append(options, gocosi.WithReady(p.ready), gocosi.WithEnvironment(nil), gocosi.WithDefaultEndpoint(endpoint))...)
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	_, err = d.Addr(ctx)
	must(t, err)
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(t, err)
	defer conn.Close()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	must(t, err)
	then()
	stop()
	must(t, <-ended)
}

// BenchmarkMeasured tells what measuring costs beside a request.
func BenchmarkMeasured(b *testing.B) {
	env := map[string]string{envAccount: "acme", envEndpoint: "https://acme.example.com/acme"}
	s, _ := readSettings(func(name string) string { return env[name] })
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPut, "https://acme.example.com/acme/bucket?restype=container", nil)
	for _, on := range []bool{false, true} {
		if on {
			s.meter = newGauge().provider
		}
		m := newMeasured(s, constant{&http.Response{StatusCode: http.StatusCreated}})
		b.Run(fmt.Sprint("on=", on), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = m.Do(r) //nolint:bodyclose // there is none
			}
		})
	}
}
