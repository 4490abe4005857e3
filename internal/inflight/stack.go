package inflight

// room is how much stack the stages around a call, its line and a small handler need at most.
const room = 5 << 10

// Grow makes the stack of a new goroutine as large as a call needs it. A stack that grows later is copied with all the
// frames that are on it by then, and that took more time than everything else around a call (BenchmarkChain).
//
//go:noinline
func Grow(at int) byte {
	var space [room]byte
	return space[uint(at)%room]
}
