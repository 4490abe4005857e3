package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// form says which texts a variable may hold.
type form struct {
	check func(string) error // its errors quote nothing
	shown *regexp.Regexp     // matches wrong texts that an error may show; nil: none
}

const (
	// maxNumber limits every number: as milliseconds it is 24 days, and no duration of the SDK's overflows.
	maxNumber = 1<<31 - 1
	// maxQueue limits the spans that are kept: the SDK takes the memory for them at once.
	maxQueue = 1 << 20

	queueSize    = "OTEL_BSP_MAX_QUEUE_SIZE"
	batchSize    = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"
	defaultQueue = 2048
)

var (
	wordShown   = regexp.MustCompile(`^[A-Za-z/_,]{1,24}$`)
	numberShown = regexp.MustCompile(`^([-+]?[0-9.]{1,16}[a-z]{0,2}|[a-z]{1,6})$`)
)

func oneOf(accepted ...string) form {
	return form{shown: wordShown, check: func(text string) error {
		if slices.Contains(accepted, text) {
			return nil
		}
		return errors.New("want " + strings.Join(accepted, " or "))
	}}
}

func anyCase(accepted ...string) form {
	exact := oneOf(accepted...)
	return form{shown: wordShown, check: func(text string) error { return exact.check(strings.ToLower(text)) }}
}

func number(least, most int) form {
	return form{shown: numberShown, check: func(text string) error {
		if n, err := strconv.Atoi(text); err != nil || n < least || n > most {
			return fmt.Errorf("want a whole number from %d to %d", least, most)
		}
		return nil
	}}
}

func checkRatio(text string) error {
	if f, err := strconv.ParseFloat(text, 64); err != nil || !(f >= 0 && f <= 1) { // so that it refuses what is no number, too
		return errors.New("want a number from 0 to 1, such as 0.25")
	}
	return nil
}

func checkExporter(text string) error {
	if err := oneOf("otlp", "none").check(text); err != nil {
		return fmt.Errorf("%w; any other exporter is given by WithTracerProvider, WithMeterProvider or WithMetricReader", err)
	}
	return nil
}

// checkCollectorURL refuses what the exporters would leave out, too: a user and a query.
func checkCollectorURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("want a URL such as http://localhost:4317 or https://collector:4318")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("want a URL without user, query and fragment; what a collector asks for goes into %sHEADERS", otlpPrefix)
	}
	return nil
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func checkHeaders(text string) error {
	return checkPairs(text, func(name, value string) bool {
		return headerName.MatchString(name) && !strings.ContainsFunc(value, unicode.IsControl)
	})
}

// checkAttributes lets any name pass. A value that is no text would make every export fail.
func checkAttributes(text string) error {
	return checkPairs(text, func(name, value string) bool { return name != "" && utf8.ValidString(value) })
}

func checkPairs(text string, right func(name, value string) bool) error {
	for i, pair := range strings.Split(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(value)
		if !ok || err != nil || !right(strings.TrimSpace(name), strings.TrimSpace(value)) {
			return fmt.Errorf("entry %d is malformed; want name=value pairs with commas between, values percent-encoded", i+1)
		}
	}
	return nil
}

func checkCertificates(path string) error {
	_, err := readCertificates(path)
	return err
}

// readCertificates reads a file of certificates. Its errors leave the path out, which may be a secret.
func readCertificates(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, fmt.Errorf("the file that it names cannot be read: %w; want the path of a file of PEM certificates", fault.Err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("the file contains no certificate; want the path of a file of PEM certificates")
	}
	return pool, nil
}

// checkBatch refuses a batch that the queue cannot hold: the SDK would take another size.
func checkBatch() error {
	queue, _ := strconv.Atoi(cmp.Or(getEnv(queueSize), strconv.Itoa(defaultQueue)))
	if batch, err := strconv.Atoi(getEnv(batchSize)); err == nil && queue > 0 && batch > queue {
		return fmt.Errorf("%s=\"%d\": want at most the %d of %s", batchSize, batch, queue, queueSize)
	}
	return nil
}

// checkClients reads the driver's own certificates, those for all signals and those for one alone.
func checkClients(signals []Signal) (problems []error) {
	prefixes := []string{otlpPrefix}
	for _, signal := range signals {
		prefixes = append(prefixes, otlpPrefix+string(signal)+"_")
	}
	for _, prefix := range prefixes {
		_, err := readClient(prefix)
		problems = append(problems, err)
	}
	return problems
}

// checkClear refuses certificates for exports in the clear over HTTP. The exporter would refuse them too, and name no variable. By
// gRPC, certificates win.
func checkClear(signals []Signal) (problems []error) {
	for _, signal := range signals {
		protocol, _ := Wanted(signal)
		by, certificate := inTheClear(signal), firstSet(signal, "CERTIFICATE", "CLIENT_CERTIFICATE")
		if protocol == protocolHTTP && by != "" && certificate != "" {
			problems = append(problems, fmt.Errorf("%s: %s go in the clear by %s; want an https URL without INSECURE, or no certificate",
				certificate, strings.ToLower(string(signal)), by))
		}
	}
	return problems
}

// inTheClear names the variable by which a signal is sent without TLS; "": there is none.
func inTheClear(signal Signal) string {
	if name := firstSet(signal, "INSECURE"); name != "" {
		if strings.EqualFold(getEnv(name), "true") {
			return name
		}
		return ""
	}
	name := firstSet(signal, "ENDPOINT")
	if u, err := url.Parse(getEnv(name)); err != nil || u.Scheme != "http" {
		return ""
	}
	return name
}

// firstSet names the first variable that is set, of the signal's own and those of all signals; "": none is.
func firstSet(signal Signal, names ...string) string {
	for _, name := range names {
		for _, full := range []string{otlpPrefix + string(signal) + "_" + name, otlpPrefix + name} {
			if getEnv(full) != "" {
				return full
			}
		}
	}
	return ""
}

// readClient reads the driver's own certificate and key; neither is set for none.
func readClient(prefix string) ([]tls.Certificate, error) {
	certificate, key := getEnv(prefix+"CLIENT_CERTIFICATE"), getEnv(prefix+"CLIENT_KEY")
	if certificate == "" && key == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil { // which may quote a path
		return nil, fmt.Errorf("%sCLIENT_CERTIFICATE and %[1]sCLIENT_KEY: they do not load; "+
			"want both, the paths of files of a PEM certificate and its key", prefix)
	}
	return []tls.Certificate{pair}, nil
}
