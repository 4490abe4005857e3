package telemetry

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/doomshrine/gocosi/internal/redact"
)

// The signals, as OpenTelemetry's variables name them.
const (
	traces  = "TRACES"
	metrics = "METRICS"
)

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"

	otlpPrefix = "OTEL_EXPORTER_OTLP_"
)

// plan says whether a signal is exported, how, and why.
type plan struct {
	on       bool
	protocol string // protocolGRPC or protocolHTTP
	why      string
}

// String is the plan as the line at start shows it.
func (p plan) String() string {
	state := "off"
	if p.on {
		state = "on"
	}
	return state + ": " + p.why
}

// planFromEnv decides on a signal (TRACES or METRICS) from OpenTelemetry's own variables. Naming a service turns nothing
// on: somebody must name an exporter or say where to export to.
func planFromEnv(signal string) plan {
	if strings.EqualFold(getEnv("OTEL_SDK_DISABLED"), "true") {
		return plan{why: "OTEL_SDK_DISABLED is true"}
	}
	exporter := "OTEL_" + signal + "_EXPORTER"
	switch getEnv(exporter) {
	case "none":
		return plan{why: exporter + " is none"}
	case "otlp":
		return plan{on: true, protocol: protocolFor(signal), why: exporter + " is otlp"}
	}
	for _, name := range []string{otlpPrefix + signal + "_ENDPOINT", otlpPrefix + "ENDPOINT"} {
		if getEnv(name) != "" {
			return plan{on: true, protocol: protocolFor(signal), why: name + " is set"}
		}
	}
	return plan{why: "neither an exporter nor an OTLP endpoint is named"}
}

func protocolFor(signal string) string { return otlpEnv(signal, "PROTOCOL", protocolGRPC) }

// otlpEnv reads the variable of a signal, else the one of all signals, else it is otherwise.
func otlpEnv(signal, name, otherwise string) string {
	return cmp.Or(getEnv(otlpPrefix+signal+"_"+name), getEnv(otlpPrefix+name), otherwise)
}

// getEnv reads a variable as the SDK does: from the process, without white space around it.
func getEnv(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// checkEnv refuses what the exporters would ignore or print: the variables that name exporters, and those of the OTLP
// exporters, for the signals given and for both together. No problem shows the value of a header or a password.
func checkEnv(signals []string) error {
	if len(signals) == 0 || strings.EqualFold(getEnv("OTEL_SDK_DISABLED"), "true") {
		return nil
	}
	var problems []error
	check := func(name string, parse func(string) error) {
		if value := getEnv(name); value != "" {
			if err := parse(value); err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
		}
	}
	infixes := []string{""}
	for _, signal := range signals {
		check("OTEL_"+signal+"_EXPORTER", checkExporter)
		infixes = append(infixes, signal+"_")
	}
	for _, infix := range infixes {
		check(otlpPrefix+infix+"ENDPOINT", checkOTLPEndpoint)
		check(otlpPrefix+infix+"PROTOCOL", oneOf(protocolGRPC, protocolHTTP))
		check(otlpPrefix+infix+"HEADERS", checkOTLPHeaders)
		check(otlpPrefix+infix+"CERTIFICATE", checkOTLPCertificate)
		check(otlpPrefix+infix+"COMPRESSION", oneOf("gzip", "none"))
		check(otlpPrefix+infix+"TIMEOUT", checkOTLPTimeout)
	}
	return errors.Join(problems...)
}

func checkExporter(value string) error {
	if err := oneOf("otlp", "none")(value); err != nil {
		return fmt.Errorf("%w; for any other exporter, give its provider by WithTracerProvider or WithMeterProvider", err)
	}
	return nil
}

func oneOf(accepted ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(accepted, value) {
			return nil
		}
		return fmt.Errorf("%q is not supported; accepted are %s", redact.Text(value, nil), strings.Join(accepted, " and "))
	}
}

func checkOTLPEndpoint(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		if i := strings.LastIndexByte(value, '@'); i >= 0 {
			value = redact.Mask + value[i:] // a malformed URL does not tell where its password begins
		}
		return fmt.Errorf("%q is not accepted; accepted are URLs such as http://localhost:4317 or https://collector:4318", value)
	}
	return nil
}

// headerName is a token of RFC 9110, section 5.6.2.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func checkOTLPHeaders(value string) error {
	for i, pair := range strings.Split(value, ",") {
		name, text, ok := strings.Cut(pair, "=")
		text, err := url.PathUnescape(text)
		if !ok || err != nil || !headerName.MatchString(strings.TrimSpace(name)) ||
			strings.ContainsFunc(strings.TrimSpace(text), unicode.IsControl) {
			return fmt.Errorf("entry %d is malformed (not shown: it may hold a secret); "+
				"accepted are name=value pairs with commas between, values percent-encoded", i+1)
		}
	}
	return nil
}

func checkOTLPCertificate(path string) error {
	pem, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w; accepted is the path of a file of PEM certificates", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return fmt.Errorf("%q holds no certificate; accepted is the path of a file of PEM certificates", path)
	}
	return nil
}

func checkOTLPTimeout(value string) error {
	if _, err := strconv.ParseUint(value, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number of milliseconds; accepted is a whole number such as 10000", redact.Text(value, nil))
	}
	return nil
}
