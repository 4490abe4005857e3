package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/go-logr/logr/funcr"
	"google.golang.org/grpc"

	"github.com/doomshrine/gocosi"
	"github.com/doomshrine/gocosi/cositest"
)

// TestConformance holds the driver against the specification: as it is, and with its handlers left alone.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		conform(t)
	})
	t.Run("handlers alone", func(t *testing.T) {
		t.Parallel()
		conform(t, gocosi.WithoutRequestRules(), gocosi.WithoutResponseRules(), gocosi.WithoutErrorTranslation(), gocosi.WithoutSerialization())
	})
}

func conform(t *testing.T, options ...gocosi.Option) {
	t.Helper()
	w := newWorld(t)
	var log logged
	conn := w.serve(t, w.provisioner(), &log, options...)
	var skips []string
	cositest.Run(t, conn, cositest.Config{
		IncompatibleBucketParameters: map[string]string{emptyOnDelete: "true"},
		AccessParameters:             map[string]string{lifetime: "1h"},
		IncompatibleAccessParameters: map[string]string{lifetime: "1h", accessMode: "readonly"},
		BadBucketName:                "two--hyphens",
		Parallel:                     mostPolicies,
		SocketFolder:                 filepath.Dir(strings.TrimPrefix(conn.Target(), "unix://")),
		Log:                          log.String,
		Access:                       w.asExpected,
		MakeForeignBucket:            w.foreign,
		CountAccounts:                w.accounts,
		UnprovisionableParameters:    map[string]string{}, // there are none
		Destructive:                  true,                // the store is the test's own
		OnResult: func(r cositest.Result) {
			switch r.Outcome {
			case cositest.NotApplicable, cositest.NotConfigured, cositest.Warned:
				skips = append(skips, fmt.Sprintf("%s %s: %s\n", r.Name, r.Outcome, r.Reason))
			}
			if len(r.LeftOver) > 0 {
				t.Errorf("%s left over: %s", r.Name, r.LeftOver)
			}
		},
	})
	want, err := os.ReadFile(filepath.Join("testdata", "skips.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(skips, ""); got != string(want) {
		t.Errorf("not passed:\n%swant, by testdata/skips.txt:\n%s", got, want)
	}
	if left, err := w.containers(t.Context()); err != nil || len(left) > 0 {
		t.Errorf("the store holds containers at the end: %q, %v", left, err)
	}
}

// serve runs a driver around p, and keeps everything that it logs.
func (w *world) serve(t *testing.T, p *provisioner, log *logged, options ...gocosi.Option) *grpc.ClientConn {
	t.Helper()
	options = append(options, gocosi.WithEnvironment(nil), gocosi.WithoutTelemetry(), gocosi.WithReady(p.ready),
		gocosi.WithLogger(funcr.New(log.add, funcr.Options{Verbosity: 9})))
	driver, err := gocosi.New(gocosi.NewIdentity(driverName), p, options...)
	must(t, err)
	return cositest.Start(t, driver)
}

// logged is what the driver has logged.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) add(prefix, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(&l.text, prefix, args)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// asExpected says whether the store lets credentials do what is expected.
func (w *world) asExpected(ctx context.Context, u cositest.Use) (bool, error) {
	err := w.use(ctx, u)
	refused, isRefused := errors.AsType[*azcore.ResponseError](err)
	switch {
	case err == nil:
		return u.Expect == cositest.Granted, nil
	case isRefused && (refused.StatusCode == http.StatusForbidden || refused.StatusCode == http.StatusNotFound):
		return u.Expect == cositest.Denied, nil
	}
	return false, err
}

// use puts a blob and gets it back, with nothing but the credentials.
func (w *world) use(ctx context.Context, u cositest.Use) error {
	c := w.withToken(u.BucketName, u.Credentials["azure"].GetSecrets()["accessToken"])
	blob := c.NewBlockBlobClient("object")
	content := []byte(rand.Text())
	if _, err := blob.UploadBuffer(ctx, content, nil); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	got, err := blob.DownloadStream(ctx, nil)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	if !bytes.Equal(text, content) {
		return fmt.Errorf("put %q, got %q", content, text)
	}
	if !u.Keep {
		_, err = blob.Delete(ctx, nil)
	}
	return err
}

// foreign makes a container as another program would.
func (w *world) foreign(ctx context.Context) (cositest.Foreign, error) {
	name := "foreign-" + strings.ToLower(rand.Text())
	c := w.admin.NewContainerClient(name)
	_, err := c.Create(ctx, nil)
	return cositest.Foreign{
		Name: name, ID: name, DeleteContext: map[string]string{deleteUnowned: "true"},
		Remove: func(ctx context.Context) error {
			if _, err := c.Delete(ctx, nil); !bloberror.HasCode(err, bloberror.ContainerNotFound) {
				return err
			}
			return nil
		},
		Exists: func(ctx context.Context) (bool, error) { return exists(ctx, c) },
	}, err
}

func exists(ctx context.Context, c *container.Client) (bool, error) {
	_, err := c.GetProperties(ctx, nil)
	if bloberror.HasCode(err, bloberror.ContainerNotFound) {
		return false, nil
	}
	return err == nil, err
}

// accounts counts the policies of all containers.
func (w *world) accounts(ctx context.Context) (int, error) {
	names, err := w.containers(ctx)
	n := 0
	for _, name := range names {
		ids, listErr := w.policies(ctx, name)
		n += len(ids)
		err = errors.Join(err, listErr)
	}
	return n, err
}
