package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// tryToken uses a token as an application does.
func (w *world) tryToken(ctx context.Context, name, token string) error {
	return w.use(ctx, cositest.Use{BucketName: name, BucketID: name, Credentials: gocosi.AzureCredentials{AccessToken: token}.Map()})
}

// refusedWith says that the store answered with the HTTP status.
func refusedWith(err error, want int) bool {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	return ok && response.StatusCode == want
}

func TestFiveAccessesAndNoMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "five", nil))
	var all []granted
	for i := range mostPolicies {
		all = append(all, mustGrant(t, p, "five", fmt.Sprint("ba-", i), nil))
	}
	for i, each := range all {
		if err := w.tryToken(t.Context(), "five", each.token); err != nil {
			t.Errorf("credentials %d do not work: %v", i, err)
		}
	}
	_, err := grant(t.Context(), p, "five", "ba-sixth", nil)
	wantCode(t, err, codes.ResourceExhausted)
	ids, err := w.policies(t.Context(), "five")
	if err != nil || len(ids) != mostPolicies {
		t.Errorf("after the refusal there are %q, %v", ids, err)
	}
	if again := mustGrant(t, p, "five", "ba-0", nil); again != all[0] {
		t.Error("a repeat among five answers something else")
	}

	must(t, revoke(t.Context(), p, "five", all[2].account))
	for i, each := range all {
		err := w.tryToken(t.Context(), "five", each.token)
		if i == 2 && !refusedWith(err, http.StatusForbidden) {
			t.Errorf("revoked credentials are not refused: %v", err)
		} else if i != 2 && err != nil {
			t.Errorf("credentials %d stopped working: %v", i, err)
		}
	}
	sixth := mustGrant(t, p, "five", "ba-sixth", nil)
	if err := w.tryToken(t.Context(), "five", sixth.token); err != nil {
		t.Errorf("the place that is free again does not work: %v", err)
	}
}

// A repeat answers the same bytes, also by a driver that was started anew.
func TestGrantIsTheSameAfterARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, create(t.Context(), w.provisioner(), "again", nil))
	for _, parameters := range []map[string]string{nil, {lifetime: "2h"}, {accessMode: "readonly"}} {
		name := fmt.Sprint("ba-", len(parameters), parameters[accessMode])
		first, again := mustGrant(t, w.provisioner(), "again", name, parameters), mustGrant(t, w.provisioner(), "again", name, parameters)
		if first != again || first.token == "" {
			t.Errorf("%v: the repeat differs, or holds no token", parameters)
		}
		for _, other := range []map[string]string{nil, {lifetime: "2h"}, {lifetime: "3h"}, {accessMode: "readonly"}, {accessMode: "writeonly"}} {
			if fmt.Sprint(other) == fmt.Sprint(parameters) {
				continue
			}
			_, err := grant(t.Context(), w.provisioner(), "again", name, other)
			wantCode(t, err, codes.FailedPrecondition)
		}
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "expiry", nil))
	if got := mustGrant(t, p, "expiry", "ba-none", nil).expiry; got != "9999-12-31 23:59:59 +0000 UTC" {
		t.Errorf("without a lifetime, expiryTs is %q", got)
	}
	begin := time.Now()
	const layout = "2006-01-02 15:04:05.999999999 -0700 MST" // the sidecar's, repeated: examples import nothing internal
	got, err := time.Parse(layout, mustGrant(t, p, "expiry", "ba-hour", map[string]string{lifetime: "1h"}).expiry)
	if want := begin.Add(time.Hour); err != nil || got.Before(want.Add(-5*time.Second)) || got.After(time.Now().Add(time.Hour)) {
		t.Errorf("expiryTs is %v, %v; want about %v", got, err, want)
	}
	// The store holds it, so an access that has ended is refused by the store.
	past := time.Now().Add(-time.Minute)
	must(t, p.changePolicies(t.Context(), "expiry", func(l *policies) error {
		l.find(accountID("ba-hour")).Expiry = &past
		return nil
	}))
	token, err := sign(p.settings, "expiry", accountID("ba-hour"))
	must(t, err)
	if err := w.tryToken(t.Context(), "expiry", token); !refusedWith(err, http.StatusForbidden) {
		t.Errorf("expired credentials are not refused: %v", err)
	}
}

// Each mode allows what it says, and nothing else: neither another container nor the container itself.
func TestModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "modes", nil))
	must(t, create(t.Context(), p, "neighbour", nil))
	for _, name := range []string{"modes", "neighbour"} {
		_, err := w.admin.NewContainerClient(name).NewBlockBlobClient("there").UploadBuffer(t.Context(), []byte("x"), nil)
		must(t, err)
	}
	for mode, want := range map[string]string{
		"readwrite": "put get list delete", "readonly": "get list", "writeonly": "put",
	} {
		token := mustGrant(t, p, "modes", "ba-"+mode, map[string]string{accessMode: mode}).token
		if got := allowed(t, w.withToken("modes", token)); got != want {
			t.Errorf("%s allows %q, want %q", mode, got, want)
		}
		if got := allowed(t, w.withToken("neighbour", token)); got != "" {
			t.Errorf("%s allows %q in another container", mode, got)
		}
	}
}

// allowed tries everything, and lists what the store did not refuse.
func allowed(t *testing.T, c *container.Client) string {
	t.Helper()
	blob := c.NewBlockBlobClient("there")
	var list []string
	for _, each := range []struct {
		what string
		try  func() error
	}{
		{"put", func() error { _, err := blob.UploadBuffer(t.Context(), []byte("y"), nil); return err }},
		{"get", func() error {
			r, err := blob.DownloadStream(t.Context(), nil)
			if err == nil {
				r.Body.Close()
			}
			return err
		}},
		{"list", func() error { _, err := c.NewListBlobsFlatPager(nil).NextPage(t.Context()); return err }},
		{"properties", func() error { _, err := c.GetProperties(t.Context(), nil); return err }},
		{"policies", func() error { _, err := c.GetAccessPolicy(t.Context(), nil); return err }},
		{"metadata", func() error { _, err := c.SetMetadata(t.Context(), nil); return err }},
		{"delete", func() error { _, err := blob.Delete(t.Context(), nil); return err }},
		{"delete container", func() error { _, err := c.Delete(t.Context(), nil); return err }},
	} {
		err := each.try()
		if err == nil {
			list = append(list, each.what)
		} else if !refusedWith(err, http.StatusForbidden) && !refusedWith(err, http.StatusNotFound) {
			t.Errorf("%s: %v", each.what, err)
		}
	}
	_, _ = blob.UploadBuffer(t.Context(), []byte("x"), nil)
	return strings.Join(list, " ")
}

func TestRevokeLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "revoke", nil))
	c := w.admin.NewContainerClient("revoke")
	_, err := c.SetAccessPolicy(t.Context(), &container.SetAccessPolicyOptions{ContainerACL: []*container.SignedIdentifier{
		{ID: new("reports"), AccessPolicy: &container.AccessPolicy{Expiry: new(forever()), Permission: new("r")}},
	}})
	must(t, err)
	for _, account := range []string{"reports", "other-driver/ba-1", accountID("never-was")} {
		must(t, revoke(t.Context(), p, "revoke", account))
	}
	must(t, revoke(t.Context(), p, "no-such-container", accountID("ba-1")))
	if ids, err := w.policies(t.Context(), "revoke"); err != nil || !slices.Equal(ids, []string{"reports"}) {
		t.Errorf("policies are %q, %v", ids, err)
	}
}

// TestGrantCutShort cancels a grant at different moments and repeats it: there is one policy, and one answer.
func TestGrantCutShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	const moments = 8
	for i := range moments {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			bucket := fmt.Sprint("cut-short-", i)
			must(t, create(t.Context(), p, bucket, nil))
			begin := time.Now()
			mustGrant(t, p, bucket, "ba-whole", nil)
			whole := time.Since(begin)

			ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(i)/moments)
			defer cancel()
			_, _ = grant(ctx, p, bucket, "ba-cut", nil)
			first, again := mustGrant(t, p, bucket, "ba-cut", nil), mustGrant(t, p, bucket, "ba-cut", nil)
			if first != again {
				t.Error("the repeats differ")
			}
			ids, err := w.policies(t.Context(), bucket)
			if err != nil || !slices.Equal(ids, []string{accountID("ba-whole"), accountID("ba-cut")}) {
				t.Errorf("policies are %q, %v", ids, err)
			}
		})
	}
}

func TestGrantRefusals(t *testing.T) {
	t.Parallel()
	p := &provisioner{} // nothing is sent
	for _, r := range []*cosi.DriverGrantBucketAccessRequest{
		{BucketId: "bucket", Name: "n", AuthenticationType: cosi.AuthenticationType_IAM},
		{BucketId: "bucket", Name: "n"},
		{Name: "n", AuthenticationType: cosi.AuthenticationType_Key},
		{BucketId: "bucket", AuthenticationType: cosi.AuthenticationType_Key},
		{BucketId: "bucket", Name: "n", AuthenticationType: cosi.AuthenticationType_Key, Parameters: map[string]string{"x": "y"}},
	} {
		_, err := p.DriverGrantBucketAccess(t.Context(), r)
		wantCode(t, err, codes.InvalidArgument)
	}
}

func TestAccountIDs(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 128)
	seen := map[string]string{}
	for _, name := range []string{
		"ba-0b8e4d5c-7c5e-4c5e-9d3a-111111111111", "a", "A", long, long[1:], "with space", "ä", "other/name",
		accountID(long), strings.TrimPrefix(accountID(long), digestPrefix), strings.Repeat("b", 59), strings.Repeat("b", 60),
	} {
		id := accountID(name)
		if len(id) > 64 || !isAccountID(id) || id != accountID(name) {
			t.Errorf("the id for %q is %q", name, id)
		}
		if other, taken := seen[id]; taken {
			t.Errorf("%q and %q have the id %q", name, other, id)
		}
		seen[id] = name
	}
	if id := accountID("ba-0b8e4d5c-7c5e-4c5e-9d3a-111111111111"); id != "cosi-ba-0b8e4d5c-7c5e-4c5e-9d3a-111111111111" {
		t.Errorf("the id for a name of the sidecar's is %q", id)
	}
}
