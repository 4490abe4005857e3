package redact_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/bound"
	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
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
		"URL, empty password":     {"https://me:@host", nil, "https://me:@host"},
		"URL in quotes":           {`parse "https://me:pass@host": bad`, nil, `parse "https://me:[redacted]@host": bad`},
		"URL, odd password":       {"s3+http://me:p@a/s:s#?%@host/x", nil, "s3+http://me:[redacted]@host/x"},
		"URL, user is an address": {"postgres://me@corp.com:pass@host", nil, "postgres:[redacted]@host"},
		"DSN":                     {"open me:pass@tcp(host:3306)/db", nil, "open me:[redacted]@tcp(host:3306)/db"},
		"DSN, odd password":       {"me:p@:/s@unix(/x.sock)/db", nil, "me:[redacted]@unix(/x.sock)/db"},
		"signature":               {`Put "https://h/c/o?sv=2&sig=a%2Fb%3D&se=1": EOF`, nil, `Put "https://h/c/o?sv=2&sig=[redacted]&se=1": EOF`},
		"account key":             {"DefaultEndpoints;AccountName=a;AccountKey=c2VjcmV0==;Suffix=x", nil, "DefaultEndpoints;AccountName=a;AccountKey=[redacted];Suffix=x"},
		"named password":          {"host=h password=hunter2 dbname=d", nil, "host=h password=[redacted] dbname=d"},
		"key alone":               {"key=hunter2", nil, "key=[redacted]"},
		"key, no pair":            {"key=hunter2 value unknown", nil, "key=[redacted] value unknown"},
		"key, half a pair":        {"key=token-1 value", nil, "key=[redacted] value"},
		"pair of names":           {"name=password value=hunter2", nil, "name=password value=[redacted]"},
		"named signature":         {"client_sig=hunter2 x.sig=hunter2", nil, "client_sig=[redacted] x.sig=[redacted]"},
		"any authorization":       {"Authorization: Custom hunter2 x", nil, "Authorization: [redacted] x"},
		"JSON in quotes":          {`"{\"password\":\"hunter2\"" x`, nil, `"{\"password\":\"[redacted]\"" x`},
		"list that is cut":        {"credentials=[", nil, "credentials=[redacted]"},
		"list, odd values":        {`credentials=["a","b] hunter2"] x`, nil, `credentials=[redacted] x`},
		"list, single quotes":     {`credentials=['a','b] hunter2'] x`, nil, `credentials=[redacted] x`},
		"shortest object":         {"x eyJhbGciOiJIUzI1NiJ9A x", nil, "x [redacted] x"},
		"bearer without digits":   {"bearer abcdefghijklmnopqrstu", nil, "bearer [redacted]"},
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
		"touching":           {"abcdefghijkl", []string{"abcdef", "ghijkl"}, "[redacted]"},
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

// TestTextOfKnownSecrets has secrets that the text holds in a form of their own.
func TestTextOfKnownSecrets(t *testing.T) {
	t.Parallel()
	const odd = "pa\"ss\\w\n<&>+/ %ö"
	asJSON, _ := json.Marshal(odd)
	tests := map[string]struct {
		text    string
		secrets []string
		want    string
	}{
		"quoted":                  {fmt.Sprintf("bad %q!", odd), []string{odd}, `bad "[redacted]"!`},
		"JSON":                    {fmt.Sprintf("bad %s!", asJSON), []string{odd}, `bad "[redacted]"!`},
		"in a query":              {"?a=" + url.QueryEscape(odd) + "&b=c", []string{odd}, "?a=[redacted]&b=c"},
		"in a path":               {"/a/" + url.PathEscape(odd) + "/b", []string{odd}, "/a/[redacted]/b"},
		"without its white space": {"key sesame!", []string{"sesame\n"}, "key [redacted]!"},
		"over two lines":          {"a one\ntwo b", []string{"one\ntwo"}, "a [redacted] b"},
		"of an expression":        {"a (.*)+[x b", []string{"(.*)+[x"}, "a [redacted] b"},
		"overlapping itself":      {"x abcabcabc y", []string{"abcabc"}, "x [redacted] y"},
		"a prefix of another":     {"sesame-street", []string{"sesame", "sesame-street"}, "[redacted]"},
		"from amid a character":   {"stra\u00dfe-door!", []string{"\x9fe-door"}, "stra[redacted]!"},
		"with a short one":        {"a b sesame", []string{"a", "b", "sesame"}, "a b [redacted]"},
		"quoted, the shortest":    {`bad "a\"bc\\d"!`, []string{`a"bc\d`}, `bad "[redacted]"!`},
		"quoted, too short":       {`bad "a\"bcd"!`, []string{`a"bcd`}, `bad "a\"bcd"!`},
		"JSON, ends in a letter":  {`{"a":"se\u003csame"}`, []string{"se<same"}, `{"a":"[redacted]"}`},
		"next to a name":          {"token=abcdef;sesame", []string{"sesame"}, "token=[redacted];[redacted]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := redact.Text(tt.text, tt.secrets); got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

// TestTextStaysReadable has texts in which nothing is secret.
func TestTextStaysReadable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"api error NoSuchKey: The specified key does not exist.",
		"get credentials: failed to refresh cached credentials, no EC2 IMDS role found",
		"cannot read token: open /var/run/token: no such file or directory",
		"ExpiredToken: The provided token has expired.",
		"unknown key: value pairs",
		"name=region value=eu",
		"bearer tokens are refused with code 401",
		"bearer abcdefghijklmnopqrst",
		"x eyJhbGciOiJIUzI1NiJ9 x",
		"secret: {region: eu}",
		"credentials=&{region: eu}",
		"credentials=map[region: eu]",
		"without a token=",
		"InvalidAccessKeyId: no such key (accessKeyID=AKIDEXAMPLE)",
		`operation error S3: CreateBucket, https response error StatusCode: 409, RequestID: 1, HostID: x, BucketAlreadyExists: `,
		`Get "https://s3.example.com:9000/b?list-type=2": dial tcp 127.0.0.1:9000: connect: connection refused`,
		"rpc error: code = Unavailable desc = bearer authentication is off",
		"parameters: {region: eu, tokens: 3, keys: 4}",
		"design=x resig=y config: z",
		"--password is missing",
		"key https://h/x, secret://x",
		"-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
		"two\tcolumns\nand lines, Straße 日本 😀",
	} {
		if got := redact.Text(text, nil); got != text {
			t.Errorf("got  %q\nwant %q", got, text)
		}
	}
}

func TestTextIsPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a\x1b[31mb\u009b1m\x7f\r\n":       `a\u001b[31mb\u009b1m\u007f\u000d` + "\n",
		"a\u202eb\u2066c\u2069":            `a\u202eb\u2066c\u2069`,
		"a\u200bb\ufeff\u2028\u2029":       `a\u200bb\ufeff\u2028\u2029`,
		"a\xff\x9bb":                       "a\uFFFD\uFFFDb",
		"password=a\u202eb c\u202e":        `password=[redacted] c\u202e`,
		"https://me:a\x00b@h \x00":         `https://me:[redacted]@h \u0000`,
		"half a character at the end \xe2": "half a character at the end \uFFFD",
	} {
		if got := redact.Text(text, nil); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// TestTextIsBounded has texts whose secrets lie where they are cut.
func TestTextIsBounded(t *testing.T) {
	t.Parallel()
	const secret = "s3same-0pen-Sesame"
	secrets := []string{secret}
	for _, size := range []int{bound.Text - 9, bound.Text, 4*bound.Text - 9, 4 * bound.Text} {
		filler := strings.Repeat("x ", size/2)
		for name, text := range map[string]string{
			"nothing":            filler + "yyyyyyyyyyyyyyyyyy and more",
			"a known one":        filler + secret + " and more",
			"a URL":              filler + "https://me:" + secret + "@host and more",
			"a URL, user alone":  filler + "https://" + secret + "@host and more",
			"a name":             filler + "password=" + secret + " and more",
			"a quoted value":     filler + `password="` + secret + `" and more`,
			"a private key":      filler + "-----BEGIN PRIVATE KEY-----" + secret + "-----END PRIVATE KEY-----",
			"characters":         strings.Repeat("😀", size/4) + "😀 and more",
			"control characters": strings.Repeat("\x00", size) + " and more",
			"one long secret":    "password=" + strings.Repeat(secret, size),
			"a flood":            filler + strings.Repeat(secret+" ", 1<<16),
		} {
			for cut := range 30 {
				got := redact.Text(text[min(2*cut, len(filler)):], secrets)
				if len(got) > bound.Text || !utf8.ValidString(got) || strings.Contains(got, secret[:6]) {
					t.Errorf("%s behind %d bytes becomes %d bytes: %q", name, size, len(got), got)
				}
				if len(text) > 8*bound.Text && !strings.HasSuffix(got, " bytes)") {
					t.Errorf("%s behind %d bytes ends with %q, want how long it was", name, size, got[max(0, len(got)-20):])
				}
			}
		}
	}
}

// TestCutPasswords moves a URL whose password is known to nobody over the end of what is looked at. What is masked before it makes
// room, so that the end would show.
func TestCutPasswords(t *testing.T) {
	t.Parallel()
	long := "password=" + strings.Repeat("x", 3*bound.Text+900) + " "
	for _, url := range []string{"https://me:Open-Sesame@host", "https://Open-Sesame@host", "me:Open-Sesame@tcp(host)", "https://me:x@y@Open-Sesame@host"} {
		for n := range 120 {
			text := long + strings.Repeat("y", n) + " " + url + strings.Repeat(" and more", 100)
			if got := redact.Text(text, nil); strings.Contains(got, "Open") {
				t.Fatalf("behind %d bytes: got %q", len(long)+n, got)
			}
		}
	}
}

// TestLongWords checks that of a word that goes on and on, no more is masked than a password.
func TestLongWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"via https://me:sesame@host/" + strings.Repeat("x", 8*bound.Text): "via https://me:[redacted]@host/xxx",
		"via https://me:sesame" + strings.Repeat("x", 8*bound.Text):       "via https://me:[redacted]...(",
		"bucket " + strings.Repeat("x", 8*bound.Text):                     "bucket xxx",
		"answer code:404 of " + strings.Repeat("x ", 8*bound.Text):        "answer code:404 of x",
	} {
		if got := redact.Text(text, nil); !strings.HasPrefix(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestEndOfWhatIsLookedAt has a mask that lets the end of what is looked at be shown, to its last whole character.
func TestEndOfWhatIsLookedAt(t *testing.T) {
	t.Parallel()
	for end, want := range map[string]string{"abcd": "abcd...(", "ab\u20ac": "ab...("} {
		text := "password=" + strings.Repeat("x", 4*bound.Text-len("password= abcd")) + " " + end + " and more"
		if got := redact.Text(text, nil); !strings.HasPrefix(got, "password=[redacted] "+want) {
			t.Errorf("got %q, want the end %q", got, want)
		}
	}
}

func TestTextOfManySecrets(t *testing.T) {
	t.Parallel()
	var secrets []string
	for i := range 600 {
		secrets = append(secrets, fmt.Sprintf("key%04d", i))
	}
	got := redact.Text("a "+strings.Join(secrets, " ")+" b", secrets)
	if strings.Contains(got, "key") || !strings.HasPrefix(got, "a [redacted] [redacted] ") {
		t.Errorf("got %q", got)
	}
}

// TestTextTwice masks what is masked, as a text that passes two layers is.
func TestTextTwice(t *testing.T) {
	t.Parallel()
	for name, form := range forms {
		once := redact.Text(strings.ReplaceAll(form, "CANARY", canary), nil)
		if twice := redact.Text(once, nil); strings.Count(twice, redact.Mask) != strings.Count(once, redact.Mask) {
			t.Errorf("%s: %q becomes %q", name, once, twice)
		}
	}
}

func TestLongTextsCostLittle(t *testing.T) { //nolint:paralleltest // measures
	for name, text := range map[string]string{
		"words": strings.Repeat("words ", 2<<20), "one word": strings.Repeat("w", 8<<20), "names": strings.Repeat("key=[", 2<<20),
		"URLs": strings.Repeat("a:b@", 2<<20), "quotes": strings.Repeat(`key="`, 2<<20), "signs": strings.Repeat("=", 8<<20),
		"invalid": strings.Repeat("\xff", 8<<20), "colons and spaces": strings.Repeat(" : ", 3<<20),
	} {
		spent := cost(func() { _ = redact.Text(text, []string{"aaaaaa", "s3same-0pen/sesame"}) })
		if spent > 64*bound.Text {
			t.Errorf("%s of %d bytes cost %d bytes, want no more than %d", name, len(text), spent, 64*bound.Text)
		}
	}
}

// cost measures what a call allocates, in bytes.
func cost(call func()) uint64 {
	const calls = 8
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		call()
	}
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) / calls
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
		"info": {&cosi.DriverGetInfoResponse{Name: "d"}, tree{"name": "d"}, nil},
		"grant": {
			&cosi.DriverGrantBucketAccessRequest{BucketId: "id", Name: "n", AuthenticationType: cosi.AuthenticationType_IAM, Parameters: secrets},
			tree{"bucket_id": "id", "name": "n", "authentication_type": "IAM", "parameters": tree{"one": masked, "two": masked}},
			[]string{"sesame-1", "sesame-2"},
		},
		"revocation": {
			&cosi.DriverRevokeBucketAccessRequest{BucketId: "id", AccountId: "a", RevokeAccessContext: secrets},
			tree{"bucket_id": "id", "account_id": "a", "revoke_access_context": tree{"one": masked, "two": masked}},
			[]string{"sesame-1", "sesame-2"},
		},
		"Azure": {
			&cosi.Protocol{Type: &cosi.Protocol_AzureBlob{AzureBlob: &cosi.AzureBlob{StorageAccount: "a"}}},
			tree{"azureBlob": tree{"storage_account": "a"}},
			nil,
		},
		"Google": {
			&cosi.Protocol{Type: &cosi.Protocol_Gcs{Gcs: &cosi.GCS{PrivateKeyName: "k", ProjectId: "p", ServiceAccount: "s"}}},
			tree{"gcs": tree{"private_key_name": "k", "project_id": "p", "service_account": "s"}},
			nil,
		},
		"a field that panics": {
			harmful{&cosi.DriverCreateBucketRequest{Name: "b", Parameters: secrets}, "name"},
			tree{"name": "[unreadable]", "parameters": tree{"one": masked, "two": masked}},
			[]string{"sesame-1", "sesame-2"},
		},
		"a map that panics": {
			harmful{&cosi.DriverCreateBucketRequest{Name: "b", Parameters: secrets}, "parameters"},
			tree{"name": "b", "parameters": "[unreadable]"},
			nil,
		},
		"not classified":         {wrapperspb.String("sesame-1"), tree{"value": masked}, []string{"sesame-1"}},
		"not classified, bytes":  {wrapperspb.Bytes([]byte("sesame-1")), tree{"value": masked}, []string{"sesame-1"}},
		"not classified, number": {wrapperspb.Int64(7), tree{"value": masked}, nil},
		"not classified, list":   {&fieldmaskpb.FieldMask{Paths: []string{"sesame-1"}}, tree{"paths": masked}, []string{"sesame-1"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := v1alpha1.Fields.Message(tt.message); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %v\nwant %v", got, tt.want)
			}
			if got := v1alpha1.Fields.Values(tt.message); !slices.Equal(slices.Sorted(slices.Values(got)), tt.values) {
				t.Errorf("the values are %q, want %q", got, tt.values)
			}
		})
	}
}

// harmful is a message that an author wrapped: it panics when one of its fields is read.
type harmful struct {
	proto.Message

	field protoreflect.Name
}

func (m harmful) ProtoReflect() protoreflect.Message {
	return panicking{m.Message.ProtoReflect(), m.field}
}

type panicking struct {
	protoreflect.Message

	field protoreflect.Name
}

func (m panicking) Get(f protoreflect.FieldDescriptor) protoreflect.Value {
	if f.Name() == m.field {
		panic("unreadable")
	}
	return m.Message.Get(f)
}

// hostile lists messages that a handler or a caller may make to harm.
func hostile() map[string]proto.Message {
	many := map[string]string{}
	for i := range 100_000 {
		many[fmt.Sprintf("key-%d\u202e\x00", i)] = canary
	}
	details := map[string]*cosi.CredentialDetails{"nil": nil, "\xff": {Secrets: map[string]string{"\xff": canary, "\"\"\\": canary}}}
	for i := range 1000 {
		details[strings.Repeat(`"`, 200)+fmt.Sprint(i)] = &cosi.CredentialDetails{Secrets: map[string]string{strings.Repeat("\\", i): canary}}
	}
	unknown := &cosi.DriverCreateBucketRequest{Name: "b"}
	unknown.ProtoReflect().SetUnknown(protoreflect.RawFields("\xfa\x3f\x11" + canary))
	var loop structpb.Value
	loop.Kind = &structpb.Value_ListValue{ListValue: &structpb.ListValue{Values: []*structpb.Value{&loop, &loop}}}
	return map[string]proto.Message{
		"nil variant":              &cosi.DriverCreateBucketResponse{BucketId: "b", BucketInfo: &cosi.Protocol{Type: (*cosi.Protocol_S3)(nil)}},
		"nil variant, Azure":       &cosi.Protocol{Type: (*cosi.Protocol_AzureBlob)(nil)},
		"empty variant":            &cosi.DriverCreateBucketResponse{BucketInfo: &cosi.Protocol{Type: &cosi.Protocol_Gcs{}}},
		"nil pointer":              (*cosi.DriverGrantBucketAccessResponse)(nil),
		"nil of an embedding type": (*embedding)(nil),
		"embedded nil":             &embedding{},
		"invalid UTF-8":            &cosi.DriverGrantBucketAccessResponse{AccountId: "\xff\xfe", Credentials: details},
		"long":                     &cosi.DriverCreateBucketRequest{Name: strings.Repeat("\"", 4<<20), Parameters: map[string]string{strings.Repeat("k", 4<<20): canary}},
		"many":                     &cosi.DriverCreateBucketRequest{Name: "b", Parameters: many},
		"unknown fields":           unknown,
		"a loop":                   &loop,
	}
}

// embedding is a message that an author wrapped: a nil one panics whatever is asked of it.
type embedding struct{ proto.Message }

func TestHostileMessages(t *testing.T) {
	t.Parallel()
	for name, m := range hostile() {
		checkMessage(t, name, m)
	}
	readable := v1alpha1.Fields.Message(hostile()["nil variant"])
	if readable["bucket_id"] != "b" {
		t.Errorf("got %v, want what can be read", readable)
	}
}

func TestMessageTellsWhatItLacks(t *testing.T) {
	t.Parallel()
	m := v1alpha1.Fields.Message(hostile()["many"])
	shown, _ := m["parameters"].(tree)
	if len(shown) != bound.Entries+1 || shown["..."] != fmt.Sprintf("and %d more", 100_000-bound.Entries) {
		t.Errorf("got %d entries and %v, want %d and how many more", len(shown), shown["..."], bound.Entries)
	}
	for key := range shown {
		if len(key) > bound.Name || strings.ContainsFunc(key, bound.Control) {
			t.Errorf("got the key %q, want it short and printable", key)
		}
	}
	name, _ := v1alpha1.Fields.Message(&cosi.DriverCreateBucketRequest{Name: strings.Repeat("n", 1<<20)})["name"].(string)
	if len(name) > bound.Name || !strings.HasSuffix(name, "...(1048576 bytes)") {
		t.Errorf("got %q, want the name cut", name)
	}
}

// TestMessageUsesItsRoom has a payload that fits only just.
func TestMessageUsesItsRoom(t *testing.T) {
	t.Parallel()
	full := &cosi.DriverGrantBucketAccessResponse{Credentials: map[string]*cosi.CredentialDetails{}}
	for _, name := range []string{"one", "two", "three"} {
		secrets := map[string]string{}
		for i := range bound.Entries {
			secrets[fmt.Sprintf("%0*d", bound.Name, i)] = canary
		}
		full.Credentials[name] = &cosi.CredentialDetails{Secrets: secrets}
	}
	credentials, _ := v1alpha1.Fields.Message(full)["credentials"].(tree)
	for _, name := range []string{"one", "two", "three"} {
		shown, _ := credentials[name].(tree)["secrets"].(tree)
		if _, lacks := shown["..."]; len(shown) != bound.Entries || lacks {
			t.Errorf("%s has %d entries and says %v, want all %d", name, len(shown), shown["..."], bound.Entries)
		}
	}
}

func TestHostileMessagesCostLittle(t *testing.T) { //nolint:paralleltest // measures
	for name, m := range hostile() {
		for what, call := range map[string]func(){
			"Message": func() { v1alpha1.Fields.Message(m) }, "Values": func() { v1alpha1.Fields.Values(m) },
		} {
			if spent := cost(call); spent > 8*bound.Payload {
				t.Errorf("%s of %q costs %d bytes", what, name, spent)
			}
		}
	}
}

// TestTooManyValues checks that a text shows nothing if not every secret could be kept.
func TestTooManyValues(t *testing.T) {
	t.Parallel()
	many := &cosi.DriverCreateBucketRequest{Parameters: map[string]string{"long": strings.Repeat("x", 1<<20), "short": canary}}
	for name, secrets := range map[string][]string{
		"Values": v1alpha1.Fields.Values(hostile()["many"]), "Values, long": v1alpha1.Fields.Values(many), "Values, loop": v1alpha1.Fields.Values(hostile()["a loop"]),
		"Parameters": redact.Parameters(many.GetParameters()), "both": slices.Concat(v1alpha1.Fields.Values(many), []string{"sesame"}),
	} {
		if got := redact.Text("bad "+canary, secrets); got != redact.Mask {
			t.Errorf("%s: got %q, want nothing", name, got)
		}
	}
}

// TestMostValues keeps as many values as are kept, and one more.
func TestMostValues(t *testing.T) {
	t.Parallel()
	nested := func(n int) proto.Message {
		list := &structpb.ListValue{}
		for range n {
			list.Values = append(list.Values, &structpb.Value{})
		}
		return list
	}
	for name, tt := range map[string]struct {
		kept  func(n int) []string
		limit int
	}{
		"number": {func(n int) []string {
			m := map[string]string{}
			for i := range n {
				m[fmt.Sprint(i)] = "value"
			}
			return redact.Parameters(m)
		}, 1 << 10},
		"bytes":    {func(n int) []string { return v1alpha1.Fields.Values(wrapperspb.String(strings.Repeat("x", n))) }, 64 << 10},
		"messages": {func(n int) []string { return v1alpha1.Fields.Values(nested(n - 1)) }, 4 << 10},
	} {
		if got := redact.Text("readable", tt.kept(tt.limit)); got != "readable" {
			t.Errorf("%s: got %q with %d, want the text", name, got, tt.limit)
		}
		if got := redact.Text("readable", tt.kept(tt.limit+1)); got != redact.Mask {
			t.Errorf("%s: got %q with %d, want nothing", name, got, tt.limit+1)
		}
	}
}

func TestMade(t *testing.T) {
	t.Parallel()
	got := v1alpha1.Fields.Made(nil, "text", 7, wrapperspb.String("one"), (*wrapperspb.StringValue)(nil), (*embedding)(nil), wrapperspb.String("two"))
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q, want what the messages hold", got)
	}
}

func TestParameters(t *testing.T) { //nolint:paralleltest // counts allocations
	m := map[string]string{"one": "sesame-1", "two": "sesame-2"}
	if got := slices.Sorted(slices.Values(redact.Parameters(m))); !slices.Equal(got, []string{"sesame-1", "sesame-2"}) {
		t.Errorf("got %q", got)
	}
	if got := redact.Parameters(nil); got != nil {
		t.Errorf("got %q for no parameters, want nil", got)
	}
	for want, m := range []map[string]string{{}, m} {
		if got := testing.AllocsPerRun(100, func() { redact.Parameters(m) }); got != float64(want) {
			t.Errorf("%d parameters cost %v allocations, want %d", len(m), got, want)
		}
	}
}

func TestValuesOfSeveral(t *testing.T) {
	t.Parallel()
	got := v1alpha1.Fields.Values(nil, wrapperspb.String("one"), (*wrapperspb.StringValue)(nil), wrapperspb.String("two"))
	if !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("got %q", got)
	}
	if got := v1alpha1.Fields.Values(); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}
