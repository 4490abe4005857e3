package v1alpha1_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"

	"github.com/doomshrine/gocosi/internal/methods"
	"github.com/doomshrine/gocosi/internal/v1alpha1"
)

// described is the table of the generation.
func described() map[string]*methods.Method {
	return methods.Table([]methods.Generation{v1alpha1.Generation()})
}

// The full names of the methods, as in the specification.
const (
	info   = "/cosi.v1alpha1.Identity/DriverGetInfo"
	create = "/cosi.v1alpha1.Provisioner/DriverCreateBucket"
	remove = "/cosi.v1alpha1.Provisioner/DriverDeleteBucket"
	grant  = "/cosi.v1alpha1.Provisioner/DriverGrantBucketAccess"
	revoke = "/cosi.v1alpha1.Provisioner/DriverRevokeBucketAccess"
)

func TestTableHasEveryMethodOfTheSpecification(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	services := cosi.File_sigs_k8s_io_container_object_storage_interface_spec_cosi_proto.Services()
	for i := range services.Len() {
		service := services.Get(i)
		for j := range service.Methods().Len() {
			name := string(service.Methods().Get(j).Name())
			names["/"+string(service.FullName())+"/"+name] = name
		}
	}
	got := map[string]string{}
	for path, m := range described() {
		got[path] = m.Name
	}
	if !maps.Equal(got, names) {
		t.Errorf("got %v, want %v", got, names)
	}
}

// TestTable holds what the log and the turns take from each method's messages.
func TestTable(t *testing.T) {
	t.Parallel()
	for path, row := range map[string]struct {
		request, response any
		changes           bool
		bucket, account   string
		key, value        string
		serialize         methods.Space
	}{
		info: {
			request: &cosi.DriverGetInfoRequest{}, response: &cosi.DriverGetInfoResponse{Name: "the name"},
			key: "driver", value: "the name",
		},
		create: {
			request: &cosi.DriverCreateBucketRequest{Name: "the bucket"}, response: &cosi.DriverCreateBucketResponse{BucketId: "the id"},
			changes: true, bucket: "the bucket", key: "bucket_id", value: "the id", serialize: methods.ByName,
		},
		remove: {
			request: &cosi.DriverDeleteBucketRequest{BucketId: "the bucket"}, response: &cosi.DriverDeleteBucketResponse{},
			changes: true, bucket: "the bucket", serialize: methods.ByID,
		},
		grant: {
			request:  &cosi.DriverGrantBucketAccessRequest{BucketId: "the bucket", Name: "the account"},
			response: &cosi.DriverGrantBucketAccessResponse{AccountId: "the id"},
			changes:  true, bucket: "the bucket", account: "the account", key: "account_id", value: "the id", serialize: methods.ByID,
		},
		revoke: {
			request:  &cosi.DriverRevokeBucketAccessRequest{BucketId: "the bucket", AccountId: "the account"},
			response: &cosi.DriverRevokeBucketAccessResponse{},
			changes:  true, bucket: "the bucket", account: "the account", serialize: methods.ByID,
		},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			m := described()[path]
			if m.Changes != row.changes || m.Serialize != row.serialize || m.Result.Key != row.key {
				t.Errorf("got %+v, want %+v", m, row)
			}
			if got := m.Bucket(row.request); got != row.bucket {
				t.Errorf("the bucket is %q, want %q", got, row.bucket)
			}
			if got := m.Account(row.request); got != row.account {
				t.Errorf("the account is %q, want %q", got, row.account)
			}
			if row.key != "" && m.Result.Value(row.response) != row.value {
				t.Errorf("the result is %q, want %q", m.Result.Value(row.response), row.value)
			}
			for _, other := range []any{nil, "text", &cosi.S3{}} {
				if m.Bucket(other) != "" || m.Account(other) != "" || row.key != "" && m.Result.Value(other) != "" {
					t.Errorf("%v has a bucket, an account or a result, want none", other)
				}
			}
		})
	}
}

// TestTranslations holds the three codes that the released sidecar would misread.
func TestTranslations(t *testing.T) {
	t.Parallel()
	type translation struct {
		rule     string
		from, to codes.Code
		always   bool
		reply    any
	}
	want := map[string]translation{
		remove: {"DELETE-2", codes.NotFound, codes.OK, false, &cosi.DriverDeleteBucketResponse{}},
		revoke: {"REVOKE-4", codes.NotFound, codes.OK, false, &cosi.DriverRevokeBucketAccessResponse{}},
		grant:  {"GRANT-11", codes.AlreadyExists, codes.FailedPrecondition, true, nil},
	}
	for path, m := range described() {
		tr := m.Translation
		got := translation{rule: tr.Rule, from: tr.From, to: tr.To, always: tr.Always}
		if tr.Reply != nil {
			got.reply = tr.Reply()
		}
		if !reflect.DeepEqual(got, want[path]) {
			t.Errorf("%s: got %+v, want %+v", path, got, want[path])
		}
	}
}

// TestNobodyElseKnowsTheGeneration checks that no other code of the library names v1alpha1's services, messages or bindings. What
// may: the API that authors see, the rules, the kit, drivers, and what calls drivers for a living.
func TestNobodyElseKnowsTheGeneration(t *testing.T) {
	t.Parallel()
	const root = "../.."
	may := regexp.MustCompile(`^(credentials\.go|identity\.go|driver\.go|internal/(v1alpha1|rules|test|tools|hook)/|cositest/|examples/|cmd/|bin/)|_test\.go$`)
	looked := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" || may.MatchString(filepath.ToSlash(name)) {
			return err
		}
		looked++
		text, err := os.ReadFile(path)
		for _, word := range []string{"cosi.v1" + "alpha1", "container-object-storage-interface-spec\""} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %q", name, word)
			}
		}
		return err
	})
	if err != nil || looked < 50 {
		t.Errorf("looked at %d files (%v)", looked, err)
	}
}
