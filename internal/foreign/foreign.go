// Package foreign runs code that is not the library's, and turns every way out of it into a value: a panic, the end of its
// goroutine, and a return that does not come in time.
package foreign

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"runtime/debug"
	"time"
)

// ErrLate reports code that did not return in time.
var ErrLate = errors.New("it did not return in time")

// ExitError reports code that ended its goroutine, with the stack of that.
type ExitError struct{ Stack string }

// NewExit is called by a deferred function of the goroutine that ends.
func NewExit() *ExitError { return &ExitError{Stack: string(debug.Stack())} }

func (*ExitError) Error() string { return "the goroutine was ended (runtime.Goexit)" }

// Stack returns the stack of what ended a call instead of its return, and whether something did. It does not look into an
// error that is not of this package: to unwrap it would be to call foreign code.
//
//nolint:errorlint // see above
func Stack(err error) (stack string, ended bool) {
	switch e := err.(type) {
	case *PanicError:
		return e.Stack, true
	case *ExitError:
		return e.Stack, true
	}
	return "", false
}

// PanicError carries the value of a panic and the stack of the goroutine that panicked.
type PanicError struct {
	Value any
	Stack string
	text  string
}

// printTimeout limits how long the methods of a panic's value may take to print it.
const printTimeout = time.Second

// NewPanic wraps a recovered value; it is called by the deferred function that recovered. A value whose own methods keep it
// from being printed is named by its type.
func NewPanic(value any) *PanicError {
	p := &PanicError{Value: value, Stack: string(debug.Stack())}
	switch v := value.(type) {
	case string:
		p.text = v
	case runtime.Error:
		p.text = v.Error()
	default:
		p.text = printed(value)
	}
	return p
}

func printed(value any) string {
	texts := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }() // fmt recovers from most panics, but not from all
		texts <- fmt.Sprint(value)
	}()
	late := time.NewTimer(printTimeout)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	select {
	case text := <-texts:
		return text
	default:
		return fmt.Sprintf("a %T that cannot be printed", value)
	}
}

// Error returns the value's text.
func (p *PanicError) Error() string { return "panic: " + p.text }

// ValueOf returns the value of the panic that an error tells of; nil when there was none.
//
//nolint:errorlint // see Stack
func ValueOf(err error) any {
	if p, ok := err.(*PanicError); ok {
		return p.Value
	}
	return nil
}

// Try calls do in this goroutine and returns its panic as a *PanicError.
func Try(do func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = NewPanic(value)
		}
	}()
	return do()
}

// Go calls do in a goroutine of its own. The channel delivers its error: what it returned, with a text that does not change
// any more, a *PanicError or an *ExitError.
func Go(do func() error) <-chan error {
	result := make(chan error, 1)
	go func() {
		var err error
		returned := false
		defer func() {
			if !returned {
				err = NewExit()
			}
			result <- err
		}()
		err = Try(func() error { return tried(do()) })
		returned = true
	}()
	return result
}

// Within does what Go does and waits for it, at most for the limit; then it returns ErrLate, and do goes on.
func Within(limit time.Duration, do func() error) error {
	result := Go(do)
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case err := <-result:
		return err
	case <-late.C:
		return ErrLate
	}
}

// Ask calls ask in a goroutine of its own and returns its answer. It waits at most for the limit; without an answer in time
// there is an error.
func Ask[T any](limit time.Duration, ask func() T) (T, error) {
	answers := make(chan T, 1)
	if err := Within(limit, func() error { answers <- ask(); return nil }); err != nil {
		var none T
		return none, err
	}
	return <-answers, nil
}

// told is an error whose text was asked for once. To look further into it is up to whoever knows that it is harmless.
type told struct {
	error
	text string
}

func (t told) Error() string { return t.text }
func (t told) Unwrap() error { return t.error }

// tried asks an error for its text where a panic is recovered from: it may be a nil pointer.
func tried(err error) error {
	if err == nil {
		return nil
	}
	return told{err, err.Error()}
}

// IsNil reports whether a value is nil, or an interface that holds a nil of some type.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Slice, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}
