//go:build e2e

package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// reckon checks that the store has one bucket for each claim and one account for each access, with the key in its Secret, and nothing
// else, and that the API server has nothing else either.
func (l *load) reckon() {
	l.Helper()
	want := l.wanted()
	got := l.stored()
	for _, bucket := range slices.Sorted(maps.Keys(want)) {
		if accounts, ok := got[bucket]; !ok {
			l.Errorf("bucket %s is not in the store, want it there: its claim is ready", bucket)
		} else if !maps.Equal(accounts, want[bucket]) {
			l.Errorf("bucket %s has %d accounts, want %d, with the key of the Secret", bucket, len(accounts), len(want[bucket]))
		}
	}
	for bucket := range got {
		if _, ok := want[bucket]; !ok {
			l.Errorf("bucket %s is in the store, want it gone: no claim has it", bucket)
		}
	}
	for bucket := range l.readyBuckets() {
		if _, ok := want[bucket]; !ok {
			l.Errorf("Bucket %s exists, want it gone: no claim has it", bucket)
		}
	}
	secrets, err := l.kube.CoreV1().Secrets(l.namespace).List(l.Context(), metav1.ListOptions{})
	must(l.T, err)
	if len(secrets.Items) != accountsIn(want) {
		l.Errorf("%d Secrets exist, want %d", len(secrets.Items), accountsIn(want))
	}
	l.figure(fmt.Sprintf("at the end %d buckets of %d, %d accounts of %d", len(got), len(want), accountsIn(got), accountsIn(want)))
}

// wanted returns what the store must have.
func (l *load) wanted() fault.Buckets {
	l.Helper()
	want := fault.Buckets{}
	for _, t := range l.tenants {
		switch t.phase {
		case served:
			info := l.secret(t.name)
			if info.Spec.BucketName != bucketName(t.claim) {
				l.Errorf("the secret of %s names bucket %q, want %q", t.name, info.Spec.BucketName, bucketName(t.claim))
			}
			want[bucketName(t.claim)] = map[string]string{accountName(t.access): info.Spec.S3.AccessSecretKey}
		case accessLess:
			want[bucketName(t.claim)] = map[string]string{}
		case gone:
		default:
			l.Errorf("%s is in phase %d, want it settled", t.name, t.phase)
		}
	}
	return want
}

func accountsIn(b fault.Buckets) int {
	n := 0
	for _, accounts := range b {
		n += len(accounts)
	}
	return n
}

// callFigures adds how many tenants there were, and what the pods were called for.
func (l *load) callFigures() {
	l.Helper()
	left := 0
	for _, t := range l.tenants {
		if t.phase != served {
			left++
		}
	}
	l.figure(fmt.Sprintf("%d claims and accesses, %d deleted again in part or whole", l.size, left))
	pods, distinct, all := map[string]int{}, map[string]bool{}, 0
	for _, c := range l.podCalls() {
		pods[c.Pod]++
		distinct[c.Method+" "+c.Bucket] = true
		all++
	}
	for _, pod := range slices.Sorted(maps.Keys(pods)) {
		l.figure(fmt.Sprintf("%s answered %d calls", pod, pods[pod]))
	}
	l.figure(fmt.Sprintf("%d calls were repeats", all-len(distinct)))
	if l.stuck > 0 {
		l.figure(fmt.Sprintf("%d stuck by the controller's race, made anew", l.stuck))
	}
	for _, kind := range slices.Sorted(maps.Keys(l.freed)) {
		l.figure(fmt.Sprintf("%d %s left with a finalizer that no sidecar removes, freed by hand", l.freed[kind], kind))
	}
}

// podCalls returns the calls about buckets so far, of all pods.
func (s *story) podCalls() []fault.Call {
	s.Helper()
	log := fault.CallLog{Path: s.driverCalls()}
	calls, err := log.Calls()
	must(s.T, err)
	return slices.DeleteFunc(calls, func(c fault.Call) bool { return c.Method == getInfo })
}

// between counts a pod's calls of a method, or of all for "", that began in a time.
func between(calls []fault.Call, pod, method string, from, to time.Time) int {
	n := 0
	for _, c := range calls {
		if c.Pod == pod && (method == "" || c.Method == method) && c.At.After(from) && c.At.Before(to) {
			n++
		}
	}
	return n
}
