//go:build e2e

package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"
	proto "sigs.k8s.io/container-object-storage-interface/proto"
	"sigs.k8s.io/container-object-storage-interface/sidecar/pkg/provisioner"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/process"
)

// s3Folder is the folder of the S3 driver's module.
const s3Folder = "../../../examples/s3"

// The classes of the S3 driver, next to those of its manifests.
const (
	emptied  = "s3-emptied"  // deletes buckets with their content
	readonly = "s3-readonly" // grants only reading
)

// s3Life uses the Secrets of the S3 driver with a plain S3 client. The driver contains its store. Its manifests define
// the classes and the permissions of the sidecar.
func s3Life(s *story) {
	s.s3Manifests()
	s.s3Classes()
	driver := s.s3Driver()
	s.sidecar()
	plain, versioned := s.settledClaim("plain", s.class), s.settledClaim("versioned", emptied)
	apps := map[string]*application{
		"writer": s.application(plain, "writer", s.class),
		"other":  s.application(versioned, "other", s.class),
		"reader": s.application(versioned, "reader", readonly),
	}
	s.bucketsApart(apps)
	driver = s.s3Restart(driver, plain, apps)
	s.accessesEnd(apps)
	s.emptiedClaim(versioned)
	s.fullClaim(plain)
	s.keepsSecrets(driver, apps)
	must(s.T, driver.Stop())
	s.figure("used and denied, over a restart, with " + fmt.Sprint(len(apps)) + " accesses to 2 buckets")
}

// s3DriverName is the name of the driver, also in its manifests.
const s3DriverName = "s3.gocosi.example.com"

// s3Manifests applies the driver's manifests unchanged, and makes the story use their names from now on.
func (s *story) s3Manifests() {
	s.Helper()
	for _, name := range []string{"rbac.yaml", "driver.yaml", "classes.yaml"} {
		_, err := s.apply.file(s.Context(), filepath.Join(s3Folder, "deploy", name))
		must(s.T, err)
	}
	s.account, s.class = "cosi-s3/cosi-s3", "cosi-s3"
}

// s3Classes creates classes with other parameters.
func (s *story) s3Classes() {
	s.Helper()
	api := s.cosi.ObjectstorageV1alpha1()
	_, err := api.BucketClasses().Create(s.Context(), &v1alpha1.BucketClass{
		ObjectMeta: metav1.ObjectMeta{Name: emptied}, DriverName: s3DriverName, DeletionPolicy: v1alpha1.DeletionPolicyDelete,
		Parameters: map[string]string{"versioning": "true", "emptyOnDelete": "true"},
	}, metav1.CreateOptions{})
	must(s.T, err)
	_, err = api.BucketAccessClasses().Create(s.Context(), &v1alpha1.BucketAccessClass{
		ObjectMeta: metav1.ObjectMeta{Name: readonly}, DriverName: s3DriverName, AuthenticationType: v1alpha1.AuthenticationTypeKey,
		Parameters: map[string]string{"access": "readonly"},
	}, metav1.CreateOptions{})
	must(s.T, err)
}

// s3Driver starts the driver with the data of the previous one.
func (s *story) s3Driver() *process.Process {
	s.Helper()
	driver := s.start(s.T, process.Command{
		Name: "driver-" + s.name, Path: filepath.Join(s.programs, "dev"), Args: []string{"-dir", filepath.Join(s.folder, "data")},
		Env: []string{"COSI_ENDPOINT=" + s.endpoint(), "TMPDIR=" + s.folder},
	})
	s.listens(driver)
	return driver
}

// inStore reports whether the store has the bucket of a claim. The store keeps each bucket as a folder.
func (s *story) inStore(claim *v1alpha1.BucketClaim) bool {
	return exists(filepath.Join(s.folder, "data", "data", bucketName(claim)))
}

// settledClaim creates a claim and waits for its bucket. It creates a claim again when the controller's race left it
// stuck.
func (s *story) settledClaim(name, class string) *v1alpha1.BucketClaim {
	s.Helper()
	part := *s
	part.class = class
	for {
		claim := part.claim(name)
		if !s.follow(claim, "").stuck {
			if !s.inStore(claim) {
				s.Errorf("claim %s is ready without a bucket, want its bucket in the store", name)
			}
			return claim
		}
		s.deleteStuck(claim)
	}
}

// bucketsApart checks that each access reaches only its own bucket, and only as its class allows.
func (s *story) bucketsApart(apps map[string]*application) {
	s.Helper()
	apps["writer"].works(s)
	apps["other"].works(s)
	apps["reader"].reads(s)
	apps["reader"].denied(s, "put", apps["reader"].bucket)
	apps["writer"].deniedAll(s, apps["other"].bucket)
	apps["other"].deniedAll(s, apps["writer"].bucket)
}

// s3Restart kills the driver, creates an access while the driver is away, and starts the driver again. The store comes
// back on another port with the keys that the Secrets have.
func (s *story) s3Restart(driver *process.Process, claim *v1alpha1.BucketClaim, apps map[string]*application) *process.Process {
	s.Helper()
	driver.Kill()
	s.accessTo(claim, "late", s.class)
	driver = s.s3Driver()
	apps["late"] = s.applicationOf("late")
	for _, app := range apps {
		app.endpoint = apps["late"].endpoint
	}
	apps["late"].reads(s)
	if again := s.grantsAgain(apps["writer"]); *again != *apps["writer"] {
		s.Error("a repeated grant returns another answer after the restart, want the same")
	}
	s.bucketsApart(apps)
	return driver
}

// accessesEnd deletes the accesses one by one. The store must refuse the keys of a deleted access, and accept the
// others.
func (s *story) accessesEnd(apps map[string]*application) {
	s.Helper()
	s.deleteAccess("late")
	apps["late"].deniedAll(s, apps["late"].bucket)
	apps["writer"].works(s)
	for _, name := range []string{"reader", "other", "writer"} {
		s.deleteAccess(name)
		apps[name].deniedAll(s, apps[name].bucket)
	}
}

// emptiedClaim deletes a claim whose class deletes the content of the bucket, including replaced versions.
func (s *story) emptiedClaim(claim *v1alpha1.BucketClaim) {
	s.Helper()
	s.deleteClaim(claim)
	if s.inStore(claim) {
		s.Error("the claim is gone, and its bucket is still in the store")
	}
}

// fullClaim deletes a claim whose bucket is not empty. The deletion waits, says why, and continues after the bucket is
// empty.
func (s *story) fullClaim(claim *v1alpha1.BucketClaim) {
	s.Helper()
	uid := s.bucketUID(claim)
	must(s.T, s.claims().Delete(s.Context(), claim.Name, metav1.DeleteOptions{}))
	s.waitEvent(uid, v1alpha1.FailedDeleteBucket, "code = FailedPrecondition")
	if !s.inStore(claim) {
		s.Error("the bucket is gone with its content, want it kept")
	}
	s.administrator(claim, func(app *application) { app.empties(s) })
	s.waitClaimGone(claim)
	if s.inStore(claim) {
		s.Error("the claim is gone, and its bucket is still in the store")
	}
}

// administrator gets an access from the driver without a claim, because a bucket under deletion has no other access.
func (s *story) administrator(claim *v1alpha1.BucketClaim, use func(*application)) {
	s.Helper()
	app := s.grantsAgain(&application{name: "administrator", account: "administrator", bucket: bucketName(claim)})
	use(app)
	driver, err := provisioner.NewDefaultCOSIProvisionerClient(s.Context(), s.endpoint(), false)
	must(s.T, err)
	_, err = driver.DriverRevokeBucketAccess(s.Context(), &proto.DriverRevokeBucketAccessRequest{BucketId: app.bucket, AccountId: app.account})
	must(s.T, err)
}

// grantsAgain repeats the grant of an account, as the sidecar does when it has lost the first answer.
func (s *story) grantsAgain(app *application) *application {
	s.Helper()
	driver, err := provisioner.NewDefaultCOSIProvisionerClient(s.Context(), s.endpoint(), false)
	must(s.T, err)
	granted, err := driver.DriverGrantBucketAccess(s.Context(), &proto.DriverGrantBucketAccessRequest{
		BucketId: app.bucket, Name: app.account, AuthenticationType: proto.AuthenticationType_Key,
	})
	must(s.T, err)
	secrets := granted.GetCredentials()["s3"].GetSecrets()
	again := *app
	again.account, again.endpoint, again.region = granted.GetAccountId(), secrets["endpoint"], secrets["region"]
	again.keyID, again.secret = secrets["accessKeyID"], secrets["accessSecretKey"]
	return &again
}

// keepsSecrets checks that the driver logged the calls of all these accesses, and none of their secrets.
func (s *story) keepsSecrets(driver *process.Process, apps map[string]*application) {
	s.Helper()
	text, err := os.ReadFile(driver.Log)
	must(s.T, err)
	for _, name := range slices.Sorted(maps.Keys(apps)) {
		if !strings.Contains(string(text), apps[name].account) {
			s.Errorf("the driver's log does not name the account of %s", name)
		}
		if strings.Contains(string(text), apps[name].secret) {
			s.Errorf("the driver's log has the secret of %s", name)
		}
	}
}
