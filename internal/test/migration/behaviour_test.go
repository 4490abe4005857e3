package migration_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// The socket of a killed driver keeps the old driver from starting, but not the new one.
func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"before", "after"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			program := filepath.Join(programs, driver)
			first := launch(t, program, p)
			p.dial(t)
			first.end(t, syscall.SIGKILL)
			again := launch(t, program, p)
			if driver == "after" {
				p.dial(t)
				return
			}
			if code := again.wait(t); code != 1 || !strings.Contains(again.log.String(), "address already in use") {
				t.Errorf("exit code %d\n%s", code, again.log)
			}
		})
	}
}

// A mode without a leading 0 is octal and applies to the socket.
func TestPermissions(t *testing.T) {
	t.Parallel()
	for driver, want := range map[string]os.FileMode{"before": 0o1363 & os.ModePerm, "after": 0o755} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			launch(t, filepath.Join(programs, driver), p, "X_COSI_ENDPOINT_PERMS=755")
			if driver == "after" {
				p.dial(t)
			}
			eventually(t, func() bool {
				info, err := os.Stat(p.path())
				return err == nil && info.Mode().Perm() == want
			})
		})
	}
}

// Both drivers end on SIGTERM with success and leave no socket.
func TestEnd(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"before", "after"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			running := launch(t, filepath.Join(programs, driver), p)
			p.dial(t)
			if code := running.end(t, syscall.SIGTERM); code != 0 {
				t.Errorf("exit code %d\n%s", code, running.log)
			}
			if _, err := os.Stat(p.path()); err == nil {
				t.Error("the socket is still there")
			}
		})
	}
}

// The same handler panics under both: the old driver answers that the access is revoked, the new one that it is not.
// The same handler fails with the store's password in its error: the old driver returns the password, the new one does
// not.
func TestSameHandlers(t *testing.T) {
	t.Parallel()
	t.Run("before", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		driver := launch(t, filepath.Join(programs, "before"), p)
		panicked, failed := callBoth(t, p.dial(t))
		if panicked != nil {
			t.Errorf("a panic is answered by %v", panicked)
		}
		if status.Code(failed) != codes.Unknown || !strings.Contains(failed.Error(), adminPassword) {
			t.Errorf("a bare error is answered by %v", failed)
		}
		eventually(t, func() bool { return strings.Contains(driver.log.String(), adminPassword) }) // it comes through a pipe
	})
	t.Run("new main, old handlers", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t)
		log := oldHandlers(t, p)
		panicked, failed := callBoth(t, p.dial(t))
		if status.Code(panicked) != codes.Internal {
			t.Errorf("a panic is answered by %v", panicked)
		}
		if status.Code(failed) != codes.Internal || strings.Contains(failed.Error(), adminPassword) {
			t.Errorf("a bare error is answered by %v", failed)
		}
		if text := log.String(); strings.Contains(text, adminPassword) || !strings.Contains(text, "files.example.com") {
			t.Errorf("the log holds the password, or not the cause:\n%s", text)
		}
	})
}

// callBoth makes a call that panics in the old handlers, and a call that fails in them.
func callBoth(t *testing.T, conn *grpc.ClientConn) (panicked, failed error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	client := cosi.NewProvisionerClient(conn)
	_, panicked = client.DriverRevokeBucketAccess(ctx, &cosi.DriverRevokeBucketAccessRequest{BucketId: "b", AccountId: "no-slash"})
	_, failed = client.DriverCreateBucket(ctx, &cosi.DriverCreateBucketRequest{Name: "Not A Bucket"})
	return panicked, failed
}
