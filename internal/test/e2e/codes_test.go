//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	kubeerrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/container-object-storage-interface/client/apis/objectstorage/v1alpha1"

	"github.com/doomshrine/gocosi/internal/test/e2e/internal/fault"
)

// everyCode makes each method fail with each code, and checks that everything recovers after the driver does.
func everyCode(s *story) {
	s.driver()
	sidecar := s.sidecar()
	for _, code := range []codes.Code{
		codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.Internal, codes.Unavailable, codes.DeadlineExceeded,
	} {
		s.answers(strings.ToLower(code.String()), code)
	}
	if sidecar.Err() != nil {
		s.Errorf("the sidecar ended: %v", sidecar.Err())
	}
}

// answers takes a claim through its life, and makes each method fail first.
func (s *story) answers(name string, code codes.Code) {
	s.Helper()
	s.fails(create, code)
	claim := s.claim(name)
	s.creating(claim, code)
	s.recovers()
	s.waitReady(name)

	s.fails(grant, code)
	access := s.access(name)
	seen := code
	if code == codes.AlreadyExists { // GRANT-11
		seen = codes.FailedPrecondition
	}
	s.observe(code, grant, access.UID, v1alpha1.FailedGrantAccess, seen)
	if s.granted(name) {
		s.Errorf("granted after %s, want no grant", code)
	}
	s.recovers()
	s.waitGranted(name)

	s.fails(revoke, code)
	must(s.T, s.accesses().Delete(s.Context(), name, metav1.DeleteOptions{}))
	if code != codes.NotFound { // REVOKE-4
		s.observe(code, revoke, access.UID, v1alpha1.FailedRevokeAccess, code)
		s.secret(name)
		s.recovers()
	}
	s.waitAccessGone(name)

	s.fails(remove, code)
	must(s.T, s.claims().Delete(s.Context(), name, metav1.DeleteOptions{}))
	if code != codes.NotFound { // DELETE-2
		s.observe(code, remove, s.bucketUID(claim), v1alpha1.FailedDeleteBucket, code)
		s.recovers()
	}
	s.waitClaimGone(claim)
	if code == codes.NotFound {
		say("  %-18s %-24s taken for done; the access and the bucket go", code, "Revoke, DeleteBucket:")
	}
}

// creating waits for the event of a failed create. An ALREADY_EXISTS leaves no event: the sidecar treats it as a
// success without an answer, and reports that only in its log.
func (s *story) creating(claim *v1alpha1.BucketClaim, code codes.Code) {
	s.Helper()
	eventually(s.T, "the bucket of "+claim.Name+" is there", func() bool {
		_, err := s.buckets().Get(s.Context(), bucketName(claim), metav1.GetOptions{})
		return err == nil
	})
	if code != codes.AlreadyExists {
		s.observe(code, create, s.bucketUID(claim), v1alpha1.FailedCreateBucket, code)
	} else {
		const words = "driverCreateBucket returned a nil response"
		eventually(s.T, "the sidecar logs "+words, func() bool {
			text, err := os.ReadFile(s.logs + "/sidecar-" + s.name + ".log")
			return err == nil && strings.Contains(string(text), words)
		})
		if events := s.events(s.bucketUID(claim)); len(events) != 0 {
			s.Errorf("ALREADY_EXISTS left events %v, want none", events)
		}
		say("  %-18s %-24s no event; the sidecar logs %q and tries again", code, strings.TrimPrefix(create, "Driver")+":", words)
	}
	if s.ready(claim.Name) {
		s.Errorf("ready after %s, want an unready bucket", code)
	}
}

func (s *story) bucketUID(claim *v1alpha1.BucketClaim) types.UID {
	s.Helper()
	bucket, err := s.buckets().Get(s.Context(), bucketName(claim), metav1.GetOptions{})
	must(s.T, err)
	return bucket.UID
}

// observe waits for the event about a failure and prints its text.
func (s *story) observe(code codes.Code, method string, uid types.UID, reason string, seen codes.Code) {
	s.Helper()
	event := s.waitEvent(uid, reason, "code = "+seen.String())
	say("  %-18s %-24s %s %s: %s", code, strings.TrimPrefix(method, "Driver")+":", event.Type, event.Reason, event.Message)
}

// fails makes a method fail with a code from now on.
func (s *story) fails(method string, code codes.Code) {
	s.Helper()
	s.script(fault.Script{method: {Code: uint32(code)}})
}

// recovers makes every method work from now on.
func (s *story) recovers() {
	s.Helper()
	s.script(nil)
}

// grantExists checks that the released sidecar survives ALREADY_EXISTS from Grant when the library translates it.
func grantExists(s *story) {
	s.driver()
	sidecar := s.sidecar()
	claim := s.claim("life")
	s.waitReady("life")
	s.fails(grant, codes.AlreadyExists)
	access := s.access("life")
	s.waitEvent(access.UID, v1alpha1.FailedGrantAccess, "code = "+codes.FailedPrecondition.String())
	eventually(s.T, "the grant is repeated", func() bool { return s.calls()[grant] >= 3 })
	if sidecar.Err() != nil {
		s.Fatalf("the sidecar ended with the translation on, want it to run: %v", sidecar.Err())
	}
	s.recovers()
	s.waitGranted("life")
	s.deleteAccess("life")
	s.deleteClaim(claim)
}

// grantExistsUntranslated checks that the released sidecar dies of ALREADY_EXISTS without the translation.
func grantExistsUntranslated(s *story) {
	s.driver(fault.EnvNoTranslation + "=true")
	sidecar := s.keep(s.sidecarCommand())
	claim := s.claim("life")
	s.waitReady("life")
	s.fails(grant, codes.AlreadyExists)
	s.access("life")
	eventually(s.T, "the sidecar dies, again and again", func() bool { return sidecar.ends.Load() >= 2 })
	text, err := os.ReadFile(s.logs + "/sidecar-" + s.name + ".log")
	must(s.T, err)
	if !strings.Contains(string(text), "nil pointer dereference") {
		s.Error("the sidecar did not die, want a panic at a nil pointer")
	}
	s.recovers()
	s.waitGranted("life")
	s.figure(fmt.Sprintf("the sidecar died %d times of a nil pointer", sidecar.ends.Load()))
	s.deleteAccess("life")
	s.deleteClaim(claim)
}

// panicInRevoke checks that an access is not revoked when the handler panics.
func panicInRevoke(s *story) {
	s.driver()
	s.sidecar()
	claim, access := s.life("life")
	s.script(fault.Script{revoke: {Panic: true}})
	must(s.T, s.accesses().Delete(s.Context(), "life", metav1.DeleteOptions{}))
	s.waitEvent(access.UID, v1alpha1.FailedRevokeAccess, "code = "+codes.Internal.String())
	if within(s.T, time.Second, func() bool {
		_, err := s.accesses().Get(s.Context(), "life", metav1.GetOptions{})
		return kubeerrors.IsNotFound(err)
	}) {
		s.Error("the access is gone")
	}
	s.secret("life")
	if s.stored()[bucketName(claim)][accountName(access)] == "" {
		s.Error("the account is gone")
	}
	s.recovers()
	s.waitAccessGone("life")
	if len(s.stored()[bucketName(claim)]) != 0 {
		s.Error("the account is still there")
	}
	s.deleteClaim(claim)
}
