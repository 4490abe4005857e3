package driver_test

import (
	"bytes"
	"context"
	_ "embed"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/go-logr/logr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// expectedSkips lists the cases that cannot apply to this driver, with the reason that the kit gives.
//
//go:embed testdata/skips.txt
var expectedSkips string

// TestConformance is not parallel: the kit counts the store's users.
func TestConformance(t *testing.T) {
	t.Run("embedded store", func(t *testing.T) { conform(t, embedded) })
	t.Run("handlers alone", func(t *testing.T) {
		conform(t, embedded, gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules(), gocosi.WithoutErrorTranslation(), gocosi.WithoutSerialization())
	})
	t.Run("two processes", func(t *testing.T) { conform(t, processes(t)) })
}

// processes runs the store as it is used in earnest.
func processes(t *testing.T) gateway.Store {
	t.Helper()
	folder, err := os.MkdirTemp("", "s3")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	program := filepath.Join(folder, "versitygw")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/versity/versitygw/cmd/versitygw")
	build.Dir = packageDir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var log lockedBuffer
	store, err := gateway.Spawn(t.Context(), program, folder, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	t.Cleanup(store.Stop)
	return store.Store
}

func conform(t *testing.T, store gateway.Store, options ...gocosi.Option) {
	t.Helper()
	var log lockedBuffer
	logger := logr.FromSlogHandler(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.Level(-5)})) // payloads too
	conn, folder := start(t, settings(t, store), append(options, gocosi.WithLogger(logger))...)
	admin := administer(store)
	var skipped []string
	cositest.Run(t, conn, cositest.Config{
		BucketParameters:             map[string]string{"versioning": "false"},
		AccessParameters:             map[string]string{"access": "readwrite"},
		IncompatibleBucketParameters: map[string]string{"emptyOnDelete": "true"},
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
		AuthenticationTypes:          []cosi.AuthenticationType{cosi.AuthenticationType_Key},
		BadBucketName:                "Not A Bucket",
		SocketFolder:                 folder,
		Log:                          log.String,
		Access:                       use,
		MakeForeignBucket:            admin.foreign,
		CountAccounts: func(ctx context.Context) (int, error) {
			users, err := admin.users(ctx)
			return len(users), err
		},
		OnResult: func(r cositest.Result) {
			if r.Outcome == cositest.Skipped {
				skipped = append(skipped, r.Name+": "+r.Reason)
			}
		},
	})
	if got, want := strings.Join(skipped, "\n"), strings.TrimSpace(expectedSkips); got != want {
		t.Errorf("skipped were\n%s\nand testdata/skips.txt has\n%s", got, want)
	}
	if users, err := admin.users(t.Context()); err != nil || len(users) > 0 {
		t.Errorf("users are left over: %v (%v)", users, err)
	}
}

// use is what an application does.
func use(ctx context.Context, u cositest.Use) error {
	client := plainClient(secretsOf(u.Credentials))
	const object = "object"
	if err := works(ctx, client, u.BucketName, object); err != nil {
		return err
	}
	if u.Keep {
		return nil
	}
	return remove(ctx, client, u.BucketName, object)
}

func (a administrator) foreign(ctx context.Context) (cositest.Foreign, error) {
	name := "foreign-" + unique()
	if _, err := a.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name}); err != nil {
		return cositest.Foreign{}, err
	}
	return cositest.Foreign{
		Name: name, ID: name, DeleteContext: map[string]string{"deleteUnowned": "true"},
		Remove: func(ctx context.Context) error {
			_, err := a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
			return err
		},
		Exists: func(ctx context.Context) (bool, error) { return a.exists(ctx, name) },
	}, nil
}

// lockedBuffer is what several goroutines write to.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
