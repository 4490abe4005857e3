// Package shapes declares one of everything that an API can have.
package shapes

import "time"

// Constants, typed and not.
const (
	Untyped       = 1 << 3
	Typed   Level = 7
	hidden        = 1
)

// Variable is one.
var Variable, hiddenVariable time.Duration = hidden, hidden

// Level is no struct.
type Level uint8

// String has a value as its receiver.
func (l Level) String() string { return "" }

// Alias is another name.
type Alias = map[string]*Pair[int]

// Pair has a parameter.
type Pair[T any] struct {
	First, Second T
	Tagged        T `json:"tagged"`
	Level
	inner
}

// inner is embedded; what it exports is the outer type's.
type inner struct{ Promoted int }

// Method has a pointer as its receiver.
func (*inner) Method(hint ...string) error { return nil }

// Open can be implemented by anyone.
type Open interface{ Do(Level) }

// Sealed cannot.
type Sealed interface {
	Open
	sealed()
}

// Map is generic.
func Map[K comparable, V any](m map[K]V, f func(V) error) {}

func hiddenFunction() {}
