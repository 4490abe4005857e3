package main

import (
	"testing"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// TestConformance holds the driver against the specification: as it is, and with its handlers left alone.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		conform(t)
	})
	t.Run("handlers alone", func(t *testing.T) {
		t.Parallel()
		conform(t, gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules(), gocosi.WithoutErrorTranslation(), gocosi.WithoutSerialization())
	})
}

func conform(t *testing.T, options ...gocosi.Option) {
	t.Helper()
	options = append(options, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry())
	driver, err := gocosi.New(gocosi.NewIdentity("memory.example.com"), newProvisioner(), options...)
	if err != nil {
		t.Fatal(err)
	}
	cositest.Run(t, cositest.Start(t, driver), cositest.Config{
		IncompatibleBucketParameters: map[string]string{"region": "elsewhere"},
		BadBucketName:                "Not A Bucket",
		UnprovisionableParameters:    map[string]string{}, // there are none
		Destructive:                  true,
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
	})
}
