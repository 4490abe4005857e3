package sidecar_test

import (
	"testing"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

func TestLeaseName(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string]string{"s3.example.com": "s3-example-com-cosi", "S3.Example.COM": "s3-example-com-cosi", "s3": "s3-cosi"} {
		if got := sidecar.LeaseName(driver); got != want {
			t.Errorf("the lease of %s is %q, want %q", driver, got, want)
		}
	}
	if got := sidecar.Identity("cosi-osp-7d9f.local"); got != "cosi-osp-7d9f-local" {
		t.Errorf("the identity is %q, want cosi-osp-7d9f-local", got)
	}
}
