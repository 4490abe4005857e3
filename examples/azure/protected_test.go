package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/lease"
	"google.golang.org/grpc/codes"
)

// A leased container is used as any other, and deleted when the lease has ended.
func TestLeasedContainer(t *testing.T) {
	t.Parallel()
	w, _ := worldWithOneAccess(t)
	p := w.provisioner()
	holder, err := lease.NewContainerClient(w.admin.NewContainerClient("there"), nil)
	must(t, err)
	const indefinitely = -1
	_, err = holder.AcquireLease(t.Context(), indefinitely, nil)
	must(t, err)
	must(t, create(t.Context(), p, "there", nil))
	g := mustGrant(t, p, "there", "ba-2", nil)
	must(t, w.tryToken(t.Context(), "there", g.token))
	must(t, revoke(t.Context(), p, "there", g.account))
	for _, parameters := range []map[string]string{nil, {emptyOnDelete: "true"}, {deleteUnowned: "true"}} {
		err := remove(t.Context(), p, "there", parameters)
		if wantCode(t, err, codes.FailedPrecondition); !strings.Contains(fmt.Sprint(err), "end the lease") {
			t.Errorf("the way out is not told: %v", err)
		}
	}
	if absent, err := p.absent(t.Context(), "there"); absent || err != nil {
		t.Errorf("it is absent: %v, %v", absent, err)
	}
	_, err = holder.ReleaseLease(t.Context(), nil)
	must(t, err)
	must(t, remove(t.Context(), p, "there", nil))
	if absent, err := p.absent(t.Context(), "there"); !absent || err != nil {
		t.Errorf("deleted, it is absent: %v, %v", absent, err)
	}
}

// Proving absence changes nothing, whatever the container's lease is like.
func TestProvingAbsenceChangesNothing(t *testing.T) {
	t.Parallel()
	w, _ := worldWithOneAccess(t)
	p := w.provisioner()
	c := w.admin.NewContainerClient("there")
	holder, err := lease.NewContainerClient(c, nil)
	must(t, err)
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"no lease", func() error { return nil }},
		{"a lease", func() error { _, err := holder.AcquireLease(t.Context(), 60, nil); return err }},
		{"a broken lease", func() error {
			_, err := holder.BreakLease(t.Context(), &lease.ContainerBreakOptions{BreakPeriod: new(int32)})
			return err
		}},
		{"a lease that has ended", func() error { _, err := holder.ReleaseLease(t.Context(), nil); return err }},
	} {
		must(t, step.do())
		before, err := c.GetProperties(t.Context(), nil)
		must(t, err)
		if absent, err := p.absent(t.Context(), "there"); absent || err != nil {
			t.Errorf("%s: absent %v, %v", step.what, absent, err)
		}
		after, err := c.GetProperties(t.Context(), nil)
		must(t, err)
		if *before.ETag != *after.ETag || *before.LeaseState != *after.LeaseState {
			t.Errorf("%s: the container has changed", step.what)
		}
	}
}

// What Azurite does not know is answered in its place, as Azure does: a container that may not be deleted stays, its
// accesses can be revoked, and the caller is told the way out.
func TestProtectedContainers(t *testing.T) {
	t.Parallel()
	for code, way := range map[string]string{
		"ContainerHasLegalHold":                          "clear it",
		"ContainerImmutabilityPolicyLocked":              "remove its immutability policy",
		"ContainerProtectedFromDeletion":                 "remove its immutability policy",
		"ContainerImmutableStorageWithVersioningEnabled": "management API",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w, proxy := worldWithOneAccess(t)
			p := w.provisionerAt(proxy.url)
			proxy.set(func(rw http.ResponseWriter, r *http.Request) bool {
				return r.Method == http.MethodDelete && refuse(rw, http.StatusConflict, code)
			})
			for range 2 {
				err := remove(t.Context(), p, "there", nil)
				if wantCode(t, err, codes.FailedPrecondition); !strings.Contains(fmt.Sprint(err), way) {
					t.Errorf("the way out is not told: %v", err)
				}
			}
			must(t, create(t.Context(), p, "there", nil))
			g := mustGrant(t, p, "there", "ba-2", nil)
			must(t, revoke(t.Context(), p, "there", g.account))
			ids, err := w.policies(t.Context(), "there")
			if err != nil || !slices.Equal(ids, []string{accountID("ba-1")}) {
				t.Errorf("policies are %q, %v", ids, err)
			}
			proxy.mend()
			must(t, remove(t.Context(), p, "there", nil))
		})
	}
}

// A container that is being deleted, which for a soft-deleted one lasts while Azure keeps its name.
func TestBeingDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := w.proxy()
	p := w.provisionerAt(proxy.url)
	proxy.set(func(rw http.ResponseWriter, r *http.Request) bool {
		switch sent, _ := requestOf(r); sent.name {
		case "create container", proveAbsence:
			return refuse(rw, http.StatusConflict, "ContainerBeingDeleted")
		}
		return refuse(rw, http.StatusNotFound, "ContainerNotFound")
	})
	for name, want := range map[string]codes.Code{"create": codes.Unavailable, "grant": codes.NotFound, "revoke": codes.OK, "delete": codes.OK} {
		err := calls(p)[name](t.Context())
		if wantCode(t, err, want); name == "create" && !strings.Contains(fmt.Sprint(err), "half a minute") {
			t.Errorf("%s: %v", name, err)
		}
	}
	proxy.mend()
	must(t, calls(p)["create"](context.Background()))
}
