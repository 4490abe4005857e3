package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
)

// human is a policy that somebody added by hand.
func human(id string) *container.SignedIdentifier {
	start := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	return &container.SignedIdentifier{ID: &id, AccessPolicy: &container.AccessPolicy{Start: &start, Expiry: new(forever()), Permission: new("rw")}}
}

// addByHand adds a policy as a person does: reads the list, and replaces it.
func (w *world) addByHand(ctx context.Context, name string, policy *container.SignedIdentifier) error {
	c := w.admin.NewContainerClient(name)
	list, err := c.GetAccessPolicy(ctx, nil)
	if err != nil {
		return err
	}
	_, err = c.SetAccessPolicy(ctx, &container.SetAccessPolicyOptions{Access: list.BlobPublicAccess, ContainerACL: append(list.SignedIdentifiers, policy)})
	return err
}

func TestStrangersPoliciesAndPublicAccessStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "stay", nil))
	c := w.admin.NewContainerClient("stay")
	open := &container.SignedIdentifier{ID: new("no-times"), AccessPolicy: &container.AccessPolicy{Permission: new("r")}}
	_, err := c.SetAccessPolicy(t.Context(), &container.SetAccessPolicyOptions{
		Access: new(container.PublicAccessTypeBlob), ContainerACL: []*container.SignedIdentifier{human("reports"), open},
	})
	must(t, err)
	before := w.describe(t, "stay")
	g := mustGrant(t, p, "stay", "ba-1", nil)
	if with := w.describe(t, "stay"); !slices.Equal(with[:len(before)], before) || len(with) != len(before)+1 {
		t.Errorf("before the grant %q, after it %q", before, with)
	}
	must(t, revoke(t.Context(), p, "stay", g.account))
	if after := w.describe(t, "stay"); !slices.Equal(after, before) {
		t.Errorf("before the grant %q, after the revoke %q", before, after)
	}
}

// describe is the container's public access and all of its policies.
func (w *world) describe(t *testing.T, name string) []string {
	t.Helper()
	list, err := w.admin.NewContainerClient(name).GetAccessPolicy(t.Context(), nil)
	must(t, err)
	public := container.PublicAccessType("none")
	if list.BlobPublicAccess != nil {
		public = *list.BlobPublicAccess
	}
	lines := []string{fmt.Sprint("public: ", public)}
	for _, each := range list.SignedIdentifiers {
		a := each.AccessPolicy
		lines = append(lines, fmt.Sprint(*each.ID, " ", a.Start, " ", a.Expiry, " ", *a.Permission))
	}
	return lines
}

// Somebody changes the list between the driver's reading and writing, within the second in which the container was made:
// the store's clock cannot tell the two changes apart, so the driver has to wait.
func TestNoPolicyIsLost(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(p *provisioner, w *world) error{
		"grant": func(p *provisioner, w *world) error {
			_, err := grant(w.t.Context(), p, "lost", "ba-2", nil)
			return err
		},
		"revoke": func(p *provisioner, w *world) error { return revoke(w.t.Context(), p, "lost", accountID("ba-1")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			proxy := w.proxy()
			p := w.provisionerAt(proxy.url)
			must(t, create(t.Context(), w.provisioner(), "lost", nil))
			mustGrant(t, w.provisioner(), "lost", "ba-1", nil)
			// The container was changed just now.
			must(t, w.addByHand(t.Context(), "lost", human("early")))
			var once sync.Once
			interfered := false
			proxy.set(func(_ http.ResponseWriter, r *http.Request) bool {
				if writesPolicies(r) {
					once.Do(func() { interfered = true; must(t, w.addByHand(r.Context(), "lost", human("between"))) })
				}
				return false
			})
			must(t, change(p, w))
			ids, err := w.policies(t.Context(), "lost")
			must(t, err)
			if !interfered || !slices.Contains(ids, "early") || !slices.Contains(ids, "between") {
				t.Errorf("policies are %q", ids)
			}
		})
	}
}

func writesPolicies(r *http.Request) bool {
	return r.Method == http.MethodPut && r.URL.Query().Get("comp") == "acl"
}

// Two drivers serve one container at once, as during a deployment that rolls.
func TestTwoDriversAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, create(t.Context(), w.provisioner(), "two-drivers", nil))
	var wg sync.WaitGroup
	var want []string
	errs := make([]error, mostPolicies)
	for i := range mostPolicies {
		p, name := w.provisioner(), fmt.Sprint("ba-", i)
		want = append(want, accountID(name))
		p.waits.call = time.Minute // each waits for a second of its own, and the machine may be busy
		wg.Go(func() { _, errs[i] = grant(t.Context(), p, "two-drivers", name, nil) })
	}
	wg.Wait()
	for _, err := range errs {
		must(t, err)
	}
	ids, err := w.policies(t.Context(), "two-drivers")
	slices.Sort(ids)
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("policies are %q, %v", ids, err)
	}
}

// Somebody changes the list before each of the driver's writes: it gives up.
func TestChangedAllTheTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := w.proxy()
	p := w.provisionerAt(proxy.url)
	p.waits.call = time.Minute // TestNothingSpins is about the time
	must(t, create(t.Context(), p, "busy", nil))
	proxy.set(func(rw http.ResponseWriter, r *http.Request) bool {
		return writesPolicies(r) && refuse(rw, http.StatusPreconditionFailed, "ConditionNotMet")
	})
	_, err := grant(t.Context(), p, "busy", "ba-1", nil)
	wantCode(t, err, codes.Aborted)
}
