// Package foreign runs code that is not the library's, and turns every way out of it into a value: a panic, the end of its
// goroutine, and a return that does not come in time.
package foreign

import (
	"errors"
	"fmt"
	"reflect"
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

// Stack returns the stack of what ended a call instead of its return, and whether something did.
func Stack(err error) (stack string, ended bool) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		return p.Stack, true
	}
	if e, ok := errors.AsType[*ExitError](err); ok {
		return e.Stack, true
	}
	return "", false
}

// PanicError carries the value of a panic and the stack of the goroutine that panicked.
type PanicError struct {
	Value any
	Stack string
}

// NewPanic wraps a recovered value; it is called by the deferred function that recovered.
func NewPanic(value any) *PanicError { return &PanicError{Value: value, Stack: string(debug.Stack())} }

// Error returns the value's text. A value whose own methods panic is named by its type.
func (p *PanicError) Error() (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("panic: a %T that cannot be printed", p.Value)
		}
	}()
	return fmt.Sprintf("panic: %v", p.Value)
}

// ValueOf returns the value of the panic that an error tells of; nil when there was none.
func ValueOf(err error) any {
	if p, ok := errors.AsType[*PanicError](err); ok {
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

// told is an error whose text was asked for once.
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
