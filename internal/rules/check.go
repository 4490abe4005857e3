package rules

import (
	"cmp"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/drivername"
)

// The limits of requirement GEN-9, in bytes.
const (
	MaxString = 128  // of a string
	MaxMap    = 4096 // of all keys and values of a map together
)

// The rules that several checks quote.
const (
	sizeLimits = "GEN-9"
	s3Keys     = "GRANT-9"
	azureKeys  = "GRANT-10"
	NoResult   = "GEN-16"
)

const empty = "is empty"

// ExpiryLayout is the layout in which the released sidecar parses expiryTs. It takes any other for no expiry
// (requirement GRANT-10).
const ExpiryLayout = "2006-01-02 15:04:05.999999999 -0700 MST"

// Violation reports a message that breaks a rule. It says what is wrong with which field, and never what the field holds.
type Violation struct {
	Rule   string
	Field  string
	Reason string
}

// Error returns a text such as "name is required (CREATE-2)".
func (v *Violation) Error() string { return fmt.Sprintf("%s %s (%s)", v.Field, v.Reason, v.Rule) }

// Request checks a request against the rules by which a driver refuses it. It returns nil for a request that breaks none,
// without allocating anything, and for messages that the specification does not define.
func Request(request any) *Violation {
	switch r := request.(type) {
	case *cosi.DriverCreateBucketRequest:
		return first(required("CREATE-2", "name", r.GetName()), small("parameters", r.GetParameters()))
	case *cosi.DriverDeleteBucketRequest:
		return first(required("DELETE-1", "bucket_id", r.GetBucketId()), small("delete_context", r.GetDeleteContext()))
	case *cosi.DriverGrantBucketAccessRequest:
		return first(required("GRANT-1", "bucket_id", r.GetBucketId()), required("GRANT-2", "name", r.GetName()),
			authentication(r.GetAuthenticationType()), small("parameters", r.GetParameters()))
	case *cosi.DriverRevokeBucketAccessRequest:
		return first(required("REVOKE-1", "bucket_id", r.GetBucketId()), required("REVOKE-2", "account_id", r.GetAccountId()),
			small("revoke_access_context", r.GetRevokeAccessContext()))
	}
	return nil
}

// RequestRules names the rules by which Request refuses requests of an RPC.
func RequestRules(rpc string) []string {
	switch rpc {
	case Create:
		return []string{"CREATE-2", sizeLimits}
	case Delete:
		return []string{"DELETE-1", sizeLimits}
	case Grant:
		return []string{"GRANT-1", "GRANT-2", "GRANT-3", sizeLimits}
	case Revoke:
		return []string{"REVOKE-1", "REVOKE-2", sizeLimits}
	}
	return nil
}

// ResponseRules names the rules by which answers of an RPC are refused: by Response, and because there is none.
func ResponseRules(rpc string) []string {
	switch rpc {
	case GetInfo:
		return []string{"INFO-2", "INFO-3", NoResult}
	case Create:
		return []string{"CREATE-5", sizeLimits, NoResult}
	case Grant:
		return []string{"GRANT-6", "GRANT-7", "GRANT-8", s3Keys, azureKeys, sizeLimits, NoResult}
	}
	return []string{NoResult}
}

// Response checks a successful answer against the rules that bind a driver. It returns nil for an answer that breaks none,
// and for messages that the specification does not define. It allocates nothing for a valid answer, unless an expiry is
// not in UTC.
func Response(request, response any) *Violation {
	switch r := response.(type) {
	case *cosi.DriverGetInfoResponse:
		return name(r.GetName())
	case *cosi.DriverCreateBucketResponse:
		return first(required("CREATE-5", "bucket_id", r.GetBucketId()), protocol(r.GetBucketInfo()))
	case *cosi.DriverGrantBucketAccessResponse:
		q, _ := request.(*cosi.DriverGrantBucketAccessRequest)
		return first(required("GRANT-6", "account_id", r.GetAccountId()), credentials(q.GetAuthenticationType(), r.GetCredentials()))
	}
	return nil
}

// Advice returns what a successful answer should hold and does not; nil when it lacks nothing.
func Advice(response any) *Violation {
	switch r := response.(type) {
	case *cosi.DriverCreateBucketResponse:
		if r.GetBucketInfo().GetType() == nil {
			return &Violation{"CREATE-9", "bucket_info", "does not say the protocol"}
		}
	case *cosi.DriverGrantBucketAccessResponse:
		if s3 := r.GetCredentials()["s3"]; s3 != nil && s3.GetSecrets()["region"] == "" {
			return &Violation{s3Keys, `credentials["s3"].region`, empty}
		}
	}
	return nil
}

// first returns the first violation that is not nil.
func first(violations ...*Violation) *Violation {
	for _, v := range violations {
		if v != nil {
			return v
		}
	}
	return nil
}

// required checks that a field is set, and its size.
func required(rule, field, value string) *Violation {
	if value == "" {
		return &Violation{rule, field, "is required"}
	}
	return short(field, value)
}

func short(field, value string) *Violation {
	return limit(field, len(value), MaxString)
}

func small(field string, m map[string]string) *Violation {
	size := 0
	for k, v := range m {
		size += len(k) + len(v)
	}
	return limit(field, size, MaxMap)
}

func limit(field string, size, most int) *Violation {
	if size > most {
		return &Violation{sizeLimits, field, fmt.Sprintf("has %d bytes; want at most %d", size, most)}
	}
	return nil
}

func authentication(t cosi.AuthenticationType) *Violation {
	if t != cosi.AuthenticationType_Key && t != cosi.AuthenticationType_IAM {
		return &Violation{"GRANT-3", "authentication_type", fmt.Sprintf("is %d; want 1 (Key) or 2 (IAM)", t)}
	}
	return nil
}

func name(value string) *Violation {
	if value == "" {
		return &Violation{"INFO-2", "name", empty}
	}
	if drivername.Check(value) != nil {
		return &Violation{"INFO-3", "name", "is not a driver's name"}
	}
	return nil
}

// Sendable returns what keeps an answer from being sent: texts that are not UTF-8. It allocates nothing for an answer of
// the specification's, and encodes any other message.
func Sendable(response any) error {
	switch r := response.(type) {
	case *cosi.DriverGetInfoResponse:
		return text("name", r.GetName())
	case *cosi.DriverCreateBucketResponse:
		return cmp.Or(text("bucket_id", r.GetBucketId()), sendableProtocol(r.GetBucketInfo()))
	case *cosi.DriverGrantBucketAccessResponse:
		return cmp.Or(text("account_id", r.GetAccountId()), sendableCredentials(r.GetCredentials()))
	case *cosi.DriverDeleteBucketResponse, *cosi.DriverRevokeBucketAccessResponse:
		return nil
	case proto.Message:
		_, err := proto.Marshal(r)
		return err
	}
	return nil // a codec of the author's may know it
}

func text(field, value string) error {
	if utf8.ValidString(value) {
		return nil
	}
	return fmt.Errorf("%s is not valid UTF-8", field)
}

func sendableProtocol(p *cosi.Protocol) error {
	const field = "bucket_info"
	s3, azure, gcs, hollow := parts(p)
	if hollow {
		return errHollow
	}
	return cmp.Or(text(field, s3.GetRegion()), text(field, azure.GetStorageAccount()),
		text(field, gcs.GetPrivateKeyName()), text(field, gcs.GetProjectId()), text(field, gcs.GetServiceAccount()))
}

// errHollow reports a protocol whose type is a nil pointer: the getters of the bindings panic at it.
var errHollow = errors.New("bucket_info has a type that is a nil pointer")

// parts returns what a protocol holds, and whether that is a nil pointer.
func parts(p *cosi.Protocol) (s3 *cosi.S3, azure *cosi.AzureBlob, gcs *cosi.GCS, hollow bool) {
	switch t := p.GetType().(type) {
	case *cosi.Protocol_S3:
		if hollow = t == nil; !hollow {
			s3 = t.S3
		}
	case *cosi.Protocol_AzureBlob:
		if hollow = t == nil; !hollow {
			azure = t.AzureBlob
		}
	case *cosi.Protocol_Gcs:
		if hollow = t == nil; !hollow {
			gcs = t.Gcs
		}
	}
	return s3, azure, gcs, hollow
}

func sendableCredentials(all map[string]*cosi.CredentialDetails) error {
	const field = "credentials"
	for key, details := range all {
		if err := text(field, key); err != nil {
			return err
		}
		for key, value := range details.GetSecrets() {
			if err := cmp.Or(text(field, key), text(field, value)); err != nil {
				return err
			}
		}
	}
	return nil
}

func protocol(p *cosi.Protocol) *Violation {
	s3, azure, gcs, _ := parts(p)
	return first(short("bucket_info.s3.region", s3.GetRegion()),
		short("bucket_info.azureBlob.storage_account", azure.GetStorageAccount()),
		short("bucket_info.gcs.private_key_name", gcs.GetPrivateKeyName()),
		short("bucket_info.gcs.project_id", gcs.GetProjectId()), short("bucket_info.gcs.service_account", gcs.GetServiceAccount()))
}

func credentials(t cosi.AuthenticationType, all map[string]*cosi.CredentialDetails) *Violation {
	if len(all) != 1 {
		return &Violation{"GRANT-7", "credentials", fmt.Sprintf("has %d entries, not one", len(all))}
	}
	for key, details := range all {
		switch key {
		case "s3":
			return first(s3(t, details.GetSecrets()), small(`credentials["s3"]`, details.GetSecrets()))
		case "azure":
			return first(azure(t, details.GetSecrets()), small(`credentials["azure"]`, details.GetSecrets()))
		}
	}
	return &Violation{"GRANT-8", "credentials", "has an entry that is neither s3 nor azure"}
}

func s3(t cosi.AuthenticationType, secrets map[string]string) *Violation {
	if t != cosi.AuthenticationType_Key {
		return nil
	}
	for _, key := range [...]string{"accessKeyID", "accessSecretKey", "endpoint"} {
		if secrets[key] == "" {
			return &Violation{s3Keys, `credentials["s3"].` + key, empty}
		}
	}
	return nil
}

func azure(t cosi.AuthenticationType, secrets map[string]string) *Violation {
	if t == cosi.AuthenticationType_Key && secrets["accessToken"] == "" {
		return &Violation{azureKeys, `credentials["azure"].accessToken`, empty}
	}
	if expiry, ok := secrets["expiryTs"]; ok {
		return layout(expiry)
	}
	return nil
}

func layout(expiry string) *Violation {
	if _, err := time.ParseInLocation(ExpiryLayout, expiry, time.UTC); err != nil {
		return &Violation{azureKeys, `credentials["azure"].expiryTs`, "is not in the layout " + ExpiryLayout}
	}
	return nil
}
