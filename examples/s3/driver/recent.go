package driver

import "sync"

// recentKeys remembers which key an account was granted, so that a revoke need not ask for it. It is a guess that the store
// checks: it deletes no user that has any other key. What is forgotten costs one request.
type recentKeys struct {
	mu  sync.Mutex
	ids map[account]string
}

// mostRecent is how many keys are remembered: about 3 MB.
const mostRecent = 10_000

func (r *recentKeys) add(a account, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids == nil {
		r.ids = map[account]string{}
	}
	for other := range r.ids { // any one
		if len(r.ids) < mostRecent {
			break
		}
		delete(r.ids, other)
	}
	a.access = "" // which a revoke does not say
	r.ids[a] = id
}

// take returns the key and forgets it; "" for none.
func (r *recentKeys) take(a account) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := r.ids[a]
	delete(r.ids, a)
	return id
}
