package driver_test

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
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// measured reads what a driver measures of its requests.
type measured struct {
	provider *sdkmetric.MeterProvider
	reader   *sdkmetric.ManualReader
}

func newMeasured() measured {
	reader := sdkmetric.NewManualReader()
	return measured{sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), reader}
}

// series returns the one metric that there is; nil before the first request.
func (m measured) series(t *testing.T) *metricdata.Metrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := m.reader.Collect(context.WithoutCancel(t.Context()), &data); err != nil {
		t.Fatal(err)
	}
	var all []metricdata.Metrics
	for _, scope := range data.ScopeMetrics {
		all = append(all, scope.Metrics...)
	}
	if len(all) > 1 {
		t.Fatalf("there are %d metrics of requests, want one", len(all))
	}
	for _, one := range all {
		return &one
	}
	return nil
}

func points(one *metricdata.Metrics) []metricdata.HistogramDataPoint[float64] {
	if one == nil {
		return nil
	}
	return one.Data.(metricdata.Histogram[float64]).DataPoints
}

// count counts requests by the values of some attributes.
func (m measured) count(t *testing.T, keys ...attribute.Key) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, point := range points(m.series(t)) {
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
func (m measured) outcome(t *testing.T) map[string]int {
	t.Helper()
	return m.count(t, "rpc.method", "http.request.method", "http.response.status_code", "error.type")
}

func compareCounts(t *testing.T, what string, got, want map[string]int) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: measured are %v, want %v", what, got, want)
	}
}

// TestMeasuredLife compares what the driver measures with what the store is asked for, by operation.
func TestMeasuredLife(t *testing.T) {
	t.Parallel()
	measureLife(t, gatewaySite(embedded))
}

func measureLife(t *testing.T, store site) {
	t.Helper()
	g, s := newGate(t, &watch{store: store})
	var mu sync.Mutex
	asked := map[string]int{}
	g.between(func(q seen, w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[map[service]string{ofS3: "S3", ofIAM: "IAM", ofAdmin: "Ceph"}[q.service]+"/"+q.operation]++
		mu.Unlock()
		q.pass(w, r)
	})
	m := newMeasured()
	s = s.Tuned(nil, time.Millisecond).Measured(m.provider)
	s.Owner = "owner-" + unique() // other tests have accounts there, sealed by other keys, which Reseal would read too
	bucket, account := "measured-"+unique(), "ba-"+unique()
	liveMeasured(t, store, s, bucket, account)
	mu.Lock()
	defer mu.Unlock()
	compareCounts(t, "a life", m.count(t, "rpc.method"), asked)
	if len(asked) < 10 {
		t.Errorf("the store was asked for %v only", asked)
	}
}

// liveMeasured makes every call, of several drivers, and empties a bucket with versions and an upload.
func liveMeasured(t *testing.T, store site, s driver.Settings, bucket, account string) {
	t.Helper()
	everything := map[string]string{"versioning": "true", "emptyOnDelete": "true"}
	conn, _ := start(t, s)
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	c := callerOn(conn)
	c.create(t, bucket, everything)
	c.create(t, bucket, everything)
	for range 2 {
		if _, err := store.administrator.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &account}); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.administrator.s3.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &account}); err != nil {
		t.Error(err)
	}
	id := c.grant(t, bucket, account, nil).GetAccountId()
	another := s
	another.NoCreationTags = true
	c = connect(t, another)
	c.grant(t, bucket, account, nil)
	if store.kind == driver.AWS {
		if _, err := driver.Reseal(t.Context(), s); err != nil {
			t.Error(err)
		}
	}
	c.revoke(t, bucket, id)
	c.revoke(t, bucket, id)
	c.delete(t, bucket, everything)
	c.delete(t, bucket, everything)
	c.create(t, bucket, nil)
	c.delete(t, bucket, nil)
}

// doer answers in the place of a client of HTTP.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// provoked is a fault of one request, and what is measured then.
type provoked struct {
	answer interference // nil: nobody answers
	client doer
	want   map[string]int
}

// provokedFaults lists what can become of a request that creates a bucket.
func provokedFaults(cancel func()) map[string]provoked {
	refuse := func(status int, body string) interference {
		return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	failing := func(err error) doer { return func(*http.Request) (*http.Response, error) { return nil, err } }
	const request = "S3/CreateBucket PUT "
	return map[string]provoked{
		"key refused":  {answer: refuse(403, "<Error><Code>AccessDenied</Code></Error>"), want: map[string]int{request + "403 403": 1}},
		"busy":         {answer: refuse(503, "<Error><Code>SlowDown</Code></Error>"), want: map[string]int{request + "503 503": 3}},
		"redirect":     {answer: refuse(301, "<Error><Code>PermanentRedirect</Code></Error>"), want: map[string]int{request + "301 301": 1}},
		"portal":       {answer: refuse(200, "<html>Sign in</html>"), want: map[string]int{request + "200 not_the_store": 1}},
		"proxy":        {answer: refuse(502, "<html>Bad gateway</html>"), want: map[string]int{request + "502 not_the_store": 3}},
		"hangs up":     {answer: func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }, want: map[string]int{request + "connection_failed": 3}},
		"refused":      {want: map[string]int{request + "connection_failed": 3}},
		"silent":       {answer: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { wait(r) }, want: map[string]int{request + "timeout": 1}},
		"canceled":     {answer: func(_ http.ResponseWriter, r *http.Request, _ http.Handler) { cancel(); wait(r) }, want: map[string]int{request + "canceled": 1}},
		"no such name": {client: failing(&net.DNSError{Err: "no such host", Name: "secret.example.com", IsNotFound: true}), want: map[string]int{request + "name_not_resolved": 1}},
		"odd":          {client: failing(errors.New("secret")), want: map[string]int{request + "_OTHER": 3}},
	}
}

// wait reads a request to its end, so that the server sees when its client goes, and waits for that.
func wait(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestMeasuredFaults provokes every value of error.type, and compares them with docs/operations.md.
func TestMeasuredFaults(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for name, fault := range provokedFaults(cancel) {
		p, s := behindProxy(t, embedded)
		m := newMeasured()
		s = s.Measured(m.provider).Bounded(0, map[bool]time.Duration{true: 50 * time.Millisecond}[name == "silent"])
		switch {
		case fault.client != nil:
			s = s.Tuned(fault.client, time.Millisecond)
		case fault.answer != nil:
			p.do(fault.answer)
			fallthrough
		default:
			s = s.Tuned(nil, time.Millisecond)
		}
		if fault.client == nil && fault.answer == nil {
			p.s3.Close()
		}
		calling := t.Context()
		if name == "canceled" {
			calling = ctx
		}
		if _, err := driver.NewProvisioner(s).DriverCreateBucket(calling, &cosi.DriverCreateBucketRequest{Name: "measured-" + unique()}); err == nil {
			t.Errorf("%s: no error", name)
		}
		compareCounts(t, name, m.outcome(t), fault.want)
		m.compareDocument(t)
		maps.Copy(told, m.errorTypes(t))
	}
	maps.Copy(told, untrusted(t))
	want := documentedErrors(t)
	if got := slices.Sorted(maps.Keys(told)); !slices.Equal(got, want) {
		t.Errorf("the values of error.type are %q, and docs/operations.md has %q", got, want)
	}
}

// untrusted meets a store whose certificate nobody knows.
func untrusted(t *testing.T) map[string]bool {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	s := settings(t, embedded)
	s.Endpoint = server.URL
	m := newMeasured()
	_, err := driver.NewProvisioner(s.Tuned(nil, time.Millisecond).Measured(m.provider)).
		DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "measured-" + unique()})
	compareCounts(t, fmt.Sprint("unknown certificate: ", err), m.outcome(t), map[string]int{"S3/CreateBucket PUT server_certificate_invalid": 3})
	return m.errorTypes(t)
}

// errorTypes returns the words, not the statuses.
func (m measured) errorTypes(t *testing.T) map[string]bool {
	t.Helper()
	words := map[string]bool{}
	for word := range m.count(t, "error.type") {
		if word != "" && !regexp.MustCompile(`^[345]\d\d$`).MatchString(word) {
			words[word] = true
		}
	}
	return words
}

// TestMeasuredAbsence shows that what is not there is a failure of the request, as the conventions say, and none of the call.
func TestMeasuredAbsence(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	c := connect(t, settings(t, embedded).Measured(m.provider))
	c.delete(t, "measured-"+unique(), nil)
	compareCounts(t, "delete of nothing", m.outcome(t), map[string]int{
		"S3/GetBucketTagging GET 404 404": 1, "S3/DeleteBucket DELETE 404 404": 1,
	})
	m.compareDocument(t)
}

// TestMeasuredServer shows that a bucket's name is in no attribute, where it is a part of the host's.
func TestMeasuredServer(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"https://store.example.com":          "store.example.com 443",
		"http://store.example.com":           "store.example.com 80",
		"http://store.example.com:7480/path": "store.example.com 7480",
		"http://[::1]:7480":                  "::1 7480",
	} {
		m := newMeasured()
		host := ""
		s := settings(t, embedded)
		s.Endpoint, s.VirtualHosted = endpoint, !strings.Contains(endpoint, "[")
		s = s.Measured(m.provider).Tuned(doer(func(r *http.Request) (*http.Response, error) {
			host = r.URL.Host
			return nil, errors.New("away")
		}), time.Millisecond)
		_, _ = driver.NewProvisioner(s).DriverCreateBucket(t.Context(), &cosi.DriverCreateBucketRequest{Name: "measured-bucket"})
		if s.VirtualHosted && !strings.HasPrefix(host, "measured-bucket.") {
			t.Errorf("%s: the request went to %q, want the bucket in the host's name", endpoint, host)
		}
		compareCounts(t, endpoint, m.count(t, "server.address", "server.port"), map[string]int{want: 3})
		for _, point := range points(m.series(t)) {
			if text := point.Attributes.Encoded(attribute.DefaultEncoder()); strings.Contains(text, "measured-bucket") {
				t.Errorf("%s: the attributes %s have the bucket's name", endpoint, text)
			}
		}
	}
}

// TestMeasuredCeph measures a life on Ceph, and what its admin API answers.
func TestMeasuredCeph(t *testing.T) {
	t.Parallel()
	f, s := newCephFake(t)
	m := newMeasured()
	conn, _ := start(t, s.Measured(m.provider))
	c := callerOn(conn)
	if _, err := healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Error(err)
	}
	id := c.grant(t, "bucket", "a", nil).GetAccountId()
	c.grant(t, "bucket", "a", nil)
	c.revoke(t, "bucket", id)
	want := map[string]int{
		"Ceph/GetUser GET 200": 4, "Ceph/CreateUser PUT 200": 1, "Ceph/CreateUser PUT 409 409": 1,
		"Ceph/RemoveUser DELETE 200": 1, "Ceph/RemoveUser DELETE 404 404": 1,
		"S3/GetBucketTagging GET 200": 2, "IAM/PutUserPolicy POST 200": 2,
	}
	compareCounts(t, "a life", m.outcome(t), want)
	f.mu.Lock()
	asked := len(f.asked)
	f.mu.Unlock()
	if all := m.count(t)[""]; all != asked {
		t.Errorf("measured are %d requests, and the store got %d", all, asked)
	}
	for answer, wanted := range map[string]http.HandlerFunc{
		"403 403": cephRefusal(403, "AccessDenied"), "503 503": cephRefusal(503, "SlowDown"),
		"200 not_the_store": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Sign in</html>") },
		"connection_failed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		f.mu.Lock()
		f.between = func(string) http.HandlerFunc { return wanted }
		f.mu.Unlock()
		m := newMeasured()
		_, _ = driver.NewProvisioner(s.Measured(m.provider)).
			DriverRevokeBucketAccess(t.Context(), &cosi.DriverRevokeBucketAccessRequest{BucketId: "bucket", AccountId: "a"})
		got := m.outcome(t)
		if got["Ceph/RemoveUser DELETE "+answer] == 0 || len(got) != 1 {
			t.Errorf("measured are %v, want %s", got, answer)
		}
		m.compareDocument(t)
	}
}

// compareDocument compares the metric with its row in docs/operations.md.
func (m measured) compareDocument(t *testing.T) {
	t.Helper()
	one := m.series(t)
	if one == nil {
		t.Error("nothing is measured")
		return
	}
	row := documentedRow(t)
	if want := []string{"`" + one.Name + "`", "histogram", "`" + one.Unit + "`"}; !slices.Equal(row[:3], want) {
		t.Errorf("docs/operations.md has %q, and the metric is %q", row[:3], want)
	}
	for _, point := range points(one) {
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
		if last := point.Bounds[len(point.Bounds)-1]; last < 15 {
			t.Errorf("the boundaries end at %v s, want more than the longest request", last)
		}
	}
}

// operationsSection returns the part of docs/operations.md about requests to the store.
func operationsSection(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(packageDir, "..", "..", "..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n### Requests to the store\n")
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
