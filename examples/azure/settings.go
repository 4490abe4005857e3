package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"

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
}

var accountName = regexp.MustCompile(`^[a-z0-9]{3,24}$`)

// readSettings reads the environment, and reports everything that is missing or wrong at once.
func readSettings(environ func(string) string) (settings, error) {
	getenv := func(name string) string { return strings.TrimSpace(environ(name)) }
	s := settings{driver: cmp.Or(getenv(gocosi.EnvCOSIDriverName), driverName), account: getenv(envAccount)}
	var accountErr, endpointErr, keyErr error
	if !accountName.MatchString(s.account) { // what it holds instead may be a key
		accountErr = fmt.Errorf("%s: accepted is the name of a storage account, 3 to 24 of a-z and 0-9", envAccount)
	}
	s.endpoint, endpointErr = readEndpoint(cmp.Or(getenv(envEndpoint), "https://"+s.account+".blob.core.windows.net"))
	s.key, keyErr = readKey(s.account, getenv(envKeyFile))
	return s, errors.Join(accountErr, keyErr, endpointErr)
}

// readEndpoint refuses to send data and signatures across a network in the clear.
func readEndpoint(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || !printable(text) || u.Host == "" || u.User != nil || u.RawQuery != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fmt.Errorf("%s: accepted is https://host or https://host/path, and http on loopback; no user, no query", envEndpoint)
	}
	return u, nil
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
	text, err := os.ReadFile(file)
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
