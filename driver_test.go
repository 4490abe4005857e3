package gocosi_test

import (
	"testing"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

func TestServesOnItsSocket(t *testing.T) {
	t.Parallel()
	d := start(t, &handlers{})
	info, err := cosi.NewIdentityClient(d.conn).DriverGetInfo(timeout(t), &cosi.DriverGetInfoRequest{})
	if err != nil || info.GetName() != "test.example.com" {
		t.Fatalf("DriverGetInfo: %v, %v", info, err)
	}
	if err := d.wait(t); err != nil {
		t.Fatal(err)
	}
}
