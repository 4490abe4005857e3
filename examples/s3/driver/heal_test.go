package driver_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/doomshrine/gocosi/examples/s3/driver"
)

// crash is a call that ends at a request to the store, as if the driver had been killed there, and is then repeated by a
// driver that knows nothing of it.
type crash struct {
	call  func(ctx context.Context, c caller, bucket string) error
	first func(t *testing.T, c caller, bucket string) // before the crash; nil: nothing
	then  func(t *testing.T, c caller, bucket string) // what must hold after the repeat
}

func crashes() map[string]crash {
	admin := administer(embedded)
	exists := func(want bool) func(*testing.T, caller, string) {
		return func(t *testing.T, _ caller, bucket string) {
			t.Helper()
			if there, err := admin.exists(t.Context(), bucket); there != want || err != nil {
				t.Errorf("the bucket exists: %t, %v", there, err)
			}
		}
	}
	granted := func(t *testing.T, c caller, bucket string) {
		t.Helper()
		secrets := secretsOf(c.grant(t, bucket, bucket, nil).GetCredentials())
		if keys := admin.keys(t, bucket); len(keys) != 1 || keys[0] != secrets["accessKeyID"] {
			t.Errorf("the user has the keys %v; granted is %s", keys, secrets["accessKeyID"])
		}
		if err := works(t.Context(), plainClient(secrets), bucket, "object"); err != nil {
			t.Error(err)
		}
	}
	grant := func(ctx context.Context, c caller, bucket string) error {
		_, err := c.tryGrant(ctx, bucket, bucket, nil)
		return err
	}
	create := func(ctx context.Context, c caller, bucket string) error {
		return c.tryCreate(ctx, bucket, pair("versioning=true"))
	}
	made := func(t *testing.T, c caller, bucket string) { t.Helper(); c.create(t, bucket, pair("versioning=true")) }
	return map[string]crash{
		"create": {call: create, then: exists(true)},
		"delete": {
			first: made, then: exists(false),
			call: func(ctx context.Context, c caller, bucket string) error { return c.tryDelete(ctx, bucket, nil) },
		},
		"grant": {first: made, call: grant, then: granted},
		"revoke": {
			first: func(t *testing.T, c caller, bucket string) { t.Helper(); made(t, c, bucket); granted(t, c, bucket) },
			call:  func(ctx context.Context, c caller, bucket string) error { return c.tryRevoke(ctx, bucket, bucket) },
			then: func(t *testing.T, c caller, bucket string) {
				t.Helper()
				if keys, err := admin.userKeys(t.Context(), bucket); err == nil {
					t.Errorf("the user is still there, with the keys %v", keys)
				}
				granted(t, c, bucket)
			},
		},
		"grant after half a revoke": {
			first: func(t *testing.T, c caller, bucket string) { t.Helper(); made(t, c, bucket); granted(t, c, bucket) },
			call: func(ctx context.Context, c caller, bucket string) error {
				return errors.Join(c.tryRevoke(ctx, bucket, bucket), grant(ctx, c, bucket))
			},
			then: granted,
		},
	}
}

// A call that ends at any moment is healed by its repeat: it does what it should, and leaves nothing else.
func TestEveryCrashPoint(t *testing.T) {
	t.Parallel()
	for name, c := range crashes() {
		for _, reaches := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, request reaches the store %t", name, reaches), func(t *testing.T) {
				t.Parallel()
				p, s := behindProxy(t, embedded)
				points := 0
				for c.survives(t, p, s, points, reaches) {
					points++
				}
				if points < 2 {
					t.Errorf("the call was cut at %d requests only", points)
				}
				t.Logf("%d crash points", points)
			})
		}
	}
}

// survives cuts the call at a request, and says whether it got that far.
func (k crash) survives(t *testing.T, p *proxy, s driver.Settings, point int, reaches bool) bool {
	t.Helper()
	bucket := "crash-" + unique()
	before := connect(t, s)
	if k.first != nil {
		k.first(t, before, bucket)
	}
	ctx, kill := context.WithCancel(t.Context())
	defer kill()
	p.cut(point, reaches, kill)
	err := k.call(ctx, before, bucket)
	p.undo()
	if err == nil {
		return false
	}
	after := connect(t, s)
	if err := k.call(t.Context(), after, bucket); err != nil {
		t.Fatalf("cut at request %d, then: %v", point, err)
	}
	if k.then != nil {
		k.then(t, after, bucket)
	}
	return true
}
