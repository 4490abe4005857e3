package inflight_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/doomshrine/gocosi/internal/inflight"
)

var (
	errStop = errors.New("stop")
	errLate = errors.New("late")
)

// enter adds a call that began some time ago.
func enter(table *inflight.Table, name string, age time.Duration) *inflight.Call {
	c := &inflight.Call{Name: name, Start: time.Now().Add(-age)}
	table.Enter(c)
	return c
}

// begin brings a call into the hands of its handler.
func begin(c *inflight.Call, bucket, account string) {
	c.Bucket, c.Account = bucket, account
	c.Begin()
}

func TestTable(t *testing.T) {
	t.Parallel()
	var table inflight.Table
	isEmpty := func() bool {
		select {
		case <-table.Empty():
			return true
		default:
			return false
		}
	}
	if !isEmpty() || table.Len() != 0 {
		t.Error("a new table is not empty")
	}
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}} {
		var calls []*inflight.Call
		for i := range order {
			calls = append(calls, enter(&table, fmt.Sprint(i), 0))
		}
		waiting := table.Empty()
		for n, i := range order {
			if table.Len() != len(order)-n || isEmpty() {
				t.Errorf("%v: %d calls, want %d", order, table.Len(), len(order)-n)
			}
			select {
			case <-waiting:
				t.Errorf("%v: the table is empty, want %d calls", order, len(order)-n)
			default:
			}
			table.Leave(calls[i])
		}
		if _, open := <-waiting; open || !isEmpty() {
			t.Errorf("%v: the table is not empty", order)
		}
	}
}

// TestWhoAnswers brings a call into each state, and lets somebody else answer it.
func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	refuse, abandon := (*inflight.Table).Refuse, (*inflight.Table).Abandon
	for _, tt := range []struct {
		name    string
		begin   bool
		answer  bool
		settle  func(*inflight.Table, error)
		want    error
		settled bool // by the drain
	}{
		{"waiting is refused", false, false, refuse, errStop, true},
		{"waiting is abandoned", false, false, abandon, errStop, true},
		{"begun is not refused", true, false, refuse, errLate, false},
		{"begun is abandoned", true, false, abandon, errStop, true},
		{"answered is not refused", true, true, refuse, nil, false},
		{"answered is not abandoned", true, true, abandon, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var table inflight.Table
			c := enter(&table, "m", 0)
			if tt.begin && !c.Begin() {
				t.Error("the call cannot begin")
			}
			if tt.answer && (!c.Answer("response", nil) || c.Open()) {
				t.Error("the call cannot be answered")
			}
			tt.settle(&table, errStop)
			if !tt.begin && c.Begin() {
				t.Error("a call that was refused begins, want it not to")
			}
			if first := c.Answer(nil, errLate); first == (tt.settled || tt.answer) {
				t.Errorf("the second answer counts: %t", first)
			}
			c.Release()
			c.Release()
			if response, err := c.Wait(); !errors.Is(err, tt.want) || tt.answer != (response == "response") {
				t.Errorf("got %v, %v; want %v", response, err, tt.want)
			}
			if table.Len() != 1 {
				t.Error("the call has left, want it to stay until it leaves")
			}
		})
	}
}

func TestWhatIsNamed(t *testing.T) {
	t.Parallel()
	var table inflight.Table
	enter(&table, "waits", time.Second)
	begun := enter(&table, "begun", 0)
	begin(begun, "bucket", "")
	begin(enter(&table, "both", 3*time.Second), strings.Repeat("b", 4<<20), "account")
	answered := enter(&table, "answered", 0)
	begin(answered, "bucket", "")
	answered.Answer(nil, nil)
	writes := enter(&table, "writes", 0)
	writes.Answer(nil, nil)
	writes.Writing(0)
	now := begun.Start.Add(2*time.Second + 100*time.Microsecond)
	starts := func(list []string, want ...string) {
		t.Helper()
		if len(list) != len(want) || !slices.IsSorted(list) {
			t.Errorf("got %.300q, want %q", list, want)
			return
		}
		for i := range list {
			if !strings.HasPrefix(list[i], want[i]) || len(list[i]) > 300 {
				t.Errorf("got %.300q, want %q", list[i], want[i])
			}
		}
	}
	starts(table.Unanswered(now), "begun bucket (2s)", "both bbb", "waits (3")
	starts(table.Unfinished(now), "answered (", "begun bucket (2s)", "both bbb", "waits (3")
	if both := table.Unanswered(now)[1]; !strings.Contains(both, ") account (5") {
		t.Errorf("got %s, want the account and the age", both)
	}
}

// TestLateIsLoggedOnce has calls that are late, and calls that are not.
func TestLateIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		log := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
		var table inflight.Table
		late := enter(&table, "late", 0)
		begin(late, "bucket", "account")
		late.Expect(time.Now().Add(time.Second), "LIMIT")
		late.Expect(time.Now().Add(time.Hour), "ANOTHER")
		enter(&table, "has time", 0).Expect(time.Now().Add(time.Hour), "LIMIT")
		enter(&table, "has no limit", 0)
		answered := enter(&table, "answered", 0)
		answered.Expect(time.Now().Add(time.Second), "LIMIT")
		answered.Answer(nil, nil)
		time.Sleep(time.Second)
		table.LogLate(time.Now(), log)
		if len(lines) > 0 {
			t.Errorf("got %.300q, want no line yet", lines)
		}
		time.Sleep(time.Nanosecond)
		for range 3 {
			table.LogLate(time.Now(), log)
		}
		const want = `"level"=0 "msg"="handler is past its deadline" "method"="late" "bucket"="bucket" "account"="account" "age"="1.000000001s" "limit"="LIMIT"`
		if len(lines) != 1 || lines[0] != want {
			t.Errorf("got %q, want the one line %q", lines, want)
		}
	})
}

// TestMissed ends calls around their deadlines. One that was logged as late does not count again.
func TestMissed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var table inflight.Table
		in := func(due time.Duration) *inflight.Call {
			c := enter(&table, "m", 0)
			c.Method = "a.Service/m"
			if due > 0 {
				c.Expect(c.Start.Add(due), "LIMIT")
			}
			return c
		}
		hasTime, atOnce, late, unlimited := in(time.Hour), in(2*time.Second), in(time.Second), in(0)
		time.Sleep(2 * time.Second)
		if got := table.LogLate(time.Now(), logr.Discard()); len(got) != 1 || got[0] != late.Method {
			t.Errorf("late are %q, want the full name of one method", got)
		}
		if got := table.LogLate(time.Now(), logr.Discard()); len(got) > 0 {
			t.Errorf("late are %q again, want none", got)
		}
		if got := table.ByMethod(); len(got) != 1 || got[late.Method] != 4 {
			t.Errorf("there are %v, want four of one method", got)
		}
		for c, want := range map[*inflight.Call]bool{hasTime: false, atOnce: true, late: false, unlimited: false} {
			c.Answer(nil, nil)
			if got := table.Missed(time.Now(), c); got != want {
				t.Errorf("a call missed its deadline: %t, want %t", got, want)
			}
		}
	})
}

// TestAllThatAreLateAreLogged has deadlines that were over before the calls began, and names of any length.
func TestAllThatAreLateAreLogged(t *testing.T) {
	t.Parallel()
	var lines []string
	log := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
	var table inflight.Table
	for _, before := range []time.Duration{0, time.Hour} {
		c := enter(&table, "late", 0)
		begin(c, strings.Repeat("b", 4<<20), strings.Repeat("a", 4<<20))
		c.Expect(c.Start.Add(-before), "LIMIT")
	}
	table.LogLate(time.Now().Add(time.Second), log)
	if text := strings.Join(lines, "\n"); len(lines) != 2 || len(text) > 1000 {
		t.Errorf("got %.2000q, want two short lines", lines)
	}
}

// TestStuckLine holds a call's line for too long.
func TestStuckLine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = time.Second
		var table inflight.Table
		c := enter(&table, "m", time.Hour)
		c.Answer("response", nil)
		var got any
		var group sync.WaitGroup
		group.Go(func() { got, _ = c.Wait() })
		c.Writing(time.Since(c.Start))
		time.Sleep(limit)
		synctest.Wait()
		if table.Stuck(time.Now(), limit) || got != nil {
			t.Error("the line is stuck too early")
		}
		time.Sleep(time.Nanosecond)
		if !table.Stuck(time.Now(), limit) {
			t.Error("the line is not stuck")
		}
		group.Wait()
		if got != "response" {
			t.Errorf("got %v, want the answer", got)
		}
		c.Written()
		if table.Stuck(time.Now(), limit) {
			t.Error("a line that was written is stuck")
		}
	})
}

// TestLineThatBeganAtOnce holds a line that began when its call did, beside a call that has none.
func TestLineThatBeganAtOnce(t *testing.T) {
	t.Parallel()
	var table inflight.Table
	enter(&table, "old", time.Hour)
	c := enter(&table, "m", 0)
	at := c.Start.Add(time.Minute)
	if table.Stuck(at, time.Second) {
		t.Error("a line is stuck before it began")
	}
	c.Writing(0)
	if !table.Stuck(at, time.Second) {
		t.Error("the line is not stuck, want it to be")
	}
}

// TestKeptCallKeepsNothing keeps a call that has ended, as a handler may: neither its neighbours nor its answer stay with it.
func TestKeptCallKeepsNothing(t *testing.T) {
	t.Parallel()
	kept, gone := keptCall(t)
	runtime.GC()
	for name, is := range gone {
		if !is() {
			t.Errorf("the %s is kept, want it freed", name)
		}
	}
	runtime.KeepAlive(kept)
}

// keptCall returns a call that was answered and has left, between two others, and what should be freed by then.
func keptCall(t *testing.T) (kept *inflight.Call, gone map[string]func() bool) {
	t.Helper()
	var table inflight.Table
	older, kept, newer := enter(&table, "older", 0), enter(&table, "kept", 0), enter(&table, "newer", 0)
	response := &[1 << 10]byte{}
	kept.Answer(response, nil)
	kept.Release()
	if got, err := kept.Wait(); got != response || err != nil {
		t.Errorf("got %v, %v; want the answer", got, err)
	}
	for _, c := range []*inflight.Call{kept, older, newer} {
		table.Leave(c)
	}
	return kept, map[string]func() bool{"answer": isGone(response), "older call": isGone(older), "newer call": isGone(newer)}
}

// isGone returns what reports whether a value was freed.
func isGone[T any](value *T) func() bool {
	left := weak.Make(value)
	return func() bool { return left.Value() == nil }
}

// TestSideBySide brings calls in and out while others look at the table.
func TestSideBySide(t *testing.T) {
	t.Parallel()
	var table inflight.Table
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 2000 {
				c := enter(&table, "m", 0)
				c.Begin()
				c.Expect(c.Start.Add(time.Hour), "LIMIT")
				c.Answer(nil, nil)
				c.Writing(0)
				c.Written()
				runtime.Gosched() // so that calls overlap on one processor too
				table.Leave(c)
			}
		})
		group.Go(func() {
			for range 2000 {
				table.LogLate(time.Now(), logr.Discard())
				if n := table.Len(); n > 4 || table.Stuck(time.Now(), time.Hour) {
					t.Errorf("%d calls, or a stuck one; want at most 4", n)
				}
				table.Empty()
				runtime.Gosched()
			}
		})
	}
	group.Wait()
	if n := table.Len(); n != 0 {
		t.Errorf("%d calls are left, want none", n)
	}
}

func TestGrowTakesAnyNumber(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, -1, math.MaxInt, math.MinInt} {
		if got := inflight.Grow(n); got != 0 {
			t.Errorf("Grow(%d) = %d, want 0", n, got)
		}
	}
}

// TestOneOfMany expects several deadlines at once: an interceptor may call its handler side by side.
func TestOneOfMany(t *testing.T) {
	t.Parallel()
	for range 1000 {
		var table inflight.Table
		c := enter(&table, "m", 0)
		ready := make(chan struct{})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				<-ready
				c.Expect(time.Now().Add(time.Second), "LIMIT")
			})
		}
		close(ready)
		group.Wait()
	}
}
