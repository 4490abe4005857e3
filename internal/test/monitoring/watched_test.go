package monitoring_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// fault makes what an alert tells of, again and again until it is told.
type fault struct {
	alert string
	make  func(ctx context.Context)
}

// TestPrometheusWatches lets a real Prometheus scrape real drivers, makes faults, and asks for the expressions of the alerts and the queries
// of the dashboard: no alert is true before its fault, each one is after it, and every query has something to show.
func TestPrometheusWatches(t *testing.T) {
	t.Parallel()
	tool(t, "prometheus")
	s3, azure := startStore(t, answerS3), startStore(t, answerAzure)
	drivers := []*driver{
		watch(t, app, troubled(t, "v9.8.7"), "X_COSI_RPC_TIMEOUT=33s"),
		watch(t, "cosi-s3", compile(t, filepath.Join(root, "examples", "s3"), "v9.8.7"), environmentOfS3(t, s3.URL)...),
		watch(t, "cosi-azure", compile(t, filepath.Join(root, "examples", "azure"), "v9.8.7"),
			"AZURE_STORAGE_ACCOUNT=account", "AZURE_STORAGE_KEY_FILE="+secret(t, "c2VjcmV0"), "AZURE_BLOB_ENDPOINT="+azure.URL),
	}
	jobs, rules, boards := map[string]string{}, []string{}, map[string]string{}
	for _, d := range drivers {
		jobs[d.job] = d.metrics
		folder := scaffold(t, d.job, d.job+".example.com")
		rules, boards[d.job] = append(rules, ruleFile(t, t.TempDir(), folder)), folder
		if said := promtool(t, []byte(d.scrape(t)), "check", "metrics"); said != "" {
			t.Logf("%s: promtool check metrics: %s", d.job, said)
		}
		if text := d.scrape(t); !strings.Contains(text, `gocosi_driver_version="v9.8.7"`) {
			t.Errorf("%s does not tell its version", d.job)
		}
	}
	p := startPrometheus(t, jobs, rules)
	for _, d := range drivers {
		go keepProbing(t.Context(), d)
	}
	for _, d := range drivers {
		if !p.is(t, `gocosi_driver_ready{job="`+d.job+`"} == 1`, true) {
			t.Fatalf("%s was not scraped as ready", d.job)
		}
		d.create(t.Context(), "good-bucket")
	}

	var stories sync.WaitGroup
	for _, d := range drivers {
		w := watcher{p, d, boards[d.job]}
		stories.Go(func() {
			switch d.job {
			case "cosi-s3":
				w.withStore(t, s3)
			case "cosi-azure":
				w.withStore(t, azure)
			default:
				w.without(t)
			}
		})
	}
	stories.Wait()
}

// watcher follows one driver.
type watcher struct {
	server

	*driver

	folder string // of a scaffold with its rules and its dashboard
}

// without makes the faults of a driver without a store of its own.
func (w watcher) without(t *testing.T) {
	w.quiet(t, "COSIDriverNotReady", "COSIStoreAway", "COSIStoreRefusesKey", "COSICallsFail", "COSIClaimsFail", "COSIDriverPanics",
		"COSIAnswersRefused", "COSICallsSlow", "COSIDeadlinesMissed", "COSIForeignSidecar", "COSIDriverRestarts", "COSIDriverAbsent")
	var slow sync.WaitGroup
	for _, bucket := range []string{"slow-bucket", "stuck-bucket", "stuck-bucket"} { // the last one waits for its turn in vain
		slow.Go(func() { w.create(t.Context(), bucket) })
	}
	w.told(t, fault{"COSIDriverPanics", w.creates("panic-bucket")})
	w.told(t, fault{"COSIStoreAway", w.creates("away-bucket")})
	w.told(t, fault{"COSIStoreRefusesKey", w.creates("key-bucket")})
	w.told(t, fault{"COSICallsFail", w.creates("defect-bucket")})
	w.told(t, fault{"COSIClaimsFail", w.creates("Bad")})
	w.told(t, fault{"COSIAnswersRefused", func(ctx context.Context) {
		_, _ = w.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
			BucketId: "empty", Name: "account", AuthenticationType: cosi.AuthenticationType_Key,
		})
	}})
	w.told(t, fault{"COSIForeignSidecar", func(ctx context.Context) {
		_ = w.conn.Invoke(ctx, "/cosi.v1alpha2.Provisioner/DriverCreateBucket", &emptypb.Empty{}, &emptypb.Empty{})
	}})
	w.told(t, fault{"COSIDeadlinesMissed", func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		w.create(ctx, "deaf-bucket")
	}})
	for range 3 { // for the dashboard
		_, _ = w.DriverDeleteBucket(t.Context(), &cosi.DriverDeleteBucketRequest{BucketId: "gone"})
		w.create(t.Context(), "")
		time.Sleep(time.Second) // a scrape
	}
	slow.Wait()
	w.told(t, fault{"COSICallsSlow", w.creates("good-bucket")})
	w.shows(t, "Requests to the store")
	for restarts := range 3 {
		w.process.Kill()
		w.start(t)
		if !w.is(t, fmt.Sprintf("changes(process_start_time_seconds{job=%q}[30m]) > %d", w.job, restarts), true) {
			t.Error("Prometheus did not see a new process")
		}
	}
	w.told(t, fault{"COSIDriverRestarts", func(context.Context) {}})
	w.process.Kill()
	w.told(t, fault{"COSIDriverAbsent", func(context.Context) {}})
}

// withStore makes the faults of a driver's store.
func (w watcher) withStore(t *testing.T, s *store) {
	w.quiet(t, "COSIDriverNotReady", "COSIStoreAway", "COSIStoreRefusesKey")
	s.hangs.Store(true)
	w.told(t, fault{"COSIDriverNotReady", func(context.Context) {}})
	s.hangs.Store(false)
	w.quiet(t, "COSIDriverNotReady")
	s.refuses.Store(true)
	w.told(t, fault{"COSIStoreRefusesKey", w.creates("good-bucket")})
	w.told(t, fault{"COSIDriverNotReady", func(context.Context) {}})
	w.shows(t, "Trouble", "Duration of calls")
	s.CloseClientConnections()
	s.Listener.Close()
	w.told(t, fault{"COSIStoreAway", w.creates("good-bucket")})
}

// creates asks for a bucket.
func (w watcher) creates(bucket string) func(context.Context) {
	return func(ctx context.Context) { w.create(ctx, bucket) }
}

// quiet checks that alerts are not true.
func (w watcher) quiet(t *testing.T, names ...string) {
	for _, alert := range names {
		if !w.is(t, w.expr(t, alert), false) {
			t.Errorf("%s: %s is true before its fault", w.job, alert)
		}
	}
}

// told makes a fault until its alert is true.
func (w watcher) told(t *testing.T, f fault) {
	begin := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for ctx.Err() == nil {
			f.make(ctx)
			time.Sleep(250 * time.Millisecond)
		}
	}()
	if !w.is(t, w.expr(t, f.alert), true) {
		t.Errorf("%s: %s is not true after its fault", w.job, f.alert)
		return
	}
	t.Logf("| %s | `%s` | false, then true after %s |", w.job, f.alert, time.Since(begin).Round(100*time.Millisecond))
}

// expr returns what an alert asks for.
func (w watcher) expr(t *testing.T, alert string) string {
	for _, rule := range alerts(t, w.folder) {
		if rule.Alert == alert {
			return rule.Expr.String()
		}
	}
	t.Errorf("there is no alert %s", alert)
	return ""
}

// shows checks that every panel has something to show, but those of rows and those panels that are left out.
func (w watcher) shows(t *testing.T, leftOut ...string) {
	text := read(t, w.folder, "deploy", "monitoring", "dashboard.json")
	fill := strings.NewReplacer("$job", w.job, "$__rate_interval", "2m", "$__range", "5m")
	row := ""
	for _, panel := range panels(t, text) {
		if panel.Type == "row" {
			row = panel.Title
		}
		for _, target := range panel.Targets {
			count, err := w.series(t.Context(), fill.Replace(target.Expr))
			if err != nil {
				t.Error(err)
			}
			if strings.Contains(strings.Join(leftOut, "\n"), row) || strings.Contains(strings.Join(leftOut, "\n"), panel.Title) {
				continue
			}
			if count == 0 {
				t.Errorf("%s: %q has nothing to show for %s", w.job, panel.Title, target.Expr)
			}
			t.Logf("| %s | %s | %s | %d series |", w.job, row, panel.Title, count)
		}
	}
}

// keepProbing asks for a driver's health, and gives up after two seconds, as the kubelet does after some.
func keepProbing(ctx context.Context, d *driver) {
	for ; ctx.Err() == nil; time.Sleep(time.Second) {
		impatient, cancel := context.WithTimeout(ctx, 2*time.Second)
		_ = d.probe(impatient)
		cancel()
	}
}

// environmentOfS3 returns the settings of examples/s3.
func environmentOfS3(t *testing.T, endpoint string) []string {
	return []string{
		"S3_ENDPOINT=" + endpoint, "S3_IAM_ENDPOINT=" + endpoint, "S3_REGION=us-east-1", "S3_INSECURE=true",
		"S3_ACCESS_KEY_FILE=" + secret(t, "accesskey"), "S3_SECRET_KEY_FILE=" + secret(t, "secretsecret"),
		"S3_SEAL_KEY_FILE=" + secret(t, strings.Repeat("A", 43)+"="),
	}
}

// secret writes a file of its own for a secret.
func secret(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
