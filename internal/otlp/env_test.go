package otlp_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/go-logr/logr"

	"github.com/doomshrine/gocosi/internal/otlp"
	"github.com/doomshrine/gocosi/internal/test/otlptest"
)

// TestDocsNameEveryVariable compares the table of docs/configuration.md with the one of the code. The document formats some
// of the words as code.
func TestDocsNameEveryVariable(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := strings.ReplaceAll(string(text), "`", "")
	for _, v := range otlp.Variables() {
		if row := fmt.Sprintf("\n| %s | %s | %s |\n", v.Name, v.Default, v.Means); !strings.Contains(documented, row) {
			t.Errorf("docs/configuration.md lacks the row:%s", row)
		}
	}
	if n := len(regexp.MustCompile(`(?m)^\| OTEL_`).FindAllString(documented, -1)); n != len(otlp.Variables()) {
		t.Errorf("docs/configuration.md has %d rows, want %d", n, len(otlp.Variables()))
	}
}

// TestEveryVariableIsListed reads the sources of OpenTelemetry that a driver links: a version that reads one more variable
// must not come in unseen.
func TestEveryVariableIsListed(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, row := range otlp.Variables() {
		for _, v := range row.All() {
			listed[v.Name] = true
		}
	}
	for name := range otlp.Harmless() {
		listed[name] = true
	}
	read := map[string]string{}
	for _, dir := range linkedFolders(t) {
		findVariables(t, dir, read)
	}
	if len(read) < 40 {
		t.Fatalf("%d variables are found; want those of the SDK and its exporters", len(read))
	}
	for name, where := range read {
		if !listed[name] {
			t.Errorf("%s reads %s; want it in Variables or in Harmless", where, name)
		}
	}
	for name := range otlp.Harmless() {
		if read[name] == "" {
			t.Errorf("nothing reads %s any more; want it out of Harmless", name)
		}
	}
}

// linkedFolders lists the folders of OpenTelemetry's packages that a driver links.
func linkedFolders(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{.ImportPath}} {{.Dir}}", "github.com/doomshrine/gocosi")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for line := range strings.Lines(string(output)) {
		if path, dir, _ := strings.Cut(strings.TrimSpace(line), " "); strings.HasPrefix(path, "go.opentelemetry.io/") && !strings.Contains(path, "semconv/") {
			folders = append(folders, dir)
		}
	}
	return folders
}

var (
	wholeName = regexp.MustCompile(`^OTEL_[A-Z0-9_]*[A-Z0-9]$`)
	lastPart  = regexp.MustCompile(`^[A-Z][A-Z0-9_]*[A-Z0-9]$`)
)

// findVariables collects the names in a package's sources. Two packages make theirs of a beginning, which stands in a text of
// its own, and of the texts that they give to functions.
func findVariables(t *testing.T, dir string, read map[string]string) {
	t.Helper()
	texts := map[string]string{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value)
				texts[text] = path
			}
			return true
		})
	}
	prefix := ""
	for _, beginning := range []string{"OTEL_EXPORTER_OTLP", "OTEL_GO_X_"} {
		if texts[beginning] != "" {
			prefix = strings.TrimSuffix(beginning, "_") + "_"
			delete(texts, beginning)
		}
	}
	for text, where := range texts {
		switch {
		case wholeName.MatchString(text):
			read[text] = where
		case prefix != "" && lastPart.MatchString(text):
			read[prefix+text] = where
		}
	}
}

// refusals lists wrong texts by variable, with what the error wants.
var refusals = []struct {
	name, wants string
	texts       []string
}{
	{"OTEL_BSP_MAX_QUEUE_SIZE", "from 1 to 1048576", []string{"-1", "0", "1048577", "99999999999999999999", "1e3", "２０４８", "512.0", "0x10"}},
	{"OTEL_BSP_MAX_QUEUE_SIZE", "no white space", []string{"512\n", " 512", "512\r\n"}},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "from 1 to", []string{"-1", "0", "many"}},
	{"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "at most the 2048 of OTEL_BSP_MAX_QUEUE_SIZE", []string{"2049"}},
	{"OTEL_BSP_SCHEDULE_DELAY", "from 1 to", []string{"0", "-1", "9223372036855", "5s"}},
	{"OTEL_BSP_EXPORT_TIMEOUT", "from 0 to", []string{"-1", "9223372036855", "30s"}},
	{"OTEL_METRIC_EXPORT_INTERVAL", "from 1 to", []string{"0", "-1", "9223372036855", "1m"}},
	{"OTEL_METRIC_EXPORT_TIMEOUT", "from 1 to", []string{"0", "-1", "9223372036855", "1m"}},
	{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio", []string{"jaeger_remote", "always", "0.5"}},
	{"OTEL_TRACES_SAMPLER_ARG", "from 0 to 1", []string{"-0.1", "1.1", "inf", "NaN", "-inf", "half", "1e3", "50%"}},
	{"OTEL_ATTRIBUTE_COUNT_LIMIT", "from -1 to", []string{"-2", "all", "9999999999"}},
	{"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_SPAN_EVENT_COUNT_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_SPAN_LINK_COUNT_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "from -1 to", []string{"-2", "all"}},
	{"OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", []string{"never", "on"}},
	{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "lowmemory", []string{"sometimes"}},
	{"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "base2_exponential_bucket_histogram", []string{"linear"}},
	{"OTEL_GO_X_CARDINALITY_LIMIT", "from 0 to", []string{"-1", "few"}},
	{"OTEL_RESOURCE_ATTRIBUTES", "name=value pairs", []string{"a", "a=b,", "=b", "a=%zz", "a=%FF"}},
	{"OTEL_RESOURCE_ATTRIBUTES", "printable", []string{"a=b\nc=d", "a=\u202eb", "a=\x7f", "a=\xff", "\ufeffa=b", "a=\u00a0b"}},
	{"OTEL_SERVICE_NAME", "printable", []string{"a\nb", "a\u009bb", "\xff", "\ufeffa"}},
	{"OTEL_SDK_DISABLED", "true or false", []string{"yes", "1"}},
	{"OTEL_EXPORTER_OTLP_INSECURE", "true or false", []string{"yes", "1"}},
	{"OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true or false", []string{"yes"}},
	{"OTEL_EXPORTER_OTLP_METRICS_INSECURE", "true or false", []string{"yes"}},
	{"OTEL_EXPORTER_OTLP_CLIENT_KEY", "want both", []string{"/does/not/exist"}},
	{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "want both", []string{"/does/not/exist", os.DevNull}},
	{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "want both", []string{"/does/not/exist"}},
	{"OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE", "want both", []string{"/does/not/exist"}},
	{"OTEL_EXPORTER_OTLP_ENDPOINT", "without user", []string{"http://user@collector", "http://collector?a=b"}},
}

func TestCheckRefuses(t *testing.T) {
	for _, row := range refusals {
		for _, text := range row.texts {
			t.Run(row.name+"="+text, func(t *testing.T) {
				t.Setenv(row.name, text)
				err := otlp.Check(otlp.Traces, otlp.Metrics)
				if err == nil || !strings.Contains(err.Error(), row.name) || !strings.Contains(err.Error(), row.wants) {
					t.Errorf("got %v; want an error that names the variable and says %q", err, row.wants)
				}
			})
		}
	}
}

func TestCheckAccepts(t *testing.T) {
	secure := otlptest.StartTLS(t, "grpc")
	for _, env := range []map[string]string{
		{"OTEL_BSP_MAX_QUEUE_SIZE": "100"},
		{"OTEL_BSP_MAX_QUEUE_SIZE": "4096", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4096"},
		{"OTEL_BSP_SCHEDULE_DELAY": "1", "OTEL_BSP_EXPORT_TIMEOUT": "0"},
		{"OTEL_METRIC_EXPORT_INTERVAL": "2147483647", "OTEL_METRIC_EXPORT_TIMEOUT": "1"},
		{"OTEL_TRACES_SAMPLER": " TraceIDRatio\n", "OTEL_TRACES_SAMPLER_ARG": "0.25\n"},
		{"OTEL_ATTRIBUTE_COUNT_LIMIT": "-1", "OTEL_SPAN_LINK_COUNT_LIMIT": "0"},
		{"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "Delta", "OTEL_METRICS_EXEMPLAR_FILTER": "ALWAYS_OFF"},
		{"OTEL_RESOURCE_ATTRIBUTES": "a=b, c=d%20e,f="},
		{"OTEL_SERVICE_NAME": "my driver, größer"},
		{"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": secure.Certificate, "OTEL_EXPORTER_OTLP_CLIENT_KEY": secure.Key + "\n"},
		{"OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup", "OTEL_GO_X_OBSERVABILITY": "maybe"},
		{"OTEL_BSP_MAX_QUEUE_SIZE": " \t\n"},
	} {
		t.Run(fmt.Sprint(env), func(t *testing.T) {
			setEnv(t, env)
			if err := otlp.Check(otlp.Traces, otlp.Metrics); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCheckLeavesOtherSignalsAlone(t *testing.T) {
	setEnv(t, map[string]string{"OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "2", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "x"})
	if err := otlp.Check(otlp.Metrics); err != nil {
		t.Error(err)
	}
}

// Certificates are for TLS. What the exporters make of them in the clear differs: by HTTP they fail, by gRPC they take TLS.
func TestCertificatesInTheClear(t *testing.T) {
	const prefix = "OTEL_EXPORTER_OTLP_"
	secure := otlptest.StartTLS(t, "http/protobuf")
	certificate := map[string]string{prefix + "PROTOCOL": "http/protobuf", prefix + "CERTIFICATE": secure.Certificate}
	client := map[string]string{
		prefix + "PROTOCOL": "http/protobuf", prefix + "TRACES_CLIENT_CERTIFICATE": secure.Certificate, prefix + "TRACES_CLIENT_KEY": secure.Key,
	}
	for _, test := range []struct {
		name       string
		base, more map[string]string
		wants      []string // in the error; none: there is no error
	}{
		{"a URL", certificate, map[string]string{prefix + "ENDPOINT": "http://127.0.0.1:1"}, []string{
			prefix + "CERTIFICATE: traces go in the clear by " + prefix + "ENDPOINT; want an https URL",
			prefix + "CERTIFICATE: metrics go in the clear by " + prefix + "ENDPOINT; want an https URL",
		}},
		{"the URL of a signal", certificate, map[string]string{prefix + "ENDPOINT": "https://127.0.0.1:1", prefix + "METRICS_ENDPOINT": "HTTP://127.0.0.1:1"}, []string{
			prefix + "CERTIFICATE: metrics go in the clear by " + prefix + "METRICS_ENDPOINT",
		}},
		{"INSECURE", client, map[string]string{prefix + "ENDPOINT": "https://127.0.0.1:1", prefix + "INSECURE": "True"}, []string{
			prefix + "TRACES_CLIENT_CERTIFICATE: traces go in the clear by " + prefix + "INSECURE",
		}},
		{"TLS", certificate, map[string]string{prefix + "ENDPOINT": "https://127.0.0.1:1"}, nil},
		{"not INSECURE", certificate, map[string]string{prefix + "ENDPOINT": "http://127.0.0.1:1", prefix + "INSECURE": "false"}, nil},
		{"gRPC", certificate, map[string]string{prefix + "ENDPOINT": "http://127.0.0.1:1", prefix + "PROTOCOL": "grpc"}, nil},
		{"no signal", certificate, map[string]string{prefix + "INSECURE": "true"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			setEnv(t, test.base)
			setEnv(t, test.more)
			err := otlp.Check(otlp.Traces, otlp.Metrics)
			for _, want := range test.wants {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v; want %q in it", err, want)
				}
			}
			if n := len(strings.Split(fmt.Sprint(err), "\n")); err != nil && n != len(test.wants) {
				t.Errorf("got %v; want %d lines", err, len(test.wants))
			}
			// The exporters are of the same opinion.
			e, startErr := try(logr.Discard())
			if startErr == nil {
				e.Flush()
			}
			if (startErr != nil) != (err != nil) {
				t.Errorf("the exporters say %v; want their opinion and that of Check, which is %v, to be one", startErr, err)
			}
		})
	}
}
