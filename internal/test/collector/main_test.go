// Package collector_test sends the telemetry of drivers to the OpenTelemetry Collector, and looks at what that has of it.
package collector_test

import (
	"os"
	"strings"
	"testing"

	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

// envDriver names the variable with the socket of a driver that a test starts as a process: OpenTelemetry's variables belong to
// a process.
const envDriver = "GOCOSI_TEST_COLLECTOR_DRIVER"

func TestMain(m *testing.M) {
	if os.Getenv(envDriver) == "" { // a driver gets what its test gives it, and nothing of the caller's
		for _, v := range os.Environ() {
			if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
				os.Unsetenv(name)
			}
		}
	}
	leaktest.Main(m)
}
