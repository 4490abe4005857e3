package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/statuses"
)

// Each command in both formats, on one driver, in order.
func TestCommands(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	for _, one := range []struct {
		args []string
		text string
		json string
	}{
		{[]string{"info"}, "name: test.example.com\n", `{"name": "test.example.com"}`},
		{
			[]string{"create", "one", "-p", "region=eu-west-1"},
			"bucket_id: one\nbucket_info.s3.region: eu-west-1\nbucket_info.s3.signature_version: S3V4\n",
			`{"bucket_id": "one", "bucket_info": {"s3": {"region": "eu-west-1", "signature_version": "S3V4"}}}`,
		},
		{
			[]string{"grant", "-auth", "key", "one", "-p", "region=eu-west-1", "access"},
			"account_id: access\ncredentials.s3.accessKeyID: AK\ncredentials.s3.accessSecretKey: [redacted]\n" +
				"credentials.s3.endpoint: https://user:[redacted]@s3.example.com\ncredentials.s3.region: eu-west-1\n",
			`{"account_id": "access", "credentials": {"s3": {"accessKeyID": "AK", "accessSecretKey": "[redacted]",
				"endpoint": "https://user:[redacted]@s3.example.com", "region": "eu-west-1"}}}`,
		},
		{
			[]string{"revoke", "one", "access"},
			"account_id: access\nbucket_id: one\nrevoked: true\n", `{"account_id": "access", "bucket_id": "one", "revoked": true}`,
		},
		{[]string{"delete", "one"}, "bucket_id: one\ndeleted: true\n", `{"bucket_id": "one", "deleted": true}`},
		{[]string{"delete", "--", "-one"}, "bucket_id: -one\ndeleted: true\n", `{"bucket_id": "-one", "deleted": true}`},
		{[]string{"health"}, "status: SERVING\n", `{"status": "SERVING"}`},
	} {
		t.Run(strings.Join(one.args, " "), func(t *testing.T) { // one after the other: they build on each other
			if got := must(t, "", path, one.args...); got != one.text {
				t.Errorf("text is\n%swant\n%s", got, one.text)
			}
			args := append([]string{"-o", "json"}, one.args...)
			var got, want any
			if err := json.Unmarshal([]byte(must(t, "", path, args...)), &got); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(one.json), &want); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("json is %v, want %v", got, want)
			}
		})
	}
}

// Flags of all commands stand where the user likes, and the last one wins.
func TestFlagsStandAnywhere(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	for _, args := range [][]string{
		{"-endpoint", path, "-o", "json", "create", "one"},
		{"create", "-endpoint", path, "-o=json", "one"},
		{"create", "one", "--endpoint", path, "-o", "json"},
		{"-endpoint", "/nowhere/c.sock", "create", "-o", "json", "-endpoint", "unix://" + path, "one"},
		{"-o", "text", "create", "-endpoint", path, "-o", "json", "--", "one"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			o := cosictlUntil(t.Context(), "", args...)
			if o.code != exitDone || !json.Valid([]byte(o.stdout)) {
				t.Errorf("exit code %d, stdout %q, stderr %q", o.code, o.stdout, o.stderr)
			}
		})
	}
}

func TestEndpointFromEnvironment(t *testing.T) {
	path := drive(t, &store{})
	for _, one := range []struct {
		name, value string
		args        []string
		code        int
		word        string // on stderr
	}{
		{"read", "unix://" + path, []string{"info"}, exitDone, ""},
		{"flag wins", "unix:///nowhere/c.sock", []string{"info", "-endpoint", path}, exitDone, ""},
		{"malformed", "ftp://x", []string{"info"}, exitUsage, "ftp"},
		{"empty is unset", "", []string{"info", "-timeout", "1s"}, exitNoConnection, "/var/lib/cosi/cosi.sock"},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Setenv("COSI_ENDPOINT", one.value)
			o := cosictlUntil(t.Context(), "", one.args...)
			if o.code != one.code || !strings.Contains(o.stderr, one.word) {
				t.Errorf("exit code %d, stderr %q", o.code, o.stderr)
			}
		})
	}
}

// Parameters reach the driver whatever their source, in the field that the command has for them.
func TestParametersAreSent(t *testing.T) {
	t.Parallel()
	s := &store{}
	path := drive(t, s)
	must(t, "", path, "create", "one", "-p", "token=t", "-p", "region=a=b,c")
	both := map[string]string{"token": "t", "region": "a=b,c"}
	file := write(t, `{"token": "t", "region": "a=b,c"}`)
	for _, one := range []struct {
		name  string
		args  []string
		stdin string
		want  proto.Message
	}{
		{"create", []string{"create", "one"}, "", &cosi.DriverCreateBucketRequest{Name: "one", Parameters: both}},
		{"grant", []string{"grant", "one", "a"}, "", &cosi.DriverGrantBucketAccessRequest{
			BucketId: "one", Name: "a", AuthenticationType: cosi.AuthenticationType_Key, Parameters: both,
		}},
		{"revoke", []string{"revoke", "one", "a"}, "", &cosi.DriverRevokeBucketAccessRequest{
			BucketId: "one", AccountId: "a", RevokeAccessContext: both,
		}},
		{"delete", []string{"delete", "other"}, "", &cosi.DriverDeleteBucketRequest{BucketId: "other", DeleteContext: both}},
	} {
		for _, source := range []struct {
			name, stdin string
			flags       []string
		}{
			{"flags", "", []string{"-p", "token=t", "-p", "region=a=b,c"}},
			{"file", "", []string{"-parameters", file}},
			{"stdin", `{"region": "a=b,c", "token": "t"}` + "\n", []string{"-parameters", "-"}},
			{"file and flag", `{"region": "a=b,c"}`, []string{"-parameters", "-", "-p", "token=t"}},
		} {
			t.Run(one.name+" "+source.name, func(t *testing.T) { // not in parallel: the driver keeps the last request
				must(t, source.stdin, path, append(one.args, source.flags...)...)
				if got, _ := s.request().(proto.Message); !proto.Equal(got, one.want) {
					t.Errorf("the driver got %v, want %v", got, one.want)
				}
			})
		}
	}
}

func TestGrantSendsTheType(t *testing.T) {
	t.Parallel()
	var got cosi.AuthenticationType
	s := &store{grant: func(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) error {
		got = r.GetAuthenticationType()
		return nil
	}}
	path := drive(t, s)
	o := cosictl(t, "", path, "grant", "one", "a", "-auth", "iam")
	o.oneErrorLine(t, "cosictl: grant: INVALID_ARGUMENT: ")
	if o.code != exitFailed || got != cosi.AuthenticationType_IAM {
		t.Errorf("exit code %d, the driver got %s", o.code, got)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	answering := func(answer healthpb.HealthCheckResponse_ServingStatus) func(*grpc.Server) {
		return func(server *grpc.Server) {
			h := health.NewServer()
			h.SetServingStatus("", answer)
			healthpb.RegisterHealthServer(server, h)
		}
	}
	for _, one := range []struct {
		name     string
		register func(*grpc.Server)
		code     int
		stdout   string
		words    []string // on stderr
	}{
		{"serving", answering(healthpb.HealthCheckResponse_SERVING), exitDone, "status: SERVING\n", nil},
		{
			"not serving", answering(healthpb.HealthCheckResponse_NOT_SERVING), exitFailed, "status: NOT_SERVING\n",
			[]string{"the driver answers NOT_SERVING"},
		},
		{
			"unknown", answering(healthpb.HealthCheckResponse_UNKNOWN), exitFailed, "status: UNKNOWN\n",
			[]string{"the driver answers UNKNOWN"},
		},
		{
			"no such service", func(*grpc.Server) {}, exitFailed, "",
			[]string{"UNIMPLEMENTED: ", "does not have the service grpc.health.v1.Health"},
		},
	} {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			_, path := serve(t, one.register)
			o := cosictl(t, "", path, "health")
			if o.code != one.code || o.stdout != one.stdout {
				t.Errorf("exit code %d, stdout %q, stderr %q", o.code, o.stdout, o.stderr)
			}
			if one.words != nil {
				o.oneErrorLine(t, append(one.words, "cosictl: health: ")...)
			} else if o.stderr != "" {
				t.Errorf("stderr %q", o.stderr)
			}
		})
	}
}

// A driver's texts cannot break lines or move a terminal's cursor.
func TestControlCharactersAreEscaped(t *testing.T) {
	t.Parallel()
	s := &store{
		name:     "a\x1b[2Jb\nc",
		protocol: "x\ny", secrets: map[string]string{"region\n": "z", "region": "\x1b]0;title\a\u202e"},
		create: func(_ context.Context, r *cosi.DriverCreateBucketRequest) error {
			if r.GetName() == "refused" {
				return status.Error(codes.Internal, "first\r\nsecond\x1b[31m")
			}
			return nil
		},
	}
	_, path := bare(t, s)
	if got, want := must(t, "", path, "info"), `name: a\x1b[2Jb\nc`+"\n"; got != want {
		t.Errorf("info prints %q, want %q", got, want)
	}
	cosictl(t, "", path, "create", "refused").oneErrorLine(t, `create: INTERNAL: first\u000d\nsecond\u001b[31m`)
	must(t, "", path, "create", "one")
	got := must(t, "", path, "grant", "one", "a", "-show-secrets")
	if want := "account_id: a\n" + `credentials.x\ny.region: \x1b]0;title\a\u202e` + "\n" + `credentials.x\ny.region\n: z` + "\n"; got != want {
		t.Errorf("grant prints %q, want %q", got, want)
	}
}

// The server's name that calls carry is none that a strict server refuses, such as a path.
func TestAuthority(t *testing.T) {
	t.Parallel()
	seen := make(chan []string, 1)
	_, path := bare(t, &store{create: func(ctx context.Context, _ *cosi.DriverCreateBucketRequest) error {
		headers, _ := metadata.FromIncomingContext(ctx)
		seen <- headers.Get(":authority")
		return nil
	}})
	must(t, "", path, "create", "one")
	if got := <-seen; !slices.Equal(got, []string{"localhost"}) {
		t.Errorf("authority is %q", got)
	}
}

func TestCanonicalNamesOfCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]string{
		codes.OK: "OK", codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
		codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
		codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
		codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
		codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
		codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED", 99: "CODE(99)",
	} {
		if got := statuses.Name(code); got != want {
			t.Errorf("%d is called %s, want %s", code, got, want)
		}
	}
}
