package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"google.golang.org/grpc/codes"
)

// filled is what an earlier driver left in a store: testdata/filled.json was written by that driver, in Azurite, with a
// key that is nowhere else. It stays as it is: stores in the field are like it.
type filled struct {
	Account, Key string
	Buckets      []struct {
		Name       string
		Parameters map[string]string
		Foreign    bool
		Metadata   map[string]string
		Public     container.PublicAccessType
		Policies   []struct {
			ID, Permission string
			Start, Expiry  *time.Time
		}
		Accesses []struct {
			Name, Account, Token, Expiry string
			Parameters                   map[string]string
		}
	}
}

func readFilled() (f filled, err error) {
	text, err := os.ReadFile(filepath.Join("testdata", "filled.json"))
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(text, &f) //nolint:musttag // names are matched in any case
}

// What an earlier driver made is found, granted to the same bytes, revoked and deleted.
func TestFilledByAnEarlierDriver(t *testing.T) {
	t.Parallel()
	if theAzurite == nil {
		newWorld(t)
	}
	f, err := readFilled()
	must(t, err)
	w := worldOf(t, storageAccount{f.Account, f.Key})
	p := w.provisioner()
	for _, b := range f.Buckets {
		c := w.admin.NewContainerClient(b.Name)
		options := &container.CreateOptions{Metadata: map[string]*string{}}
		for name, value := range b.Metadata {
			options.Metadata[name] = &value
		}
		_, err := c.Create(t.Context(), options)
		must(t, err)
		var list []*container.SignedIdentifier
		for _, each := range b.Policies {
			list = append(list, &container.SignedIdentifier{ID: &each.ID, AccessPolicy: &container.AccessPolicy{
				Start: each.Start, Expiry: each.Expiry, Permission: &each.Permission,
			}})
		}
		var public *container.PublicAccessType
		if b.Public != "" {
			public = &b.Public
		}
		_, err = c.SetAccessPolicy(t.Context(), &container.SetAccessPolicyOptions{ContainerACL: list, Access: public})
		must(t, err)
	}
	for _, b := range f.Buckets {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			before := w.describe(t, b.Name)
			if b.Foreign {
				wantCode(t, create(t.Context(), p, b.Name, b.Parameters), codes.AlreadyExists)
			} else {
				must(t, create(t.Context(), p, b.Name, b.Parameters))
			}
			for _, a := range b.Accesses {
				if g := mustGrant(t, p, b.Name, a.Name, a.Parameters); g != (granted{a.Account, a.Token, a.Expiry}) {
					t.Errorf("%s: granted again, account, token or end differ: %s, %s", a.Name, g.account, g.expiry)
				}
			}
			if after := w.describe(t, b.Name); len(after) != len(before) {
				t.Errorf("before %q, after the repeated grants %q", before, after)
			}
			for _, a := range b.Accesses {
				must(t, revoke(t.Context(), p, b.Name, a.Account))
				if err := w.tryToken(t.Context(), b.Name, a.Token); !refusedWith(err, http.StatusForbidden) {
					t.Errorf("%s: revoked, and not refused: %v", a.Name, err)
				}
			}
			if after := w.describe(t, b.Name); len(after) != len(before)-len(b.Accesses) {
				t.Errorf("before %q, after the revokes %q", before, after)
			}
			if b.Foreign {
				wantCode(t, remove(t.Context(), p, b.Name, b.Parameters), codes.FailedPrecondition)
				return
			}
			must(t, remove(t.Context(), p, b.Name, b.Parameters))
			there, err := exists(t.Context(), w.admin.NewContainerClient(b.Name))
			if err != nil || there {
				t.Errorf("it is still there: %v", err)
			}
		})
	}
}
