package sidecar

import (
	"regexp"
	"strings"
	"time"
)

// The times of the released sidecar's election, which none of its flags changes.
const (
	LeaseDuration = 150 * time.Second
	RenewDeadline = 120 * time.Second
	RetryPeriod   = 60 * time.Second
)

// LeaseName returns the name of the lease that the released sidecar of a driver holds: s3-example-com-cosi for s3.example.com.
func LeaseName(driver string) string { return sanitize(driver + "/cosi") }

// Identity returns how the released sidecar calls itself in the lease. It is the name of its host alone, so a sidecar that starts again
// in its pod finds its own lease.
func Identity(hostname string) string { return sanitize(hostname) }

var noName = regexp.MustCompile(`[^a-zA-Z0-9-]`)

// sanitize makes a name that a lease can have.
func sanitize(text string) string {
	name := strings.ToLower(noName.ReplaceAllString(text, "-"))
	if strings.HasSuffix(name, "-") {
		return name + "X"
	}
	return name
}
