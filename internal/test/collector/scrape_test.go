//go:build unix

package collector_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/harness"
)

// sample is one line that Prometheus scrapes.
type sample struct {
	name   string
	labels map[string]string
	value  float64
}

// samples are those of one scrape.
type samples []sample

var (
	sampleLine  = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$`)
	sampleLabel = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?`)
)

// scrape reads what the collector tells Prometheus. Labels keep their escapes.
func (c *collector) scrape(t *testing.T) (all samples) {
	t.Helper()
	request, err := http.NewRequestWithContext(harness.Timeout(t), http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/metrics", c.scraped), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("a scrape is answered %s, %v:\n%s", response.Status, err, text)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		parts := sampleLine.FindStringSubmatch(line)
		if parts == nil {
			t.Fatalf("a scrape has the line %q", line)
		}
		one := sample{name: parts[1], labels: map[string]string{}}
		for _, label := range sampleLabel.FindAllStringSubmatch(parts[2], -1) {
			one.labels[label[1]] = label[2]
		}
		if one.value, err = strconv.ParseFloat(parts[3], 64); err != nil {
			t.Fatalf("a scrape has the line %q: %v", line, err)
		}
		all = append(all, one)
	}
	return all
}

// named returns the samples of a name whose labels have the values: name, value, ….
func (s samples) named(name string, labels ...string) (found samples) {
next:
	for _, one := range s {
		for i := 0; i < len(labels); i += 2 {
			if one.labels[labels[i]] != labels[i+1] {
				continue next
			}
		}
		if one.name == name {
			found = append(found, one)
		}
	}
	return found
}

// equals reports that a series is not there, or has another value.
func (s samples) equals(want int, name string, labels ...string) error {
	if found := s.named(name, labels...); len(found) != 1 || found[0].value != float64(want) {
		return fmt.Errorf("%s with %q is %v, want one series at %d", name, labels, found, want)
	}
	return nil
}

// instances lists the distinct ones of a metric.
func (s samples) instances(name string) []string {
	ids := map[string]bool{}
	for _, one := range s.named(name) {
		ids[one.labels["instance"]] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// metric returns the name of a sample without what a histogram adds.
func (s sample) metric() string {
	for _, suffix := range []string{"_seconds_bucket", "_seconds_sum", "_seconds_count"} {
		if name, ok := strings.CutSuffix(s.name, suffix); ok {
			return name + "_seconds"
		}
	}
	return s.name
}

// problem words the last one of several attempts.
type problem struct{ error }

func (p *problem) String() string { return p.Error() }

// await scrapes until nothing is wrong with what comes.
func (c *collector) await(t *testing.T, wrong func(samples) error) (all samples) {
	t.Helper()
	var last problem
	harness.Eventually(t, func() bool {
		all = c.scrape(t)
		last.error = wrong(all)
		return last.error == nil
	}, "what the collector shows Prometheus stays wrong: %v", &last)
	return all
}

// row is a metric of docs/operations.md.
type row struct{ name, kind string }

// documented reads the table of metrics, and names them as Prometheus does.
func documented(t *testing.T) (rows []row) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Metrics\n")
	section, _, _ = strings.Cut(section, "\n#") // of any level: below are metrics of the examples
	for _, parts := range regexp.MustCompile("(?m)^\\| `([a-z._]+)` \\| ([a-z -]+) \\| `([^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		name := strings.ReplaceAll(parts[1], ".", "_")
		switch parts[2] {
		case "counter":
			name += "_total"
		case "histogram":
			name += "_seconds"
		}
		rows = append(rows, row{name, parts[2]})
	}
	if len(rows) < 10 {
		t.Fatalf("%d metrics are documented, want more", len(rows))
	}
	return rows
}
