package otlp

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

// Signal is one of OpenTelemetry's kinds of data, as its variables name it.
type Signal string

// The signals that a driver can export.
const (
	Traces  Signal = "TRACES"
	Metrics Signal = "METRICS"
)

const (
	protocolGRPC = "grpc"
	protocolHTTP = "http/protobuf"

	otlpPrefix = "OTEL_EXPORTER_OTLP_"
)

// Wanted decides from OpenTelemetry's own variables whether the signal is exported, by which protocol ("": not at all),
// and why. Naming a service turns nothing on: somebody must name an exporter or say where to export to.
func Wanted(signal Signal) (protocol, why string) {
	if strings.EqualFold(getEnv("OTEL_SDK_DISABLED"), "true") {
		return "", "OTEL_SDK_DISABLED is true"
	}
	exporter := "OTEL_" + string(signal) + "_EXPORTER"
	switch getEnv(exporter) {
	case "none":
		return "", exporter + " is none"
	case "otlp":
		return protocolFor(signal), exporter + " is otlp"
	}
	for _, name := range []string{otlpPrefix + string(signal) + "_ENDPOINT", otlpPrefix + "ENDPOINT"} {
		if getEnv(name) != "" {
			return protocolFor(signal), name + " is set"
		}
	}
	return "", "neither an exporter nor an OTLP endpoint is named"
}

func protocolFor(signal Signal) string { return otlpEnv(signal, "PROTOCOL", protocolGRPC) }

// otlpEnv reads the variable of a signal, else the one of all signals, else returns otherwise.
func otlpEnv(signal Signal, name, otherwise string) string {
	return cmp.Or(getEnv(otlpPrefix+string(signal)+"_"+name), getEnv(otlpPrefix+name), otherwise)
}

// getEnv reads a variable as the SDK does: from the process, without white space around it.
func getEnv(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// Variable describes one of OpenTelemetry's variables that a driver reads. The table of README.md says the same; a test
// compares them.
type Variable struct {
	Name    string
	Default string
	Means   string

	signal Signal             // "": of both
	check  func(string) error // nil: any text is right
}

// Variables lists what turns the signals on and off, and what the OTLP exporters read.
func Variables() []Variable {
	list := []Variable{
		{"OTEL_TRACES_EXPORTER", "", "otlp turns traces on, none off; any other exporter is given as a provider", Traces, checkExporter},
		{"OTEL_METRICS_EXPORTER", "", "the same for metrics", Metrics, checkExporter},
	}
	for _, v := range []Variable{
		{
			"ENDPOINT", "localhost:4317 by gRPC, localhost:4318 by HTTP",
			"URL of the collector, whose setting turns both signals on; of one signal, by HTTP, the whole URL", "", checkOTLPEndpoint,
		},
		{"PROTOCOL", protocolGRPC, "grpc or http/protobuf", "", oneOf(protocolGRPC, protocolHTTP)},
		{"CERTIFICATE", "the system's", "file of PEM certificates that the collector's is checked against", "", checkOTLPCertificate},
		{"HEADERS", "", "headers to send, name=value,…, values percent-encoded", "", checkOTLPHeaders},
		{"COMPRESSION", "none", "gzip or none", "", oneOf("gzip", "none")},
		{"TIMEOUT", "10000", "how long an export may take, in milliseconds", "", checkOTLPTimeout},
	} {
		list = append(list,
			Variable{otlpPrefix + v.Name, v.Default, v.Means, "", v.check},
			Variable{otlpPrefix + "TRACES_" + v.Name, "", "the same for traces alone", Traces, v.check},
			Variable{otlpPrefix + "METRICS_" + v.Name, "", "the same for metrics alone", Metrics, v.check})
	}
	return append(list,
		Variable{Name: "OTEL_SERVICE_NAME", Default: "the driver's name", Means: "the service's name; turns nothing on"},
		Variable{Name: "OTEL_SDK_DISABLED", Default: "false", Means: "true turns both signals off"})
}

// Check refuses what the exporters would ignore or print: malformed variables of the signals given, and of both together.
// No error shows the value of a header or a password.
func Check(signals ...Signal) error {
	if len(signals) == 0 || strings.EqualFold(getEnv("OTEL_SDK_DISABLED"), "true") {
		return nil
	}
	var problems []error
	for _, v := range Variables() {
		value := getEnv(v.Name)
		if value == "" || v.check == nil || v.signal != "" && !slices.Contains(signals, v.signal) {
			continue
		}
		if err := v.check(value); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", v.Name, err))
		}
	}
	return errors.Join(problems...)
}

func checkExporter(value string) error {
	if err := oneOf("otlp", "none")(value); err != nil {
		return fmt.Errorf("%w; any other exporter needs its provider given by WithTracerProvider or WithMeterProvider", err)
	}
	return nil
}

func oneOf(accepted ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(accepted, value) {
			return nil
		}
		return fmt.Errorf("%q is not supported; want %s", redact.Text(value, nil), strings.Join(accepted, " or "))
	}
}

func checkOTLPEndpoint(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		if i := strings.LastIndexByte(value, '@'); i >= 0 {
			value = redact.Mask + value[i:] // a malformed URL does not tell where its password begins
		}
		return fmt.Errorf("%q is not a URL of a collector; want one such as http://localhost:4317 or https://collector:4318", value)
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
				"want name=value pairs with commas between, values percent-encoded", i+1)
		}
	}
	return nil
}

func checkOTLPCertificate(path string) error {
	pem, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("%w; want the path of a file of PEM certificates", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(pem) {
		return fmt.Errorf("%q contains no certificate; want the path of a file of PEM certificates", path)
	}
	return nil
}

func checkOTLPTimeout(value string) error {
	if _, err := strconv.ParseUint(value, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number of milliseconds; want a whole number such as 10000", redact.Text(value, nil))
	}
	return nil
}
