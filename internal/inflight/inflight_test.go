package inflight_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
	begin(enter(&table, "begun", 2*time.Second), "bucket", "")
	begin(enter(&table, "both", 3*time.Second), strings.Repeat("b", 4<<20), "account")
	answered := enter(&table, "answered", 0)
	begin(answered, "bucket", "")
	answered.Answer(nil, nil)
	writes := enter(&table, "writes", 0)
	writes.Answer(nil, nil)
	writes.Writing(time.Nanosecond)
	now := time.Now()
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
	starts(table.Unanswered(now), "begun bucket (2", "both bbb", "waits (1")
	starts(table.Unfinished(now), "answered (", "begun bucket (2", "both bbb", "waits (1")
	if both := table.Unanswered(now)[1]; !strings.Contains(both, "account (3") {
		t.Errorf("got %s, want the account and the age", both)
	}
}

func TestLateIsLoggedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines []string
		log := funcr.New(func(_, line string) { lines = append(lines, line) }, funcr.Options{})
		var table inflight.Table
		late := enter(&table, "late", 0)
		begin(late, strings.Repeat("b", 4<<20), "account")
		late.Expect(time.Now().Add(time.Second), "LIMIT")
		late.Expect(time.Now().Add(time.Hour), "ANOTHER")
		enter(&table, "has time", 0).Expect(time.Now().Add(time.Hour), "LIMIT")
		enter(&table, "has no limit", 0)
		enter(&table, "answered", 0).Answer(nil, nil)
		time.Sleep(time.Second)
		table.LogLate(time.Now(), log)
		if len(lines) > 0 {
			t.Errorf("got %.300q, want no line yet", lines)
		}
		time.Sleep(time.Nanosecond)
		for range 3 {
			table.LogLate(time.Now(), log)
		}
		text := strings.Join(lines, "\n")
		if len(lines) != 1 || len(text) > 500 || !strings.Contains(text, `"method"="late" "bucket"="bbb`) || !strings.Contains(text, `"limit"="LIMIT"`) {
			t.Errorf("got %.1000q, want one line", lines)
		}
	})
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
