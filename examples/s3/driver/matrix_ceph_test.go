//go:build unix

package driver_test

import (
	"strings"
	"testing"
)

// matrixOnCeph gives faults to a Ceph Object Gateway: all of them, or one of each class at each request, another one each
// time, once or from there on.
func matrixOnCeph(t *testing.T, store site, all bool) {
	t.Helper()
	w := newWorld(t, store, 0, 0)
	lived := first(full(map[string]string{"emptyOnDelete": "true"}), granting, revoking) // at first, Ceph takes seconds for some of it
	if err := lived(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	w.wipe(t.Context())
	m := newMatrix(t, store)
	if !all {
		m.picks = m.oneOfEach()
	}
	m.run(t)
	if missing := m.missing(); len(m.columns) == len(calls(store.kind)) && len(missing) > 0 {
		t.Errorf("no request met the faults %v, nor any other of their classes", missing)
	}
	if all && m.whole() && (*update || !t.Failed()) {
		m.compare(t)
	}
}

// missing returns the faults of whose class none was given.
func (m *matrix) missing() (names []string) {
	given := map[class]bool{}
	for _, f := range m.faults() {
		for key := range m.outcomes {
			given[f.class] = given[f.class] || strings.Contains(key, "|"+f.name+"|")
		}
	}
	for _, f := range m.faults() {
		if !given[f.class] {
			names = append(names, f.name)
		}
	}
	return names
}

// oneOfEach picks the faults of a class by turns.
func (m *matrix) oneOfEach() func(f matrixFault, call, request int, once bool) bool {
	place, count := map[string]int{}, map[class]int{}
	for _, f := range m.faults() {
		place[f.name] = count[f.class]
		count[f.class]++
	}
	return func(f matrixFault, call, request int, once bool) bool {
		turn := call + request
		return place[f.name] == turn%count[f.class] && (len(f.modes()) == 1 || once == (turn/count[f.class]%2 == 0))
	}
}
