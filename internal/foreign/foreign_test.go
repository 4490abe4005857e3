package foreign_test

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doomshrine/gocosi/internal/foreign"
)

var errOdd = errors.New("odd")

// hollow is an error that panics when it is a nil pointer.
type hollow struct{ text string }

func (h *hollow) Error() string { return h.text }

// unprintable is a value whose text panics with such a value: fmt recovers from the first one alone.
type unprintable struct{}

func (unprintable) Error() string { panic(unprintable{}) }

func TestWaysOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do    func() error
		text  string // "": there is no error
		ended bool
		value any
	}{
		"return":           {func() error { return nil }, "", false, nil},
		"error":            {func() error { return errOdd }, "odd", false, nil},
		"panic":            {func() error { panic("no") }, "panic: no", true, "no"},
		"panic with error": {func() error { panic(errOdd) }, "panic: odd", true, errOdd},
		"panic with odd":   {func() error { panic(unprintable{}) }, "panic: a foreign_test.unprintable that cannot be printed", true, unprintable{}},
		"exit":             {func() error { runtime.Goexit(); return nil }, "the goroutine was ended (runtime.Goexit)", true, nil},
		"nil pointer":      {func() error { return (*hollow)(nil) }, "panic: runtime error: invalid memory address or nil pointer dereference", true, "any"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := <-foreign.Go(tt.do)
			if tt.text == "" {
				if err != nil {
					t.Errorf("got %v, want none", err)
				}
				return
			}
			stack, ended := foreign.Stack(err)
			if err == nil || err.Error() != tt.text || ended != tt.ended || strings.Contains(stack, "goroutine") != tt.ended {
				t.Errorf("got %v, ended %t with the stack %.100s; want %s, %t", err, ended, stack, tt.text, tt.ended)
			}
			if value := foreign.ValueOf(err); value != tt.value && tt.value != "any" {
				t.Errorf("got the value %v, want %v", value, tt.value)
			}
			if tt.text == "odd" && !errors.Is(err, errOdd) {
				t.Error("the error was lost, want it wrapped")
			}
		})
	}
}

// TestTextIsAskedForOnce changes an error after it was returned.
func TestTextIsAskedForOnce(t *testing.T) {
	t.Parallel()
	h := &hollow{"first"}
	err := <-foreign.Go(func() error { return h })
	h.text = "second"
	if err.Error() != "first" {
		t.Errorf("got %v, want the text as it was", err)
	}
}

func TestTry(t *testing.T) {
	t.Parallel()
	for want, do := range map[string]func() error{
		"<nil>": func() error { return nil }, "odd": func() error { return errOdd }, "panic: 7": func() error { panic(7) },
	} {
		if err := foreign.Try(do); fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		takes, limit time.Duration
		want         error
	}{{0, time.Second, errOdd}, {time.Second - 1, time.Second, errOdd}, {time.Hour, time.Second, foreign.ErrLate}} {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			err := foreign.Within(tt.limit, func() error { time.Sleep(tt.takes); return errOdd })
			if took := time.Since(begun); !errors.Is(err, tt.want) || took != min(tt.takes, tt.limit) {
				t.Errorf("got %v after %s, want %v after %s", err, took, tt.want, min(tt.takes, tt.limit))
			}
			time.Sleep(tt.takes)
		})
	}
}

func TestIsNil(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value any
		want  bool
	}{
		{nil, true},
		{(*hollow)(nil), true},
		{error((*hollow)(nil)), true},
		{net.Listener((*net.UnixListener)(nil)), true},
		{map[string]int(nil), true},
		{[]int(nil), true},
		{(func())(nil), true},
		{(chan int)(nil), true},
		{&hollow{}, false},
		{[]int{}, false},
		{0, false},
		{"", false},
		{struct{}{}, false},
		{func() {}, false},
	} {
		if got := foreign.IsNil(tt.value); got != tt.want {
			t.Errorf("%T: got %t, want %t", tt.value, got, tt.want)
		}
	}
}
