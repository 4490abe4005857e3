//go:build e2e

package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/apicalls"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// afterDenial is how long a life goes on once the sidecar was refused what it is to do without.
const afterDenial = 2 * time.Second

// life is a story that goes on until a step of it fails.
type life struct {
	*story

	without string // permission that was taken away; "" for none
	denied  time.Time
	err     error
}

// wholeLife makes the sidecar do all that it ever does, and says at which step that ends, and whether the sidecar was
// refused what it is to do without.
func (s *story) wholeLife(without string) (failed error, refused bool) { //nolint:revive // two findings
	s.Helper()
	_ = s.kube.CoordinationV1().Leases("cosi-osp").Delete(s.Context(), s.driverName(), metav1.DeleteOptions{})
	_ = os.Remove(s.apiCalls())
	must(s.T, s.store().Change(func(b fault.Buckets) { clear(b); b["legacy"] = map[string]string{} }))
	defer s.clean()
	sidecar := s.sidecar(briskly)
	defer sidecar.Kill()
	l := &life{story: s, without: without}
	l.granting()
	l.deleting()
	l.leading(sidecar)
	return l.err, l.refusedAfter(0)
}

func (l *life) granting() {
	l.Helper()
	l.claim("one")
	access := l.access("one")
	l.claim("two")
	l.access("two")
	l.brownBucket("brown", "legacy")
	l.step("the brownfield bucket is ready", func() bool {
		bucket, err := l.buckets().Get(l.Context(), "brown", metav1.GetOptions{})
		return err == nil && bucket.Status.BucketReady
	})
	l.step("an event about the waiting access is counted up", func() bool {
		return slices.ContainsFunc(l.events(access.UID), func(e corev1.Event) bool { return e.Count > 1 })
	})
	for _, name := range []string{"one", "two"} {
		l.step("claim "+name+" is ready", func() bool { return l.ready(name) })
		l.step("access "+name+" is granted", func() bool { return l.granted(name) })
	}
}

// deleting deletes one access before its claim, and leaves the other's deletion to the sidecar.
func (l *life) deleting() {
	l.Helper()
	if l.err != nil {
		return
	}
	must(l.T, l.accesses().Delete(l.Context(), "one", metav1.DeleteOptions{}))
	l.step("access one is gone, with its secret", func() bool {
		_, err := l.accesses().Get(l.Context(), "one", metav1.GetOptions{})
		_, secretErr := l.kube.CoreV1().Secrets(l.namespace).Get(l.Context(), "one", metav1.GetOptions{})
		return kubeerrors.IsNotFound(err) && kubeerrors.IsNotFound(secretErr)
	})
	for _, name := range []string{"one", "two"} {
		must(l.T, l.claims().Delete(l.Context(), name, metav1.DeleteOptions{}))
		l.step("claim "+name+" is gone", func() bool {
			_, err := l.claims().Get(l.Context(), name, metav1.GetOptions{})
			return kubeerrors.IsNotFound(err)
		})
		if l.err != nil {
			return
		}
	}
	l.step("access two is deleted with its claim", func() bool {
		access, err := l.accesses().Get(l.Context(), "two", metav1.GetOptions{})
		return kubeerrors.IsNotFound(err) || err == nil && !access.DeletionTimestamp.IsZero()
	})
}

func (l *life) leading(sidecar *process.Process) {
	l.Helper()
	l.step("the lease is renewed", func() bool {
		lease, err := l.kube.CoordinationV1().Leases("cosi-osp").Get(l.Context(), l.driverName(), metav1.GetOptions{})
		return err == nil && lease.Spec.RenewTime != nil && lease.Spec.AcquireTime != nil && lease.Spec.RenewTime.After(lease.Spec.AcquireTime.Time)
	})
	if l.err == nil && sidecar.Err() != nil {
		l.err = fmt.Errorf("the sidecar ended: %w", sidecar.Err())
	}
}

// step waits for something, unless an earlier step failed.
func (l *life) step(what string, holds func() bool) {
	l.Helper()
	if l.err != nil {
		return
	}
	held, denied := false, false
	within(l.T, limit, func() bool {
		held = holds()
		denied = l.refusedAfter(afterDenial)
		return held || denied
	})
	switch {
	case held:
	case denied:
		l.err = errors.New("refused; not so: " + what)
	default:
		l.err = errors.New("not so: " + what)
	}
}

// refusedAfter tells whether the sidecar was refused the permission, so long ago at least.
func (l *life) refusedAfter(age time.Duration) bool {
	if l.without == "" {
		return false
	}
	calls, _ := apicalls.Read(l.apiCalls())
	l.denied = since(l.denied, slices.ContainsFunc(calls, func(c apicalls.Call) bool { return c.Code == 403 && c.Permission() == l.without }))
	return older(l.denied, age)
}
