package gocosi_test

import (
	"context"
	"runtime"
	"testing"
	"weak"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// TestKeptContextKeepsNoOtherCall keeps the context of a call that ran beside another one, as a careless handler may.
func TestKeptContextKeepsNoOtherCall(t *testing.T) {
	t.Parallel()
	chain, err := gocosi.NewChain(gocosi.WithEnvironment(nil))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(chain.Close)
	var kept []context.Context
	call := func(name string, meanwhile func()) weak.Pointer[cosi.DriverCreateBucketRequest] {
		request := &cosi.DriverCreateBucketRequest{Name: name}
		_, err := chain.Call(t.Context(), createMethod, request, func(ctx context.Context, _ any) (any, error) {
			meanwhile()
			if name == "kept" {
				kept = append(kept, ctx)
			}
			return &cosi.DriverCreateBucketResponse{BucketId: name}, nil
		})
		if err != nil {
			t.Error(err)
		}
		return weak.Make(request)
	}
	var younger weak.Pointer[cosi.DriverCreateBucketRequest]
	older := call("older", func() {
		call("kept", func() { younger = call("younger", func() {}) })
	})
	eventually(t, func() bool {
		runtime.GC()
		return older.Value() == nil && younger.Value() == nil
	}, "the calls beside the kept one are still there")
	runtime.KeepAlive(kept)
}
