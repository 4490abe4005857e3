// Package throttled is a driver for a store that throttles, shows late what was written, has quotas, and serves several
// tenants. Nobody has such a store: the tests have one in memory. docs/guide.md quotes the driver.
package throttled

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
)

// What the store takes for names. They become parts of a path, and no other text does.
var (
	tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,38}[a-z0-9]$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

// provisioner keeps nothing. A bucket's id is "tenant.name", an account's id is "driver/name".
type provisioner struct {
	owner   string   // the driver's name, which marks its buckets
	tenants []string // the first one is that of classes that name none
	store   *store
}

// bucket is one of the store's, as its API has it.
type bucket struct {
	Name    string `json:"name"`
	Tier    string `json:"tier"`
	Owner   string `json:"owner"`
	Version string `json:"version,omitempty"`
}

// key opens a bucket. Only the store's answers have the secret, which it draws.
type key struct {
	Name   string `json:"name"`
	Mode   string `json:"mode"`
	Secret string `json:"secret,omitempty"`
}

// DriverCreateBucket makes and marks the bucket in one request, or finds the one that an earlier call made.
func (p *provisioner) DriverCreateBucket(ctx context.Context, r *cosi.DriverCreateBucketRequest) (*cosi.DriverCreateBucketResponse, error) {
	if !bucketName.MatchString(r.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q is not a bucket name; want 3 to 63 of a-z, 0-9 and -", r.GetName())
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "tenant", "tier")
	if err != nil {
		return nil, err
	}
	tenant, tier := cmp.Or(parameters["tenant"], p.tenants[0]), cmp.Or(parameters["tier"], "standard")
	if !slices.Contains(p.tenants, tenant) {
		return nil, status.Errorf(codes.OutOfRange, "tenant %.40q has no key in this driver; want one of %q", tenant, p.tenants)
	}
	if tier != "standard" && tier != "cold" {
		return nil, status.Errorf(codes.InvalidArgument, "tier %.40q; want standard or cold", tier)
	}
	want := bucket{Name: r.GetName(), Tier: tier, Owner: p.owner}
	err = p.store.do(ctx, request{tenant: tenant, method: http.MethodPost, path: "/buckets", body: want}, &bucket{})
	if status.Code(err) == codes.AlreadyExists {
		err = p.confirm(ctx, tenant, want)
	}
	if err != nil {
		return nil, err
	}
	protocol := &cosi.Protocol{Type: &cosi.Protocol_S3{S3: &cosi.S3{Region: "any", SignatureVersion: cosi.S3SignatureVersion_S3V4}}}
	return &cosi.DriverCreateBucketResponse{BucketId: tenant + "." + want.Name, BucketInfo: protocol}, nil
}

// confirm returns nil if the bucket that has the name is the wanted one. A read may show a bucket of the past, so a write
// decides that changes nothing, on the condition that the version is still the one that was shown.
func (p *provisioner) confirm(ctx context.Context, tenant string, want bucket) error {
	path := "/buckets/" + want.Name
	return p.store.await(ctx, func() (bool, error) {
		var shown bucket
		err := p.store.do(ctx, request{tenant: tenant, method: http.MethodGet, path: path}, &shown)
		if status.Code(err) == codes.NotFound {
			return false, nil // the store has just said that it exists
		}
		want.Version = shown.Version
		if err == nil && shown != want {
			err = status.Errorf(codes.AlreadyExists, "bucket %q exists with other parameters or another owner", want.Name)
		}
		if err != nil {
			return false, err
		}
		err = p.store.do(ctx, request{tenant: tenant, method: http.MethodPut, path: path, ifMatch: shown.Version, body: want}, &bucket{})
		if code := status.Code(err); code == codes.Aborted || code == codes.NotFound {
			return false, nil
		}
		return err == nil, err
	})
}

// DriverDeleteBucket deletes the bucket. A store decides on a write by what it has, so its "no such bucket" is a proof.
func (p *provisioner) DriverDeleteBucket(ctx context.Context, r *cosi.DriverDeleteBucketRequest) (*cosi.DriverDeleteBucketResponse, error) {
	tenant, name, err := p.locate(r.GetBucketId())
	if err == nil {
		err = p.store.do(ctx, request{tenant: tenant, method: http.MethodDelete, path: "/buckets/" + name}, &bucket{})
	}
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	return &cosi.DriverDeleteBucketResponse{}, nil
}

// locate takes a bucket's id apart. The tenant is in the id because a revoke brings nothing else that tells it. An id of
// another form is not the driver's. A tenant that the driver lacks is an error: the bucket may exist, and its accesses work.
func (p *provisioner) locate(id string) (tenant, name string, err error) {
	tenant, name, _ = strings.Cut(id, ".")
	switch {
	case !tenantName.MatchString(tenant) || !bucketName.MatchString(name):
		return "", "", status.Errorf(codes.NotFound, "bucket %.140q does not exist", id)
	case !slices.Contains(p.tenants, tenant):
		return "", "", status.Errorf(codes.FailedPrecondition, "the driver has no key for tenant %s; give it one", tenant)
	}
	return tenant, name, nil
}

// DriverGrantBucketAccess makes a key. The store tells its secret again, so that a repeat returns the same one.
func (p *provisioner) DriverGrantBucketAccess(ctx context.Context, r *cosi.DriverGrantBucketAccessRequest) (*cosi.DriverGrantBucketAccessResponse, error) {
	parameters, err := checkGrant(r)
	if err != nil {
		return nil, err
	}
	tenant, name, err := p.locate(r.GetBucketId())
	if err != nil {
		return nil, err
	}
	// The store makes the key, or answers the one that it has: a write, so nothing lags.
	path, want := "/buckets/"+name+"/keys/"+r.GetName(), key{Name: r.GetName(), Mode: cmp.Or(parameters["mode"], "rw")}
	var made key
	if err := p.store.do(ctx, request{tenant: tenant, method: http.MethodPut, path: path, body: want}, &made); err != nil {
		return nil, err
	}
	credentials := gocosi.S3Credentials{Endpoint: p.store.url, Region: "any", AccessKeyID: made.Name, AccessSecretKey: made.Secret}
	return &cosi.DriverGrantBucketAccessResponse{AccountId: p.owner + "/" + r.GetName(), Credentials: credentials.Map()}, nil
}

func checkGrant(r *cosi.DriverGrantBucketAccessRequest) (map[string]string, error) {
	switch {
	case !bucketName.MatchString(r.GetName()):
		return nil, status.Errorf(codes.InvalidArgument, "name %.80q; want 3 to 63 of a-z, 0-9 and -", r.GetName())
	case r.GetAuthenticationType() != cosi.AuthenticationType_Key:
		return nil, status.Errorf(codes.InvalidArgument, "authentication_type %s is not supported; want Key", r.GetAuthenticationType())
	}
	parameters, err := gocosi.Parameters(r.GetParameters(), "mode")
	if mode := parameters["mode"]; err == nil && mode != "" && mode != "rw" && mode != "ro" {
		err = status.Errorf(codes.InvalidArgument, "mode %.40q; want rw or ro", mode)
	}
	return parameters, err
}

// DriverRevokeBucketAccess deletes the key. Every sidecar sends every revoke: an account without the driver's name is another's.
func (p *provisioner) DriverRevokeBucketAccess(ctx context.Context, r *cosi.DriverRevokeBucketAccessRequest) (*cosi.DriverRevokeBucketAccessResponse, error) {
	account, ours := strings.CutPrefix(r.GetAccountId(), p.owner+"/")
	if !ours || !bucketName.MatchString(account) {
		return &cosi.DriverRevokeBucketAccessResponse{}, nil
	}
	tenant, name, err := p.locate(r.GetBucketId())
	if err == nil {
		err = p.store.do(ctx, request{tenant: tenant, method: http.MethodDelete, path: "/buckets/" + name + "/keys/" + account}, &struct{}{})
	}
	if err != nil && status.Code(err) != codes.NotFound {
		return nil, err
	}
	return &cosi.DriverRevokeBucketAccessResponse{}, nil
}

// Ready asks for each tenant: a key that the store refuses shows before a claim needs it.
func (p *provisioner) Ready(ctx context.Context) error {
	var all []error
	for _, tenant := range p.tenants {
		all = append(all, p.store.do(ctx, request{tenant: tenant, method: http.MethodGet, path: "/buckets"}, &struct{}{}))
	}
	return errors.Join(all...)
}
