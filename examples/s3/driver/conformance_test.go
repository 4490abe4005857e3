package driver_test

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/go-logr/logr"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
	"github.com/doomshrine/gocosi/examples/s3/internal/gateway"
)

// expectedSkips lists the cases that do not apply to this driver, or are not configured, with the reason that the kit gives.
//
//go:embed testdata/skips.txt
var expectedSkips string

// TestConformance is not parallel: the kit counts the store's users.
func TestConformance(t *testing.T) {
	t.Run("embedded store", func(t *testing.T) { conform(t, gatewaySite(embedded), manyAtOnce) })
	t.Run("handlers alone", func(t *testing.T) {
		conform(t, gatewaySite(embedded), fewAtOnce, handlersAlone()...)
	})
	t.Run("two processes", func(t *testing.T) { conform(t, gatewaySite(processes(t).Store), fewAtOnce) })
}

// handlersAlone leaves the handlers without the rules of the runtime around them.
func handlersAlone() []gocosi.Option {
	return []gocosi.Option{gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules(), gocosi.WithoutErrorTranslation(), gocosi.WithoutSerialization()}
}

// processes runs the store as it is used in earnest, until the test ends.
func processes(t *testing.T) *gateway.Processes {
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
	return store
}

// The store keeps its users in one file, and a busy machine needs long for many at once: one run has as many calls at once as
// the sidecar, the others have few.
const (
	manyAtOnce = 80
	fewAtOnce  = 8
)

func conform(t *testing.T, store site, parallel int, options ...gocosi.Option) {
	t.Helper()
	var log lockedBuffer
	logger := logr.FromSlogHandler(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.Level(-5)})) // payloads too
	conn, folder := start(t, store.settings(t), append(options, gocosi.WithLogger(logger))...)
	admin := store.administrator
	var skipped []string
	cositest.Run(t, conn, cositest.Config{
		BucketParameters:             map[string]string{"versioning": "false"},
		AccessParameters:             map[string]string{"access": "readwrite"},
		IncompatibleBucketParameters: map[string]string{"emptyOnDelete": "true"},
		IncompatibleAccessParameters: map[string]string{"access": "readonly"},
		AuthenticationTypes:          []cosi.AuthenticationType{cosi.AuthenticationType_Key},
		UnprovisionableParameters:    map[string]string{}, // there are none
		BadBucketName:                "Not A Bucket",
		Destructive:                  true, // the store is the test's own
		Parallel:                     parallel,
		Timeout:                      time.Minute,
		SocketFolder:                 folder,
		Log:                          log.String,
		Access:                       use,
		MakeForeignBucket:            admin.foreign,
		CountAccounts: func(ctx context.Context) (int, error) {
			users, err := admin.users(ctx)
			return len(users), err
		},
		OnResult: func(r cositest.Result) {
			if r.Outcome == cositest.NotApplicable || r.Outcome == cositest.NotConfigured {
				skipped = append(skipped, fmt.Sprintf("%s %s: %s", r.Name, r.Outcome, r.Reason))
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

// use is what an application does. What is no answer of the store's own is neither a yes nor a no.
func use(ctx context.Context, u cositest.Use) (bool, error) {
	client := plainClient(secretsOf(u.Credentials))
	const object = "object"
	err := works(ctx, client, u.BucketName, object)
	if err == nil && !u.Keep {
		err = remove(ctx, client, u.BucketName, object)
	}
	if answer, ok := errors.AsType[smithy.APIError](err); err != nil && (!ok || answer.ErrorFault() == smithy.FaultServer) {
		return false, err
	}
	return (err == nil) == (u.Expect == cositest.Granted), nil
}

func (a administrator) foreign(ctx context.Context) (cositest.Foreign, error) {
	name := "foreign-" + unique()
	if err := a.makeForeign(ctx, name); err != nil {
		return cositest.Foreign{}, err
	}
	return cositest.Foreign{
		Name: name, ID: name, DeleteContext: map[string]string{"deleteUnowned": "true"},
		Remove: func(ctx context.Context) error {
			_, err := a.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
			return unless(err, "NoSuchBucket")
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
