package driver_test

import (
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

var update = flag.Bool("update", false, "write FAULTS.md and FAULTS-CEPH.md from what the fault matrix shows")

//go:embed testdata/faults-head.md
var documentHead string

//go:embed testdata/faults-ceph-head.md
var cephHead string

// documentOf returns the name of the document about a kind of store, and how it begins.
func documentOf(kind driver.Kind) (name, head string) {
	if kind == driver.Ceph {
		return "FAULTS-CEPH.md", cephHead
	}
	return "FAULTS.md", documentHead
}

// compare compares the document with what came out, or writes it.
func (m *matrix) compare(t *testing.T) {
	t.Helper()
	file, _ := documentOf(m.store.kind)
	path := filepath.Join(packageDir, "..", file)
	got := m.document()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s differs from what the driver answers; the flag -update writes it anew. The first line that differs:\n%s",
			file, firstDifference(string(want), got))
	}
}

// whole says whether all cells were tried: a pattern may have left some out.
func (m *matrix) whole() bool {
	cells := 0
	for _, c := range calls(m.store.kind) {
		if m.columns[c.name] == nil {
			return false
		}
		for _, q := range m.columns[c.name] {
			for _, f := range m.faults() {
				if f.meets(c, q) {
					cells += len(f.modes())
				}
			}
		}
		if m.lags(c) {
			cells += len(lags(c.users))
		}
	}
	return len(m.outcomes) == cells
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] {
			return fmt.Sprintf("%d: %s\nis now: %s", i+1, w[i], g[i])
		}
	}
	return fmt.Sprintf("one has %d lines, the other %d", len(w), len(g))
}

// document returns the outcomes as tables, one or two for each call.
func (m *matrix) document() string {
	var text strings.Builder
	_, begin := documentOf(m.store.kind)
	fmt.Fprintf(&text, begin, m.count.Load())
	for _, c := range calls(m.store.kind) {
		columns := m.columns[c.name]
		fmt.Fprintf(&text, "\n## %s\n\n", title(c.name))
		head := []string{"fault"}
		for n, q := range columns {
			head = append(head, fmt.Sprintf("%d %s", n+1, q.operation))
		}
		writeTable(&text, head, merge(m.faultRows(c, columns)))
		if rows := m.lagRows(c); rows != nil {
			head := []string{"reads that lag behind writes, by"}
			for _, n := range lagReads() {
				head = append(head, fmt.Sprint(n))
			}
			text.WriteString("\n")
			writeTable(&text, head, merge(rows))
		}
	}
	return text.String()
}

func title(name string) string { return strings.ToUpper(name[:1]) + name[1:] }

// row is one of a table: what it is about, and its cells.
type row struct {
	about []string
	cells []string
}

// merge puts rows together that say the same, where the first of them is.
func merge(rows []row) (merged []row) {
	for _, r := range rows {
		same := slices.IndexFunc(merged, func(other row) bool { return slices.Equal(other.cells, r.cells) })
		if same < 0 {
			merged = append(merged, r)
			continue
		}
		merged[same].about = append(merged[same].about, r.about...)
	}
	return merged
}

func writeTable(text *strings.Builder, head []string, rows []row) {
	fmt.Fprintf(text, "| %s |\n|%s\n", strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, r := range rows {
		fmt.Fprintf(text, "| %s | %s |\n", strings.Join(r.about, "; "), strings.Join(r.cells, " | "))
	}
}

// faultRows has a row for each fault that concerns one of the requests.
func (m *matrix) faultRows(c sidecarCall, columns []asked) (rows []row) {
	for _, f := range m.faults() {
		r, concerned := row{about: []string{f.name}}, false
		for n, q := range columns {
			text := "·"
			if f.meets(c, q) {
				concerned = true
				text = m.shown(c, n, f)
			}
			r.cells = append(r.cells, text)
		}
		if concerned {
			rows = append(rows, r)
		}
	}
	return rows
}

// shown is the text of a cell: the code with the fault from there on and, if that is another, with the fault once.
func (m *matrix) shown(c sidecarCall, n int, f matrixFault) string {
	text := say(c, m.outcomes[cellKey(c, n, f, false)])
	if once, ok := m.outcomes[cellKey(c, n, f, true)]; ok && say(c, once) != text {
		text += ", once " + say(c, once)
	}
	return text
}

// say writes a code as the call's caller sees it.
func say(c sidecarCall, code string) string {
	switch {
	case !c.check:
		return code
	case code == "OK":
		return "SERVING"
	}
	return "NOT_SERVING"
}

func (m *matrix) lagRows(c sidecarCall) (rows []row) {
	if !m.lags(c) {
		return nil
	}
	var last row
	for _, l := range lags(c.users) {
		about := l.name + ", " + map[bool]string{true: "the last write", false: "all writes"}[l.last]
		if len(last.about) == 0 || last.about[0] != about {
			if last.about != nil {
				rows = append(rows, last)
			}
			last = row{about: []string{about}}
		}
		last.cells = append(last.cells, m.outcomes[lagKey(c, l)])
	}
	return append(rows, last)
}
