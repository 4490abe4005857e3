//go:build unix

package driver_test

import "testing"

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
	if all && m.whole() && (*update || !t.Failed()) {
		m.compare(t)
	}
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
