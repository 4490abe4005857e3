package driver

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"go.opentelemetry.io/otel/metric"

	"github.com/doomshrine/gocosi"
)

// The environment variables that say where the store is, and with which keys.
const (
	EnvEndpoint       = "S3_ENDPOINT"
	EnvIAMEndpoint    = "S3_IAM_ENDPOINT"
	EnvClientEndpoint = "S3_CLIENT_ENDPOINT"
	EnvRegion         = "S3_REGION"
	EnvAccessKeyFile  = "S3_ACCESS_KEY_FILE"
	EnvSecretKeyFile  = "S3_SECRET_KEY_FILE" //nolint:gosec // the name of a variable
	EnvSealKeyFile    = "S3_SEAL_KEY_FILE"
	EnvOwner          = "S3_OWNER"
	EnvInsecure       = "S3_INSECURE"
	EnvVirtualHosted  = "S3_VIRTUAL_HOSTED"
	EnvNoLocation     = "S3_NO_LOCATION"
	EnvChecksums      = "S3_CHECKSUMS"
	EnvStore          = "S3_STORE"
	EnvNoCreationTags = "S3_NO_CREATION_TAGS"
)

// Kind is a kind of store. Stores that speak S3 differ in their users.
type Kind string

// The kinds of stores.
const (
	AWS  Kind = "aws"  // users of IAM, as AWS has them
	Ceph Kind = "ceph" // users of a Ceph Object Gateway (RGW)
)

// Settings is what the driver knows of its store. Keys are in it: do not print it.
type Settings struct {
	Store          Kind   // whose users it has; "": AWS
	Endpoint       string // URL of the store's S3 service
	IAMEndpoint    string // URL of its IAM service
	ClientEndpoint string // URL of the S3 service as those who are granted access reach it
	Region         string
	AccessKey      string // the driver's own key
	SecretKey      string
	Owner          string // marks what is ours
	Sealer         *Sealer
	VirtualHosted  bool // the bucket is a part of the host's name, instead of the path
	NoLocation     bool // a bucket's creation does not name the region
	Checksums      bool // requests carry the SDK's newer checksums wherever it can, instead of where S3 wants one
	NoCreationTags bool // a bucket is tagged by a request of its own; always so on Ceph

	// For tests.
	client aws.HTTPClient // of all clients; nil: one of the driver
	pace   pace
	meter  metric.MeterProvider // nil: OpenTelemetry's global one
}

// FromEnvironment reads the settings, and the files that they name. Everything that is missing or wrong is in the error.
func FromEnvironment(lookup func(string) (string, bool)) (Settings, error) {
	r := reader{lookup: lookup}
	insecure := r.flag(EnvInsecure)
	s := Settings{
		Store:       r.kind(),
		Endpoint:    r.url(EnvEndpoint, r.required(EnvEndpoint), insecure),
		IAMEndpoint: r.url(EnvIAMEndpoint, r.get(EnvIAMEndpoint), insecure),
		Region:      cmp.Or(r.matching(EnvRegion, regionForm, "letters, digits, - and _, such as us-east-1"), "us-east-1"),
		AccessKey:   r.key(EnvAccessKeyFile),
		SecretKey:   r.key(EnvSecretKeyFile),
		Owner:       cmp.Or(r.get(EnvOwner), r.get(gocosi.EnvCOSIDriverName), Name),

		VirtualHosted: r.flag(EnvVirtualHosted),
		NoLocation:    r.flag(EnvNoLocation),
		Checksums:     r.flag(EnvChecksums),

		NoCreationTags: r.flag(EnvNoCreationTags),
	}
	s.ClientEndpoint = cmp.Or(r.url(EnvClientEndpoint, r.get(EnvClientEndpoint), true), s.Endpoint)
	if s.Store == Ceph { // all in one, and it shows secrets again
		if s.IAMEndpoint != "" && s.IAMEndpoint != s.Endpoint {
			r.fault(EnvIAMEndpoint, fmt.Errorf("%s=%s has one address for all, %s; unset this one", EnvStore, Ceph, EnvEndpoint))
		}
		s.IAMEndpoint = s.Endpoint
	} else {
		r.required(EnvIAMEndpoint)
		s.Sealer = r.sealer(EnvSealKeyFile)
	}
	r.fault(EnvOwner, checkTagValue(s.Owner))
	if err := errors.Join(r.faults...); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// reader reads variables, and collects what is wrong with them.
type reader struct {
	lookup func(string) (string, bool)
	faults []error
}

func (r *reader) fault(name string, err error) {
	if err != nil {
		r.faults = append(r.faults, fmt.Errorf("%s: %w", name, err))
	}
}

// get returns the value of a variable without the space around it; one without any other text counts as unset.
func (r *reader) get(name string) string {
	value, _ := r.lookup(name)
	value = strings.TrimSpace(value)
	if strings.ContainsFunc(value, func(c rune) bool { return !unicode.IsPrint(c) || c == utf8.RuneError }) {
		r.fault(name, errors.New("want printable characters on one line"))
		return ""
	}
	return value
}

var (
	regionForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	// keyForm is what a key may hold. A quote would be a part of the key, and stands there by mistake.
	keyForm = regexp.MustCompile("^[ !#-&(-_a-~]{1,1000}$")
)

// matching returns the value of a variable that has a form, and never shows another one.
func (r *reader) matching(name string, form *regexp.Regexp, want string) string {
	value := r.get(name)
	if value != "" && !form.MatchString(value) {
		r.fault(name, errors.New("want "+want))
	}
	return value
}

func (r *reader) required(name string) string {
	value := r.get(name)
	if value == "" {
		r.fault(name, errors.New("is required"))
	}
	return value
}

// file returns what the file holds that a variable names, without the space around it.
func (r *reader) file(name string) string {
	path := r.required(name)
	if path == "" {
		return ""
	}
	text, err := readText(path)
	r.fault(name, err)
	return text
}

// key returns the only line of a file.
func (r *reader) key(name string) string {
	text := r.file(name)
	if text != "" && !keyForm.MatchString(text) {
		r.fault(name, fmt.Errorf("%s holds more than a key; want one line of printable characters without quotes", r.get(name)))
	}
	return text
}

func readText(path string) (string, error) {
	content, err := readFile(path)
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		err = fault.Err // the path may be the key itself, put into the wrong variable
	}
	if err != nil {
		return "", fmt.Errorf("the file that it names cannot be read: %w", err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return "", fmt.Errorf("%s is empty", path)
	}
	return text, nil
}

// longestFile is more than any key has, in bytes. A device may be endless.
const longestFile = 64 << 10

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, longestFile))
}

func (r *reader) sealer(name string) *Sealer {
	text := r.file(name)
	if text == "" {
		return nil
	}
	sealer, err := NewSealer(text)
	if err != nil {
		r.fault(name, fmt.Errorf("%s: %w", r.get(name), err))
	}
	return sealer
}

// kind takes AWS where nothing is said.
func (r *reader) kind() Kind {
	kind := cmp.Or(Kind(r.get(EnvStore)), AWS)
	if kind != AWS && kind != Ceph {
		r.fault(EnvStore, fmt.Errorf("want %s or %s", AWS, Ceph))
	}
	return kind
}

func (r *reader) flag(name string) bool {
	switch value := r.get(name); value {
	case "", "false":
	case "true":
		return true
	default:
		r.fault(name, errors.New("is neither true nor false"))
	}
	return false
}

// url reads an address, unless value is "".
func (r *reader) url(name, value string, insecure bool) string {
	if value != "" {
		r.fault(name, checkURL(value, insecure))
	}
	return strings.TrimSuffix(value, "/")
}

// checkURL checks an address. Secrets travel to it, so it must be https, or on this machine, or explicitly insecure.
func checkURL(value string, insecure bool) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || !urlForm.MatchString(value) || u.Hostname() == "" || u.User != nil || !isPort(u.Port()) || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("accepted is https://host, https://host:port, or the same with http, without user and query")
	case u.Scheme == "http" && !insecure && !loopback(u.Hostname()):
		return fmt.Errorf("http would carry secret keys in the clear; use https, or set %s=true", EnvInsecure)
	}
	return nil
}

// urlForm is what an address has in clear: neither spaces, quotes and the like, nor a query or a fragment.
var urlForm = regexp.MustCompile(`^[!$%&'()*+,\-./0-9:;=@A-Z\[\]_a-z~]+$`)

// isPort takes none for the scheme's own.
func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && number > 0
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
