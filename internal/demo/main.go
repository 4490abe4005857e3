// Command demo scaffolds a driver, builds it, starts it on a socket in a temporary folder, and takes a bucket through its life over
// that socket the way the sidecar does. It prints a line for each step and fails on the first surprise.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// timeLimit is for the whole demo, most of which is compiling.
const timeLimit = 10 * time.Minute

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), timeLimit)
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	err := run(ctx)
	stop()
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "cosi")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	module := filepath.Join(dir, "cosi-osp")
	if err := command(ctx, ".", "go", "run", "./cmd/bootstrap", "-module", "example.com/cosi-osp", "-dir", module); err != nil {
		return err
	}
	say("scaffold", "%s", module)
	driver := &driver{binary: filepath.Join(dir, "driver"), socket: filepath.Join(dir, "cosi.sock")}
	if err := command(ctx, module, "go", "build", "-o", driver.binary, "."); err != nil {
		return err
	}
	say("build", "%s", driver.binary)
	defer driver.kill()
	if err := driver.start(ctx); err != nil {
		return err
	}
	say("start", "serving on unix://%s", driver.socket)
	if err := life(ctx, driver); err != nil {
		return err
	}
	return endings(ctx, driver)
}

// life is a bucket's, from the first call to the last, each one repeated as the sidecar may repeat it.
func life(ctx context.Context, d *driver) error {
	identity, provisioner := cosi.NewIdentityClient(d.conn), cosi.NewProvisionerClient(d.conn)
	info, err := identity.DriverGetInfo(ctx, &cosi.DriverGetInfoRequest{})
	if err != nil {
		return fmt.Errorf("info: %w", err)
	}
	say("info", "name %s", info.GetName())

	bucket, err := create(ctx, provisioner)
	if err != nil {
		return err
	}
	account, err := grant(ctx, provisioner, bucket)
	if err != nil {
		return err
	}
	err = twice("revoke", func() error {
		_, err := provisioner.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: bucket, AccountId: account})
		return err
	})
	if err != nil {
		return err
	}
	return twice("delete", func() error {
		_, err := provisioner.DriverDeleteBucket(ctx, &cosi.DriverDeleteBucketRequest{BucketId: bucket})
		return err
	})
}

func create(ctx context.Context, provisioner cosi.ProvisionerClient) (string, error) {
	request := &cosi.DriverCreateBucketRequest{Name: "bucket-6b2f1c3e-6a1b-4c59-9e1a-0d6f4a8f2b11"}
	var ids []string
	err := twice("create", func() error {
		response, err := provisioner.DriverCreateBucket(ctx, request)
		ids = append(ids, response.GetBucketId())
		return err
	})
	if err != nil {
		return "", err
	}
	if ids[0] == "" || ids[0] != ids[1] {
		return "", fmt.Errorf("create: the ids %q differ, or are empty", ids)
	}
	say("", "bucket_id %s, both times", ids[0])
	return ids[0], nil
}

func grant(ctx context.Context, provisioner cosi.ProvisionerClient, bucket string) (string, error) {
	request := &cosi.DriverGrantBucketAccessRequest{
		BucketId: bucket, Name: "ba-0f4e8f52-3c0b-4a3c-8d0a-5a2b7c9d1e33", AuthenticationType: cosi.AuthenticationType_Key,
	}
	var answers []*cosi.DriverGrantBucketAccessResponse
	err := twice("grant", func() error {
		response, err := provisioner.DriverGrantBucketAccess(ctx, request)
		answers = append(answers, response)
		return err
	})
	if err != nil {
		return "", err
	}
	first, second := answers[0], answers[1]
	keys := first.GetCredentials()["s3"].GetSecrets()
	if first.GetAccountId() == "" || keys["accessKeyID"] == "" || keys["accessSecretKey"] == "" {
		return "", errors.New("grant: the account's id or its keys are empty")
	}
	if second.GetAccountId() != first.GetAccountId() ||
		second.GetCredentials()["s3"].GetSecrets()["accessSecretKey"] != keys["accessSecretKey"] {
		return "", errors.New("grant: the repeat answered with another account or key")
	}
	say("", "account_id %s, accessKeyID %s, accessSecretKey ********, both times", first.GetAccountId(), keys["accessKeyID"])
	return first.GetAccountId(), nil
}

// endings kills the driver, starts it again on the path that it left behind, and stops it properly.
func endings(ctx context.Context, d *driver) error {
	d.kill()
	if _, err := os.Lstat(d.socket); err != nil {
		return fmt.Errorf("the killed driver left no socket behind: %w", err)
	}
	say("SIGKILL", "the dead socket is still there")
	if err := d.start(ctx); err != nil {
		return fmt.Errorf("restart: %w", err)
	}
	say("restart", "serving on the same path")
	if err := d.terminate(); err != nil {
		return fmt.Errorf("SIGTERM: %w", err)
	}
	if _, err := os.Lstat(d.socket); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the driver ended and left its socket behind (%w)", err)
	}
	say("SIGTERM", "exit code 0, the socket is gone")
	return nil
}

// twice makes a call and repeats it; both have to succeed.
func twice(step string, call func() error) error {
	for _, name := range []string{step, step + " again"} {
		if err := call(); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		say(name, "OK")
	}
	return nil
}

func say(step, format string, args ...any) {
	fmt.Printf("%-13s %s\n", step, fmt.Sprintf(format, args...)) //nolint:forbidigo // this is what the command is for
}
