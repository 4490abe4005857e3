package redact_test

import (
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/redact"
)

func TestText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text    string
		secrets []string
		want    string
	}{
		"empty":                   {"", nil, ""},
		"nothing":                 {"bucket b is gone", []string{"secret"}, "bucket b is gone"},
		"URL":                     {"dial https://me:pass@host:1/x?y=z failed", nil, "dial https://me:[redacted]@host:1/x?y=z failed"},
		"URL, no user":            {"redis://:pass@host", nil, "redis://:[redacted]@host"},
		"URL, user alone":         {"https://token@host:1/x", nil, "https:[redacted]@host:1/x"},
		"URL, empty password":     {"https://me:@host", nil, "https://me:[redacted]@host"},
		"URL in quotes":           {`parse "https://me:pass@host": bad`, nil, `parse "https://me:[redacted]@host": bad`},
		"URL, odd password":       {"s3+http://me:p@a/s:s#?%@host/x", nil, "s3+http://me:[redacted]@host/x"},
		"URL, user is an address": {"postgres://me@corp.com:pass@host", nil, "postgres:[redacted]@host"},
		"DSN":                     {"open me:pass@tcp(host:3306)/db", nil, "open me:[redacted]@tcp(host:3306)/db"},
		"DSN, odd password":       {"me:p@:/s@unix(/x.sock)/db", nil, "me:[redacted]@unix(/x.sock)/db"},
		"signature":               {`Put "https://h/c/o?sv=2&sig=a%2Fb%3D&se=1": EOF`, nil, `Put "https://h/c/o?sv=2&sig=[redacted]&se=1": EOF`},
		"account key":             {"DefaultEndpoints;AccountName=a;AccountKey=c2VjcmV0==;Suffix=x", nil, "DefaultEndpoints;AccountName=a;AccountKey=[redacted];Suffix=x"},
		"named password":          {"host=h password=hunter2 dbname=d", nil, "host=h password=[redacted] dbname=d"},
		"no such name":            {"design=x resig=y", nil, "design=x resig=y"},
		"several on a line": {
			"tried https://a:one@h, then b:two@tcp(h) and https://token@h", nil,
			"tried https://a:[redacted]@h, then b:[redacted]@tcp(h) and https:[redacted]@h",
		},
		"several lines":      {"https://a:one@h\nhttps://b:two@h", nil, "https://a:[redacted]@h\nhttps://b:[redacted]@h"},
		"masked before":      {"https://a:[redacted]@h", nil, "https://a:[redacted]@h"},
		"address":            {"ask someone@example.com: now", nil, "ask someone@example.com: now"},
		"time":               {"at 12:30:00 by me@host", nil, "at 12:30:00 by me@host"},
		"host and port":      {"dial tcp [::1]:443: refused", nil, "dial tcp [::1]:443: refused"},
		"secret":             {"key sesame is wrong, sesame!", []string{"sesame"}, "key [redacted] is wrong, [redacted]!"},
		"short secret":       {"key open1 is wrong", []string{"open1"}, "key open1 is wrong"},
		"shortest secret":    {"key open12 is wrong", []string{"open12"}, "key [redacted] is wrong"},
		"six bytes":          {"straße", []string{"straße"[1:]}, "s[redacted]"},
		"empty secret":       {"text", []string{""}, "text"},
		"within another":     {"a sesame-street b sesame c", []string{"sesame", "sesame-street"}, "a [redacted] b [redacted] c"},
		"amid another":       {"a open-sesame-door b", []string{"open-sesame-door", "sesame"}, "a [redacted] b"},
		"overlapping":        {"a abcdefghij b", []string{"efghij", "abcdefg"}, "a [redacted] b"},
		"overlapping chain":  {"abcdefghijklmn", []string{"abcdefgh", "ghijkl", "defghi"}, "[redacted]mn"},
		"touching":           {"abcdefghijkl", []string{"abcdef", "ghijkl"}, "[redacted][redacted]"},
		"twice the same":     {"a sesame b", []string{"sesame", "sesame"}, "a [redacted] b"},
		"everything":         {"sesame", []string{"sesame"}, "[redacted]"},
		"several lines long": {"a one\ntwo b", []string{"one\ntwo"}, "a [redacted] b"},
		"secret is a URL":    {"at https://me:pass@host.example.com/x now", []string{"https://me:pass@host.example.com/x"}, "at [redacted] now"},
		"secret is odd":      {"key=ab:cdef@ghijkl;", []string{"ab:cdef@ghijkl"}, "key=[redacted];"},
		"secret in a URL":    {"https://me:a-sesame-b@host", []string{"sesame"}, "https://me:[redacted]@host"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			given := slices.Clone(tt.secrets)
			if got := redact.Text(tt.text, given); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if !slices.Equal(given, tt.secrets) {
				t.Errorf("the secrets were changed: %q", given)
			}
		})
	}
}

type tree = map[string]any

func TestMessage(t *testing.T) {
	t.Parallel()
	const masked = redact.Mask
	secrets := map[string]string{"one": "sesame-1", "two": "sesame-2"}
	tests := map[string]struct {
		message proto.Message
		want    tree
		values  []string // the masked values
	}{
		"nil":         {nil, nil, nil},
		"nil pointer": {(*cosi.DriverCreateBucketRequest)(nil), tree{}, nil},
		"empty":       {&cosi.DriverCreateBucketRequest{}, tree{}, nil},
		"create": {
			&cosi.DriverCreateBucketRequest{Name: "b", Parameters: secrets},
			tree{"name": "b", "parameters": tree{"one": masked, "two": masked}},
			[]string{"sesame-1", "sesame-2"},
		},
		"created": {
			&cosi.DriverCreateBucketResponse{BucketId: "id", BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{
				Region: "r", SignatureVersion: cosi.S3SignatureVersion_S3V4,
			}}}},
			tree{"bucket_id": "id", "bucket_info": tree{"s3": tree{"region": "r", "signature_version": "S3V4"}}},
			nil,
		},
		"unknown enum": {
			&cosi.DriverGrantBucketAccessRequest{BucketId: "id", AuthenticationType: 99},
			tree{"bucket_id": "id", "authentication_type": int32(99)},
			nil,
		},
		"granted": {
			&cosi.DriverGrantBucketAccessResponse{AccountId: "a", Credentials: map[string]*cosi.CredentialDetails{
				"s3": {Secrets: secrets}, "empty": {}, "nil": nil,
			}},
			tree{"account_id": "a", "credentials": tree{
				"s3": tree{"secrets": tree{"one": masked, "two": masked}}, "empty": tree{}, "nil": tree{},
			}},
			[]string{"sesame-1", "sesame-2"},
		},
		"deletion": {
			&cosi.DriverDeleteBucketRequest{BucketId: "id", DeleteContext: secrets},
			tree{"bucket_id": "id", "delete_context": tree{"one": masked, "two": masked}},
			[]string{"sesame-1", "sesame-2"},
		},
		"not classified":         {wrapperspb.String("sesame-1"), tree{"value": masked}, []string{"sesame-1"}},
		"not classified, bytes":  {wrapperspb.Bytes([]byte("sesame-1")), tree{"value": masked}, nil},
		"not classified, number": {wrapperspb.Int64(7), tree{"value": masked}, nil},
		"not classified, list":   {&fieldmaskpb.FieldMask{Paths: []string{"sesame-1"}}, tree{"paths": masked}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := redact.Message(tt.message); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			if got := redact.Values(tt.message); !slices.Equal(slices.Sorted(slices.Values(got)), tt.values) {
				t.Errorf("the values are %q, want %q", got, tt.values)
			}
		})
	}
}

func TestValuesOfSeveral(t *testing.T) {
	t.Parallel()
	got := redact.Values(nil, wrapperspb.String("one"), (*wrapperspb.StringValue)(nil), wrapperspb.String("two"))
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
	if got := redact.Values(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

func TestClassified(t *testing.T) {
	t.Parallel()
	for name, want := range map[protoreflect.FullName]bool{
		"cosi.v1alpha1.CredentialDetails.secrets":       true,
		"cosi.v1alpha1.DriverCreateBucketRequest.name":  true,
		"cosi.v1alpha1.DriverCreateBucketRequest.quota": false,
		"google.protobuf.StringValue.value":             false,
	} {
		if got := redact.Classified(name); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
