//go:build e2e

package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// reckon checks that the store has one bucket for each claim and one account for each access, with the key in its Secret, and nothing
// else, and that the API server has nothing else either. It only counts what the deletions left that met two leaders.
func (l *load) reckon() {
	l.Helper()
	want, got, secrets := l.wanted(), l.stored(), l.look().secrets
	l.figure(fmt.Sprintf("at the end %d buckets of %d, %d accounts of %d", len(got), len(want), accountsIn(got), accountsIn(want)))
	l.remnants(got, secrets)
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
	if len(secrets) != accountsIn(want) {
		l.Errorf("%d Secrets exist, want %d", len(secrets), accountsIn(want))
	}
}

// remnants takes away what may be there of tenants that left while two sidecars led: the one may have made it again after the other had
// deleted it. It counts that.
func (l *load) remnants(got fault.Buckets, secrets map[string]bool) {
	buckets, accounts, again := 0, 0, l.freed["Secrets"]
	for _, t := range l.tenants {
		if !t.unsafe {
			continue
		}
		bucket, account := bucketName(t.claim), accountName(t.access)
		former := t.earlier
		if t.phase == gone {
			former = append(former, bucket)
		}
		for _, name := range former {
			if got[name] != nil {
				buckets++
				delete(got, name)
			}
		}
		if t.phase == accessLess && got[bucket][account] != "" {
			accounts++
			delete(got[bucket], account)
		}
		if t.phase != served && secrets[t.name] {
			again++
			delete(secrets, t.name)
		}
	}
	if buckets+accounts+again > 0 {
		l.figure(fmt.Sprintf("deletions that met two leaders left %d buckets, %d accounts and %d Secrets", buckets, accounts, again))
	}
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
	for _, kind := range []string{"accesses", "Buckets"} {
		if l.freed[kind] > 0 {
			l.figure(fmt.Sprintf("%d %s left with a finalizer that no sidecar removes, freed by hand", l.freed[kind], kind))
		}
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
