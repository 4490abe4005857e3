package otlp

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/doomshrine/gocosi/internal/setting"
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

// Variable describes one of OpenTelemetry's variables, or three. The table of docs/configuration.md says the same; a test compares them.
type Variable struct {
	Name      string
	Default   string
	Means     string
	PerSignal bool // there are two more, for one signal alone

	signal Signal // "": of both
	exact  bool   // the SDK does not trim it
	form   form   // its zero value: any text is right
}

// Variables lists every variable that a driver's telemetry reads, but those of [Harmless].
func Variables() []Variable {
	return slices.Concat(exporterVariables(), signalVariables(), limitVariables(), []Variable{
		{Name: "OTEL_RESOURCE_ATTRIBUTES", Means: "attributes of the driver, name=value,…, values percent-encoded", form: form{check: checkAttributes}},
		{Name: "OTEL_SERVICE_NAME", Default: "the driver's name", Means: "the service's name; turns nothing on"},
		{Name: "OTEL_SDK_DISABLED", Default: "false", Means: "true turns both signals off", form: anyCase("true", "false")},
	})
}

// exporterVariables lists what turns the signals on and off, and what both exporters read.
func exporterVariables() []Variable {
	list := []Variable{
		{
			Name:   "OTEL_TRACES_EXPORTER",
			Means:  "otlp turns traces on, none off; any other exporter is given by an option",
			signal: Traces, form: form{checkExporter, wordShown},
		},
		{Name: "OTEL_METRICS_EXPORTER", Means: "the same for metrics", signal: Metrics, form: form{checkExporter, wordShown}},
	}
	for _, v := range []Variable{
		{
			Name: "ENDPOINT", Default: "localhost:4317 by gRPC, localhost:4318 by HTTP",
			Means: "URL of the collector; setting it turns both signals on; for one signal, by HTTP, the whole URL",
			form:  form{check: checkCollectorURL},
		},
		{Name: "INSECURE", Default: "false", Means: "true sends in the clear, whatever the URL says, but never with certificates", form: anyCase("true", "false")},
		{Name: "PROTOCOL", Default: protocolGRPC, Means: "grpc or http/protobuf", form: oneOf(protocolGRPC, protocolHTTP)},
		{
			Name: "CERTIFICATE", Default: "the system's",
			Means: "file of PEM certificates that the collector's is checked against",
			form:  form{check: checkCertificates},
		},
		{Name: "CLIENT_CERTIFICATE", Means: "file of the driver's own PEM certificate; needs CLIENT_KEY"},
		{Name: "CLIENT_KEY", Means: "file of its PEM key"},
		{Name: "HEADERS", Means: "headers to send, name=value,…, values percent-encoded", form: form{check: checkHeaders}},
		{Name: "COMPRESSION", Default: "none", Means: "gzip or none", form: oneOf("gzip", "none")},
		{Name: "TIMEOUT", Default: "10000", Means: "how long an export may take, in milliseconds", form: number(0, maxNumber)},
	} {
		v.Name, v.PerSignal = otlpPrefix+v.Name, true
		list = append(list, v)
	}
	return list
}

// signalVariables lists what one signal alone reads.
func signalVariables() []Variable {
	return []Variable{
		{
			Name: "OTEL_TRACES_SAMPLER", Default: "parentbased_always_on",
			Means:  "which calls are traced: always_on, always_off, traceidratio, or one of them after parentbased_",
			signal: Traces, form: anyCase("always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
		},
		{
			Name: "OTEL_TRACES_SAMPLER_ARG", Default: "1",
			Means:  "part of the calls that traceidratio traces, from 0 to 1",
			signal: Traces, form: form{checkRatio, numberShown},
		},
		{
			Name: "OTEL_BSP_SCHEDULE_DELAY", Default: "5000",
			Means:  "longest time between two exports of spans, in milliseconds",
			signal: Traces, exact: true, form: number(1, maxNumber),
		},
		{
			Name: "OTEL_BSP_EXPORT_TIMEOUT", Default: "30000",
			Means:  "how long an export of spans may take, in milliseconds; 0 sets no limit",
			signal: Traces, exact: true, form: number(0, maxNumber),
		},
		{
			Name: queueSize, Default: "2048",
			Means:  "spans that are kept; further ones are dropped",
			signal: Traces, exact: true, form: number(1, maxQueue),
		},
		{
			Name: batchSize, Default: "512",
			Means:  "spans of one export, at most those that are kept",
			signal: Traces, exact: true, form: number(1, maxQueue),
		},
		{
			Name: "OTEL_METRIC_EXPORT_INTERVAL", Default: "60000",
			Means:  "time between two exports of metrics, in milliseconds",
			signal: Metrics, exact: true, form: number(1, maxNumber),
		},
		{
			Name: "OTEL_METRIC_EXPORT_TIMEOUT", Default: "30000",
			Means:  "how long an export of metrics may take, in milliseconds",
			signal: Metrics, exact: true, form: number(1, maxNumber),
		},
		{
			Name: "OTEL_METRICS_EXEMPLAR_FILTER", Default: "trace_based",
			Means:  "always_on, always_off or trace_based",
			signal: Metrics, form: anyCase("always_on", "always_off", "trace_based"),
		},
		{
			Name: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", Default: "cumulative",
			Means:  "cumulative, delta or lowmemory",
			signal: Metrics, form: anyCase("cumulative", "delta", "lowmemory"),
		},
		{
			Name: "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", Default: "explicit_bucket_histogram",
			Means:  "explicit_bucket_histogram or base2_exponential_bucket_histogram",
			signal: Metrics, form: anyCase("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
		},
		{Name: "OTEL_GO_X_CARDINALITY_LIMIT", Default: "2000", Means: "series of one metric; 0 sets no limit", signal: Metrics, form: number(0, maxNumber)},
	}
}

// limitVariables lists the limits of a span.
func limitVariables() (list []Variable) {
	for _, v := range []Variable{
		{Name: "OTEL_ATTRIBUTE_COUNT_LIMIT", Default: "128", Means: "attributes of a span; -1 sets no limit, here and below"},
		{Name: "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", Default: "-1", Means: "characters of an attribute's value"},
		{Name: "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", Means: "attributes of a span, instead of the general limit"},
		{Name: "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", Means: "characters of a span's attribute, instead of the general limit"},
		{Name: "OTEL_SPAN_EVENT_COUNT_LIMIT", Default: "128", Means: "events of a span"},
		{Name: "OTEL_SPAN_LINK_COUNT_LIMIT", Default: "128", Means: "links of a span"},
		{Name: "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", Default: "128", Means: "attributes of an event"},
		{Name: "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", Default: "128", Means: "attributes of a link"},
	} {
		v.signal, v.exact, v.form = Traces, true, number(-1, maxNumber)
		list = append(list, v)
	}
	return list
}

// Harmless lists the variables that telemetry reads and that may hold anything, each with the reason.
func Harmless() map[string]string {
	const flag = "an experiment of the SDK's, on for true and off for anything else"
	return map[string]string{
		"OTEL_SEMCONV_STABILITY_OPT_IN":         "a list in which otelgrpc looks for rpc/dup and rpc/old; the rest is for others",
		"OTEL_GO_X_OBSERVABILITY":               flag,
		"OTEL_GO_X_SELF_OBSERVABILITY":          flag,
		"OTEL_GO_X_RESOURCE":                    flag,
		"OTEL_GO_X_PER_SERIES_START_TIMESTAMPS": flag,
	}
}

// All returns the variable, and those that hold for one signal alone.
func (v Variable) All() []Variable {
	if !v.PerSignal {
		return []Variable{v}
	}
	all := []Variable{v}
	for _, signal := range []Signal{Traces, Metrics} {
		one := v
		one.Name, one.signal = otlpPrefix+string(signal)+"_"+strings.TrimPrefix(v.Name, otlpPrefix), signal
		all = append(all, one)
	}
	return all
}

// governs reports whether the variable matters when the environment decides on the signals.
func (v Variable) governs(signals []Signal) bool {
	return v.signal == "" || slices.Contains(signals, v.signal)
}

// Check refuses what the SDK and its exporters would ignore, print or panic on: malformed variables of the signals given, and
// of both together. No error shows more than a word or a number.
func Check(signals ...Signal) error {
	if len(signals) == 0 || strings.EqualFold(getEnv("OTEL_SDK_DISABLED"), "true") {
		return nil
	}
	var problems []error
	for _, row := range Variables() {
		for _, v := range row.All() {
			if v.governs(signals) {
				problems = append(problems, v.refuse(os.Getenv(v.Name)))
			}
		}
	}
	if slices.Contains(signals, Traces) {
		problems = append(problems, checkBatch())
	}
	return errors.Join(slices.Concat(problems, checkClients(signals), checkClear(signals))...)
}

// refuse checks the text of a variable; one without text is unset.
func (v Variable) refuse(text string) error {
	if setting.Trim(text) == "" {
		return nil
	}
	_, err := setting.Kind[struct{}]{Shown: v.form.shown, Parse: func(trimmed string) (none struct{}, err error) {
		switch {
		case v.exact && trimmed != text:
			return none, errors.New("OpenTelemetry does not trim this one; want no white space around it")
		case v.form.check == nil:
			return none, nil
		}
		return none, v.form.check(trimmed)
	}}.Read(v.Name, setting.Trim(text))
	return err
}
