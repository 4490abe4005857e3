package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"go.opentelemetry.io/otel/metric"

	"github.com/doomshrine/gocosi"
)

// driverName is the driver's name unless X_COSI_DRIVER_NAME says otherwise.
const driverName = "azure.example.com"

// The variables that say which storage account the driver serves.
const (
	envAccount  = "AZURE_STORAGE_ACCOUNT"
	envKeyFile  = "AZURE_STORAGE_KEY_FILE"
	envEndpoint = "AZURE_BLOB_ENDPOINT"
)

// settings are what the operator decides.
type settings struct {
	driver   string // the name by which containers are marked
	account  string
	endpoint *url.URL
	key      *service.SharedKeyCredential
	meter    metric.MeterProvider // nil: OpenTelemetry's global one; tests have their own
}

// nameForm is what can be a driver's name, and the value of a header.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)

var accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)

// readSettings reads the environment, and reports everything that is missing or wrong at once.
func readSettings(environ func(string) string) (settings, error) {
	getenv := func(name string) string { return strings.TrimSpace(environ(name)) }
	s := settings{driver: cmp.Or(getenv(gocosi.EnvCOSIDriverName), driverName), account: getenv(envAccount)}
	var driverErr, accountErr, endpointErr, keyErr error
	if !nameForm.MatchString(s.driver) {
		driverErr = fmt.Errorf("%s: want 1 to 63 letters, digits, dots and hyphens, such as %s", gocosi.EnvCOSIDriverName, driverName)
	}
	if !accountName.MatchString(s.account) { // what it holds instead may be a key
		accountErr = fmt.Errorf("%s: accepted is the name of a storage account, 3 to 24 of a-z and 0-9", envAccount)
	}
	if endpoint := getenv(envEndpoint); endpoint != "" {
		s.endpoint, endpointErr = readEndpoint(endpoint)
	} else if accountErr == nil {
		s.endpoint, endpointErr = readEndpoint("https://" + s.account + ".blob.core.windows.net")
	}
	s.key, keyErr = readKey(s.account, getenv(envKeyFile))
	return s, errors.Join(driverErr, accountErr, keyErr, endpointErr)
}

// readEndpoint refuses to send data and signatures across a network in the clear.
func readEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || !plain(text) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" ||
		!isPort(u.Port()) || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("%s: accepted is https://host or https://host/path, and http on loopback; no user, no query", envEndpoint)
	}
	return u, nil
}

// plain reports whether a text has only what a URL has in clear: no spaces, quotes, or what does not print.
func plain(text string) bool { return printable(text) && !strings.ContainsAny(text, " \"'`<>\\^{|}#") }

// isPort takes none for the scheme's own.
func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && number > 0
}

// printable reports whether a text has no control characters and no others that do not print.
func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(c rune) bool { return !unicode.IsPrint(c) })
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// readKey reads the account's key from a file: a variable is seen by whoever can list processes.
func readKey(account, file string) (*service.SharedKeyCredential, error) {
	if file == "" {
		return nil, fmt.Errorf("%s is not set: accepted is the path of a file that holds a key of the storage account", envKeyFile)
	}
	text, err := readFile(file)
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		err = fault.Err // the path may be the key itself, put into the wrong variable
	}
	if err != nil {
		return nil, fmt.Errorf("%s: the file that it names cannot be read: %w", envKeyFile, err)
	}
	encoded := strings.TrimSpace(string(text))
	key, err := service.NewSharedKeyCredential(account, encoded)
	if err != nil || encoded == "" || !printable(encoded) { // base64 may have line breaks, a key has none
		return nil, fmt.Errorf("%s: %s holds no key of a storage account, which is base64", envKeyFile, file)
	}
	return key, nil
}

// mostKey is more than the length of any key, in bytes. A device may be endless.
const mostKey = 4096

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, mostKey))
}
