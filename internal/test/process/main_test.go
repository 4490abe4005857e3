// Package process_test runs drivers as processes of their own: what is a process's cannot be seen from within one.
package process_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
