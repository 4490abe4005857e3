package throttled

import (
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// fake is a store in memory. Writes are decided on what it has; reads, and uses of keys, see what it had a moment ago.
type fake struct {
	mu       sync.Mutex
	random   *rand.Rand
	lag      time.Duration
	throttle float64 // part of the requests that is refused
	lose     float64 // part of the answers that a proxy replaces by a page, after the store acted
	quota    int     // buckets of a tenant
	away     bool
	keys     map[string]string // tenant, by the driver's key
	seen     map[string]int    // requests, by the driver's key
	buckets  map[string]*past[bucket]
	accesses map[string]*past[key]
	filled   map[string]bool // buckets that hold an object
	version  int
	now      func() time.Time
}

// past keeps every value that something had; the value of what does not exist is nil.
type past[T any] struct {
	values []*T
	since  []time.Time
}

func (p *past[T]) at(t time.Time) *T {
	if p == nil {
		return nil
	}
	for i, value := range slices.Backward(p.values) {
		if !p.since[i].After(t) {
			return value
		}
	}
	return nil
}

func set[T any](all map[string]*past[T], name string, value *T, now time.Time) {
	if all[name] == nil {
		all[name] = &past[T]{}
	}
	all[name].values, all[name].since = append(all[name].values, value), append(all[name].since, now)
}

func newFake(seed uint64) *fake {
	return &fake{
		random: rand.New(rand.NewPCG(seed, seed)), quota: 1 << 20, keys: map[string]string{"key of acme": "acme", "key of globex": "globex"},
		seen: map[string]int{}, filled: map[string]bool{}, buckets: map[string]*past[bucket]{}, accesses: map[string]*past[key]{}, now: time.Now,
	}
}

// RoundTrip answers without a network.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) { return trip(f, r) }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	f.seen[key]++
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case f.away:
		answer(w, http.StatusServiceUnavailable, "", "")
		return
	case f.random.Float64() < f.throttle:
		if f.random.IntN(100) == 0 {
			w.Header().Set("Retry-After", "1")
		}
		answer(w, http.StatusTooManyRequests, "SlowDown", "")
		return
	case len(parts) < 3 || f.keys[key] == "" || f.keys[key] != parts[1]:
		answer(w, http.StatusUnauthorized, "BadKey", "")
		return
	}
	lost := f.random.Float64() < f.lose
	code, value := f.act(r, parts[1], parts[3:])
	if lost {
		answer(w, http.StatusOK, "", "")
		return
	}
	status := http.StatusOK
	if code != "OK" {
		status = http.StatusConflict
	}
	text, _ := json.Marshal(value)
	answer(w, status, code, string(text))
}

// answer writes the store's answer, or a proxy's where there is no code.
func answer(w http.ResponseWriter, status int, code, value string) {
	w.WriteHeader(status)
	switch {
	case code == "":
		fmt.Fprint(w, "<html>a proxy's page</html>")
	case len(value) > 2 && value[0] == '{':
		fmt.Fprintf(w, `{"code":%q,%s`, code, value[1:])
	default:
		fmt.Fprintf(w, `{"code":%q}`, code)
	}
}

func (f *fake) act(r *http.Request, tenant string, path []string) (code string, value any) {
	var body struct {
		bucket

		Mode string `json:"mode"`
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil && r.Method != http.MethodGet && r.Method != http.MethodDelete {
		return "BadRequest", nil
	}
	switch {
	case len(path) == 0 && r.Method == http.MethodGet:
		return "OK", nil
	case len(path) == 0:
		return f.create(tenant, body.bucket)
	case len(path) == 1:
		return f.one(r, tenant+"/"+path[0], body.bucket)
	case f.buckets[tenant+"/"+path[0]].at(f.now()) == nil:
		return "NoSuchBucket", nil
	}
	name, want := tenant+"/"+path[0]+"/"+path[2], key{path[2], body.Mode, crand.Text()}
	has := f.accesses[name].at(f.now())
	switch {
	case r.Method == http.MethodDelete && has == nil:
		return "NoSuchKey", nil
	case r.Method == http.MethodDelete:
		set(f.accesses, name, nil, f.now())
		return "OK", nil
	case has == nil:
		set(f.accesses, name, &want, f.now())
		return "OK", want
	case has.Mode != want.Mode:
		return "KeyDiffers", nil
	}
	return "OK", *has
}

func (f *fake) create(tenant string, b bucket) (code string, value any) {
	name, count := tenant+"/"+b.Name, 0
	for other, p := range f.buckets {
		if strings.HasPrefix(other, tenant+"/") && p.at(f.now()) != nil {
			count++
		}
	}
	switch {
	case f.buckets[name].at(f.now()) != nil:
		return "BucketExists", nil
	case count >= f.quota:
		return "QuotaExceeded", nil
	}
	return "OK", f.write(name, b)
}

func (f *fake) write(name string, b bucket) bucket {
	f.version++
	b.Version = fmt.Sprint(f.version)
	set(f.buckets, name, &b, f.now())
	return b
}

func (f *fake) one(r *http.Request, name string, b bucket) (code string, value any) {
	has := f.buckets[name].at(f.now())
	if r.Method == http.MethodGet {
		has = f.buckets[name].at(f.now().Add(-f.lag))
	}
	switch {
	case has == nil:
		return "NoSuchBucket", nil
	case r.Method == http.MethodDelete && f.filled[name]:
		return "BucketNotEmpty", nil
	case r.Method == http.MethodDelete:
		set(f.buckets, name, nil, f.now())
		for key, p := range f.accesses { // they end with their bucket
			if strings.HasPrefix(key, name+"/") && p.at(f.now()) != nil {
				set(f.accesses, key, nil, f.now())
			}
		}
	case r.Method == http.MethodPut && r.Header.Get("If-Match") != has.Version:
		return "Changed", nil
	case r.Method == http.MethodPut:
		return "OK", f.write(name, b)
	}
	return "OK", *has
}

// opens reports whether a key opens a bucket, and puts an object there or removes it.
func (f *fake) opens(bucketID, name, secret string, keep bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	bucketID = strings.Replace(bucketID, ".", "/", 1)
	then := f.now().Add(-f.lag)
	has := f.accesses[bucketID+"/"+name].at(then)
	opened := has != nil && has.Secret == secret && f.buckets[bucketID].at(then) != nil
	if opened {
		f.filled[bucketID] = keep
	}
	return opened
}

// count returns how many buckets or accesses there are.
func count[T any](f *fake, all map[string]*past[T]) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, p := range all {
		if p.at(f.now()) != nil {
			n++
		}
	}
	return n
}

func (f *fake) change(how func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	how()
}
