package gocosi_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
