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
	"github.com/doomshrine/gocosi/internal/test/e2e/internal/sidecar"
)

// afterDenial sets how long a life continues after the API server has denied the sidecar the missing permission.
const afterDenial = 2 * time.Second

// life runs a story until a step fails.
type life struct {
	*story

	missing string // missing permission; "" for none
	denied  time.Time
	err     error
}

// wholeLife makes the sidecar do everything that it can do. It returns the failed step, and whether the API server
// denied the sidecar the missing permission.
func (s *story) wholeLife(missing string) (failed error, refused bool) { //nolint:revive // returns two independent results
	s.Helper()
	_ = s.kube.CoordinationV1().Leases("cosi-osp").Delete(s.Context(), sidecar.LeaseName(s.driverName()), metav1.DeleteOptions{})
	_ = os.Remove(s.apiCalls())
	must(s.T, s.store().Change(func(b fault.Buckets) { clear(b); b["legacy"] = map[string]string{} }))
	defer s.clean()
	running := s.sidecar()
	defer running.Kill()
	l := &life{story: s, missing: missing}
	l.granting()
	l.deleting()
	l.leading(running)
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

// deleting deletes one access before its claim, and leaves the deletion of the other access to the sidecar.
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

func (l *life) leading(p *process.Process) {
	l.Helper()
	l.step("the lease is renewed", func() bool {
		lease, err := l.kube.CoordinationV1().Leases("cosi-osp").Get(l.Context(), sidecar.LeaseName(l.driverName()), metav1.GetOptions{})
		return err == nil && lease.Spec.RenewTime != nil && lease.Spec.AcquireTime != nil && lease.Spec.RenewTime.After(lease.Spec.AcquireTime.Time)
	})
	if l.err == nil && p.Err() != nil {
		l.err = fmt.Errorf("the sidecar ended: %w", p.Err())
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

// refusedAfter reports whether the API server denied the sidecar the permission at least that long ago.
func (l *life) refusedAfter(age time.Duration) bool {
	if l.missing == "" {
		return false
	}
	calls, _ := apicalls.Read(l.apiCalls())
	l.denied = since(l.denied, slices.ContainsFunc(calls, func(c apicalls.Call) bool { return c.Code == 403 && c.Permission() == l.missing }))
	return older(l.denied, age)
}
