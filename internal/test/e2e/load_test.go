//go:build e2e

package e2e_test

import (
	"fmt"
	"time"

	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/consts"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
)

// load lets tenants arrive one after another while a story goes on. It works in until, which a story waits with.
type load struct {
	*story

	size    int           // number of tenants in all
	pace    time.Duration // between two tenants
	tenants []*tenant
	arrived time.Time      // of the latest
	stuck   int            // claims that the controller's race left unready, made anew
	freed   map[string]int // what a sidecar left behind under deletion, by kind; freed by hand
	two     bool           // whether a second leader may be at work
}

// tenant creates a claim and an access. Some delete the access when they have it, and some of these the claim as well.
type tenant struct {
	name    string
	claim   *v1alpha1.BucketClaim
	access  *v1alpha1.BucketAccess
	phase   phase
	leaves  phase // where it stops: served, accessLess or gone
	anew    bool  // starts again when it is gone
	ready   time.Time
	unready time.Time // since when its bucket has been ready and its claim has not
	left    time.Time // since when only its finalizer has kept an object
	earlier []string  // buckets of its claims that were made anew
	unsafe  bool      // a second leader may have been at work while it left
}

// phase says how far a tenant is.
type phase int

const (
	waiting phase = iota
	served
	withdrawing // its access is being deleted
	accessLess  // it keeps the claim alone
	moving      // its claim is being deleted
	gone
)

// abandoned sets how long an object may be under deletion with nothing left to do before it counts as left behind.
const abandoned = 4 * time.Second

func (s *story) load(size int, pace time.Duration) *load {
	return &load{story: s, size: size, pace: pace, freed: map[string]int{}}
}

// until waits while the load goes on.
func (l *load) until(what string, holds func() bool) {
	l.Helper()
	eventually(l.T, what, func() bool {
		l.step()
		return holds()
	})
}

// during does something that takes its time while the load goes on.
func (l *load) during(what string, do func()) {
	l.Helper()
	done := make(chan struct{})
	go func() { defer close(done); do() }()
	l.until(what, func() bool {
		select {
		case <-done:
			return true
		default:
			return false
		}
	})
}

// has counts the tenants that have been served, including those that have left since.
func (l *load) has() int {
	n := 0
	for _, t := range l.tenants {
		if t.phase != waiting && !t.anew {
			n++
		}
	}
	return n
}

// settle waits until every tenant has arrived and got what it wants.
func (l *load) settle() {
	l.Helper()
	if !within(l.T, limit, func() bool { l.step(); return len(l.tenants) == l.size && len(l.unsettled()) == 0 }) {
		l.Fatalf("not within %v: every tenant has what it wants; %d of %d arrived, and these wait: %q", limit, len(l.tenants), l.size, l.unsettled())
	}
}

// unsettled describes the tenants that wait for something.
func (l *load) unsettled() []string {
	var all []string
	for _, t := range l.tenants {
		if t.anew || t.phase != t.leaves {
			all = append(all, fmt.Sprintf("%s is in phase %d and wants %d, anew %t", t.name, t.phase, t.leaves, t.anew))
		}
	}
	return all
}

// step lets a tenant arrive if it is time, and every tenant do what it can.
func (l *load) step() {
	l.Helper()
	if len(l.tenants) < l.size && time.Since(l.arrived) >= l.pace {
		l.arrived = time.Now()
		t := &tenant{name: fmt.Sprintf("tenant-%d", len(l.tenants)), leaves: served}
		switch len(l.tenants) % 6 {
		case 0, 3:
			t.leaves = gone
		case 1:
			t.leaves = accessLess
		}
		l.tenants = append(l.tenants, t)
		l.begin(t)
	}
	v := l.look()
	for _, t := range l.tenants {
		l.advance(t, v)
	}
}

func (l *load) begin(t *tenant) {
	l.Helper()
	if t.claim != nil {
		t.earlier = append(t.earlier, bucketName(t.claim))
	}
	*t = tenant{name: t.name, leaves: t.leaves, earlier: t.earlier, unsafe: t.unsafe, claim: l.claim(t.name), access: l.access(t.name)}
}

// view holds what the API server has.
type view struct {
	claims   map[string]v1alpha1.BucketClaim
	accesses map[string]v1alpha1.BucketAccess
	buckets  map[string]bool // whether it is ready
	secrets  map[string]bool
}

func (l *load) look() view {
	l.Helper()
	v := view{claims: l.listClaims(), accesses: l.listAccesses(), buckets: l.readyBuckets(), secrets: map[string]bool{}}
	list, err := l.kube.CoreV1().Secrets(l.namespace).List(l.Context(), metav1.ListOptions{})
	must(l.T, err)
	for _, secret := range list.Items {
		v.secrets[secret.Name] = true
	}
	return v
}

func (l *load) advance(t *tenant, v view) {
	l.Helper()
	t.unsafe = t.unsafe || l.two && (t.phase == withdrawing || t.phase == moving)
	switch t.phase {
	case waiting, served, accessLess:
		l.await(t, v)
	case withdrawing:
		l.withdraw(t, v)
	case moving:
		l.move(t, v)
	case gone:
	}
}

// await waits until a tenant is served, starts again if the controller's race left its claim stuck, and lets it leave.
func (l *load) await(t *tenant, v view) {
	l.Helper()
	claim, access := v.claims[t.name], v.accesses[t.name]
	t.ready = since(t.ready, usable(&claim))
	t.unready = since(t.unready, !usable(&claim) && v.buckets[bucketName(t.claim)])
	if older(t.unready, patience) {
		t.anew = true
		l.stuck++
		l.leave(t)
		return
	}
	if t.phase == waiting && older(t.ready, settled) && access.Status.AccessGranted {
		t.phase = served
	}
	if t.phase == served && t.leaves != served {
		l.leave(t)
	}
}

func (l *load) leave(t *tenant) {
	l.Helper()
	t.phase = withdrawing
	l.deleted(l.accesses().Delete(l.Context(), t.name, metav1.DeleteOptions{}))
}

// withdraw deletes the claim of a tenant when its access and its Secret are gone, unless the tenant keeps the claim.
func (l *load) withdraw(t *tenant, v view) {
	l.Helper()
	_, accessLeft := v.accesses[t.name]
	switch {
	case accessLeft:
		l.free(t, "accesses", !v.secrets[t.name], l.freeAccess)
	case v.secrets[t.name]:
		l.free(t, "Secrets", t.unsafe, l.freeSecret) // the one sidecar made it again after the other had deleted it
	case t.leaves == accessLess && !t.anew:
		t.phase = accessLess
	default:
		t.phase, t.left = moving, time.Time{}
		if t.anew {
			l.protect(t)
			l.deleted(l.buckets().Delete(l.Context(), bucketName(t.claim), metav1.DeleteOptions{}))
		}
		l.deleted(l.claims().Delete(l.Context(), t.name, metav1.DeleteOptions{}))
	}
}

// move waits until the claim and the bucket of a tenant are gone.
func (l *load) move(t *tenant, v view) {
	l.Helper()
	_, claimLeft := v.claims[t.name]
	_, bucketLeft := v.buckets[bucketName(t.claim)]
	switch {
	case claimLeft:
	case bucketLeft:
		l.free(t, "Buckets", true, l.freeBucket)
	case t.anew:
		l.begin(t)
	default:
		t.phase = gone
	}
}

// free frees an object that only its finalizer has kept for too long: a sidecar ended after it had done everything else, and no later one
// removes the finalizer: for an access it wants the Secret, and for a Bucket the claim, which are gone.
func (l *load) free(t *tenant, kind string, nothingElse bool, remove func(*tenant) error) {
	l.Helper()
	t.left = since(t.left, nothingElse)
	if older(t.left, abandoned) {
		l.freed[kind]++
		t.left = time.Time{}
		l.deleted(remove(t))
	}
}

var noFinalizer = []byte(`{"metadata":{"finalizers":null}}`)

func (l *load) freeAccess(t *tenant) error {
	_, err := l.accesses().Patch(l.Context(), t.name, types.MergePatchType, noFinalizer, metav1.PatchOptions{})
	return err
}

func (l *load) freeBucket(t *tenant) error {
	_, err := l.buckets().Patch(l.Context(), bucketName(t.claim), types.MergePatchType, noFinalizer, metav1.PatchOptions{})
	return err
}

func (l *load) freeSecret(t *tenant) error {
	secrets := l.kube.CoreV1().Secrets(l.namespace)
	_, err := secrets.Patch(l.Context(), t.name, types.MergePatchType, noFinalizer, metav1.PatchOptions{})
	if err != nil {
		return err
	}
	return secrets.Delete(l.Context(), t.name, metav1.DeleteOptions{})
}

// protect adds the finalizer without which a stuck claim leaves its bucket behind.
func (l *load) protect(t *tenant) {
	l.Helper()
	finalizer := []byte(`{"metadata":{"finalizers":["` + consts.BCFinalizer + `"]}}`)
	_, err := l.claims().Patch(l.Context(), t.name, types.MergePatchType, finalizer, metav1.PatchOptions{})
	must(l.T, err)
}

// deleted accepts that an object is gone already.
func (l *load) deleted(err error) {
	l.Helper()
	if !kubeerrors.IsNotFound(err) {
		must(l.T, err)
	}
}
