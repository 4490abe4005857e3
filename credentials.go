package gocosi

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/redact"
	"github.com/doomshrine/gocosi/internal/rules"
)

// S3Credentials holds what a grant on an S3 bucket returns. The released sidecar reads exactly these four values
// (requirement GRANT-9). Printing it, by fmt, logr or slog, shows no secret; it refuses to become JSON, XML, YAML or gob.
//
// It does not cover three cases. fmt, and slog's text handler with it, prints an unexported field of a struct without asking
// the field's type: keep a pointer in such a field, of which %v prints the address. The verbs %p and %w, which go vet
// refuses for such a value, print all of it. So does code that calls no method of a type, such as encoding/asn1 or spew.
type S3Credentials struct {
	Endpoint        string // URL of the store
	Region          string
	AccessKeyID     string
	AccessSecretKey string
}

// Map returns the credentials as a grant's response holds them.
func (c S3Credentials) Map() map[string]*cosi.CredentialDetails {
	return map[string]*cosi.CredentialDetails{"s3": {Secrets: map[string]string{
		"endpoint":        c.Endpoint,
		"region":          c.Region,
		"accessKeyID":     c.AccessKeyID,
		"accessSecretKey": c.AccessSecretKey,
	}}}
}

// printable returns c without its secret, as a type that has no methods and so prints plainly.
func (c S3Credentials) printable() any {
	type s3 S3Credentials
	if c.AccessSecretKey != "" {
		c.AccessSecretKey = redact.Mask
	}
	return s3(c)
}

// Format implements [fmt.Formatter] without the secret.
func (c S3Credentials) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.printable())
}

// MarshalLog implements logr's Marshaler without the secret.
func (c S3Credentials) MarshalLog() any { return c.printable() }

// LogValue implements [slog.LogValuer] without the secret.
func (c S3Credentials) LogValue() slog.Value { return slog.AnyValue(c.printable()) }

// MarshalText returns an error, so JSON, XML, YAML and TOML refuse the value: loggers encode values within values, and a
// driver must not store a masked secret by mistake. Use Map, or the fields.
func (S3Credentials) MarshalText() ([]byte, error) { return nil, errEncoded }

// MarshalBinary returns an error, so gob and CBOR refuse the value.
func (S3Credentials) MarshalBinary() ([]byte, error) { return nil, errEncoded }

// AzureCredentials holds what a grant on an Azure container returns (requirement GRANT-10). Printing it, by fmt, logr or
// slog, shows no secret, with the exceptions of [S3Credentials]; it refuses the same encodings.
type AzureCredentials struct {
	AccessToken string    // the shared access signature
	Expiry      time.Time // when it ends; zero: not told
}

// Map returns the credentials as a grant's response holds them.
func (c AzureCredentials) Map() map[string]*cosi.CredentialDetails {
	secrets := map[string]string{"accessToken": c.AccessToken}
	if !c.Expiry.IsZero() {
		secrets["expiryTs"] = c.Expiry.UTC().Format(rules.ExpiryLayout)
	}
	return map[string]*cosi.CredentialDetails{"azure": {Secrets: secrets}}
}

func (c AzureCredentials) printable() any {
	type azure AzureCredentials
	if c.AccessToken != "" {
		c.AccessToken = redact.Mask
	}
	return azure(c)
}

// Format implements [fmt.Formatter] without the secret.
func (c AzureCredentials) Format(f fmt.State, verb rune) {
	fmt.Fprintf(f, fmt.FormatString(f, verb), c.printable())
}

// MarshalLog implements logr's Marshaler without the secret.
func (c AzureCredentials) MarshalLog() any { return c.printable() }

// LogValue implements [slog.LogValuer] without the secret.
func (c AzureCredentials) LogValue() slog.Value { return slog.AnyValue(c.printable()) }

// MarshalText returns an error: see [S3Credentials.MarshalText].
func (AzureCredentials) MarshalText() ([]byte, error) { return nil, errEncoded }

// MarshalBinary returns an error: see [S3Credentials.MarshalBinary].
func (AzureCredentials) MarshalBinary() ([]byte, error) { return nil, errEncoded }

var errEncoded = errors.New("gocosi: credentials cannot be encoded; want Map, or the fields")
