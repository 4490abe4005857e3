package main

import (
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// TestConformance holds the driver against the specification.
func TestConformance(t *testing.T) {
	t.Parallel()
	driver, err := gocosi.New(gocosi.NewIdentity("memory.example.com"), newProvisioner(),
		gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	if err != nil {
		t.Fatal(err)
	}
	cositest.Run(t, cositest.Start(t, driver), cositest.Config{
		IncompatibleBucketParameters: map[string]string{"region": "elsewhere"},
		BadBucketName:                "Not A Bucket",
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
	})
}
