// Package methods holds what the library knows of each RPC of the specification. The chain works from this table alone, so
// a later version of the specification adds its methods here.
package methods

import (
	"google.golang.org/grpc/codes"
	cosi "sigs.k8s.io/container-object-storage-interface-spec"
)

// Method describes one RPC.
type Method struct {
	Name    string // as logs and messages show it
	Changes bool   // a successful call is worth a line in the log
	Bucket  func(request any) string
	Account func(request any) string
	Result  Label // what the answer names

	Serialize   Space       // in which calls for one bucket take turns
	Translation Translation // of the handler's status code
}

// Label names a value of an answer for the log.
type Label struct {
	Key   string // "": there is none
	Value func(response any) string
}

// Translation turns a code into the one that the released sidecar understands.
type Translation struct {
	Rule string // "": there is none
	From codes.Code
	To   codes.Code
	// Always translates the status whoever it comes from, wrapped or not. Otherwise only one that the handler itself
	// returned counts.
	Always bool
	// Reply makes the answer when To is OK.
	Reply func() any
}

// Space is a set of buckets' keys: the same text may be the name of one bucket and the id of another.
type Space int

// The spaces.
const (
	SideBySide Space = iota // calls take no turns
	ByName                  // Create knows only the bucket's name
	ByID                    // the other calls know only its id
	Spaces                  // how many there are
)

// Table returns the methods of v1alpha1, by full method name.
func Table() map[string]*Method {
	return map[string]*Method{
		"/cosi.v1alpha1.Identity/DriverGetInfo": {
			Name:    "DriverGetInfo",
			Bucket:  nothing,
			Account: nothing,
			Result:  Label{"driver", of((*cosi.DriverGetInfoResponse).GetName)},
		},
		"/cosi.v1alpha1.Provisioner/DriverCreateBucket": {
			Name:      "DriverCreateBucket",
			Changes:   true,
			Bucket:    of((*cosi.DriverCreateBucketRequest).GetName),
			Account:   nothing,
			Result:    Label{"bucket_id", of((*cosi.DriverCreateBucketResponse).GetBucketId)},
			Serialize: ByName,
		},
		"/cosi.v1alpha1.Provisioner/DriverDeleteBucket": {
			Name:      "DriverDeleteBucket",
			Changes:   true,
			Bucket:    of((*cosi.DriverDeleteBucketRequest).GetBucketId),
			Account:   nothing,
			Serialize: ByID,
			Translation: Translation{
				Rule: "DELETE-2", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverDeleteBucketResponse{} },
			},
		},
		"/cosi.v1alpha1.Provisioner/DriverGrantBucketAccess": {
			Name:        "DriverGrantBucketAccess",
			Changes:     true,
			Bucket:      of((*cosi.DriverGrantBucketAccessRequest).GetBucketId),
			Account:     of((*cosi.DriverGrantBucketAccessRequest).GetName),
			Result:      Label{"account_id", of((*cosi.DriverGrantBucketAccessResponse).GetAccountId)},
			Serialize:   ByID,
			Translation: Translation{Rule: "GRANT-11", From: codes.AlreadyExists, To: codes.FailedPrecondition, Always: true},
		},
		"/cosi.v1alpha1.Provisioner/DriverRevokeBucketAccess": {
			Name:      "DriverRevokeBucketAccess",
			Changes:   true,
			Bucket:    of((*cosi.DriverRevokeBucketAccessRequest).GetBucketId),
			Account:   of((*cosi.DriverRevokeBucketAccessRequest).GetAccountId),
			Serialize: ByID,
			Translation: Translation{
				Rule: "REVOKE-4", From: codes.NotFound, To: codes.OK,
				Reply: func() any { return &cosi.DriverRevokeBucketAccessResponse{} },
			},
		},
	}
}

// of makes a getter of a message one of any message; in another message it finds "".
func of[T any](get func(T) string) func(any) string {
	return func(message any) string {
		m, _ := message.(T)
		return get(m)
	}
}

func nothing(any) string { return "" }
