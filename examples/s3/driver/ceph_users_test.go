package driver_test

import (
	"context"
	"slices"

	"github.com/ceph/go-ceph/rgw/admin"
)

// cephUsers returns the names of the users, without those of the driver and the administrator.
func (a administrator) cephUsers(ctx context.Context) ([]string, error) {
	names, err := a.ceph.GetUsers(ctx)
	if err != nil {
		return nil, err
	}
	own := func(name string) bool { return name == "cosi" || name == "administrator" }
	return slices.DeleteFunc(*names, own), nil
}

// cephKeys returns the ids of a user's keys.
func (a administrator) cephKeys(ctx context.Context, user string) (ids []string, err error) {
	found, err := a.ceph.GetUser(ctx, admin.User{ID: user})
	for _, key := range found.Keys {
		ids = append(ids, key.AccessKey)
	}
	return ids, err
}
