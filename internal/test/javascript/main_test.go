// Package javascript_test holds a driver in JavaScript against the specification with cosictl: neither the driver nor its
// gRPC server shares code with this repository.
package javascript_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
