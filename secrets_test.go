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
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/test/harness"
)

// given are parameters with canaries: no log may show one.
func given() map[string]string {
	return map[string]string{
		"one": "canary-given-1", "two": "canary-given-2 with \"quotes\"\nand lines", "url": "https://u:canary-given-3@canary-given-4",
	}
}

// grantedS3 are credentials with canaries.
func grantedS3() gocosi.S3Credentials {
	return gocosi.S3Credentials{
		Endpoint: "https://canary-granted-1", Region: "canary-granted-2", AccessKeyID: "canary-granted-3", AccessSecretKey: "canary-granted-4",
	}
}

// grantedAzure is grantedS3 for Azure.
func grantedAzure() gocosi.AzureCredentials {
	return gocosi.AzureCredentials{AccessToken: "canary-granted-5"}
}

// secretive is a driver every handler of which ends in the same way. What it says, it says with all that it knows.
type secretive struct {
	end  func(words string) error // panics or returns; the words hold every canary that the handler knows
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

// secretCalls are calls of every kind, with canaries in everything that may hold a secret.
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
		panics  bool // and so nobody learns of the credentials that were to be handed out
		meant   bool // what the author wrote into a status on purpose may go out, but for credentials
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
					t.Errorf("%s: a success was not to be expected", call)
				}
				if err != nil && strings.Contains(err.Error(), forbidden) {
					t.Errorf("%s: the caller sees %v", call, err)
				}
				if tt.meant && err != nil && !strings.Contains(err.Error(), "canary-given-1") {
					t.Errorf("%s: the author's words are lost: %v", call, err)
				}
				if err != nil && strings.Contains(err.Error(), "canary-given-3") {
					t.Errorf("%s: the password of a URL goes out: %v", call, err)
				}
			}
			if err := d.Wait(t); err != nil {
				t.Error(err)
			}
			for _, line := range log.Lines("canary") {
				t.Errorf("the log holds %s", line)
			}
			if got := len(log.Lines(`"msg"="call `)); got != 5 {
				t.Errorf("%d lines for 5 calls", got)
			}
			if !tt.success && len(log.Lines("seen", "[redacted]")) == 0 {
				t.Errorf("the causes are not in the log: %q", log.Lines("call failed"))
			}
			if !tt.meant {
				checkSpans(t, spans.Ended())
			}
		})
	}
}

// checkSpans wants no canary in any span.
func checkSpans(t *testing.T, spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	if len(spans) == 0 {
		t.Error("no spans")
	}
	for _, s := range spans {
		if text := fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status()); strings.Contains(text, "canary") {
			t.Errorf("a span holds %s", text)
		}
	}
}

// TestRulesTellNoSecrets breaks the rules with canaries in what is refused.
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

// TestCredentialsInAPanic has a handler that panics with what it was about to hand out.
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
				t.Errorf("the values are not in the log: %q", log.Lines("panic"))
			}
		})
	}
}

// loggable returns every message that a call carries, and those within them.
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

// within adds m and the messages of its fields to those that were found before.
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

func TestEveryFieldIsClassified(t *testing.T) {
	t.Parallel()
	fields := 0
	for _, m := range loggable() {
		if m.IsMapEntry() {
			continue // its field decides
		}
		for i := range m.Fields().Len() {
			fields++
			if f := m.Fields().Get(i); !redact.Classified(f.FullName()) {
				t.Errorf("%s is not classified: say in internal/redact what of it may be shown", f.FullName())
			}
		}
	}
	if fields < 25 {
		t.Errorf("only %d fields were found", fields)
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
		if shown := fmt.Sprint(redact.Message(message)); tells(shown) {
			t.Errorf("%s shows a secret: %s", m.FullName(), shown)
		}
		if masked := redact.Values(message); len(masked) != strings {
			t.Errorf("%s has %d secrets, and %q are masked in texts", m.FullName(), strings, masked)
		}
	}
}

// fill puts the password into the values of all maps of strings, and into plain strings if these are secret as well. It
// returns how many it filled.
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
