package throttled

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/internal/test/harness"
	"github.com/doomshrine/gocosi/internal/test/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func trip(handler http.Handler, r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result(), nil
}

// newDriver returns a driver of two tenants for a store, and the folder of its keys.
func newDriver(t *testing.T, f *fake) (*provisioner, string) {
	t.Helper()
	folder := t.TempDir()
	p := &provisioner{owner: "http.example.com", tenants: []string{"acme", "globex"}, store: newStore("https://store.example.com")}
	p.store.client.Transport = f
	for _, tenant := range p.tenants {
		p.store.keys[tenant] = filepath.Join(folder, tenant)
		put(t, p.store.keys[tenant], "key of "+tenant+"\n")
	}
	return p, folder
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var seed = flag.Uint64("seed", 1, "seed of what the store does")

// TestConformance runs the kit on a store that refuses three requests in ten, loses one answer in twenty, and shows what
// was written after a tenth of a second.
func TestConformance(t *testing.T) {
	t.Parallel()
	f := newFake(*seed)
	f.throttle, f.lose, f.lag = 0.3, 0.05, 100*time.Millisecond
	p, _ := newDriver(t, f)
	p.store.patience, p.store.longestPause = 4*time.Second, 200*time.Millisecond
	var log harness.Logs
	driver, err := gocosi.New(gocosi.NewIdentity(p.owner), p, gocosi.WithReady(p.Ready), gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(),
		gocosi.WithLogger(log.Logger()))
	if err != nil {
		t.Fatal(err)
	}
	conn := cositest.Start(t, driver)
	cositest.Run(t, conn, cositest.Config{
		SocketFolder:                 filepath.Dir(strings.TrimPrefix(conn.Target(), "unix://")),
		Log:                          func() string { return strings.Join(log.Lines(), "\n") },
		IncompatibleBucketParameters: map[string]string{"tier": "cold"},
		IncompatibleAccessParameters: map[string]string{"mode": "ro"},
		UnprovisionableParameters:    map[string]string{"tenant": "initech"},
		BadBucketName:                "Not A Bucket",
		Destructive:                  true,
		Timeout:                      20 * time.Second,
		Parallel:                     16,
		Access: func(ctx context.Context, use cositest.Use) (bool, error) {
			s3 := use.Credentials["s3"].GetSecrets()
			want := use.Expect == cositest.Granted
			return eventually(ctx, func() bool {
				return f.opens(use.BucketID, s3["accessKeyID"], s3["accessSecretKey"], use.Keep) == want
			}), nil
		},
		CountAccounts: func(context.Context) (int, error) { return count(f, f.accesses), nil },
		MakeForeignBucket: func(context.Context) (cositest.Foreign, error) {
			const name, id = "acme/foreign", "acme.foreign"
			f.change(func() { f.write(name, bucket{Name: "foreign", Tier: "standard", Owner: "somebody"}) })
			exists := func(context.Context) (here bool, err error) {
				f.change(func() { here = f.buckets[name].at(f.now()) != nil })
				return here, nil
			}
			remove := func(context.Context) error { f.change(func() { set(f.buckets, name, nil, f.now()) }); return nil }
			return cositest.Foreign{Name: "foreign", ID: id, Exists: exists, Remove: remove}, nil
		},
		Outage: func(_ context.Context, begin bool) error { f.change(func() { f.away = begin }); return nil },
	})
	if left := count(f, f.buckets); left != 0 {
		t.Errorf("%d buckets are left, want none", left)
	}
}

// eventually waits for what the store shows late.
func eventually(ctx context.Context, shown func() bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !shown() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func create(p *provisioner, ctx context.Context, name string, parameters map[string]string) error { //nolint:revive // reads like a method
	_, err := p.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: name, Parameters: parameters})
	return err
}

func wantCode(t *testing.T, err error, code codes.Code, texts ...string) {
	t.Helper()
	if status.Code(err) != code {
		t.Errorf("got %v, want %v", err, code)
	}
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q in it", err, text)
		}
	}
}

// A store that asks for less time than the call has gets it. One that asks for more is left to the sidecar at once.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			retryAfter string
			deadline   time.Duration
			code       codes.Code
			took       time.Duration
		}{
			{"3", time.Minute, codes.OK, 3 * time.Second},
			{"3", 2 * time.Second, codes.Unavailable, 0},
			{"600", time.Minute, codes.Unavailable, 0},
		} {
			f := newFake(1)
			p, _ := newDriver(t, f)
			asked := false
			p.store.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				if asked {
					return f.RoundTrip(r)
				}
				asked = true
				return trip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Retry-After", c.retryAfter)
					answer(w, http.StatusTooManyRequests, "SlowDown", "")
				}), r)
			})
			ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
			began := time.Now()
			wantCode(t, create(p, ctx, "photos", nil), c.code)
			if took := time.Since(began); took != c.took {
				t.Errorf("%+v took %v", c, took)
			}
			cancel()
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A store that only throttles costs a call its patience, and no more.
func TestPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.throttle = 1
		p, _ := newDriver(t, f)
		began := time.Now()
		wantCode(t, create(p, t.Context(), "photos", nil), codes.Unavailable, "fewer requests")
		if took := time.Since(began); took > patience || took < patience-longestPause {
			t.Errorf("the call took %v, want about %v", took, patience)
		}
	})
}

// A read of the past does not make a stranger's bucket the driver's.
func TestStaleRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake(1)
		f.lag = 3 * time.Second
		p, _ := newDriver(t, f)
		f.write("acme/photos", bucket{Name: "photos", Tier: "standard", Owner: p.owner})
		time.Sleep(time.Minute)
		f.write("acme/photos", bucket{Name: "photos", Tier: "standard", Owner: "somebody"})
		wantCode(t, create(p, t.Context(), "photos", nil), codes.AlreadyExists)
		f.lag = time.Hour
		wantCode(t, create(p, t.Context(), "photos", nil), codes.Aborted)
	})
}

// A quota ends the call at once and makes nothing. When there is room again, the repeat succeeds.
func TestQuota(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	f.quota = 1
	p, _ := newDriver(t, f)
	wantCode(t, create(p, t.Context(), "photos", nil), codes.OK)
	wantCode(t, create(p, t.Context(), "videos", nil), codes.ResourceExhausted, `quota "buckets"`, "acme")
	if n := f.seen["key of acme"]; n != 2 {
		t.Errorf("the store got %d requests, want 2: a quota is not tried again", n)
	}
	wantCode(t, create(p, t.Context(), "photos", nil), codes.OK)
	f.quota = 2
	wantCode(t, create(p, t.Context(), "videos", nil), codes.OK)
}

// What a proxy answers is neither a success nor an absence.
func TestForeignAnswers(t *testing.T) {
	t.Parallel()
	p, _ := newDriver(t, newFake(1))
	p.store.patience = 0
	for text, code := range map[string]int{"{}": http.StatusOK, "": http.StatusNoContent, "null": http.StatusOK, "[]": http.StatusNotFound, "no": http.StatusNotFound} {
		p.store.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			return trip(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(code)
				fmt.Fprint(w, text)
			}), r)
		})
		wantCode(t, create(p, t.Context(), "photos", nil), codes.Unavailable)
		wantCode(t, revoke(t, p, "acme.photos", "http.example.com/ba-1"), codes.Unavailable)
		_, err := p.DriverDeleteBucket(t.Context(), &cosi.DriverDeleteBucketRequest{BucketId: "acme.photos"})
		wantCode(t, err, codes.Unavailable)
	}
}

// A new key is used from the next request on, and by one that the store refused meanwhile.
func TestRotation(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	p, folder := newDriver(t, f)
	f.keys["new key"] = "acme" // both are valid
	put(t, filepath.Join(folder, "acme"), "new key")
	wantCode(t, create(p, t.Context(), "photos", nil), codes.OK)
	if f.seen["new key"] != 1 || f.seen["key of acme"] != 0 {
		t.Errorf("requests by key: %v, want one with the new key", f.seen)
	}

	put(t, filepath.Join(folder, "acme"), "key of acme")
	p.store.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if f.keys["key of acme"] != "" { // the file is replaced and the old key is ended while the request is under way
			delete(f.keys, "key of acme")
			put(t, filepath.Join(folder, "acme"), "new key")
		}
		return f.RoundTrip(r)
	})
	wantCode(t, create(p, t.Context(), "videos", nil), codes.OK)

	put(t, filepath.Join(folder, "acme"), "a wrong key")
	wantCode(t, create(p, t.Context(), "music", nil), codes.PermissionDenied, "acme", folder)
	wantCode(t, p.Ready(t.Context()), codes.PermissionDenied)
	if err := os.Remove(filepath.Join(folder, "acme")); err != nil {
		t.Fatal(err)
	}
	wantCode(t, create(p, t.Context(), "music", nil), codes.PermissionDenied, "acme", folder)
	wantCode(t, create(p, t.Context(), "music", map[string]string{"tenant": "globex"}), codes.OK)
}

func revoke(t *testing.T, p *provisioner, bucketID, accountID string) error {
	t.Helper()
	_, err := p.DriverRevokeBucketAccess(t.Context(), &cosi.DriverRevokeBucketAccessRequest{BucketId: bucketID, AccountId: accountID})
	return err
}

// Each call uses the key of its bucket's tenant alone, and never another one's.
func TestTenants(t *testing.T) {
	t.Parallel()
	f := newFake(1)
	p, _ := newDriver(t, f)
	for _, tenant := range p.tenants {
		wantCode(t, create(p, t.Context(), "photos", map[string]string{"tenant": tenant}), codes.OK)
	}
	grant := func(id string) *cosi.DriverGrantBucketAccessResponse {
		g, err := p.DriverGrantBucketAccess(t.Context(), &cosi.DriverGrantBucketAccessRequest{BucketId: id, Name: "ba-1", AuthenticationType: cosi.AuthenticationType_Key})
		wantCode(t, err, codes.OK)
		return g
	}
	secret := grant("acme.photos").GetCredentials()["s3"].GetSecrets()["accessSecretKey"]
	if other := grant("globex.photos").GetCredentials()["s3"].GetSecrets()["accessSecretKey"]; secret == other || f.opens("globex.photos", "ba-1", secret, false) {
		t.Error("two tenants share a secret")
	}
	for _, id := range []string{"photos", "acme.../../globex/photos", "acme.photos/keys/ba-1", ".photos"} {
		wantCode(t, revoke(t, p, id, "http.example.com/ba-1"), codes.OK)
	}
	for _, account := range []string{"ba-1", "other.example.com/ba-1", "http.example.com/..", "http.example.com/"} {
		wantCode(t, revoke(t, p, "acme.photos", account), codes.OK)
	}
	if count(f, f.accesses) != 2 {
		t.Error("an access was revoked that was not named")
	}
	wantCode(t, revoke(t, p, "initech.photos", "http.example.com/ba-1"), codes.FailedPrecondition, "initech")
	_, err := p.DriverDeleteBucket(t.Context(), &cosi.DriverDeleteBucketRequest{BucketId: "initech.photos"})
	wantCode(t, err, codes.FailedPrecondition, "initech")
	_, err = p.DriverDeleteBucket(t.Context(), &cosi.DriverDeleteBucketRequest{BucketId: "acme.photos"})
	wantCode(t, err, codes.OK)
	if !f.opens("globex.photos", "ba-1", grant("globex.photos").GetCredentials()["s3"].GetSecrets()["accessSecretKey"], false) || count(f, f.buckets) != 1 || count(f, f.accesses) != 1 {
		t.Error("the other tenant lost something")
	}
}
