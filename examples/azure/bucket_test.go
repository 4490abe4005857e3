package main

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

func TestContainerNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"bucket-0b8e4d5c-7c5e-4c5e-9d3a-111111111111": true,
		"abc": true, "1a2": true, strings.Repeat("a", 63): true,
		"ab": false, strings.Repeat("a", 64): false, "": false,
		"two--hyphens": false, "-first": false, "last-": false, "Upper": false, "dot.dot": false,
		"a/blob": false, "$root": false, "$logs": false, "äbc": false,
	} {
		if got := isContainerName(name); got != want {
			t.Errorf("isContainerName(%q) = %v", name, got)
		}
	}
}

func TestMarkSurvivesTheStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	p.driver = "other.example.com"
	must(t, create(t.Context(), p, "marked", map[string]string{emptyOnDelete: "true"}))
	properties, err := w.admin.NewContainerClient("marked").GetProperties(t.Context(), nil)
	must(t, err)
	want := mark{driver: "other.example.com", parameters: bucketParameters{emptyOnDelete: true}}
	if got := readMark(properties.Metadata); got != want {
		t.Errorf("the mark is %+v, want %+v", got, want)
	}
	if readMark(nil).driver != "" {
		t.Error("no metadata is a mark")
	}
}

// What another driver, or anybody else, has made is neither adopted nor deleted.
func TestStrangersContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours, other := w.provisioner(), w.provisioner()
	other.driver = "other.example.com"
	must(t, create(t.Context(), other, "of-another-driver", nil))
	_, err := w.admin.CreateContainer(t.Context(), "of-a-human", nil)
	must(t, err)
	for _, name := range []string{"of-another-driver", "of-a-human"} {
		wantCode(t, create(t.Context(), ours, name, nil), codes.AlreadyExists)
		wantCode(t, remove(t.Context(), ours, name, nil), codes.FailedPrecondition)
		wantCode(t, remove(t.Context(), ours, name, map[string]string{emptyOnDelete: "true"}), codes.FailedPrecondition)
		there, err := exists(t.Context(), w.admin.NewContainerClient(name))
		if err != nil || !there {
			t.Errorf("%s is gone: %v", name, err)
		}
		// As an existing bucket it is used all the same, and an administrator may hand it over.
		g := mustGrant(t, ours, name, "ba-1", nil)
		must(t, revoke(t.Context(), ours, name, g.account))
		must(t, remove(t.Context(), ours, name, map[string]string{deleteUnowned: "true"}))
		if there, err := exists(t.Context(), w.admin.NewContainerClient(name)); err != nil || there {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

func TestContentIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	for what, write := range map[string]func(name string) error{
		"blob": func(name string) error {
			_, err := w.admin.NewContainerClient(name).NewBlockBlobClient("b").UploadBuffer(t.Context(), []byte("x"), nil)
			return err
		},
		"upload": func(name string) error { // begun, not ended
			_, err := w.admin.NewContainerClient(name).NewBlockBlobClient("b").StageBlock(t.Context(), "AAAA", nopCloser{strings.NewReader("x")}, nil)
			return err
		},
	} {
		name := "with-" + what
		must(t, create(t.Context(), p, name, nil))
		must(t, write(name))
		wantCode(t, remove(t.Context(), p, name, nil), codes.FailedPrecondition)
		wantCode(t, remove(t.Context(), p, name, map[string]string{deleteUnowned: "true"}), codes.FailedPrecondition)
		must(t, remove(t.Context(), p, name, map[string]string{emptyOnDelete: "true"}))
		if there, err := exists(t.Context(), w.admin.NewContainerClient(name)); err != nil || there {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

type nopCloser struct{ *strings.Reader }

func (nopCloser) Close() error { return nil }

// Somebody replaces the container between the driver's look and its delete.
func TestReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	proxy := w.proxy()
	must(t, create(t.Context(), w.provisioner(), "replaced", nil))
	c := w.admin.NewContainerClient("replaced")
	before, err := c.GetProperties(t.Context(), nil)
	must(t, err)
	proxy.set(func(_ http.ResponseWriter, r *http.Request) bool {
		for replaced := r.Method != http.MethodDelete; !replaced; { // in a later second: Azure gives a name free after half a minute
			_, err := c.Delete(r.Context(), nil)
			must(t, err)
			made, err := c.Create(r.Context(), nil)
			must(t, err)
			replaced = made.LastModified.After(*before.LastModified)
		}
		return false
	})
	wantCode(t, remove(t.Context(), w.provisionerAt(proxy.url), "replaced", nil), codes.Aborted)
	if there, err := exists(t.Context(), c); err != nil || !there {
		t.Errorf("somebody else's container is gone: %v", err)
	}
}

// An id that no container can have is never sent: "a/b" would be a blob.
func TestImpossibleIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.provisioner()
	must(t, create(t.Context(), p, "one", nil))
	_, err := w.admin.NewContainerClient("one").NewBlockBlobClient("blob").UploadBuffer(t.Context(), []byte("x"), nil)
	must(t, err)
	must(t, remove(t.Context(), p, "one/blob", map[string]string{emptyOnDelete: "true", deleteUnowned: "true"}))
	must(t, revoke(t.Context(), p, "one/blob", accountID("ba-1")))
	_, err = grant(t.Context(), p, "one/blob", "ba-1", nil)
	wantCode(t, err, codes.NotFound)
	if _, err := w.admin.NewContainerClient("one").NewBlobClient("blob").GetProperties(t.Context(), nil); err != nil {
		t.Errorf("the blob is gone: %v", err)
	}
}
