// Package hostile_test attacks running drivers as a caller that means harm, and measures what that costs them.
package hostile_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
