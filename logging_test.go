package gocosi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

func TestLineOfACall(t *testing.T) {
	t.Parallel()
	refused := status.Error(codes.OutOfRange, "too much")
	tests := map[string]struct {
		method string
		err    error
		failed bool
		fields string // after method, code and duration
	}{
		"read":            {"DriverGetInfo", nil, false, `"driver"="test.example.com"`},
		"create":          {"DriverCreateBucket", nil, false, `"bucket"="b" "bucket_id"="b"`},
		"delete":          {"DriverDeleteBucket", nil, false, `"bucket"="b"`},
		"grant":           {"DriverGrantBucketAccess", nil, false, `"bucket"="b" "account"="a" "account_id"="a"`},
		"revoke":          {"DriverRevokeBucketAccess", nil, false, `"bucket"="b" "account"="a"`},
		"failed create":   {"DriverCreateBucket", refused, true, `"bucket"="b" "answer"="too much"`},
		"failed revoke":   {"DriverRevokeBucketAccess", refused, true, `"bucket"="b" "account"="a" "answer"="too much"`},
		"forgiven delete": {"DriverDeleteBucket", status.Error(codes.NotFound, "gone"), false, `"bucket"="b"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logs
			d := start(t, failing(tt.err), gocosi.WithLogger(log.logger()))
			if tt.method == "DriverGetInfo" {
				lives(t, d)
			} else {
				_ = callMethod(timeout(t), d.conn, tt.method)
			}
			head := `"level"=0 "msg"="call done" "method"="%s" "code"="OK"`
			switch {
			case tt.failed:
				head = `"msg"="call failed" "error"="rpc error: code = OutOfRange desc = too much" "method"="%s" "code"="OutOfRange"`
			case tt.method == "DriverGetInfo":
				head = `"level"=1 "msg"="call done" "method"="%s" "code"="OK"`
			}
			want := fmt.Sprintf(head, tt.method) + ` "duration"="[0-9.]+[mµn]?s" ` + tt.fields
			if line := oneLine(t, &log, tt.method); !regexp.MustCompile("^" + want + "$").MatchString(line) {
				t.Errorf("got  %s\nwant %s", line, want)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	tests := map[int][]string{ // by verbosity, how many lines hold these words: one of each
		0: {`"call done" "method"="DriverCreateBucket"`, `"call failed"`},
		1: {`"call done" "method"="DriverCreateBucket"`, `"call failed"`, `"call done" "method"="DriverGetInfo"`},
		5: {
			`"call done" "method"="DriverCreateBucket"`, `"call failed"`, `"call done" "method"="DriverGetInfo"`,
			`"level"=5 "msg"="payload" "method"="DriverCreateBucket"`, `"level"=5 "msg"="payload" "method"="DriverGetInfo"`,
			`"level"=5 "msg"="payload" "method"="DriverDeleteBucket"`,
		},
	}
	for verbosity, want := range tests {
		t.Run(strconv.Itoa(verbosity), func(t *testing.T) {
			t.Parallel()
			var log logs
			sink := funcr.New(func(_, line string) { log.add(line) }, funcr.Options{Verbosity: verbosity})
			d := start(t, &handlers{delete: failing(status.Error(codes.Unavailable, "later")).delete}, gocosi.WithLogger(sink))
			lives(t, d)
			_ = callMethod(timeout(t), d.conn, "DriverCreateBucket")
			_ = callMethod(timeout(t), d.conn, "DriverDeleteBucket")
			if err := d.wait(t); err != nil {
				t.Fatal(err)
			}
			for _, words := range want {
				if found := log.lines(words); len(found) != 1 {
					t.Errorf("%d lines with %s, want 1: %q", len(found), words, found)
				}
			}
			if calls := append(log.lines(`"msg"="call `), log.lines(`"msg"="payload"`)...); len(calls) != len(want) {
				t.Errorf("%d lines about calls, want %d: %q", len(calls), len(want), calls)
			}
		})
	}
}

// add keeps a line.
func (l *logs) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, line)
}

func TestPayload(t *testing.T) {
	t.Parallel()
	var log logs
	sink := funcr.NewJSON(log.add, funcr.Options{Verbosity: 5})
	d := start(t, &handlers{}, gocosi.WithLogger(sink))
	_, err := cosi.NewProvisionerClient(d.conn).DriverGrantBucketAccess(timeout(t), &cosi.DriverGrantBucketAccessRequest{
		BucketId: "b", Name: "a", AuthenticationType: cosi.AuthenticationType_Key, Parameters: map[string]string{"tier": password},
	})
	if err != nil {
		t.Fatal(err)
	}
	type tree = map[string]any
	const masked = "[redacted]"
	want := tree{
		"logger": "", "level": 5.0, "msg": "payload", "method": "DriverGrantBucketAccess",
		"request": tree{"bucket_id": "b", "name": "a", "authentication_type": "Key", "parameters": tree{"tier": masked}},
		"response": tree{"account_id": "id-a", "credentials": tree{"s3": tree{"secrets": tree{
			"endpoint": masked, "region": masked, "accessKeyID": masked, "accessSecretKey": masked,
		}}}},
	}
	var got tree
	if err := json.Unmarshal([]byte(log.wait(t, "payload")), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
}

func TestTraceID(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	traced := func(ctx context.Context) context.Context {
		return metadata.AppendToOutgoingContext(ctx, "traceparent", "00-"+id+"-00f067aa0ba902b7-01")
	}
	tests := map[string]struct {
		options []gocosi.Option
		want    bool
	}{
		"on":  {[]gocosi.Option{gocosi.WithTracerProvider(sdktrace.NewTracerProvider())}, true},
		"off": {[]gocosi.Option{gocosi.WithoutTelemetry()}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logs
			d := start(t, &handlers{delete: failing(status.Error(codes.Unavailable, "later")).delete},
				append(tt.options, gocosi.WithLogger(log.logger()))...)
			for _, method := range []string{"DriverCreateBucket", "DriverDeleteBucket"} {
				_ = callMethod(traced(timeout(t)), d.conn, method)
				if line := oneLine(t, &log, method); strings.Contains(line, `"trace_id"="`+id+`"`) != tt.want {
					t.Errorf("telemetry %s: %s", name, line)
				}
			}
		})
	}
}

func TestWithoutLogger(t *testing.T) {
	t.Parallel()
	d := start(t, failing(status.Error(codes.NotFound, "gone")))
	for _, method := range []string{"DriverCreateBucket", "DriverDeleteBucket"} {
		_ = callMethod(timeout(t), d.conn, method)
	}
	lives(t, d)
}

func TestLineAtStart(t *testing.T) {
	t.Parallel()
	var log logs
	d := start(t, &handlers{}, gocosi.WithLogger(log.logger()), gocosi.WithoutTelemetry(),
		gocosi.WithDefaultSocketPerms(0o700), gocosi.WithDefaultRPCTimeout(time.Minute),
		env(map[string]string{gocosi.EnvCOSIEndpointPerms: "0770", gocosi.EnvCOSIShutdownTimeout: "20s", gocosi.EnvCOSIRPCTimeout: "3m"}))
	line := log.wait(t, "driver listening")
	for _, words := range []string{
		`"level"=0`, `"driver"="test.example.com"`, `"address"="unix://` + d.path + `"`, `"version"=`, `"gocosi"=`,
		`"traces"="off: turned off by WithoutTelemetry"`, `"metrics"="off: turned off by WithoutTelemetry"`,
		`"mode"="0770"`, fmt.Sprintf(`"uid"=%d "gid"=%d`, os.Getuid(), os.Getgid()),
		`"overridden"=["X_COSI_ENDPOINT_PERMS=0770 (default \"0700\")" "X_COSI_RPC_TIMEOUT=3m (default \"1m0s\")"]`,
	} {
		if !strings.Contains(line, words) {
			t.Errorf("%s is missing in %s", words, line)
		}
	}
	if found := log.lines(`"msg"="warning"`); len(found) > 0 {
		t.Errorf("there is nothing to warn about: %q", found)
	}
	if err := d.wait(t); err != nil {
		t.Error(err)
	}
	if len(log.lines(`"level"=0 "msg"="stopping" "timeout"="20s"`)) != 1 {
		t.Errorf("the stop is not told: %q", log.lines())
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	folder := shortDir(t)
	named := func(name string) gocosi.Option { return env(map[string]string{gocosi.EnvCOSIDriverName: name}) }
	tests := map[string]struct {
		option gocosi.Option
		want   []string
	}{
		"none":           {nil, nil},
		"no domain":      {named("driver"), []string{"INFO-4"}},
		"upper case":     {named("S3.example.com"), []string{"INFO-6"}},
		"digit first":    {named("3s.example.com"), []string{"INFO-6"}},
		"both":           {named("S3"), []string{"INFO-4", "INFO-6"}},
		"another suffix": {gocosi.WithDefaultEndpoint(filepath.Join(folder, "cosi.socket")), []string{"GEN-1"}},
		"TCP":            {gocosi.WithDefaultEndpoint("tcp://127.0.0.1:0"), nil},
		"anyone may":     {gocosi.WithDefaultSocketPerms(0o666), []string{"X_COSI_ENDPOINT_PERMS"}},
		"group may":      {gocosi.WithDefaultSocketPerms(0o770), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logs
			d := start(t, &handlers{}, gocosi.WithLogger(log.logger()), tt.option)
			if err := d.wait(t); err != nil {
				t.Fatal(err)
			}
			found := log.lines(`"level"=0 "msg"="warning" "reason"=`)
			if len(found) != len(tt.want) {
				t.Fatalf("got %q, want %q", found, tt.want)
			}
			for i, words := range tt.want {
				if !strings.Contains(found[i], words) {
					t.Errorf("got %s, want %s", found[i], words)
				}
			}
		})
	}
}
