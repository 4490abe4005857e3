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
	"github.com/doomshrine/gocosi/internal/test/harness"
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
			var log harness.Logs
			d := harness.Start(t, failing(tt.err), gocosi.WithLogger(log.Logger()))
			if tt.method == "DriverGetInfo" {
				d.Lives(t)
			} else {
				_ = harness.CallMethod(harness.Timeout(t), d.Conn, tt.method)
			}
			head := `"level"=0 "msg"="call done" "method"="%s" "code"="OK"`
			switch {
			case tt.failed:
				head = `"msg"="call failed" "error"="rpc error: code = OutOfRange desc = too much" "method"="%s" "code"="OutOfRange"`
			case tt.method == "DriverGetInfo":
				head = `"level"=1 "msg"="call done" "method"="%s" "code"="OK"`
			}
			want := fmt.Sprintf(head, tt.method) + ` "duration"="[0-9.]+[mµn]?s" ` + tt.fields
			if line := log.OneLine(t, tt.method); !regexp.MustCompile("^" + want + "$").MatchString(line) {
				t.Errorf("got  %s\nwant %s", line, want)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	tests := map[int][]string{ // words by verbosity; one line must hold each of them
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
			var log harness.Logs
			sink := funcr.New(func(_, line string) { log.Add(line) }, funcr.Options{Verbosity: verbosity})
			d := harness.Start(t, &harness.Handlers{Delete: failing(status.Error(codes.Unavailable, "later")).Delete}, gocosi.WithLogger(sink))
			d.Lives(t)
			_ = harness.CallMethod(harness.Timeout(t), d.Conn, "DriverCreateBucket")
			_ = harness.CallMethod(harness.Timeout(t), d.Conn, "DriverDeleteBucket")
			if err := d.Wait(t); err != nil {
				t.Fatal(err)
			}
			for _, words := range want {
				if found := log.Lines(words); len(found) != 1 {
					t.Errorf("%d lines with %s, want 1: %q", len(found), words, found)
				}
			}
			if calls := append(log.Lines(`"msg"="call `), log.Lines(`"msg"="payload"`)...); len(calls) != len(want) {
				t.Errorf("%d lines about calls, want %d: %q", len(calls), len(want), calls)
			}
		})
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	sink := funcr.NewJSON(log.Add, funcr.Options{Verbosity: 5})
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(sink))
	_, err := cosi.NewProvisionerClient(d.Conn).DriverGrantBucketAccess(harness.Timeout(t), &cosi.DriverGrantBucketAccessRequest{
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
	if err := json.Unmarshal([]byte(log.Wait(t, "payload")), &got); err != nil || !reflect.DeepEqual(got, want) {
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
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{Delete: failing(status.Error(codes.Unavailable, "later")).Delete},
				append(tt.options, gocosi.WithLogger(log.Logger()))...)
			for _, method := range []string{"DriverCreateBucket", "DriverDeleteBucket"} {
				_ = harness.CallMethod(traced(harness.Timeout(t)), d.Conn, method)
				if line := log.OneLine(t, method); strings.Contains(line, `"trace_id"="`+id+`"`) != tt.want {
					t.Errorf("telemetry %s: %s", name, line)
				}
			}
		})
	}
}

func TestWithoutLogger(t *testing.T) {
	t.Parallel()
	d := harness.Start(t, failing(status.Error(codes.NotFound, "gone")))
	for _, method := range []string{"DriverCreateBucket", "DriverDeleteBucket"} {
		_ = harness.CallMethod(harness.Timeout(t), d.Conn, method)
	}
	d.Lives(t)
}

func TestLineAtStart(t *testing.T) {
	t.Parallel()
	var log harness.Logs
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), gocosi.WithoutTelemetry(),
		gocosi.WithDefaultSocketPerms(0o700), gocosi.WithDefaultRPCTimeout(time.Minute),
		harness.Env(map[string]string{gocosi.EnvCOSIEndpointPerms: "0770", gocosi.EnvCOSIShutdownTimeout: "20s", gocosi.EnvCOSIRPCTimeout: "3m"}))
	line := log.Wait(t, "driver listening")
	for _, words := range []string{
		`"level"=0`, `"driver"="test.example.com"`, `"address"="unix://` + d.Path + `"`, `"version"=`, `"gocosi"=`,
		`"traces"="off: turned off by WithoutTelemetry"`, `"metrics"="off: turned off by WithoutTelemetry"`,
		`"mode"="0770"`, fmt.Sprintf(`"uid"=%d "gid"=%d`, os.Getuid(), os.Getgid()),
		`"overridden"=["X_COSI_ENDPOINT_PERMS=0770 (default \"0700\")" "X_COSI_RPC_TIMEOUT=3m (default \"1m0s\")"]`,
	} {
		if !strings.Contains(line, words) {
			t.Errorf("want %s in the line %s", words, line)
		}
	}
	if found := log.Lines("allowed but unwise"); len(found) > 0 {
		t.Errorf("got the warnings %q, want none", found)
	}
	if err := d.Wait(t); err != nil {
		t.Error(err)
	}
	if len(log.Lines(`"level"=0 "msg"="stopping" "timeout"="20s"`)) != 1 {
		t.Errorf("got the lines %q, want one about the stop", log.Lines())
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	folder := harness.ShortDir(t)
	named := func(name string) gocosi.Option { return harness.Env(map[string]string{gocosi.EnvCOSIDriverName: name}) }
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
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{}, gocosi.WithLogger(log.Logger()), tt.option)
			if err := d.Wait(t); err != nil {
				t.Fatal(err)
			}
			found := log.Lines(`"level"=0 "msg"="`, `is allowed but unwise" "reason"=`)
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

// The version that the build knows is told, and one that would spoil a line is refused.
func TestVersionThatIsGiven(t *testing.T) {
	l := &harness.Logs{}
	d := harness.Start(t, &harness.Handlers{}, gocosi.WithVersion("v1.2.3"), gocosi.WithoutTelemetry(), gocosi.WithLogger(l.Logger()))
	if line := l.Wait(t, "driver listening"); !strings.Contains(line, `"version"="v1.2.3"`) {
		t.Errorf("got %s", line)
	}
	if err := d.Wait(t); err != nil {
		t.Error(err)
	}
	for _, version := range []string{"v1\n2", strings.Repeat("1", 129), "\u202e1"} {
		_, err := gocosi.New(gocosi.NewIdentity("test.example.com"), &cosi.UnimplementedProvisionerServer{}, gocosi.WithVersion(version))
		if err == nil || !strings.Contains(err.Error(), "WithVersion: want up to 128 printable characters") {
			t.Errorf("%.10q: %v", version, err)
		}
	}
}
