package driver_test

import (
	"fmt"
	"sync"
	"testing"
)

// 80 grants on one bucket at once, as many as the sidecar makes: all of them work.
func TestParallelGrants(t *testing.T) { //nolint:paralleltest // the last of 80 waits for all others, and no longer than a call may take
	const count, bucket = 80, "parallel"
	ctx, c := t.Context(), connect(t, settings(t, embedded))
	c.create(t, bucket, nil)
	ids := make([]string, count)
	var wg sync.WaitGroup
	for i := range count {
		wg.Go(func() {
			user := fmt.Sprintf("ba-parallel-%d", i)
			response, err := c.tryGrant(ctx, bucket, user, nil)
			if err != nil {
				t.Error(err)
				return
			}
			secrets := secretsOf(response.GetCredentials())
			ids[i] = secrets["accessKeyID"]
			if err := works(ctx, plainClient(secrets), bucket, user); err != nil {
				t.Errorf("%s: %v", user, err)
			}
		})
	}
	wg.Wait()
	different := map[string]bool{}
	for i, id := range ids {
		different[id] = true
		c.revoke(t, bucket, fmt.Sprintf("ba-parallel-%d", i))
	}
	if len(different) != count {
		t.Errorf("%d grants gave %d keys", count, len(different))
	}
	c.delete(t, bucket, map[string]string{"emptyOnDelete": "true"})
}
