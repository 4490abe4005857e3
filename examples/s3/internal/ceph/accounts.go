package ceph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// createAccounts makes both. RGW makes the keys: those on a command line could be read by other users of the machine.
func (c *Cluster) createAccounts(ctx context.Context) (err error) {
	if c.Driver, err = c.createAccount(ctx, "cosi", "--caps=users=*;user-policy=*"); err != nil {
		return err
	}
	c.Administrator, err = c.createAccount(ctx, "administrator", "--caps=users=*;buckets=*;metadata=*;usage=*;user-policy=*", "--admin")
	return err
}

func (c *Cluster) createAccount(ctx context.Context, uid string, args ...string) (Account, error) {
	output, err := c.run(ctx, "radosgw-admin", append([]string{
		"-n", gateway, "--no-mon-config", "user", "create", "--uid=" + uid, "--display-name=" + uid,
	}, args...)...)
	if err != nil {
		return Account{}, err
	}
	var user struct {
		Keys []struct {
			AccessKey string `json:"access_key"`
			SecretKey string `json:"secret_key"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(output, &user); err != nil {
		return Account{}, errors.New("radosgw-admin: the output is no JSON, want a user") // the output may hold a key
	}
	if len(user.Keys) != 1 {
		return Account{}, fmt.Errorf("radosgw-admin: user %s has %d keys, want 1", uid, len(user.Keys))
	}
	return Account(user.Keys[0]), nil
}
