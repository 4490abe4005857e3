package gocosi_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

// given holds parameters with canaries that no log may show.
func given() map[string]string {
	return map[string]string{
		"one": "canary-given-1", "two": "canary-given-2 with \"quotes\"\nand lines", "url": "https://u:canary-given-3@canary-given-4",
	}
}

// grantedS3 returns S3 credentials with canaries.
func grantedS3() gocosi.S3Credentials {
	return gocosi.S3Credentials{
		Endpoint: "https://canary-granted-1", Region: "canary-granted-2", AccessKeyID: "canary-granted-3", AccessSecretKey: "canary-granted-4",
	}
}

// grantedAzure returns Azure credentials with canaries.
func grantedAzure() gocosi.AzureCredentials {
	return gocosi.AzureCredentials{AccessToken: "canary-granted-5"}
}

// secretive implements a driver whose handlers all end in the same way, with a text that holds every known secret.
type secretive struct {
	end  func(words string) error // panics or returns; words holds every canary that the handler knows
	mute bool                     // not those of credentials
}

func (s *secretive) words(credentials map[string]*cosi.CredentialDetails) string {
	words := []string{"seen"}
	for _, v := range given() {
		words = append(words, v)
	}
	for _, c := range credentials {
		for _, v := range c.GetSecrets() {
			if !s.mute {
				words = append(words, v)
			}
		}
	}
	return strings.Join(words, " ")
}

func (s *secretive) DriverCreateBucket(context.Context, *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	return &cosi.DriverCreateBucketResponse{BucketId: "b"}, s.end(s.words(nil))
}

func (s *secretive) DriverDeleteBucket(context.Context, *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	return &cosi.DriverDeleteBucketResponse{}, s.end(s.words(nil))
}

func (s *secretive) DriverGrantBucketAccess(_ context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	credentials := grantedS3().Map()
	if r.GetBucketId() == "azure" {
		credentials = grantedAzure().Map()
	}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: credentials}, s.end(s.words(credentials))
}

func (s *secretive) DriverRevokeBucketAccess(context.Context, *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	return &cosi.DriverRevokeBucketAccessResponse{}, s.end(s.words(nil))
}

// secretCalls lists calls of every kind, with canaries in every field that may hold a secret.
func secretCalls(ctx context.Context, conn *grpc.ClientConn) map[string]error {
	client := cosi.NewProvisionerClient(conn)
	grant := func(bucket string) error {
		_, err := client.DriverGrantBucketAccess(ctx, &cosi.DriverGrantBucketAccessRequest{
			BucketId: bucket, Name: "a", AuthenticationType: cosi.AuthenticationType_Key, Parameters: given(),
		})
		return err
	}
	answers := map[string]error{"grant, S3": grant("s3"), "grant, Azure": grant("azure")}
	_, answers["create"] = client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "b", Parameters: given()})
	_, answers["delete"] = client.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: "b", DeleteContext: given()})
	_, answers["revoke"] = client.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b", AccountId: "a", RevokeAccessContext: given()})
	return answers
}

func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	bare := errors.New
	inStatus := func(code codes.Code) func(string) error {
		return func(words string) error { return status.Error(code, words) }
	}
	tests := map[string]struct {
		end     func(words string) error
		panics  bool // the handler panics, so no caller gets its credentials
		meant   bool // the author's own status may go out, except credentials
		success bool
	}{
		"success":              {end: func(string) error { return nil }, success: true},
		"bare error":           {end: bare},
		"joined errors":        {end: func(words string) error { return errors.Join(errors.New(words), bare(words)) }},
		"context error":        {end: func(words string) error { return fmt.Errorf("%s: %w", words, context.Canceled) }},
		"panic":                {panics: true, end: func(words string) error { panic(words) }},
		"panic with an error":  {panics: true, end: func(words string) error { panic(bare(words)) }},
		"panic with a status":  {panics: true, end: func(words string) error { panic(status.Error(codes.NotFound, words)) }},
		"status":               {end: inStatus(codes.Unavailable), meant: true},
		"status to translate":  {end: inStatus(codes.AlreadyExists), meant: true},
		"status to forgive":    {end: inStatus(codes.NotFound), meant: true, success: true},
		"UNKNOWN":              {end: inStatus(codes.Unknown), meant: true},
		"status, code unknown": {end: inStatus(99), meant: true},
		"wrapped status": {end: func(words string) error {
			return fmt.Errorf("%s: %w", words, status.Error(codes.Unavailable, "later"))
		}},
		"wrapped status with secrets": {meant: true, end: func(words string) error {
			return fmt.Errorf("%s: %w", words, status.Error(codes.AlreadyExists, words))
		}},
		"status in a joined error": {end: func(words string) error { return errors.Join(bare(words), status.Error(codes.Unavailable, "later")) }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			spans := tracetest.NewSpanRecorder()
			d := harness.Start(t, &secretive{tt.end, tt.panics}, gocosi.WithLogger(log.Logger()),
				gocosi.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
			for call, err := range secretCalls(harness.Timeout(t), d.Conn) {
				forbidden := "canary"
				if tt.meant {
					forbidden = "canary-granted"
				}
				if err == nil && !tt.success {
					t.Errorf("%s succeeds, want an error", call)
				}
				if err != nil && strings.Contains(err.Error(), forbidden) {
					t.Errorf("%s: the caller sees %v", call, err)
				}
				if tt.meant && err != nil && !strings.Contains(err.Error(), "canary-given-1") {
					t.Errorf("%s: got %v, want the author's words", call, err)
				}
				if err != nil && strings.Contains(err.Error(), "canary-given-3") {
					t.Errorf("%s: got %v, want no password of a URL", call, err)
				}
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
			for _, line := range log.Lines("canary") {
				t.Errorf("the log holds %s", line)
			}
			if got := len(log.Lines(`"msg"="call `)); got != 5 {
				t.Errorf("%d lines for 5 calls, want 5", got)
			}
			if !tt.success && len(log.Lines("seen", "[redacted]")) == 0 {
				t.Errorf("got the lines %q, want the causes in them", log.Lines("call failed"))
			}
			if !tt.meant {
				checkSpans(t, spans.Ended())
			}
		})
	}
}

// checkSpans checks that no span holds a canary.
func checkSpans(t *testing.T, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	if len(spans) == 0 {
		t.Error("got no spans, want some")
	}
	for _, s := range spans {
		if text := fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status()); strings.Contains(text, "canary") {
			t.Errorf("a span holds %s, want no canary", text)
		}
	}
}

// TestRulesTellNoSecrets breaks the rules with canaries in the refused messages.
func TestRulesTellNoSecrets(t *testing.T) {
	t.Parallel()
	long := map[string]string{"one": strings.Repeat("canary-given-1 ", 400)}
	key := cosi.AuthenticationType_Key
	tests := map[string]struct {
		credentials map[string]*cosi.CredentialDetails
		parameters  map[string]string
		code        codes.Code
	}{
		"parameters too long":  {grantedS3().Map(), long, codes.InvalidArgument},
		"unknown protocol":     {map[string]*cosi.CredentialDetails{"ftp": grantedS3().Map()["s3"]}, given(), codes.Internal},
		"two protocols":        {map[string]*cosi.CredentialDetails{"s3": grantedS3().Map()["s3"], "azure": grantedAzure().Map()["azure"]}, given(), codes.Internal},
		"keys of another kind": {map[string]*cosi.CredentialDetails{"azure": grantedS3().Map()["s3"]}, given(), codes.Internal},
		"expiry": {
			map[string]*cosi.CredentialDetails{"azure": {Secrets: map[string]string{"accessToken": "canary-granted-1", "expiryTs": "canary-granted-2"}}},
			given(), codes.Internal,
		},
		"secrets too long": {map[string]*cosi.CredentialDetails{"azure": {Secrets: map[string]string{"accessToken": long["one"]}}}, given(), codes.Internal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &harness.Handlers{Grant: func(context.Context, *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
				return &cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: tt.credentials}, nil
			}}, gocosi.WithLogger(log.Logger()))
			_, err := cosi.NewProvisionerClient(d.Conn).DriverGrantBucketAccess(harness.Timeout(t), &cosi.DriverGrantBucketAccessRequest{
				BucketId: "b", Name: "a", AuthenticationType: key, Parameters: tt.parameters,
			})
			if status.Code(err) != tt.code || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %s and no canary", err, tt.code)
			}
			log.OneLine(t, "DriverGrantBucketAccess")
			if found := log.Lines("canary"); len(found) > 0 {
				t.Errorf("the log holds %q", found)
			}
		})
	}
}

// TestCredentialsInAPanic uses a handler that panics with its credentials.
func TestCredentialsInAPanic(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"S3": *keysOfS3(), "Azure": *tokenOfAzure(), "pointer": keysOfS3(), "error": fmt.Errorf("cannot store %+v", keysOfS3()), "list": []any{*tokenOfAzure()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log harness.Logs
			d := harness.Start(t, &secretive{end: func(string) error { panic(value) }}, gocosi.WithLogger(log.Logger()))
			secretCalls(harness.Timeout(t), d.Conn)
			if found := log.Lines(password); len(found) > 0 {
				t.Errorf("the log holds %q", found)
			}
			if len(log.Lines("call failed", "panic: ", "[redacted]")) != 5 {
				t.Errorf("got the lines %q, want the values in them", log.Lines("panic"))
			}
		})
	}
}

// loggable returns every message of a call, including nested messages.
func loggable() []protoreflect.MessageDescriptor {
	var found []protoreflect.MessageDescriptor
	services := cosi.File_sigs_k8s_io_container_object_storage_interface_spec_cosi_proto.Services()
	for i := range services.Len() {
		methods := services.Get(i).Methods()
		for j := range methods.Len() {
			found = within(methods.Get(j).Input(), found)
			found = within(methods.Get(j).Output(), found)
		}
	}
	return found
}

// within adds m and the messages of its fields to the found ones.
func within(m protoreflect.MessageDescriptor, found []protoreflect.MessageDescriptor) []protoreflect.MessageDescriptor {
	if slices.Contains(found, m) {
		return found
	}
	found = append(found, m)
	for i := range m.Fields().Len() {
		if inner := m.Fields().Get(i).Message(); inner != nil {
			found = within(inner, found)
		}
	}
	return found
}

func classified(field protoreflect.FullName) bool {
	_, ok := v1alpha1.Fields[field]
	return ok
}

func TestEveryFieldIsClassified(t *testing.T) {
	t.Parallel()
	fields := 0
	for _, m := range loggable() {
		if m.IsMapEntry() {
			continue // the field of the map decides
		}
		for i := range m.Fields().Len() {
			fields++
			if f := m.Fields().Get(i); !classified(f.FullName()) {
				t.Errorf("%s is not classified, want an entry in internal/v1alpha1 that says whether logs may show it", f.FullName())
			}
		}
	}
	if fields < 25 {
		t.Errorf("found only %d fields, want more", fields)
	}
}

func TestFieldsOfCredentialsAreHidden(t *testing.T) {
	t.Parallel()
	granted := (&cosi.DriverGrantBucketAccessResponse{}).ProtoReflect().Descriptor()
	credentials := within(granted.Fields().ByName("credentials").MapValue().Message(), nil)
	for _, m := range loggable() {
		if m.IsMapEntry() {
			continue
		}
		message := dynamicpb.NewMessage(m)
		strings := fill(message, slices.Contains(credentials, m))
		if shown := fmt.Sprint(v1alpha1.Fields.Message(message)); tells(shown) {
			t.Errorf("%s shows a secret: %s", m.FullName(), shown)
		}
		if masked := v1alpha1.Fields.Values(message); len(masked) != strings {
			t.Errorf("%s has %d secrets, but texts mask %q, want all of them", m.FullName(), strings, masked)
		}
	}
}

// fill puts the password into the values of all maps of strings, and into plain strings if they are secret. It returns
// the number of filled values.
func fill(m *dynamicpb.Message, plain bool) int {
	filled := 0
	secret := protoreflect.ValueOfString(password)
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		switch f := fields.Get(i); {
		case f.IsMap() && f.MapValue().Kind() == protoreflect.StringKind:
			m.Mutable(f).Map().Set(protoreflect.ValueOfString("key").MapKey(), secret)
			filled++
		case plain && f.Kind() == protoreflect.StringKind && !f.IsList():
			m.Set(f, secret)
			filled++
		}
	}
	return filled
}
