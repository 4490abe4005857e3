// Package redact keeps secrets out of what a driver prints: it masks known values in texts, and renders messages so that
// a field's content appears only when the field is known to hold nothing secret.
package redact

import (
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Mask replaces what must not be shown.
const Mask = "[redacted]"

// shortest is the length in bytes of the shortest secret that Text masks: masking "1" or "s3" would garble the text and
// hide nothing.
const shortest = 6

// userinfo matches the password of a URL (scheme://user:password@host) or of a data source name (user:password@host).
// The password may itself hold an "@" or a "/": the match goes to the last "@" before white space or a quote.
// It matches a user alone (scheme://token@host) too, which may be a token.
var userinfo = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s:/@"']*|[^\s:/@"']+):[^\s"']*@`)

// named matches values that follow the usual names of secrets in URLs and data source names: a shared access signature, a
// signed request, an account's key, a password.
var named = regexp.MustCompile(`(?i)\b(sig|x-amz-signature|accountkey|secretkey|password|passwd|pwd)=[^\s&;,"']+`)

// Text masks every secret of six bytes or more, passwords in URLs, and values that are named as secrets. The secrets come
// first: one of them may hold a URL, and would no longer match once the URL's password is masked.
func Text(text string, secrets []string) string {
	text = userinfo.ReplaceAllString(mask(text, secrets), "${1}:"+Mask+"@")
	return named.ReplaceAllString(text, "${1}="+Mask)
}

// span marks the bytes text[from:to].
type span struct{ from, to int }

// mask replaces each stretch of text that secrets cover, however they overlap.
func mask(text string, secrets []string) string {
	var masked strings.Builder
	shown := 0
	for _, s := range covered(text, secrets) {
		if s.from >= shown {
			masked.WriteString(text[shown:s.from])
			masked.WriteString(Mask)
		}
		shown = max(shown, s.to)
	}
	masked.WriteString(text[shown:])
	return masked.String()
}

// covered returns where text holds secrets, in the order in which they begin.
func covered(text string, secrets []string) []span {
	var spans []span
	for _, s := range secrets {
		if len(s) < shortest {
			continue
		}
		for at := 0; ; {
			i := strings.Index(text[at:], s)
			if i < 0 {
				break
			}
			spans = append(spans, span{at + i, at + i + len(s)})
			at += i + len(s)
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	return spans
}

// class says how much of a field may be shown.
type class int

const (
	hidden class = iota // nothing: the class of every field that is not listed
	public              // the value
	keys                // of a map: the keys
)

// fields classifies the fields of v1alpha1 by full name. Upstream declares the option cosi_secret but sets it on no field,
// so this table is the only source.
var fields = map[protoreflect.FullName]class{
	"cosi.v1alpha1.DriverGetInfoResponse.name":                            public,
	"cosi.v1alpha1.DriverCreateBucketRequest.name":                        public,
	"cosi.v1alpha1.DriverCreateBucketRequest.parameters":                  keys,
	"cosi.v1alpha1.DriverCreateBucketResponse.bucket_id":                  public,
	"cosi.v1alpha1.DriverCreateBucketResponse.bucket_info":                public,
	"cosi.v1alpha1.DriverDeleteBucketRequest.bucket_id":                   public,
	"cosi.v1alpha1.DriverDeleteBucketRequest.delete_context":              keys,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.bucket_id":              public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.name":                   public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.authentication_type":    public,
	"cosi.v1alpha1.DriverGrantBucketAccessRequest.parameters":             keys,
	"cosi.v1alpha1.DriverGrantBucketAccessResponse.account_id":            public,
	"cosi.v1alpha1.DriverGrantBucketAccessResponse.credentials":           public,
	"cosi.v1alpha1.CredentialDetails.secrets":                             keys,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.bucket_id":             public,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.account_id":            public,
	"cosi.v1alpha1.DriverRevokeBucketAccessRequest.revoke_access_context": keys,
	"cosi.v1alpha1.Protocol.s3":                                           public,
	"cosi.v1alpha1.Protocol.azureBlob":                                    public,
	"cosi.v1alpha1.Protocol.gcs":                                          public,
	"cosi.v1alpha1.S3.region":                                             public,
	"cosi.v1alpha1.S3.signature_version":                                  public,
	"cosi.v1alpha1.AzureBlob.storage_account":                             public,
	"cosi.v1alpha1.GCS.private_key_name":                                  public,
	"cosi.v1alpha1.GCS.project_id":                                        public,
	"cosi.v1alpha1.GCS.service_account":                                   public,
}

// Classified reports whether the table of classes has the field. A test checks every field of the bindings with it.
func Classified(field protoreflect.FullName) bool {
	_, ok := fields[field]
	return ok
}

// Message renders m as a tree of maps for a logger. It masks unclassified fields, and the values of parameters and
// credentials. It returns nil for a nil m.
func Message(m protoreflect.ProtoMessage) map[string]any {
	if m == nil {
		return nil
	}
	return message(m.ProtoReflect())
}

func message(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		out[string(f.Name())] = field(f, v)
		return true
	})
	return out
}

func field(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	c := fields[f.FullName()]
	switch {
	case c == hidden:
		return Mask
	case f.IsMap():
		return entries(f, v.Map(), c)
	case f.Message() != nil:
		return message(v.Message())
	case f.Enum() != nil:
		return enum(f, v.Enum())
	}
	return v.Interface()
}

func enum(f protoreflect.FieldDescriptor, n protoreflect.EnumNumber) any {
	if v := f.Enum().Values().ByNumber(n); v != nil {
		return string(v.Name())
	}
	return int32(n)
}

func entries(f protoreflect.FieldDescriptor, m protoreflect.Map, c class) map[string]any {
	out := map[string]any{}
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		out[k.String()] = Mask
		if c == public && f.MapValue().Message() != nil {
			out[k.String()] = message(v.Message())
		}
		return true
	})
	return out
}

// Values returns what Message would mask in the messages, for use with Text. It skips nil messages.
func Values(messages ...protoreflect.ProtoMessage) []string {
	var found []string
	for _, m := range messages {
		if m != nil {
			found = collect(m.ProtoReflect(), found)
		}
	}
	return found
}

func collect(m protoreflect.Message, found []string) []string {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				if f.MapValue().Message() != nil {
					found = collect(v.Message(), found)
				} else {
					found = append(found, v.String())
				}
				return true
			})
		case f.Message() != nil && !f.IsList():
			found = collect(v.Message(), found)
		case fields[f.FullName()] == hidden && f.Kind() == protoreflect.StringKind && !f.IsList():
			found = append(found, v.String())
		}
		return true
	})
	return found
}
