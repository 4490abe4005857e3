package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/sockdir"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

// asProgram makes the test binary be the program.
const asProgram = "COSICTL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	leaktest.Main(m)
}

// limit is how long a test waits for what must happen.
const limit = 30 * time.Second

// canary is a secret that no output may hold, and quoted is one that looks different in quotes.
const (
	canary = "canary-4f1d0c"
	quoted = "canary\"\n\"zq7v"
)

// store is a small driver. Its fields change it, and are set before it serves.
type store struct {
	cosi.UnimplementedIdentityServer
	cosi.UnimplementedProvisionerServer

	name     string
	create   func(context.Context, *cosi.DriverCreateBucketRequest) error // is asked first
	grant    func(context.Context, *cosi.DriverGrantBucketAccessRequest) error
	regrant  error             // answers a repeated grant
	secrets  map[string]string // are granted; nil: an S3 account's
	protocol string            // of the secrets

	mu      sync.Mutex
	buckets map[string]map[string]string
	granted map[[2]string]map[string]string
	last    any // the last request
}

func (s *store) DriverGetInfo(context.Context, *cosi.DriverGetInfoRequest) (*cosi.DriverGetInfoResponse, error) {
	if s.name == "" {
		return &cosi.DriverGetInfoResponse{Name: "test.example.com"}, nil
	}
	return &cosi.DriverGetInfoResponse{Name: s.name}, nil
}

// allowed refuses unknown parameters, and repeats their values as careless drivers do.
func allowed(parameters map[string]string) error {
	for key, value := range parameters {
		if key != "region" && key != "token" {
			return status.Errorf(codes.InvalidArgument, "parameter %s: %s is\nunknown, or %q", key, value, value)
		}
	}
	return nil
}

func (s *store) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if s.create != nil {
		if err := s.create(ctx, r); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
	if len(r.GetName()) < 3 || len(r.GetName()) > 63 {
		return nil, status.Errorf(codes.InvalidArgument, "the name %q is too short or too long", r.GetName())
	}
	if err := allowed(r.GetParameters()); err != nil {
		return nil, err
	}
	if s.buckets == nil {
		s.buckets, s.granted = map[string]map[string]string{}, map[[2]string]map[string]string{}
	}
	if had, ok := s.buckets[r.GetName()]; ok && !maps.Equal(had, r.GetParameters()) {
		return nil, status.Errorf(codes.AlreadyExists, "it exists with other parameters than %v", r.GetParameters())
	}
	s.buckets[r.GetName()] = r.GetParameters()
	return &cosi.DriverCreateBucketResponse{BucketId: r.GetName(), BucketInfo: &cosi.Protocol{
		Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: r.GetParameters()["region"], SignatureVersion: cosi.S3SignatureVersion_S3V4}},
	}}, nil
}

func (s *store) DriverDeleteBucket(_ context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
	if r.GetBucketId() == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id is required")
	}
	delete(s.buckets, r.GetBucketId())
	return &cosi.DriverDeleteBucketResponse{}, nil
}

func (s *store) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	if s.grant != nil {
		if err := s.grant(ctx, r); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
	if r.GetBucketId() == "" || r.GetName() == "" || r.GetAuthenticationType() != cosi.AuthenticationType_Key {
		return nil, status.Error(codes.InvalidArgument, "bucket_id and name are required, and the type is Key")
	}
	if err := allowed(r.GetParameters()); err != nil {
		return nil, err
	}
	if _, ok := s.buckets[r.GetBucketId()]; !ok {
		return nil, status.Error(codes.NotFound, "there is no such bucket")
	}
	key := [2]string{r.GetBucketId(), r.GetName()}
	had, repeated := s.granted[key]
	switch {
	case repeated && s.regrant != nil:
		return nil, s.regrant
	case repeated && !maps.Equal(had, r.GetParameters()):
		return nil, status.Error(codes.FailedPrecondition, "it is granted with other parameters")
	}
	s.granted[key] = r.GetParameters()
	protocol, secrets := s.protocol, s.secrets
	if secrets == nil {
		protocol, secrets = "s3", map[string]string{
			"endpoint": "https://user:" + canary + "@s3.example.com", "region": "eu-west-1", "accessKeyID": "AK", "accessSecretKey": canary + "-" + r.GetName(),
		}
	}
	return &cosi.DriverGrantBucketAccessResponse{
		AccountId: r.GetName(), Credentials: map[string]*cosi.CredentialDetails{protocol: {Secrets: secrets}},
	}, nil
}

func (s *store) DriverRevokeBucketAccess(_ context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = r
	if r.GetBucketId() == "" || r.GetAccountId() == "" {
		return nil, status.Error(codes.InvalidArgument, "bucket_id and account_id are required")
	}
	delete(s.granted, [2]string{r.GetBucketId(), r.GetAccountId()})
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

// request is the last one that the driver saw.
func (s *store) request() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// socket returns a path for a socket, in a folder of its own.
func socket(t *testing.T) string {
	t.Helper()
	folder, err := sockdir.Make()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return filepath.Join(folder, "c.sock")
}

func listen(t *testing.T) (net.Listener, string) {
	t.Helper()
	path := socket(t)
	lis, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lis.Close() })
	return lis, path
}

// drive serves the store as gocosi does, and returns the path of the socket.
func drive(t *testing.T, s *store, options ...gocosi.Option) string {
	t.Helper()
	path := socket(t)
	driver, err := gocosi.New(gocosi.NewIdentity("test.example.com"), s, append([]gocosi.Option{
		gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(), gocosi.WithDefaultEndpoint(path), gocosi.WithDefaultShutdownTimeout(0),
	}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = driver.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := driver.Addr(waiting); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve serves bare gRPC, with what register adds.
func serve(t *testing.T, register func(*grpc.Server)) (*grpc.Server, string) {
	t.Helper()
	lis, path := listen(t)
	server := grpc.NewServer()
	register(server)
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(lis) }()
	t.Cleanup(func() { server.Stop(); <-ended })
	return server, path
}

// bare serves the store without gocosi, which would not let all that it does pass.
func bare(t *testing.T, s *store) (*grpc.Server, string) {
	t.Helper()
	return serve(t, func(server *grpc.Server) {
		cosi.RegisterIdentityServer(server, s)
		cosi.RegisterProvisionerServer(server, s)
	})
}

// raw gives every connection to handle, which owns it until the test ends.
func raw(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	lis, path := listen(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	wg.Go(func() {
		for {
			conn, err := lis.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
			wg.Go(func() { handle(conn) })
		}
	})
	t.Cleanup(func() {
		lis.Close()
		mu.Lock()
		for _, conn := range open {
			conn.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return path
}

// outcome is what a run of the program came to.
type outcome struct {
	code           int
	stdout, stderr string
}

// cosictl runs the program.
func cosictl(t *testing.T, stdin, path string, args ...string) outcome {
	t.Helper()
	return cosictlUntil(t.Context(), stdin, append([]string{"-endpoint", path, "-timeout", limit.String()}, args...)...)
}

func cosictlUntil(ctx context.Context, stdin string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// must is a run that has to succeed, and returns its output.
func must(t *testing.T, stdin, path string, args ...string) string {
	t.Helper()
	o := cosictl(t, stdin, path, args...)
	if o.code != exitDone || o.stderr != "" {
		t.Fatalf("%v: exit code %d, stderr %q, stdout %q", args, o.code, o.stderr, o.stdout)
	}
	return o.stdout
}

// write makes a file with the content, and returns its path.
func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "parameters.json")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// oneErrorLine looks whether stderr is one line that holds all the words.
func (o outcome) oneErrorLine(t *testing.T, words ...string) {
	t.Helper()
	line, ok := strings.CutSuffix(o.stderr, "\n")
	if strings.HasPrefix(line, "{") { // -o json was given
		line = o.failure(t).text()
	}
	if !ok || strings.Contains(line, "\n") || !strings.HasPrefix(line, "cosictl: ") {
		t.Errorf("stderr is not one line of cosictl's: %q", o.stderr)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			t.Errorf("stderr %q does not hold %q", line, w)
		}
	}
}

var errFull = errors.New("disk full")

// full is a disk that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// Whatever a command prints, a failure to print it is a failure of the command.
func TestOutputThatCannotBeWrittenFails(t *testing.T) {
	t.Parallel()
	path := drive(t, &store{})
	for _, args := range [][]string{
		{"info"},
		{"info", "-o", "json"},
		{"health"},
		{"check"},
		{"check", "-o", "json"},
		{"check", "-list"},
		{"check", "-list", "-o", "json"},
		{"-h"},
		{"info", "-h"},
	} {
		t.Run(fmt.Sprint(args), func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			code := run(t.Context(), append([]string{"-endpoint", path}, args...), strings.NewReader(""), full{}, &stderr)
			if code != exitFailed || !strings.Contains(stderr.String(), errFull.Error()) {
				t.Errorf("exit code %d, stderr %q", code, stderr.String())
			}
		})
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		args  []string
		words []string
	}{
		{[]string{"-h"}, []string{"Usage: cosictl", "revoke BUCKET_ID ACCOUNT_ID", "-endpoint", "Examples:"}},
		{[]string{"help"}, []string{"Usage: cosictl", "check"}},
		{[]string{"help", "grant"}, []string{"Usage: cosictl grant BUCKET_ID NAME", "-auth", "-parameters", "-endpoint"}},
		{[]string{"check", "-h"}, []string{"Usage: cosictl check", "-junit", "-incompatible-access-parameters"}},
		{[]string{"info", "-o", "json", "--help"}, []string{"Usage: cosictl info"}},
	} {
		t.Run(fmt.Sprint(one.args), func(t *testing.T) {
			t.Parallel()
			out := must(t, "", "/nowhere/c.sock", one.args...)
			for _, w := range one.words {
				if !strings.Contains(out, w) {
					t.Errorf("help does not hold %q:\n%s", w, out)
				}
			}
		})
	}
}
