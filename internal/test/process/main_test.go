// Package process_test runs drivers as processes of their own, to test what a single process cannot see.
package process_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
